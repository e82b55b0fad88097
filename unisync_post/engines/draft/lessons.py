"""What the speech network learns from: clips with measured lips, lines with known sounds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from .mel import HOP, log_mel
from .net import STRIDE

STEP = HOP * STRIDE
"""Seconds between two outputs of the network."""


@dataclass(frozen=True)
class Lesson:
    """One stretch of speech on the network's grid, T outputs long.

    Attributes:
        name: where it comes from.
        person: who is seen; clips of one person never part between training and test.
        mel: (bands, 2 T) float32.
        lips: (2, T) float32 aperture and width, each with mean 0 and deviation 1 over the clip.
        seen: (T,) float32 1 where ``lips`` holds.
        closed: (T,) float32 1 while the sound is one made with the lips together; NaN unknown.
    """

    name: str
    person: str
    mel: NDArray[np.float32]
    lips: NDArray[np.float32]
    seen: NDArray[np.float32]
    closed: NDArray[np.float32]

    @property
    def length(self) -> int:
        return len(self.seen)

    def shifted(self, outputs: int) -> Lesson:
        """The lips moved later by so many outputs, to undo an audio-video offset of the clip."""
        seen = np.roll(self.seen, outputs)
        if outputs > 0:
            seen[:outputs] = 0
        elif outputs < 0:
            seen[outputs:] = 0
        return replace(self, lips=np.roll(self.lips, outputs, axis=1), seen=seen)


def grid_mel(samples: NDArray[np.float32], sample_rate: int, length: int) -> NDArray[np.float32]:
    """(bands, 2 * length) mel columns from time 0."""
    return log_mel(samples, sample_rate, Fraction(0), Fraction(0), STRIDE * length)


def on_grid(
    times: NDArray[np.float64], curve: NDArray[np.float64], length: int
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """A curve measured at frame times, linearly between them, on the network's grid.

    Args:
        times: (F,) seconds, ascending.
        curve: (F,) NaN where unseen.
        length: outputs.

    Returns:
        (length,) values and (length,) 1 where both neighbouring frames were seen.
    """
    grid = np.arange(length) * float(STEP)
    held = np.isfinite(curve).astype(np.float64)
    values = np.interp(grid, times, np.nan_to_num(curve))
    seen = np.interp(grid, times, held, left=0, right=0) > 0.999
    return values, seen.astype(np.float32)


def lip_lesson(
    name: str,
    person: str,
    audio: tuple[NDArray[np.float32], int],
    times: NDArray[np.float64],
    lips: NDArray[np.float64],
) -> Lesson:
    """A lesson from footage.

    Args:
        audio: samples from picture time 0, and their rate.
        times: (F,) frame times in seconds.
        lips: (2, F) aperture and width; NaN where unseen.
    """
    length = int(times[-1] / float(STEP))
    rows, masks = zip(*(on_grid(times, row, length) for row in lips), strict=True)
    seen = np.minimum(*masks)
    inside = seen > 0
    scaled = [(row - row[inside].mean()) / (row[inside].std() + 1e-6) for row in rows]
    return Lesson(
        name=name,
        person=person,
        mel=grid_mel(audio[0], audio[1], length),
        lips=np.stack(scaled).astype(np.float32),
        seen=seen,
        closed=np.full(length, np.nan, np.float32),
    )
