"""OTIO times in exact frames, quickly: an edit has tens of thousands of them."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

import opentimelineio as otio

from unisync_adapters.otiotime import exact_frames
from unisync_adapters.timebase import Rate

Moment = int | Fraction
"""Frames or seconds, exactly; whole ones stay integers, which are much faster."""


@lru_cache(maxsize=256)
def rate_of(value: float | str) -> Rate:
    """A rate of OTIO's, or as our readers note it, snapped."""
    return Rate.of(value)


def frames(time: otio.opentime.RationalTime, rate: Rate) -> Moment:
    """An OTIO time in frames of ``rate``, as :func:`~unisync_adapters.otiotime.exact_frames`."""
    value, fps = time.value, rate.fps
    # the same double, so the same rate: no need to snap it first
    same = time.rate == fps.numerator / fps.denominator or rate_of(time.rate).fps == fps
    return int(value) if same and value.is_integer() else exact_frames(time, rate)


def seconds(position: Moment, rate: Rate) -> Fraction:
    """As :meth:`Rate.seconds`, with one fraction made instead of three."""
    fps = rate.fps
    return Fraction(position.numerator * fps.denominator, position.denominator * fps.numerator)


def settled(position: Moment) -> Moment:
    """A position in frames, without the hair that a double left on it."""
    if isinstance(position, int) or position.denominator == 1:
        return int(position)
    nearest = round(position)
    return nearest if abs(position - nearest) < Fraction(1, 10_000) else position


def ceil(position: Moment) -> int:
    """The first whole frame at or after this position: the first picture of what begins here."""
    return math.ceil(position)
