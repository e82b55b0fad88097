"""Between OpenTimelineIO's float times and exact ones."""

from __future__ import annotations

from fractions import Fraction

import opentimelineio as otio

from .timebase import Rate


def exact_seconds(time: otio.opentime.RationalTime) -> Fraction:
    """An OTIO time in exact seconds, its rate snapped (23.976 is 24000/1001)."""
    return Rate.of(time.rate).seconds(Fraction(time.value))


def exact_frames(time: otio.opentime.RationalTime, rate: Rate) -> Fraction:
    """An OTIO time in frames of ``rate``; fractional when it lies between two frames.

    What lies within a ten-thousandth of a frame of a whole number is that number: doubles cannot
    hold 24000/1001, so whole frames that went through another rate come back a hair off.
    """
    frames = exact_seconds(time) * rate.fps
    nearest = round(frames)
    return Fraction(nearest) if abs(frames - nearest) < Fraction(1, 10_000) else frames


def settled(position: int | Fraction) -> int | Fraction:
    """A position in frames, without the hair that a double left on it."""
    if isinstance(position, int) or position.denominator == 1:
        return int(position)
    nearest = round(position)
    return nearest if abs(position - nearest) < Fraction(1, 10_000) else position


def first_shown(played: otio.opentime.TimeRange, speed: Fraction, rate: Rate) -> Fraction:
    """Media time of the picture that a clip begins with, in frames of ``rate``.

    A source range starts at the earliest picture that is played, in whatever direction: so Resolve
    and Hiero write it. A clip that plays backwards therefore begins on the last one of its range.

    Args:
        played: the clip's source range; its duration is record time.
        speed: media seconds per record second, negative for backwards.
        rate: of the pictures that the edit shows.
    """
    start = exact_frames(played.start_time, rate)
    return start if speed >= 0 else start - speed * (exact_frames(played.duration, rate) - 1)


def otio_time(frames: int | Fraction, rate: Rate) -> otio.opentime.RationalTime:
    """``frames`` at ``rate`` as OTIO holds it."""
    fps = rate.fps
    return otio.opentime.RationalTime(float(frames), fps.numerator / fps.denominator)


def otio_range(
    start: int | Fraction, duration: int | Fraction, rate: Rate
) -> otio.opentime.TimeRange:
    """``duration`` frames from ``start`` at ``rate`` as OTIO holds it."""
    fps = rate.fps
    return otio.opentime.TimeRange(float(start), float(duration), fps.numerator / fps.denominator)
