"""The pictures of a timeline: storylines, what is connected to them, and what nests in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import opentimelineio as otio

from ..errors import EditError
from ..otiotime import otio_time
from ..ramp import Ramp
from ..timebase import Rate
from .convert import effects, generator, markers, warp
from .item import Item, backward_hair, needs_detach, refusal, shift_in
from .nests import compound, container, multicam
from .resources import REEL, Asset, metadata
from .retime import Retime, retime_of
from .roles import roles
from .tags import STORY, Tag, connected, contents
from .tracks import Crossing, Entry, Line, lanes_of, track_of

if TYPE_CHECKING:
    from .read import Reader


@dataclass(frozen=True, slots=True)
class Place:
    """Where an element lies in its composition.

    Attributes:
        at, length: seconds of the composition.
        start: time of the element's own clock there.
        retime: how that clock runs.
    """

    at: Fraction
    length: Fraction
    start: Fraction
    retime: Retime

    def when(self, clock: Fraction | None) -> Fraction:
        """The composition's second at a time of the element's clock."""
        if clock is None:
            return self.at
        return self.at + (clock - self.start) / self.retime.pace

    @property
    def media(self) -> Fraction:
        """Media time where it begins."""
        return self.retime.media(self.start)


class Pictures:
    """The picture tracks of one composition: a sequence, a compound, or a clip of several things.

    Args:
        reader: of the document.
        rate: the composition's.
        nest: the ``media`` resources around it.
        refuse: why nothing inside can be processed, or None.
    """

    def __init__(
        self, reader: Reader, rate: Rate, nest: tuple[Tag, ...], refuse: str | None
    ) -> None:
        self.reader = reader
        self.rate = rate
        self.nest = nest
        self.refuse = refuse
        self.lines: list[Line] = []
        self._free: set[int] = set()

    def spine(
        self, spine: Tag, zero: Fraction, at: Fraction, lane: int, primary: bool = False
    ) -> None:
        """A storyline whose own time ``zero`` lies at second ``at``.

        Args:
            primary: it is the sequence's own, so that things can be connected to its clips.
        """
        line = Line(lane)
        self.lines.append(line)
        cursor = at
        if primary:
            self._free |= _unfaded(spine)
        for child in spine.children():
            if child.name == "transition":
                line.crossings += self._crossing(child, zero, at)
                continue
            offset = child.time("offset")
            picked = _picked(child)
            if picked is None:
                continue
            start = cursor if offset is None else at + offset - zero
            if line.entries and start < line.end:
                line = Line(lane)
                self.lines.append(line)
            cursor = max(cursor, start + self.item(picked, start, line))

    def item(self, tag: Tag, at: Fraction, line: Line) -> Fraction:
        """An element that begins at second ``at``, and what is connected to it; its length."""
        self.reader.count()
        place = self.place(tag, at)
        made = self._made(tag, place) if place.length else None
        if made is not None:
            item, key = made
            if tag.is_off("enabled"):
                item.enabled = False
            line.entries.append(Entry(at, at + place.length, item, key))
        for child in connected(tag):
            self.connect(child, place.when(child.time("offset")), line.lane + child.lane)
        return place.length

    def connect(self, tag: Tag, at: Fraction, lane: int) -> None:
        """Something connected in a lane."""
        picked = _picked(tag)
        if picked is None:
            return
        if picked.name == "spine":
            self.spine(picked, Fraction(0), at, lane)
            return
        line = Line(lane)
        self.lines.append(line)
        self.item(picked, at, line)

    def place(self, tag: Tag, at: Fraction) -> Place:
        start, length = self.reader.extent(tag)
        return Place(at, length, start, retime_of(tag, self.rate))

    def inside(self, rate: Rate, nest: tuple[Tag, ...], refuse: str | None) -> Pictures:
        """The pictures of something that lies in these."""
        return Pictures(self.reader, rate, nest, refuse)

    def tracks(self, at_zero: bool = False) -> tuple[list[otio.schema.Track], Fraction]:
        """The tracks, and the second of the composition at which they begin (0 or before).

        Args:
            at_zero: they must begin at 0.

        Raises:
            EditError: they must, and something lies before.
        """
        entries = [entry for line in self.lines for entry in line.entries]
        first = min((entry.start for entry in entries), default=Fraction(0))
        if first < 0:
            if at_zero:
                early = next(entry for entry in entries if entry.start < 0)
                what = "A connected clip begins before the timeline does"
                raise EditError(what, clip=early.item.name, remedy="Trim its head")
            self.lines = [_moved(line, -first) for line in self.lines]
        tracks = []
        for lane in lanes_of(self.lines):
            track = track_of(lane, self.rate)
            for entry in (entry for line in lane.lines for entry in line.entries):
                if entry.key is not None:
                    self.reader.name_track(entry.key, lane.label)
            tracks.append(track)
        return tracks, min(first, Fraction(0))

    def _crossing(self, tag: Tag, zero: Fraction, at: Fraction) -> Iterable[Crossing]:
        """A transition, if it joins pictures."""
        offset, length = tag.time("offset"), tag.length()
        picture = tag.first("filter-video")
        if offset is None or not length or (picture is None and tag.first("filter-audio")):
            return
        name = tag.get("name") or (picture.get("name") if picture is not None else None) or ""
        start = at + offset - zero
        yield Crossing(start, start + length, name, name == "Cross Dissolve")

    def _made(self, tag: Tag, place: Place) -> tuple[otio.core.Item, str | None] | None:
        """The element as OTIO holds it; None where it shows nothing."""
        if tag.name in ("title", "live-drawing"):
            return self._generator(tag, place), None
        if tag.name == "asset-clip":
            return self._asset_clip(tag, place)
        if tag.name == "video":
            source = self.reader.resources.of(tag, "asset", "effect")
            if source.name == "effect":
                return self._generator(tag, place), None
            asset = self.reader.resources.asset(source)
            return self.leaf(self.new(tag, tag, asset, place), tag, place)
        if tag.name == "clip":
            return self._clip(tag, place)
        if tag.name == "sync-clip":
            return container(self, tag, place), None
        if tag.name == "ref-clip" and tag.get("srcEnable") != "audio":
            return compound(self, tag, place), None
        if tag.name == "mc-clip" and tag.get("srcEnable") != "audio":
            return multicam(self, tag, place)
        return None

    def _generator(self, tag: Tag, place: Place) -> otio.schema.Clip:
        effect = self.reader.resources.tags.get(tag.get("ref") or "")
        kind = (effect.get("name") if effect is not None else None) or ""
        name = tag.get("name") or kind
        clip = generator(tag, name, place.length, self.rate, kind)
        clip.markers.extend(
            markers(tag, place.start, Fraction(0), Fraction(1), self.rate, self.rate)
        )
        return clip

    def _asset_clip(self, tag: Tag, place: Place) -> tuple[otio.core.Item, str | None] | None:
        asset = self.reader.resources.asset(self.reader.resources.of(tag, "asset"))
        if not asset.has_video or tag.get("srcEnable") == "audio":
            return None
        sound = asset.has_audio and tag.get("srcEnable") != "video" and any(roles(tag))
        item = self.new(tag, tag, asset, place, sound)
        if tag.row in self._free and needs_detach(item):
            item = replace(item, detach=True)
        return self.leaf(item, tag, place)

    def _clip(self, tag: Tag, place: Place) -> tuple[otio.core.Item, str | None] | None:
        """A ``clip``: one picture with its sound, sound alone, or several things."""
        inside = contents(tag)
        shows = [c for c in inside if self.reader.shows(c)]
        if not shows:
            return None
        video = inside[0]
        alone = len(inside) == 1 and video.name == "video"
        if not alone or any(self.reader.shows(c) for c in video.story()):
            return container(self, tag, place), None
        source = self.reader.resources.of(video, "asset", "effect")
        if source.name == "effect":
            return generator(video, tag.get("name") or "", place.length, self.rate, ""), None
        asset = self.reader.resources.asset(source)
        sound = bool(video.story())
        item = self.new(tag, video, asset, place, sound)
        return self.leaf(item, tag, place)

    def leaf(self, item: Item, tag: Tag, place: Place) -> tuple[otio.core.Item, str | None]:
        """A clip that plays one media file."""
        asset, plate, speed = item.asset, item.rate, place.retime.speed
        first = item.media_time(place.start) * plate.fps
        if speed < 0:
            first -= backward_hair(first, speed * plate.fps / self.rate.fps)
        start = first
        if speed < 0:
            start += speed * (place.length - 1 / self.rate.fps) * plate.fps
        ramp, why = None, refusal(item)
        if place.retime.ramp is not None:
            frame, ramp = self._ramp(item, place.retime.ramp)
            start = first = Fraction(frame)
            if not ramp.covers(0, place.length * self.rate.fps - 1):
                why = why or "Its speed ramp is stated for a part of it only"
        name = tag.get("name") or asset.name
        drop = tag.get("tcFormat") == "DF" and plate.can_drop
        key = self.reader.origin(replace(item, refuse=self.refuse or why), name)
        clip = otio.schema.Clip(
            name,
            self.reader.reference(asset, drop, metadata(tag, REEL), plate),
            otio.opentime.TimeRange(
                otio_time(start, plate), otio_time(place.length * self.rate.fps, self.rate)
            ),
        )
        known = self.reader.items[key]
        facts = {"origin": key}
        if known.refuse:
            facts["refuse"] = known.refuse
        clip.metadata["unisync"] = facts
        if ramp is not None:
            clip.effects.append(ramp.effect())
        elif speed != 1:
            clip.effects.append(warp(speed))
        clip.effects.extend(effects(tag))
        base = first / plate.fps
        # a ramp's markers count in record time from its first picture
        slope = place.retime.slope if ramp is None else 1 / place.retime.pace
        clip.markers.extend(markers(tag, place.start, base, slope, plate, self.rate))
        return clip, key

    def _ramp(self, item: Item, ramp: Ramp) -> tuple[int, Ramp]:
        """The frame of the media's timecode that a ramped clip begins with, and its ramp as OTIO
        holds it."""
        pace, record, plate = item.retime.pace, self.rate.fps, item.rate.fps
        shown = ramp.mapped(
            lambda clock: (clock - item.start) / pace * record,
            lambda time: (time + item.shift) * plate,
        )
        return shown.anchored(item.rate)

    def new(self, tag: Tag, media: Tag, asset: Asset, place: Place, sound: bool = False) -> Item:
        """The clip ``tag``, whose picture is named by ``media``: the same, or one in it."""
        return Item(
            element=tag,
            media=media,
            asset=asset,
            retime=place.retime,
            nest=self.nest,
            sound=sound,
            shift=shift_in(tag, media, asset),
            start=place.start,
            length=place.length,
            rate=asset.rate or self.rate,
            record=self.rate,
        )


def _unfaded(spine: Tag) -> set[int]:
    """Clips of a storyline whose sound no transition fades: it can be detached as it is."""
    children = spine.children()
    faded = set()
    for index, child in enumerate(children):
        if child.name == "transition" and child.first("filter-audio") is not None:
            faded |= {other.row for other in children[max(0, index - 1) : index + 2]}
    picked = ((child, _picked(child)) for child in children if child.row not in faded)
    return {found.row for _, found in picked if found is not None}


def _picked(tag: Tag) -> Tag | None:
    """The element that plays: of an audition, its first; None for what takes no time."""
    if tag.name == "audition":
        return next(iter(tag.story()), None)
    return tag if tag.name in STORY else None


def _moved(line: Line, by: Fraction) -> Line:
    entries = [replace(e, start=e.start + by, end=e.end + by) for e in line.entries]
    crossings = [replace(c, start=c.start + by, end=c.end + by) for c in line.crossings]
    return Line(line.lane, entries, crossings)
