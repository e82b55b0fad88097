"""What decides which faces are followed, generated or left alone."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class FaceConfig:
    """Limits of the face track.

    Attributes:
        min_width: narrowest face, in plate pixels, whose mouth is worth generating.
        yaw_limit: degrees beyond which a face counts as turned away.
        bridge: longest gap, in frames, that is filled by interpolated landmarks.
        smooth: sigma, in frames, of the zero-phase Gaussian over the landmarks; 0 = none. More
            than half a frame would blunt P, B and M.
        presence: least confidence (0..1) of the face mesh that it looks at a face.
        search_every: frames between two searches for new faces while others are followed.
        tile_every: frames between two tiled searches for small faces while others are followed.
        small: a followed face narrower than this, in plate pixels, keeps the tiled search busy.
        occlusion: evidence that the mouth is covered (:func:`.occlusion.covered`) from which it
            counts as covered; higher lets more through, infinity switches the check off.
        min_seconds: a face seen for less time in a scene is noise and is dropped.
        sure: confidence (0..1) that a detector, looking from close by, must reach once. Measured:
            faces 0.86 and more, what the mesh took for a face in a blurred background 0.57.
        min_run: shortest run of frames, between passed ones, that is worth generating.
    """

    min_width: float = 48.0
    yaw_limit: float = 60.0
    bridge: int = 5
    smooth: float = 0.5
    presence: float = 0.5
    search_every: int = 6
    tile_every: int = 48
    small: float = 80.0
    occlusion: float = 1.0
    min_seconds: Fraction = Fraction(1, 5)
    sure: float = 0.7
    min_run: int = 3
