"""Exact frames and seconds, quickly: an edit has tens of thousands of them."""

from __future__ import annotations

from fractions import Fraction

from unisync_adapters.cutlist import Moment
from unisync_adapters.from_otio import frames, rate_of
from unisync_adapters.otiotime import settled
from unisync_adapters.timebase import Rate

__all__ = [
    "Moment",
    "Seconds",
    "counted_at",
    "difference",
    "frames",
    "rate_of",
    "seconds",
    "settled",
    "total",
]


def counted_at(rate: Rate, position: Moment, clock: Rate) -> Moment:
    """A position in frames of ``clock``, in frames of ``rate``."""
    if clock is rate or clock == rate:
        return position
    return settled(position * rate.fps / clock.fps)


def seconds(position: Moment, rate: Rate) -> Fraction:
    """As :meth:`Rate.seconds`, with one fraction made instead of three."""
    frames, parts = position.as_integer_ratio()
    over, under = rate.fps.as_integer_ratio()
    return Fraction(frames * under, parts * over)


def total(one: Moment, other: Moment) -> Fraction:
    """``one + other``, in two thirds of the time."""
    over, under = one.as_integer_ratio()
    more, parts = other.as_integer_ratio()
    return Fraction(over * parts + more * under, under * parts)


def difference(one: Moment, other: Moment) -> Fraction:
    """``one - other``, in two thirds of the time."""
    over, under = one.as_integer_ratio()
    less, parts = other.as_integer_ratio()
    return Fraction(over * parts - less * under, under * parts)


class Seconds(dict[Moment, Fraction]):
    """Seconds by frame of one rate, each made once: one clip's end is the next one's start."""

    def __init__(self, rate: Rate) -> None:
        super().__init__()
        self._rate = rate

    def __missing__(self, position: Moment) -> Fraction:
        made = self[position] = seconds(position, self._rate)
        return made
