"""Walking an edit: every picture clip, where it lies on the record timeline, and what hides it.

Nests are descended with exact time maps. Record positions are frames from the sequence start as
exact fractions; picture *n* shows whatever holds the moment *n*, so a clip that begins between
two pictures is first seen on the later one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from math import ceil
from typing import NamedTuple

import opentimelineio as otio

from unisync_adapters.cutlist import PICTURE, Clip, CutList, Item, Mark, Nest, Track, Transition
from unisync_adapters.document import Document
from unisync_adapters.ramp import Ramp
from unisync_adapters.timebase import Rate

from .content import leave_reason, see_through
from .exact import Moment, counted_at
from .intervals import Intervals, Span, subtract
from .notes import Note, notes_in
from .reference import Reference

_DISABLED = "it is disabled"


class Placement(NamedTuple):
    """One appearance of a picture clip; a clip in a nest that is used twice has two.

    Attributes:
        clip, origin, track: the clip, its key in the document and its track as editors say.
        media: what the edit says of its media.
        depth: 0 is the topmost track.
        start, duration: the clip's own range, in exact record frames, transitions excluded.
        window: first and end (exclusive) record picture of that range which the nests around
            it let through.
        before, after: exact record frames that transitions add on either side.
        off: why it is switched off, or None.
        retimed_nest: name of the nest around it that plays at another speed, or None.
        idle: why it holds no moving picture, or None.
        through: what lies below it may be seen.
        notes: instructions in markers on it or over it.
        covered: record frames on which something opaque lies above it; ``hidden_by`` what.
        under: what lies above it and lets it through.
    """

    clip: Clip
    origin: str
    track: str
    media: Reference
    depth: int
    start: Moment
    duration: Moment
    window: tuple[int, int]
    before: Moment = 0
    after: Moment = 0
    off: str | None = None
    retimed_nest: str | None = None
    idle: str | None = None
    through: bool = False
    notes: tuple[Note, ...] = ()
    covered: tuple[Span, ...] = ()
    hidden_by: tuple[str, ...] = ()
    under: tuple[str, ...] = ()

    @property
    def ramp(self) -> Ramp | None:
        """The speed of a clip that is not refused, where it changes over time."""
        return None if self.clip.refuse else self.clip.ramp

    @property
    def seen(self) -> Span:
        """Record frames on which it may be seen: the window and its transitions."""
        return self.window[0] - self.before, self.window[1] + self.after

    @property
    def visible(self) -> list[Span]:
        """Record frames on which nothing opaque lies above it."""
        return subtract(self.seen, self.covered)


def placements(document: Document) -> list[Placement]:
    """Every picture clip of the edit in record order, upper tracks first."""
    walk = _Walk(document)
    walk.sequence(document.cut_list, _Frame(0, document.rate))
    notes = Intervals(walk.notes)
    found = [_noted(p, notes) for p in walk.found] if notes else walk.found
    shown = _uncover(found)
    return sorted(shown, key=lambda p: (p.window[0], p.depth, p.window[1]))


class _Frame(NamedTuple):
    """How a composition's own time lies on the record timeline.

    ``zero``: record frame of its time 0. ``rate``: what it counts in. ``window``: record frames
    that are let through. ``depth``: tracks above it. ``through``: what lies below it may be seen.
    """

    zero: Moment
    rate: Rate
    window: tuple[Moment, Moment] | None = None
    depth: int = 0
    off: str | None = None
    retimed: str | None = None
    through: bool = False
    names: tuple[str, ...] = ()

    def clamp(self, start: Moment, end: Moment) -> tuple[Moment, Moment]:
        if self.window is None:
            return start, end
        return max(start, self.window[0]), min(end, self.window[1])


@dataclass
class _Walk:
    document: Document
    found: list[Placement] = field(default_factory=list)
    notes: list[tuple[Moment, Moment, Note]] = field(default_factory=list)
    depth: int = 0
    media: dict[otio.core.MediaReference, Reference] = field(default_factory=dict)

    def sequence(self, cuts: CutList, frame: _Frame) -> None:
        """A sequence or nest: its picture tracks from the top down."""
        frame = self._enter(cuts, frame)
        for track in reversed(cuts.tracks):
            if track.kind == PICTURE:
                self._track(track, frame)

    def _track(self, track: Track, frame: _Frame) -> None:
        """One picture track: its items one after the other."""
        frame = self._enter(track, frame)
        off = frame.off
        if not track.enabled:
            off = off or f"its track “{track.name}” is disabled"
        self.depth += 1
        frame = frame._replace(depth=self.depth, off=off)
        items = track.items
        for index, item in enumerate(items):
            if isinstance(item, Clip):
                self._clip(item, frame, self._overlaps(item, items, index, frame))
            elif isinstance(item, Nest):
                self._nest(item, frame)

    def _span(self, item: Clip | Nest, frame: _Frame) -> tuple[Moment, Moment]:
        """Where an item begins in the record, and how long it is."""
        if frame.rate is self.document.rate:
            return frame.zero + item.at, item.length
        return frame.zero + self._frames(item.at, frame), self._frames(item.length, frame)

    def _frames(self, position: Moment, frame: _Frame) -> Moment:
        """Frames of a composition as record frames."""
        return counted_at(self.document.rate, position, frame.rate)

    def _nest(self, nest: Nest, frame: _Frame) -> None:
        """A nest; a transition beside it needs no more of its clips, which are cut whole."""
        at, duration = self._span(nest, frame)
        inner = frame._replace(
            zero=at,
            rate=nest.cuts.rate,
            window=frame.clamp(at, at + duration),
            off=frame.off if nest.enabled else frame.off or _DISABLED,
            retimed=frame.retimed or (nest.name if nest.retimed else None),
            through=frame.through or nest.uncovers,
            names=(*frame.names, nest.name),
        )
        self.sequence(nest.cuts, inner)

    def _clip(self, clip: Clip, frame: _Frame, overlaps: tuple[Moment, Moment]) -> None:
        at, duration = self._span(clip, frame)
        first, end = frame.clamp(at, at + duration)
        if duration <= 0 or end <= first:
            return
        low, high = frame.clamp(first - overlaps[0], end + overlaps[1])
        media = self._media(clip.media)
        idle = leave_reason(clip, media.noted)
        known = self.document.origins.get(clip.origin)
        track = known.track if known else f"V{frame.depth}"
        # in order: ten thousand tuples are made in half the time without their names
        self.found.append(
            Placement(
                clip,
                clip.origin if known else "",
                " > ".join((*frame.names, track)),
                media,
                frame.depth,
                at,
                duration,
                (ceil(first), ceil(end)),
                first - low,
                high - end,
                frame.off if clip.enabled else frame.off or _DISABLED,
                frame.retimed,
                idle,
                frame.through or see_through(clip, idle),
                tuple([note for _, note in notes_in(clip.marks)]) if clip.marks else (),
            )
        )

    def _media(self, media: otio.core.MediaReference) -> Reference:
        """What a clip plays; many clips may hold the one reference of their file."""
        known = self.media.get(media)
        if known is None:
            known = self.media[media] = Reference.of(media)
        return known

    def _enter(self, item: CutList | Track, frame: _Frame) -> _Frame:
        """The clock inside a composition: the part of it that plays, and its own markers."""
        if item.trim is not None:
            start, length = (self._frames(moment, frame) for moment in item.trim)
            window = frame.clamp(frame.zero, frame.zero + length)
            frame = frame._replace(zero=frame.zero - start, window=window)
        for mark, note in notes_in(item.marks):
            start = frame.zero + self._marked(mark, item, frame)
            self.notes.append((start, start + self._frames(mark.length, frame), note))
        return frame

    def _marked(self, mark: Mark, item: CutList | Track, frame: _Frame) -> Moment:
        """Where a marker stands; some programs count a sequence's markers in its timecode."""
        cuts, at = self.document.cut_list, mark.start
        if item is cuts and cuts.start is not None and at > cuts.length and at >= cuts.start:
            return at - cuts.start
        return self._frames(at, frame)

    def _overlaps(
        self, clip: Clip, items: Sequence[Item], index: int, frame: _Frame
    ) -> tuple[Moment, Moment]:
        """Record frames that transitions over its cuts add to the clip at this place."""
        before: Moment = 0
        after: Moment = 0
        if index and isinstance(lead := items[index - 1], Transition) and lead.at == clip.at:
            before = self._frames(lead.before, frame)
        follow = items[index + 1] if index + 1 < len(items) else None
        if isinstance(follow, Transition) and follow.at == clip.at + clip.length:
            after = self._frames(follow.after, frame)
        return before, after


def _noted(placement: Placement, notes: Intervals[Note]) -> Placement:
    over = [note for _, _, note in notes.over(*placement.window)]
    return placement._replace(notes=(*placement.notes, *over)) if over else placement


def _uncover(found: Sequence[Placement]) -> Iterator[Placement]:
    """What of every clip is visible, track by track from the top."""
    opaque: list[tuple[Moment, Moment, Placement]] = []
    clear: list[tuple[Moment, Moment, Placement]] = []
    layers = sorted(found, key=lambda p: p.depth)
    for _, layer in groupby(layers, key=lambda p: p.depth):
        above, veils = Intervals(opaque), Intervals(clear)
        for placement in layer:
            span = placement.seen
            if not placement.off:
                (clear if placement.through else opaque).append((*span, placement))
            covers, over = above.over(*span), veils.over(*span)
            if covers or over:
                placement = placement._replace(
                    covered=tuple((a, b) for a, b, _ in covers),
                    hidden_by=_labels(covers),
                    under=_labels(over),
                )
            yield placement


def _labels(spans: Sequence[tuple[Moment, Moment, Placement]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"{p.track} “{p.clip.name}”" for _, _, p in spans))
