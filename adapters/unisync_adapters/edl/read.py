"""EDLs read into an OpenTimelineIO timeline.

An EDL has one picture track; further ones appear only where it names them (V2) or where events
overlap. Its sound events are sound tracks, one a channel. Its timecodes are labels: source and
record are counted at the record rate, and what its media are, no line says. So a media reference
has no range; ``names`` among its facts are what a search may go by, besides reel and timecode.
A sound clip's ``event`` is the place of its event line, which it may share with a picture.

Where the sequence begins, no line says either: the timeline starts at the first record in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Any

import opentimelineio as otio

from ..document import Adapter, Document, Origin, PathMap
from ..errors import EditError, TimeError
from ..image_sequence import SequenceName
from ..otiotime import otio_range, otio_time
from ..reading import ReadTimeline
from ..timebase import Rate, Timecode
from .clock import Clock
from .cuts import Cut, Layer, layers
from .lines import parse
from .rates import choose_rate
from .sheet import Sheet
from .sides import Side, is_black, sounds

_STILLS = frozenset(
    f".{s}" for s in ("bmp", "cin", "dpx", "exr", "gif", "jpeg", "jpg", "png", "psd", "tga", "tif")
) | {".tiff", ".webp"}
_GENERATORS = re.compile(
    r"black video|transparent video|colou?r matte|bars and tone.*|adjustment layer.*"
    r"|universal counting leader|\(null\)",
    re.IGNORECASE,
)
"""Names by which Premiere and Avid write what has no file."""
_FILE = re.compile(r"[/\\]|\.[A-Za-z][A-Za-z0-9]{1,4}$")
_COLOURS = frozenset(
    (
        "PINK",
        "RED",
        "ORANGE",
        "YELLOW",
        "GREEN",
        "CYAN",
        "BLUE",
        "PURPLE",
        "MAGENTA",
        "BLACK",
        "WHITE",
    )
)


@dataclass(frozen=True, kw_only=True)
class EdlDocument(Document):
    """A :class:`Document` that remembers where its parts stand.

    Attributes:
        sheet: the lines.
        cuts: every picture range that is shown, by origin key.
    """

    sheet: Sheet
    cuts: dict[str, Cut]


def read_document(
    data: bytes, path: Path, path_map: PathMap, adapter: Adapter, rate: Rate | None
) -> EdlDocument:
    """Read an EDL at ``rate``, or at the only rate that it can have.

    Raises:
        EditError: a line that cannot be read, or a rate that is not known or cannot be.
    """
    sheet = parse(data, path)
    clock = Clock.of(sheet, choose_rate(sheet, rate, path), path)
    reader = _Reader(sheet, clock)
    timeline = reader.timeline()
    return EdlDocument(
        path=path,
        data=data,
        adapter=adapter,
        reading=ReadTimeline(timeline, clock.rate),
        origins=reader.origins,
        rate=clock.rate,
        drop=clock.drop,
        path_map=path_map,
        by_timecode=True,
        sheet=sheet,
        cuts=reader.cuts,
    )


class _Reader:
    """One reading: the clips met so far."""

    def __init__(self, sheet: Sheet, clock: Clock) -> None:
        self.sheet = sheet
        self.clock = clock
        self.rate = clock.rate
        self.zero = min(clock.record(event, 2) for event in sheet.events)
        self.end = max(clock.end(event) for event in sheet.events)
        self.origins: dict[str, Origin] = {}
        self.cuts: dict[str, Cut] = {}

    def timeline(self) -> otio.schema.Timeline:
        title = self.sheet.title
        timeline = otio.schema.Timeline(
            name=title.value if title else "",
            global_start_time=otio_time(self.zero, self.rate),
            metadata={"unisync": {"rate": str(self.rate), "drop": self.clock.drop}},
        )
        for layer in layers(self.sheet, self.clock):
            timeline.tracks.append(self._picture(layer))
        timeline.tracks.extend(self._sounds())
        timeline.tracks.markers.extend(self._markers())
        return timeline

    def _picture(self, layer: Layer) -> otio.schema.Track:
        track = otio.schema.Track(name=layer.label, kind=otio.schema.TrackKind.Video)
        cursor = self.zero
        for cut in layer.cuts:
            if cut.start > cursor:
                track.append(self._gap(cut.start - cursor))
            if cut.transition:
                track.append(self._transition(cut))
            track.append(self._gap(cut.count) if is_black(cut.side.event) else self._clip(cut))
            cursor = cut.end
        return track

    def _gap(self, count: int) -> otio.schema.Gap:
        return otio.schema.Gap(source_range=otio_range(0, count, self.rate))

    def _transition(self, cut: Cut) -> otio.schema.Transition:
        """From the cut on: the outgoing side plays on under the incoming one."""
        kind = otio.schema.TransitionTypes
        return otio.schema.Transition(
            name=cut.wipe,
            transition_type=kind.Custom if cut.wipe else kind.SMPTE_Dissolve,
            in_offset=otio_time(0, self.rate),
            out_offset=otio_time(min(cut.transition, cut.count), self.rate),
        )

    def _clip(self, cut: Cut) -> otio.schema.Clip:
        side = cut.side
        name = side.name or side.reel or ""
        drop = side.event.drop and self.rate.can_drop
        clip = otio.schema.Clip(
            name,
            media_of(side, self.rate, drop),
            otio_range(cut.lowest_played, cut.count, self.rate),
        )
        if cut.count:
            self.cuts[cut.key] = cut
            self.origins[cut.key] = Origin(cut.key, name, cut.track)
            noted: dict[str, Any] = {"origin": cut.key}
            if cut.refuse:
                noted["refuse"] = cut.refuse
            clip.metadata["unisync"] = noted
        if cut.speed != 1:
            clip.effects.append(_warp(cut.speed))
        return clip

    def _sounds(self) -> list[otio.schema.Track]:
        """A track a channel; sounds that overlap on one lie on several."""
        tracks: dict[int, list[otio.schema.Track]] = {}
        ends: dict[int, list[int]] = {}
        placed = [(self.clock.record(s.event, 2), s, ch) for s, ch in sounds(self.sheet)]
        for start, side, channels in sorted(placed, key=lambda p: (p[0], p[1].event.ordinal)):
            count = self.clock.end(side.event) - start
            if count <= 0 or is_black(side.event):
                continue
            for channel in channels:
                known = tracks.setdefault(channel, [])
                cursors = ends.setdefault(channel, [])
                place = next((i for i, end in enumerate(cursors) if end <= start), len(known))
                if place == len(known):
                    known.append(
                        otio.schema.Track(name=f"A{channel}", kind=otio.schema.TrackKind.Audio)
                    )
                    cursors.append(self.zero)
                if start > cursors[place]:
                    known[place].append(self._gap(start - cursors[place]))
                known[place].append(self._sound(side, count))
                cursors[place] = start + count
        return [track for channel in sorted(tracks) for track in tracks[channel]]

    def _sound(self, side: Side, count: int) -> otio.schema.Clip:
        drop = side.event.drop and self.rate.can_drop
        return otio.schema.Clip(
            side.name or side.reel or "",
            media_of(side, self.rate, drop),
            otio_range(self.clock.source(side.event, 0) or 0, count, self.rate),
            metadata={"unisync": {"event": side.event.ordinal}},
        )

    def _markers(self) -> Iterable[otio.schema.Marker]:
        """``LOC`` remarks whose record timecode lies in the edit."""
        for block in self.sheet.blocks:
            for remark in block.of("loc"):
                try:
                    at = Timecode.parse(remark.at, self.rate, self.clock.drop).frame
                except TimeError:
                    continue
                if self.zero <= at < self.end:
                    colour = remark.side if remark.side in _COLOURS else ""
                    yield otio.schema.Marker(
                        name=remark.value,
                        marked_range=otio_range(at - self.zero, 1, self.rate),
                        color=colour,
                    )


def media_of(side: Side, rate: Rate, drop: bool) -> otio.core.MediaReference:
    """What an event plays, by the names that the EDL has for it."""
    name, source, reel = side.name, side.source, side.reel
    names = list(dict.fromkeys(n for n in (source, name, reel) if n))
    facts: dict[str, Any] = {"rate": str(rate), "drop": drop}
    if reel:
        facts["reel"] = reel
    if not names or (not source and _GENERATORS.fullmatch(name)):
        return otio.schema.MissingReference(name, metadata={"unisync": facts})
    url = next((n for n in names if _FILE.search(n)), names[0])
    picture = PurePosixPath(url.replace("\\", "/")).suffix.lower() in _STILLS
    if side.is_still or (picture and SequenceName.parse(url) is None):
        facts["still"] = True
    facts["names"] = names
    media = otio.schema.ExternalReference(url, metadata={"unisync": facts})
    media.name = url
    return media


def _warp(speed: Fraction) -> otio.schema.LinearTimeWarp:
    facts = {"unisync": {"speed": str(speed)}}
    if speed == 0:
        freeze = otio.schema.FreezeFrame()
        freeze.metadata.update(facts)
        return freeze
    return otio.schema.LinearTimeWarp("M2", time_scalar=float(speed), metadata=facts)


def refuse_foreign(document: Document) -> EdlDocument:
    """The document as this package made it.

    Raises:
        EditError: another adapter made it.
    """
    if not isinstance(document, EdlDocument):
        raise EditError("This document was not read as an EDL", file=document.path)
    return document
