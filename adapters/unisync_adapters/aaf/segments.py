"""The segments of an AAF as OTIO items: clips, gaps, transitions, stacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import opentimelineio as otio
from aaf2 import components

from ..document import Origin
from ..errors import EditError
from ..limits import check_number
from ..otiotime import otio_range, otio_time
from ..timebase import Rate
from .compositions import nested_tracks
from .framing import Framing, has_matte, may_uncover
from .media import Media, MediaTable
from .mobs import Link, MobTable, identity, length_of, value_of
from .parts import (
    Part,
    Place,
    effect,
    gap,
    generated,
    lay_out,
    missing,
    mixed_rate,
    only,
    operation,
    transition,
    warp,
)
from .refuse import (
    MADE_BY_NLE,
    NOTHING,
    SEVERAL_CLIPS,
    UNKNOWN,
    media_refusal,
    passes_through,
    source_refusal,
)
from .retime import Retime, retime_of

MAX_CLIPS = 1_000_000
"""Nests within nests multiply; beyond this the AAF is an attack, not an edit."""


@dataclass(frozen=True, slots=True)
class ClipItem:
    """What patching one picture clip needs to know.

    Attributes:
        path: the SourceClip's storage in the compound file.
        group: the storage of the OperationGroup that retimes it, or None.
        media: what it plays, or None.
        rate: edit units a second in which its ``StartTime`` counts.
        record: edit units a second of the track.
        shown: input units between ``StartTime`` and what is shown at the clip's first record
            frame: what the retime and the transition before it skip.
        head: record units of it under that transition.
        speed: input units a record unit.
        refuse: why it cannot be relinked.
    """

    path: str
    group: str | None
    media: Media | None
    rate: Fraction
    record: Fraction
    shown: Fraction
    head: int
    speed: Fraction
    refuse: str | None


class SegmentReader:
    """One reading: the tables of the AAF, and the clips met so far."""

    def __init__(self, table: MobTable, media: MediaTable, root: str) -> None:
        self.table = table
        self.media = media
        self.root = root
        self.origins: dict[str, Origin] = {}
        self.items: dict[str, ClipItem] = {}
        self.framing = Framing()
        self.met = 0

    def children(self, segment: Any, at: Place) -> list[otio.core.Composable]:
        """What a track plays, in order."""
        if not isinstance(segment, components.Sequence):
            return [self._item(Part(segment, 0, length_of(segment)), at)]
        found: list[otio.core.Composable] = []
        for part in lay_out(list(value_of(segment, "Components", ()))):
            if isinstance(part, Part):
                if part.length > 0 or isinstance(part.component, components.SourceClip):
                    found.append(self._item(part, at))
            else:
                found.append(transition(part, Rate(at.record)))
        return found

    def track(self, name: str, segment: Any, at: Place) -> otio.schema.Track:
        track = otio.schema.Track(name=name, kind=at.kind)
        while isinstance(segment, components.OperationGroup):
            # an effect over the whole track, such as Avid's audio pan
            inputs = value_of(segment, "InputSegments", ())
            plain = len(inputs) == 1 and isinstance(inputs[0], components.Sequence)
            if not plain or retime_of(segment) is not None:
                break
            if at.kind == "Video" and may_uncover(segment):
                break
            track.effects.append(effect(segment))
            at = replace(at, refuse=at.refuse or source_refusal(segment))
            segment = inputs[0]
        track.extend(self.children(segment, at))
        return track

    def _item(self, part: Part, at: Place) -> otio.core.Item:
        self.met += 1
        if self.met > MAX_CLIPS:
            raise EditError(f"The edit shows more than {MAX_CLIPS} clips")
        component = part.component
        if isinstance(component, components.SourceClip):
            return self._source(part, at)
        if isinstance(component, components.Filler | components.ScopeReference):
            return gap(part, at)
        if isinstance(component, components.OperationGroup):
            return self._group(part, at)
        if isinstance(component, components.Selector):
            return self._selector(part, at)
        if isinstance(component, components.EssenceGroup):
            first = next(iter(value_of(component, "Choices", ())), None)
            return self._item(replace(part, component=first), at)
        if isinstance(component, components.Sequence):
            inner = only(component)
            if inner is not None:
                return self._item(replace(part, component=inner), at)
        if isinstance(component, components.NestedScope | components.Sequence):
            return self._stack("", nested_tracks(component), part, at)
        return missing(part, at, UNKNOWN)

    def _selector(self, part: Part, at: Place) -> otio.core.Item:
        """A muted clip is the only alternate to a selected nothing; else it is a multicam's."""
        selected = value_of(part.component, "Selected")
        alternates = value_of(part.component, "Alternates", ())
        idle = isinstance(selected, components.Filler | components.ScopeReference)
        if idle and len(alternates) == 1:
            item = self._item(replace(part, component=alternates[0]), at)
            item.enabled = False
            return item
        return self._item(replace(part, component=selected), at)

    def _group(self, part: Part, at: Place) -> otio.core.Item:
        group = part.component
        inputs = list(value_of(group, "InputSegments", ()))
        name = operation(group)
        if not inputs:
            return generated(name, part, at)
        at = replace(at, refuse=at.refuse or source_refusal(group))
        retime = retime_of(group)
        if retime is not None:
            return self._retimed(part, inputs[0], retime, at)
        inner = inputs[0]
        if isinstance(inner, components.Sequence):
            inner = only(inner) or inner
        if len(inputs) == 1 and not isinstance(inner, components.Sequence):
            item = self._item(replace(part, component=inner), at)
        elif at.kind == "Video" and has_matte(group):
            item = self._stack(name, inputs[:2], part, at)
            whole = replace(part, length=part.head + part.length)
            item.append(otio.schema.Track("matte", [generated(f"{name} matte", whole, at)]))
        else:
            item = self._stack(name, inputs, part, at)
        found = effect(group)
        if at.kind == "Video":
            self.framing.judge(group, found, item)
        item.effects.append(found)
        return item

    def _retimed(self, part: Part, inner: Any, retime: Retime, at: Place) -> otio.core.Item:
        """The one clip that a speed change is over; over several it is refused clip by clip."""
        rate = mixed_rate(inner) or at.rate
        if isinstance(inner, components.Sequence):
            inner = only(inner) or inner
        refuse = at.refuse or retime.refuse
        if at.retime is not None:
            refuse = refuse or "Two speed changes lie over each other; render the inner one"
        if isinstance(inner, components.Sequence | components.NestedScope):
            refuse = refuse or SEVERAL_CLIPS
        group = part.component.dir.path()
        below = replace(at, rate=rate, retime=retime, group=group, refuse=refuse)
        return self._item(replace(part, component=inner), below)

    def _stack(self, name: str, tracks: Sequence[Any], part: Part, at: Place) -> otio.schema.Stack:
        """Segments over each other, the first at the bottom."""
        stack = otio.schema.Stack(name)
        rate = Rate(at.record)
        stack.source_range = otio_range(part.head, max(0, part.length), rate)
        if at.refuse:
            stack.metadata["unisync"] = {"refuse": at.refuse}
        if at.retime is not None:
            at = replace(at, refuse=at.refuse or SEVERAL_CLIPS, retime=None, group=None)
        for number, segment in enumerate(tracks, 1):
            stack.append(self.track(f"{at.kind[0]}{number}", segment, at))
        return stack

    def _source(self, part: Part, at: Place) -> otio.core.Item:
        clip = part.component
        if self.table.mob(clip) is None:
            return missing(part, at, NOTHING)
        retime = at.retime or Retime()
        shown = retime.offset + part.head * retime.speed
        start = int(check_number(int(value_of(clip, "StartTime", 0)))) + shown
        link = self.table.link(clip, start, at.rate)
        if link is not None and not passes_through(link, self._played(part, at, link)):
            return self._nest(part, link, at)
        chain = self.table.chain(clip, start, at.rate)
        found = self.media.of_chain(chain)
        if found is None:
            return missing(part, at, NOTHING)
        if found[0].usage in MADE_BY_NLE:
            return generated(found[0].name, part, at)
        return self._clip(part, at, shown, chain, *found)

    def _played(self, part: Part, at: Place, link: Link) -> Fraction:
        """How much of a link's slot is shown, in its edit units."""
        speed = at.retime.speed if at.retime else Fraction(1)
        return max(0, part.length) * abs(speed) * link.rate / at.rate

    def _nest(self, part: Part, link: Link, at: Place) -> otio.schema.Stack:
        nested = identity(link.mob)
        name = str(value_of(link.mob, "Name", ""))
        if nested in at.nest:
            raise EditError(f"The sequence {name!r} holds itself", clip=name)
        refuse = at.refuse
        if at.retime is not None:
            refuse = refuse or f"It lies in the nest {name!r}, whose speed is changed"
        inside = Place(at.kind, at.label, link.rate, link.rate, (*at.nest, nested), refuse=refuse)
        whole = Part(link.slot.segment, 0, part.length)
        stack = self._stack(name, nested_tracks(link.slot.segment), whole, inside)
        stack.source_range = otio.opentime.TimeRange(
            otio_time(link.position, Rate(link.rate)),
            otio_time(max(0, part.length), Rate(at.record)),
        )
        return stack

    def _clip(
        self, part: Part, at: Place, shown: Fraction, chain: list[Link], media: Media, link: Link
    ) -> otio.schema.Clip:
        retime = at.retime or Retime()
        speed = retime.speed * at.record / at.rate
        record = Rate(at.record)
        start = media.start + link.position - int(value_of(link.slot, "Origin", 0))
        if speed < 0:  # a source range starts at the earliest picture: otiotime.first_shown
            start += (part.length - 1) * speed * media.rate.fps / at.record
        clip = otio.schema.Clip(
            media.name,
            self.media.reference(media),
            otio.opentime.TimeRange(
                otio_time(start, media.rate), otio_time(max(0, part.length), record)
            ),
        )
        if retime.refuse is None and (speed != 1 or retime.offset):
            clip.effects.append(warp(speed))
        if at.kind == "Video":
            played = [self._played(part, at, step) for step in chain]
            refuse = at.refuse or retime.refuse or media_refusal(media, chain, played)
            if part.length <= 0:
                refuse = refuse or "It is seen only inside its transitions"
            path = part.component.dir.path()
            item = ClipItem(
                path, at.group, media, at.rate, at.record, shown, part.head, retime.speed, refuse
            )
            clip.metadata["unisync"] = {"origin": self._origin(item, clip.name, at)}
            if refuse:
                clip.metadata["unisync"]["refuse"] = refuse
        else:
            first = next((s for s in chain if identity(s.mob) == media.master), chain[0])
            channel = int(value_of(first.slot, "PhysicalTrackNumber", 1))
            clip.metadata["unisync"] = {"source_track": channel}
        return clip

    def _origin(self, item: ClipItem, name: str, at: Place) -> str:
        place = item.path if item.refuse or item.group is None else item.group
        key = place.removeprefix(self.root).lstrip("/")
        known = self.origins.get(key)
        if known is not None:
            self.origins[key] = known._replace(uses=known.uses + 1)
            if item.refuse or item.shown != self.items[key].shown:
                self.items[key] = replace(self.items[key], refuse=item.refuse)
        else:
            self.items[key] = item
            self.origins[key] = Origin(key, name, at.label)
        return key
