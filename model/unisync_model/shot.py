"""What the pipeline is given, checked before anything costs time."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from numbers import Rational

import numpy as np
import numpy.typing as npt

from .errors import InputError

Frames = npt.NDArray[np.uint8]
SIDE = 64
"""Pixels: the sides' multiple. The motion memory packs 8 x 8 cells of 8 pixels into a token."""


@dataclass(frozen=True)
class Shot:
    """One face through one shot.

    Attributes:
        crop: (F, H, W, 3) uint8 R'G'B', the face; H and W multiples of 64.
        pose: (F, H, W, 3) uint8, its pose drawn on black.
        mouth: (F, H, W), where pixels may change; bool or uint8, not 0 is mouth. Kept as bool.
        audio: (N,) float32 mono, -1..1.
        sample_rate: of the audio, Hz.
        rate: pictures a second, exact.
        audio_start: seconds from the first picture to ``audio[0]``; negative when there is sound
            before the shot (good to have: 9 frames of it are heard).
    """

    crop: Frames
    pose: Frames
    mouth: npt.NDArray[np.bool_] | npt.NDArray[np.uint8]
    audio: npt.NDArray[np.float32]
    sample_rate: int
    rate: Fraction
    audio_start: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        _check_pictures(self)
        _check_mask(self)
        _check_audio(self)
        object.__setattr__(self, "mouth", self.mouth != 0)

    @property
    def count(self) -> int:
        return len(self.crop)


def _check_pictures(shot: Shot) -> None:
    for name, frames in (("crop", shot.crop), ("pose", shot.pose)):
        if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3:
            raise InputError(
                f"the {name} frames are {frames.shape} {frames.dtype}",
                remedy="Give (frames, height, width, 3) uint8, full-range R'G'B'",
            )
    count, height, width, _ = shot.crop.shape
    if not count:
        raise InputError("the shot has no frames", remedy="Give at least one")
    if not height or not width or height % SIDE or width % SIDE:
        raise InputError(
            f"the crop is {width} x {height} pixels",
            remedy=f"Crop to sides in multiples of {SIDE}, such as 512 x 512",
        )
    if shot.pose.shape != shot.crop.shape:
        raise InputError(
            f"the pose frames are {shot.pose.shape} and the crop frames are {shot.crop.shape}",
            remedy="Draw one pose picture for every crop frame, at its size",
        )


def _check_mask(shot: Shot) -> None:
    if shot.mouth.dtype not in (np.dtype(bool), np.dtype(np.uint8)):
        raise InputError(
            f"the mouth mask is {shot.mouth.dtype}",
            remedy="Give bool or uint8 (0 = keep); threshold a soft mask first",
        )
    if shot.mouth.shape != shot.crop.shape[:3]:
        raise InputError(
            f"the mouth mask is {shot.mouth.shape} and the crop frames are {shot.crop.shape}",
            remedy=f"Give a mask of {shot.crop.shape[:3]}",
        )


def _check_audio(shot: Shot) -> None:
    audio = shot.audio
    if audio.ndim != 1 or not audio.size or audio.dtype != np.float32:
        raise InputError(
            f"the audio is {audio.shape} {audio.dtype}",
            remedy="Give mono samples (N,) as float32, at least one",
        )
    if not np.isfinite(audio).all():
        raise InputError(
            f"audio sample {int(np.flatnonzero(~np.isfinite(audio))[0])} is NaN or infinite",
            remedy="Decode the audio again",
        )
    if not isinstance(shot.rate, Rational) or not isinstance(shot.audio_start, Rational):
        raise InputError(
            f"the rate is {shot.rate!r} and the audio starts at {shot.audio_start!r}",
            remedy="Give exact times: Fraction(24000, 1001), not 23.976",
        )
    if shot.rate <= 0 or shot.sample_rate <= 0:
        raise InputError(
            f"{shot.rate} pictures and {shot.sample_rate} samples a second",
            remedy="Give positive rates",
        )
    start, stop = shot.audio_start, shot.audio_start + Fraction(audio.size, shot.sample_rate)
    frame = 1 / shot.rate
    if start > frame or stop < (shot.count - 1) * frame:
        raise InputError(
            f"the audio lasts from {float(start):.3f} s to {float(stop):.3f} s and the shot to "
            f"{float(shot.count * frame):.3f} s",
            remedy="Pad the audio with silence over the whole shot",
        )
