"""What is known of one face through one shot."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray


class FaceState(str, Enum):
    """What to do with the face in one frame."""

    GENERATE = "generate"
    BRIDGE = "bridge"
    """Not seen, but seen just before and after: landmarks are interpolated and it is generated."""
    PASS = "pass"
    """The plate stays."""


@dataclass(frozen=True)
class FaceTrack:
    """One face through a shot of F frames.

    Attributes:
        id: 0 for the face that is seen first (then left to right).
        boxes: (F, 4) float32 x0, y0, x1, y1 in plate pixels; NaN where unseen.
        landmarks: (F, 478, 3) float32 plate pixels, MediaPipe's order; bridged frames interpolated,
            NaN where there is nothing.
        yaw, pitch, roll: (F,) float32 degrees; NaN where unseen.
        states: per frame.
        reasons: per frame; empty where generated.
        cuts: frames at which a new scene begins (always holds 0): smoothing never crosses these.
    """

    id: int
    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    yaw: NDArray[np.float32]
    pitch: NDArray[np.float32]
    roll: NDArray[np.float32]
    states: tuple[FaceState, ...]
    reasons: tuple[str, ...]
    cuts: tuple[int, ...] = (0,)

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(F,) frames with landmarks."""
        found: NDArray[np.bool_] = np.isfinite(self.landmarks[:, 0, 0])
        return found

    @property
    def width(self) -> float:
        """Median face width in plate pixels."""
        return float(np.nanmedian(self.boxes[:, 2] - self.boxes[:, 0]))


@dataclass(frozen=True)
class CropWindow:
    """A stabilised square window on the face.

    Attributes:
        size: side S of the crop in pixels.
        matrices: (F, 2, 3) float64 similarity, plate pixels -> crop pixels (pixel centres at
            integers); NaN where the face is not seen.
    """

    size: int
    matrices: NDArray[np.float64]


@dataclass(frozen=True)
class Matte:
    """Mouth mask of one frame in crop pixels (eq. 12 of the UniSync paper).

    Attributes:
        raw: (S, S) uint8 0/255, tight around the mouth.
        dilated: (S, S) uint8 0/255, with room for the jaw to move.
        soft: (S, S) float32 0..1, Gaussian; exactly 0 outside its finite support.
    """

    raw: NDArray[np.uint8]
    dilated: NDArray[np.uint8]
    soft: NDArray[np.float32]
