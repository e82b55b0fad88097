"""A speed that changes over time, where the document states its curve exactly.

Only straight lines between keyframes are such a curve. What lies between smooth keyframes no
format documents (Apple's appendix on keyframe interpolation leaves speed out, ``smooth2`` is a
name without a formula), so readers refuse those.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import opentimelineio as otio

from .errors import TimeError
from .timebase import Rate

Knot = tuple[Fraction, Fraction]

_HALF = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class Ramp:
    """An exact map from when a picture is shown to what is shown: straight from knot to knot.

    Attributes:
        knots: (when, what), later ones last; at least two. The units are the user's: a document's
            own clocks, or record frames and plate frames.

    Raises:
        TimeError: fewer than two knots, or two at one time or in the wrong order.
    """

    knots: tuple[Knot, ...]

    def __post_init__(self) -> None:
        if len(self.knots) < 2:
            raise TimeError("A speed ramp needs two points")
        if any(late <= early for (early, _), (late, _) in pairwise(self.knots)):
            raise TimeError("The points of a speed ramp are not in order of time")

    def _segment(self, when: Fraction | int) -> tuple[Knot, Knot]:
        """The line that plays from ``when`` on; the first and the last line go on for ever."""
        index = bisect_right(self.knots, when, key=lambda knot: knot[0])
        index = min(max(index, 1), len(self.knots) - 1)
        return self.knots[index - 1], self.knots[index]

    def at(self, when: Fraction | int) -> Fraction:
        """What is shown then."""
        (begin, first), (end, last) = self._segment(when)
        return first + (when - begin) * (last - first) / (end - begin)

    def frame(self, when: Fraction | int) -> int:
        """The frame shown then, if ``what`` counts frames.

        Frame n lasts from n to n + 1: what plays forward at n + 1 shows the next one, what plays
        backwards from there shows n, as a constant speed does.
        """
        (_, first), (_, last) = self._segment(when)
        shown = self.at(when)
        return int(-(-shown // 1)) - 1 if last < first else int(shown // 1)

    def covers(self, begin: Fraction | int, end: Fraction | int) -> bool:
        """Whether it states what is shown from ``begin`` to ``end``, to half a unit."""
        return self.knots[0][0] - _HALF <= begin and end <= self.knots[-1][0] + _HALF

    @property
    def falls(self) -> bool:
        """Whether a part of it plays backwards."""
        return any(last < first for (_, first), (_, last) in pairwise(self.knots))

    def mapped(
        self, when: Callable[[Fraction], Fraction], what: Callable[[Fraction], Fraction]
    ) -> Ramp:
        """The same map in other units: two linear functions, of which ``when`` rises."""
        return Ramp(tuple((when(time), what(shown)) for time, shown in self.knots))

    def anchored(self, rate: Rate) -> tuple[int, Ramp]:
        """Of a map to frames of ``rate``: the frame at 0, and the map in seconds from its start.

        So a clip states it: its source range starts at a whole frame, and no double comes between.
        """
        first = self.frame(0)
        return first, self.mapped(lambda when: when, lambda shown: (shown - first) / rate.fps)

    def __str__(self) -> str:
        return " ".join(f"{when}={shown}" for when, shown in self.knots)

    @classmethod
    def parse(cls, text: str) -> Ramp:
        """Read what ``str`` wrote.

        >>> Ramp.parse("0=0 10=1/5").at(5)
        Fraction(1, 10)

        Raises:
            TimeError: it is no ramp.
        """
        try:
            pairs = [point.split("=") for point in text.split()]
            return cls(tuple((Fraction(when), Fraction(shown)) for when, shown in pairs))
        except (ValueError, ZeroDivisionError) as error:
            raise TimeError(f"{text[:30]!r} is no speed ramp") from error

    def effect(self) -> otio.schema.TimeEffect:
        """The ramp of a clip as OTIO holds it: record frames, and media seconds."""
        facts = {"unisync": {"ramp": str(self)}}
        return otio.schema.TimeEffect("ramp", "TimeRamp", facts)


def ramp_of(effects: Iterable[otio.schema.Effect]) -> Ramp | None:
    """The ramp that a reader put on a clip: record frames since the clip's first, and the media
    seconds since the start of the picture that it shows first."""
    for effect in effects:
        if type(effect) is otio.schema.TimeEffect:
            stated = effect.metadata.get("unisync", {}).get("ramp")
            if stated is not None:
                return Ramp.parse(str(stated))
    return None
