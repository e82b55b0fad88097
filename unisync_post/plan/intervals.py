"""What lies over a stretch of time, found by bisection: edits have ten thousand clips."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate
from math import lcm
from typing import Generic, TypeVar

from .exact import Moment

Span = tuple[Moment, Moment]
_T = TypeVar("_T")


class Intervals(Generic[_T]):
    """Half-open spans ``(start, end, value)``, in any order and overlapping as they like.

    A span without length is a point: it lies over whatever holds that moment. Moments are compared
    as whole multiples of a unit that all of them share, which is exact, and quicker than fractions.
    """

    def __init__(self, spans: Iterable[tuple[Moment, Moment, _T]] = ()) -> None:
        given = list(spans)
        unit = self._unit = lcm(*{moment.denominator for span in given for moment in span[:2]})
        places = [(_places(start, unit)[0], _places(end, unit)[0]) for start, end, _ in given]
        order = sorted(range(len(given)), key=places.__getitem__)
        self._spans = [given[index] for index in order]
        self._places = [places[index] for index in order]
        self._starts = [start for start, _ in self._places]
        self._reach = list(accumulate((end for _, end in self._places), max))

    def __bool__(self) -> bool:
        return bool(self._spans)

    def over(self, start: Moment, end: Moment) -> list[tuple[Moment, Moment, _T]]:
        """Every span that shares a moment with ``start`` … ``end``, ordered by start."""
        if not self._spans:
            return []
        found = []
        after, at = _places(start, self._unit)
        index = bisect_left(self._starts, _places(end, self._unit)[1]) - 1
        while index >= 0 and self._reach[index] >= at:
            begin, stop = self._places[index]
            if stop > after or begin == stop == at == after:
                found.append(self._spans[index])
            index -= 1
        return found[::-1]


def _places(moment: Moment, unit: int) -> tuple[int, int]:
    """The last whole multiple of 1/``unit`` at or before this moment, the first at or after."""
    over, under = moment.as_integer_ratio()
    return over * unit // under, -(-over * unit // under)


def subtract(span: Span, holes: Sequence[Span]) -> list[Span]:
    """What is left of a span when these are taken out, in order."""
    left: list[Span] = []
    at, end = span
    for hole_start, hole_end in sorted(holes):
        if hole_start > at:
            left.append((at, min(hole_start, end)))
        at = max(at, hole_end)
        if at >= end:
            return left
    return [*left, (at, end)] if at < end else left


def length(spans: Iterable[Span]) -> Moment:
    """How much time these cover together."""
    total: Moment = 0
    reach: Moment | None = None
    for start, end in sorted(spans):
        begin = start if reach is None else max(start, reach)
        total += max(end - begin, 0)
        reach = end if reach is None else max(reach, end)
    return total
