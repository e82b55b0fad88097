"""Walking an edit: every picture clip, where it lies on the record timeline, and what hides it.

Nests are descended with exact time maps. Record positions are frames from the sequence start as
exact fractions; picture *n* shows whatever holds the moment *n*, so a clip that begins between
two pictures is first seen on the later one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import groupby
from typing import NamedTuple

import opentimelineio as otio

from unisync_adapters.document import Document
from unisync_adapters.ramp import Ramp, ramp_of
from unisync_adapters.timebase import Rate

from .content import UNCHANGED, each, facts, leave_reason, see_through, speed_of, uncovers
from .exact import Moment, ceil, frames
from .intervals import Intervals, Span, subtract
from .notes import Note, notes_in
from .reference import Reference

_Item = otio.core.Item


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
        refuse: why its reader says that it cannot be processed, or None.
        idle: why it holds no moving picture, or None.
        speed: media seconds per record second; negative for backwards, 0 for a freeze frame.
        ramp: of a speed that changes over time, as the clip states it; None where it does not.
        through: what lies below it may be seen.
        notes: instructions in markers on it or over it.
        covered: record frames on which something opaque lies above it; ``hidden_by`` what.
        under: what lies above it and lets it through.
    """

    clip: otio.schema.Clip
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
    refuse: str | None = None
    idle: str | None = None
    speed: Fraction = UNCHANGED
    ramp: Ramp | None = None
    through: bool = False
    notes: tuple[Note, ...] = ()
    covered: tuple[Span, ...] = ()
    hidden_by: tuple[str, ...] = ()
    under: tuple[str, ...] = ()

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
    walk.stack(document.timeline.tracks, _Frame.whole())
    notes = Intervals(walk.notes)
    found = [_noted(p, notes) for p in walk.found] if notes else walk.found
    shown = _uncover(found)
    return sorted(shown, key=lambda p: (p.window[0], p.depth, p.window[1]))


@dataclass(frozen=True)
class _Frame:
    """How a composition's own time lies on the record timeline.

    ``zero``: record frame of its time 0. ``window``: record frames that are let through.
    ``depth``: tracks above it. ``through``: what lies below it may be seen.
    """

    zero: Moment
    window: tuple[Moment, Moment] | None
    depth: int = 0
    off: str | None = None
    retimed: str | None = None
    through: bool = False
    names: tuple[str, ...] = ()

    @classmethod
    def whole(cls) -> _Frame:
        return cls(0, None)

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

    @property
    def rate(self) -> Rate:
        return self.document.rate

    def stack(self, stack: otio.schema.Stack, frame: _Frame) -> None:
        """A sequence or nest: its tracks from the top down."""
        frame = self._enter(stack, frame)
        for child in reversed(list(stack)):
            if isinstance(child, otio.schema.Track):
                if child.kind == otio.schema.TrackKind.Video:
                    self.track(child, frame)
            else:
                self._place(child, self._below(frame), frame.zero)

    def track(self, track: otio.schema.Track, frame: _Frame) -> None:
        """One video track: its items one after the other."""
        frame = self._enter(track, frame)
        if not track.enabled:
            frame = replace(frame, off=frame.off or f"its track “{track.name}” is disabled")
        frame = self._below(frame)
        at = frame.zero
        children = list(track)
        for index, child in enumerate(children):
            if isinstance(child, otio.schema.Transition):
                continue
            if not isinstance(child, otio.schema.Gap):
                at += self._place(child, frame, at, self._overlaps(children, index))
            else:
                at += frames(child.duration(), self.rate)

    def _place(
        self,
        item: otio.core.Composable,
        frame: _Frame,
        at: Moment,
        overlaps: tuple[Moment, Moment] = (0, 0),
    ) -> Moment:
        """Record an item that begins here; how long it is."""
        if not isinstance(item, _Item):
            return 0
        duration = frames(item.duration(), self.rate)
        if not item.enabled:
            frame = replace(frame, off=frame.off or "it is disabled")
        if isinstance(item, otio.schema.Clip):
            self._clip(item, frame, at, duration, overlaps)
        elif isinstance(item, otio.core.Composition):
            self._nest(item, frame, at, duration)
        return duration

    def _nest(
        self, nest: otio.core.Composition, frame: _Frame, at: Moment, duration: Moment
    ) -> None:
        """A nest; a transition beside it needs no more of its clips, which are cut whole."""
        window = frame.clamp(at, at + duration)
        retimed = any(isinstance(effect, otio.schema.TimeEffect) for effect in nest.effects)
        inner = replace(
            frame,
            zero=at,
            window=window,
            retimed=frame.retimed or (nest.name if retimed else None),
            through=frame.through or uncovers(nest.effects),
            names=(*frame.names, nest.name),
        )
        if isinstance(nest, otio.schema.Track):
            self.track(nest, inner)
        elif isinstance(nest, otio.schema.Stack):
            self.stack(nest, inner)

    def _clip(
        self,
        clip: otio.schema.Clip,
        frame: _Frame,
        at: Moment,
        duration: Moment,
        overlaps: tuple[Moment, Moment],
    ) -> None:
        first, end = frame.clamp(at, at + duration)
        if duration <= 0 or end <= first:
            return
        low, high = frame.clamp(first - overlaps[0], end + overlaps[1])
        noted = facts(clip)
        origin = str(noted.get("origin", ""))
        media = self._media(clip.media_reference)
        idle = leave_reason(clip, media.media, media.noted)
        effects = tuple(each(clip.effects))
        known = self.document.origins.get(origin)
        track = known.track if known else f"V{frame.depth}"
        refuse = str(noted["refuse"]) if noted.get("refuse") else None
        self.found.append(
            Placement(
                clip=clip,
                origin=origin if known else "",
                track=" > ".join((*frame.names, track)),
                media=media,
                depth=frame.depth,
                start=at,
                duration=duration,
                window=(ceil(first), ceil(end)),
                before=first - low,
                after=high - end,
                off=frame.off,
                retimed_nest=frame.retimed,
                refuse=refuse,
                idle=idle,
                speed=speed_of(effects),
                ramp=None if refuse else ramp_of(effects),
                through=frame.through or see_through(media.media, effects, idle),
                notes=tuple(note for _, note in notes_in(clip.markers)),
            )
        )

    def _media(self, media: otio.core.MediaReference) -> Reference:
        """What a clip plays; many clips may hold the one reference of their file."""
        known = self.media.get(media)
        if known is None:
            known = self.media[media] = Reference.of(media)
        return known

    def _below(self, frame: _Frame) -> _Frame:
        """The next track down."""
        self.depth += 1
        return replace(frame, depth=self.depth)

    def _enter(self, item: otio.core.Composition, frame: _Frame) -> _Frame:
        """The clock inside a composition: its source range and its own markers."""
        trim = item.source_range
        if trim is not None:
            zero = frame.zero - frames(trim.start_time, self.rate)
            end = frame.zero + frames(trim.duration, self.rate)
            frame = replace(frame, zero=zero, window=frame.clamp(frame.zero, end))
        for marker, note in notes_in(item.markers):
            start = frame.zero + self._marked(marker, item)
            end = start + frames(marker.marked_range.duration, self.rate)
            self.notes.append((start, end, note))
        return frame

    def _marked(self, marker: otio.schema.Marker, item: otio.core.Composition) -> Moment:
        """Where a marker stands; some programs count a sequence's markers in its timecode."""
        at = frames(marker.marked_range.start_time, self.rate)
        start = self.document.timeline.global_start_time
        if item is not self.document.timeline.tracks or start is None:
            return at
        zero = frames(start, self.rate)
        beyond = at > frames(item.available_range().duration, self.rate)
        return at - zero if beyond and at >= zero else at

    def _overlaps(
        self, children: Sequence[otio.core.Composable], index: int
    ) -> tuple[Moment, Moment]:
        """Record frames that the transitions beside an item add to it."""
        before: Moment = 0
        after: Moment = 0
        if index and isinstance(children[index - 1], otio.schema.Transition):
            before = frames(children[index - 1].in_offset, self.rate)
        if index + 1 < len(children) and isinstance(children[index + 1], otio.schema.Transition):
            after = frames(children[index + 1].out_offset, self.rate)
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
