"""Lanes laid out as tracks: what FCPXML hangs on its storyline, as OpenTimelineIO stacks it.

The primary storyline is V1, lane n is V(n + 1); where things of one lane overlap, a lane has more
tracks than one. Negative lanes lie below V1.
"""

from __future__ import annotations

from bisect import bisect, insort
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import opentimelineio as otio

from ..otiotime import otio_range, otio_time
from ..timebase import Rate


@dataclass(frozen=True)
class Entry:
    """An item from ``start`` to ``end``, in seconds of its composition; ``key`` is its origin's."""

    start: Fraction
    end: Fraction
    item: otio.core.Item
    key: str | None = None


@dataclass(frozen=True)
class Crossing:
    """A transition from ``start`` to ``end``."""

    start: Fraction
    end: Fraction
    name: str
    dissolve: bool


@dataclass
class Line:
    """A storyline, or one item connected alone: what lies in one lane without overlap."""

    lane: int
    entries: list[Entry] = field(default_factory=list)
    crossings: list[Crossing] = field(default_factory=list)

    @property
    def start(self) -> Fraction:
        return self.entries[0].start

    @property
    def end(self) -> Fraction:
        return self.entries[-1].end


@dataclass
class Lane:
    """One track to be: lines that do not overlap."""

    number: int
    copy: int
    lines: list[Line] = field(default_factory=list)
    _spans: list[tuple[Fraction, Fraction]] = field(default_factory=list)

    @property
    def label(self) -> str:
        position = self.number + 1 if self.number >= 0 else self.number
        return f"V{position}" + (f".{self.copy}" if self.copy > 1 else "")

    def takes(self, line: Line) -> bool:
        """Whether the line lies free here; then it is taken."""
        span = (line.start, line.end)
        index = bisect(self._spans, span)
        if index and self._spans[index - 1][1] > span[0]:
            return False
        if index < len(self._spans) and self._spans[index][0] < span[1]:
            return False
        insort(self._spans, span)
        self.lines.append(line)
        return True


def lanes_of(lines: Sequence[Line]) -> list[Lane]:
    """Lines in lanes, the lowest first; there always is one for the primary storyline."""
    lanes: defaultdict[int, list[Lane]] = defaultdict(list)
    lanes[0].append(Lane(0, 1))
    for line in lines:
        if not line.entries:
            continue
        known = lanes[line.lane]
        if not any(lane.takes(line) for lane in known):
            known.append(Lane(line.lane, len(known) + 1))
            known[-1].takes(line)
    return [lane for number in sorted(lanes) for lane in lanes[number]]


def track_of(lane: Lane, rate: Rate) -> otio.schema.Track:
    """The lane's items with gaps and transitions between them."""
    track = otio.schema.Track(name=lane.label, kind=otio.schema.TrackKind.Video)
    cursor = Fraction(0)
    for line in sorted(lane.lines, key=lambda line: line.start):
        cuts = {cut: crossing for crossing in line.crossings for cut in [_cut(line, crossing)]}
        for entry in line.entries:
            crossing = cuts.pop(entry.start, None)
            fill(track, cursor, entry.start, rate)
            if crossing is not None:
                _cross(track, crossing, entry.start, rate)
            track.append(entry.item)
            cursor = entry.end
            if (ending := cuts.pop(cursor, None)) is not None:
                _cross(track, ending, cursor, rate)
    return track


def fill(track: otio.schema.Track, start: Fraction, end: Fraction, rate: Rate) -> None:
    """A gap from ``start`` to ``end``, where there is room for one."""
    if end > start:
        gap = otio_range(0, (end - start) * rate.fps, rate)
        track.append(otio.schema.Gap(source_range=gap))


def _cut(line: Line, crossing: Crossing) -> Fraction:
    """Where the items meet that a transition joins: its one edge in the storyline under it."""
    edges = [e for entry in line.entries for e in (entry.start, entry.end)]
    under = [e for e in edges if crossing.start <= e <= crossing.end]
    middle = (crossing.start + crossing.end) / 2
    return min(under, key=lambda e: abs(e - middle), default=crossing.start)


def _cross(track: otio.schema.Track, crossing: Crossing, cut: Fraction, rate: Rate) -> None:
    if len(track) and isinstance(track[-1], otio.schema.Transition):
        return
    track.append(
        otio.schema.Transition(
            name=crossing.name,
            transition_type="SMPTE_Dissolve" if crossing.dissolve else "Custom_Transition",
            in_offset=otio_time((cut - crossing.start) * rate.fps, rate),
            out_offset=otio_time((crossing.end - cut) * rate.fps, rate),
        )
    )
