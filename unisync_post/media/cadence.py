"""The rate behind time stamps: steady, steady on a coarser clock, or varying."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from unisync_adapters.timebase import Rate

from .index import PacketIndex

_EXACT = Fraction(1, 100)
"""Periods by which a steady file's stamps may be rounded."""
_TICKS = 2
"""The same in units of a coarse clock (Matroska's milliseconds)."""


def find_rate(index: PacketIndex, declared: Sequence[Fraction]) -> tuple[Rate, bool]:
    """The one rate of which every period holds exactly one picture, and whether there is one.

    A steady 22.131 fps recorded on a 30 fps clock has such a rate (each picture is less than a
    period off); time stamps that wander have none, and then the mean rate is returned.

    Args:
        index: the pictures.
        declared: rates the file states, the most trusted first. Not empty unless two pictures
            are apart.
    """
    fitted = _fitted(index)
    stated = [*_even(index), *(Rate.of(rate) for rate in declared)]
    for rate in stated:
        spread = _spread(index, rate)
        if spread <= _TICKS or spread * index.time_base * rate.fps < _EXACT:
            return rate, True
    for rate in (*stated, *fitted):
        if _spread(index, rate) * index.time_base * rate.fps < 1:
            return rate, True
    return (fitted or stated)[-1], False


def _even(index: PacketIndex) -> list[Rate]:
    """The rate of stamps that are all equally far apart."""
    steps = np.unique(np.diff(index.pts))
    if len(steps) != 1 or steps[0] <= 0:
        return []
    return [Rate.of(1 / (int(steps[0]) * index.time_base))]


def _fitted(index: PacketIndex) -> list[Rate]:
    """The mean rate of the first half against the second, from simple to exact fractions."""
    half = len(index.pts) // 2
    if not half or index.pts[0] == index.pts[-1]:
        return []
    apart = int(index.pts[-half:].sum()) - int(index.pts[:half].sum())
    mean = Fraction(half * (len(index.pts) - half)) / (apart * index.time_base)
    simple = (mean.limit_denominator(limit) for limit in (1, 10, 100, 1000, 100_000))
    return [Rate.of(rate) for rate in simple if rate]


def _spread(index: PacketIndex, rate: Rate) -> int:
    """How far apart the earliest and the latest picture are from the grid, in time base units."""
    grid = 1 / (index.time_base * rate.fps)
    times = index.pts - index.pts[0]
    off = times * grid.denominator - np.arange(len(times), dtype=np.int64) * grid.numerator
    return -(-int(off.max() - off.min()) // grid.denominator)
