"""The parts of a shot: each a face and the voices that it follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .composite import ColourMatch
from .faces.crop import Framing, crop_window, to_crop
from .faces.types import CropWindow, FaceTrack
from .job.result import FaceChoice
from .plan.shots import DubClip, Shot


@dataclass
class Part:
    """One face of a shot.

    Attributes:
        track: the face.
        dub: what it hears: the whole dub, or one character's own pieces.
        window: plate -> crop.
        landmarks: (F, 478, 3) the face in crop pixels.
        match: its colour match, once its first take has been generated: one for the whole shot,
            because a match that moved would flicker.
    """

    track: FaceTrack
    dub: tuple[DubClip, ...]
    window: CropWindow
    landmarks: NDArray[np.float32]
    match: ColourMatch | None = None


def parts_of(
    shot: Shot, choice: FaceChoice, tracks: Sequence[FaceTrack], size: int, framing: Framing
) -> list[Part]:
    """The faces to re-animate, as chosen: one that follows the whole dub, or one a character.

    Args:
        size: side of the engine's crops, pixels; ``framing``: what of the face they show.
    """
    known = {track.id: track for track in tracks}
    heard: Mapping[int, tuple[DubClip, ...]] = {
        face: tuple(piece for piece in shot.dub if piece.speaker == name)
        for name, face in choice.characters.items()
    }
    if not heard and choice.track is not None:
        heard = {choice.track: shot.dub}
    parts = []
    for face, dub in heard.items():
        window = crop_window(known[face], size, framing)
        parts.append(Part(known[face], dub, window, to_crop(known[face].landmarks, window)))
    return parts
