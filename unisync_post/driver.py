"""The dub under one stretch of picture, as the engine wants to hear it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from .engines.base import Driver
from .media.audio import read_mono
from .plan.shots import DubClip

SAMPLE_RATE = 16_000
CONTEXT = Fraction(1)
"""Seconds of dub heard before and after the picture: sounds shape the mouth before they sound."""


def build_driver(
    dub: Sequence[DubClip], start: Fraction, duration: Fraction, *, context: Fraction = CONTEXT
) -> Driver:
    """Lay the dub's pieces over record time ``start`` … ``start + duration`` and mix them.

    Args:
        dub: pieces on the record timeline.
        start: record seconds of the first picture.
        duration: seconds of picture.
        context: seconds added on both sides.

    Returns:
        A driver at 16 kHz; silence where no piece sounds; a stem for each named speaker when
        there are several.
    """
    begin = start - context
    count = int(-(-(duration + 2 * context) * SAMPLE_RATE // 1))
    mix = np.zeros(count, np.float32)
    stems: dict[str, NDArray[np.float32]] = {}
    for clip in dub:
        placed = _place(clip, begin, count)
        if placed is None:
            continue
        first, samples = placed
        mix[first : first + len(samples)] += samples
        if clip.speaker:
            stem = stems.setdefault(clip.speaker, np.zeros(count, np.float32))
            stem[first : first + len(samples)] += samples
    return Driver(np.clip(mix, -1.0, 1.0), SAMPLE_RATE, -context, stems if len(stems) > 1 else {})


def _place(clip: DubClip, begin: Fraction, count: int) -> tuple[int, NDArray[np.float32]] | None:
    """First sample and samples of the part of this piece that lies in the window."""
    end = begin + Fraction(count, SAMPLE_RATE)
    head = max(clip.record, begin)
    tail = min(clip.record + clip.duration, end)
    if tail <= head:
        return None
    first = round((head - begin) * SAMPLE_RATE)
    samples = read_mono(
        clip.path,
        clip.source + head - clip.record,
        tail - head,
        sample_rate=SAMPLE_RATE,
        stream=clip.stream,
        channel=clip.channel,
    )
    return first, samples[: count - first]
