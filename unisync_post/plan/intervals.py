"""What lies over a stretch of time, found by bisection: edits have ten thousand clips."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Generic, TypeVar

from .exact import Moment

Span = tuple[Moment, Moment]
_T = TypeVar("_T")


class Intervals(Generic[_T]):
    """Half-open spans ``(start, end, value)``, in any order and overlapping as they like.

    A span without length is a point: it lies over whatever holds that moment.
    """

    def __init__(self, spans: Iterable[tuple[Moment, Moment, _T]] = ()) -> None:
        self._spans = sorted(spans, key=lambda span: (span[0], span[1]))
        self._starts = [start for start, _, _ in self._spans]
        self._reach = list(accumulate((end for _, end, _ in self._spans), max))

    def __bool__(self) -> bool:
        return bool(self._spans)

    def over(self, start: Moment, end: Moment) -> list[tuple[Moment, Moment, _T]]:
        """Every span that shares a moment with ``start`` … ``end``, ordered by start."""
        if not self._spans:
            return []
        found = []
        index = bisect_left(self._starts, end) - 1
        while index >= 0 and self._reach[index] >= start:
            span = self._spans[index]
            if span[1] > start or span[0] == span[1] == start:
                found.append(span)
            index -= 1
        return found[::-1]


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
