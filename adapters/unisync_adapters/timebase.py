"""Exact time: rates, frame ranges, timecode, Premiere ticks, rational seconds.

A time is an integer count of frames at an exact :class:`Rate`, or a :class:`~fractions.Fraction`
of a second. No float ever holds one; floats that other software wrote are snapped on the way in.
Drop-frame follows SMPTE ST 12-1 (29.97) and its usual extension to 59.94 and 119.88.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from .errors import TimeError

PREMIERE_TICKS_PER_SECOND = 254_016_000_000
"""Divisible by every frame rate and sample rate that Premiere knows."""

_BROADCAST = (12, 15, 24, 25, 30, 48, 50, 60, 72, 90, 96, 100, 120, 240)
"""Whole rates in use; all but the multiples of 25 have a 1000/1001 sister."""

_WRITTEN = "%02d:%02d:%02d%s%0*d"
"""The last two: digits of the frame, and the frame."""

_TIMECODE = re.compile(r"^(\d{1,2})[:;.](\d{2})[:;.](\d{2})([:;.,])(\d{2,3})$")


@dataclass(frozen=True, slots=True)
class Rate:
    """Frames per second, exactly.

    >>> Rate.of(23.976).fps
    Fraction(24000, 1001)
    """

    fps: Fraction

    def __post_init__(self) -> None:
        if not isinstance(self.fps, Fraction):
            object.__setattr__(self, "fps", Fraction(self.fps))
        if not 0 < self.fps <= 1_000_000:
            raise TimeError(f"{self.fps} is no frame rate")

    def __hash__(self) -> int:
        # fractions hash slowly, pairs of numbers do not
        return hash(self.fps.as_integer_ratio())

    @classmethod
    def of(cls, value: Rate | Fraction | int | float | str) -> Rate:
        """Read a rate as other software writes it and snap it to what it means.

        23.97, 23.976, 23.98, 23.976024627685547 and "24000/1001" are all 24000/1001; a decimal
        such as 22.131147 is the simplest rate that it may be a rounding of (1350/61). A fraction
        that is near no broadcast rate stays as it is.

        Raises:
            TimeError: not a positive, finite number.
        """
        if isinstance(value, Rate):
            return value
        try:
            exact = Fraction(value)
        except (TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
            raise TimeError(f"{value!r} is no frame rate") from error
        if exact.denominator in (1, 1001):
            return _rate(exact)
        for nominal in _BROADCAST:
            if abs(exact - nominal) < Fraction(1, 1000):
                return _rate(Fraction(nominal))
            # 23.97 is 24000/1001 cut off after two digits: allow what that costs
            ntsc = Fraction(nominal * 1000, 1001)
            if nominal % 25 and abs(exact - ntsc) < Fraction(1, 160):
                return _rate(ntsc)
        decimal = isinstance(value, float) or (isinstance(value, str) and "/" not in value)
        return _rate(_simplest(exact) if decimal else exact)

    @classmethod
    def ntsc(cls, timebase: int, ntsc: bool) -> Rate:
        """FCP7's pair: ``timebase 24, ntsc TRUE`` is 24000/1001."""
        return _rate(Fraction(timebase * 1000, 1001) if ntsc else Fraction(timebase))

    @property
    def nominal(self) -> int:
        """The whole number timecode counts to: 24 for 24000/1001."""
        over, under = self.fps.as_integer_ratio()
        return -(-over // under)

    @property
    def is_ntsc(self) -> bool:
        return self.fps.denominator == 1001

    @property
    def can_drop(self) -> bool:
        """Drop-frame exists for the 1001 rates that are multiples of 30."""
        return self.is_ntsc and self.nominal % 30 == 0

    def seconds(self, frames: int | Fraction) -> Fraction:
        """The time, in seconds, at which this frame begins."""
        return Fraction(frames) / self.fps

    def frame_at(self, seconds: Fraction) -> int:
        """The frame on show at this time (its floor)."""
        return int(seconds * self.fps // 1)

    def frames_exact(self, seconds: Fraction, what: str = "time") -> int:
        """The frame that begins exactly here.

        Raises:
            TimeError: the time lies off the frame grid.
        """
        frames = seconds * self.fps
        if frames.denominator != 1:
            raise TimeError(f"{what} {seconds} s is not on the frame grid of {self} fps")
        return int(frames)

    def __str__(self) -> str:
        if self.fps.denominator == 1:
            return str(self.fps.numerator)
        return f"{self.fps.numerator}/{self.fps.denominator}"

    @property
    def label(self) -> str:
        """As people say it: 23.976, 25, 22.131."""
        return f"{float(self.fps):.3f}".rstrip("0").rstrip(".")


@lru_cache(maxsize=256)
def _rate(fps: Fraction) -> Rate:
    """One object for each rate, so that comparing two costs little where they are the same."""
    return Rate(fps)


@dataclass(frozen=True, slots=True)
class FrameRange:
    """``count`` frames from ``start`` (inclusive) at ``rate``; ``end`` is exclusive."""

    start: int
    count: int
    rate: Rate

    def __post_init__(self) -> None:
        if self.count < 0:
            raise TimeError(f"a range of {self.count} frames does not exist")

    @property
    def end(self) -> int:
        return self.start + self.count

    @property
    def start_seconds(self) -> Fraction:
        return self.rate.seconds(self.start)

    @property
    def end_seconds(self) -> Fraction:
        return self.rate.seconds(self.end)

    @property
    def duration_seconds(self) -> Fraction:
        return self.rate.seconds(self.count)

    def grown(self, head: int, tail: int) -> FrameRange:
        return FrameRange(self.start - head, self.count + head + tail, self.rate)

    def shifted(self, frames: int) -> FrameRange:
        return FrameRange(self.start + frames, self.count, self.rate)

    def clamped(self, other: FrameRange) -> FrameRange:
        """The part inside ``other``; empty at the nearer edge when they do not meet."""
        self._same_rate(other)
        start = min(max(self.start, other.start), other.end)
        return FrameRange(start, max(0, min(self.end, other.end) - start), self.rate)

    def overlaps(self, other: FrameRange) -> bool:
        self._same_rate(other)
        return self.start < other.end and other.start < self.end

    def contains(self, other: FrameRange) -> bool:
        self._same_rate(other)
        return self.start <= other.start and other.end <= self.end

    def _same_rate(self, other: FrameRange) -> None:
        if self.rate != other.rate:
            raise TimeError(f"ranges at {self.rate} and {other.rate} fps cannot be compared")


@dataclass(frozen=True, slots=True)
class Timecode:
    """A frame number as SMPTE ST 12-1 writes it.

    >>> str(Timecode.parse("00:59:58;02", Rate.of(29.97)))
    '00:59:58;02'
    """

    frame: int
    rate: Rate
    drop: bool = False

    def __post_init__(self) -> None:
        if self.drop and not self.rate.can_drop:
            raise TimeError(f"there is no drop-frame timecode at {self.rate.label} fps")

    @classmethod
    def parse(cls, text: str, rate: Rate, drop: bool | None = None) -> Timecode:
        """Read ``HH:MM:SS:FF``; a ``;`` (or ``,`` / ``.``) before the frames says drop-frame.

        Raises:
            TimeError: not a timecode, a field too large, or a number that drop-frame skips.
        """
        match = _TIMECODE.match(text.strip())
        if match is None:
            raise TimeError(f"{text!r} is no timecode")
        hours, minutes, seconds, frames = (int(match[i]) for i in (1, 2, 3, 5))
        if drop is None:
            drop = match[4] != ":" and rate.can_drop
        if minutes > 59 or seconds > 59 or frames >= rate.nominal:
            raise TimeError(f"{text!r} is no timecode at {rate.label} fps")
        number = ((hours * 60 + minutes) * 60 + seconds) * rate.nominal + frames
        if not drop:
            return cls(number, rate, False)
        dropped = _dropped_per_minute(rate)
        if seconds == 0 and frames < dropped and minutes % 10:
            raise TimeError(f"{text!r} is a number that drop-frame timecode skips")
        total_minutes = hours * 60 + minutes
        return cls(number - dropped * (total_minutes - total_minutes // 10), rate, True)

    @property
    def seconds(self) -> Fraction:
        """Real time since 00:00:00:00."""
        return self.rate.seconds(self.frame)

    def __add__(self, frames: int) -> Timecode:
        return Timecode(self.frame + frames, self.rate, self.drop)

    def __str__(self) -> str:
        return timecode(self.frame, self.rate, self.drop)


def timecode(frame: int, rate: Rate, drop: bool) -> str:
    """As :class:`Timecode` writes it, where only that is wanted.

    >>> timecode(1800, Rate.of(29.97), drop=True)
    '00:01:00;02'
    """
    nominal = rate.nominal
    if drop:
        number = _with_dropped_numbers(frame % _frames_per_day(rate), rate)
    else:
        number = frame % (24 * 3600 * nominal)
    minutes, frames = divmod(number, 60 * nominal)
    hours, minutes = divmod(minutes, 60)
    seconds, frames = divmod(frames, nominal)
    separator, digits = ";" if drop else ":", max(2, len(str(nominal - 1)))
    return _WRITTEN % (hours, minutes, seconds, separator, digits, frames)


def _simplest(decimal: Fraction) -> Fraction:
    """The rate with the smallest terms that a six-digit decimal may stand for."""
    simple = decimal.limit_denominator(1001)
    close = abs(simple - decimal) < Fraction(1, 1_000_000)
    return simple if close else decimal.limit_denominator(1_000_000)


def _dropped_per_minute(rate: Rate) -> int:
    """Two numbers a minute at 29.97, four at 59.94, eight at 119.88."""
    return rate.nominal // 15


def _frames_per_day(rate: Rate) -> int:
    """Of drop-frame timecode."""
    return 24 * 3600 * rate.nominal - _dropped_per_minute(rate) * 24 * 54


def _with_dropped_numbers(frame: int, rate: Rate) -> int:
    dropped = _dropped_per_minute(rate)
    per_minute = 60 * rate.nominal - dropped
    per_ten = 10 * 60 * rate.nominal - 9 * dropped
    tens, rest = divmod(frame, per_ten)
    minutes = max(0, rest - dropped) // per_minute
    return frame + dropped * (9 * tens + minutes)


def ticks_to_seconds(ticks: int) -> Fraction:
    """Premiere's ``pproTicks`` as exact seconds."""
    return Fraction(ticks, PREMIERE_TICKS_PER_SECOND)


def seconds_to_ticks(seconds: Fraction) -> int:
    """Exact seconds as Premiere ticks, to the nearest tick."""
    return round(seconds * PREMIERE_TICKS_PER_SECOND)


def parse_seconds(text: str) -> Fraction:
    """FCPXML's rational seconds: ``1001/24000s``, ``5s``, ``0s``.

    Raises:
        TimeError: anything else.
    """
    match = re.fullmatch(r"\s*(-?\d+)(?:/(\d+))?s\s*", text)
    if match is None or match[2] == "0":
        raise TimeError(f"{text!r} is no rational time")
    return Fraction(int(match[1]), int(match[2] or 1))


def format_seconds(seconds: Fraction) -> str:
    """The shortest ``n/ds`` form of this time."""
    if seconds.denominator == 1:
        return f"{seconds.numerator}s"
    return f"{seconds.numerator}/{seconds.denominator}s"
