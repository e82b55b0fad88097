"""The media a clip plays: file, rate, length, start timecode, reel, raster."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import opentimelineio as otio
from aaf2 import components, mobs

from ..errors import UrlError
from ..image_sequence import picture_kind
from ..otiotime import otio_range
from ..timebase import Rate
from ..urls import MediaUrl
from .mobs import (
    Code,
    Link,
    MobTable,
    edit_rate,
    identity,
    is_file,
    is_tape,
    length_of,
    picture_of,
    rate_of,
    timecode_of,
    value_of,
)


@dataclass(frozen=True, slots=True)
class Media:
    """A file, as far as the AAF knows it.

    Attributes:
        name: the clip's, in the bin.
        usage: what kind of clip its mob says it is, or None for a plain one.
        master: id of the mob that the edit names: a MasterMob, or a SourceMob in its place.
        file: id of the SourceMob that stands for the file; None when the AAF knows only a tape.
        tape: id of the SourceMob that the file came from, or None.
        url: the locator's text, or None (embedded, or offline).
        rate: pictures (or samples) a second.
        length: in units of ``rate``.
        start: the file's start timecode, in units of ``rate``.
        embedded: the pictures or sound lie in the AAF itself.
    """

    name: str
    usage: str | None
    master: bytes
    file: bytes | None
    tape: bytes | None
    url: str | None
    rate: Rate
    length: int
    start: int
    drop: bool
    reel: str | None
    raster: tuple[int, int] | None
    embedded: bool


class MediaTable:
    """Media by the mobs and slots they are reached through: a file asked for twice is one."""

    def __init__(self, table: MobTable, content: Any) -> None:
        self._table = table
        self._media: dict[tuple[bytes, int], Media] = {}
        self._references: dict[int, otio.schema.ExternalReference] = {}
        self._embedded = {identity(data) for data in value_of(content, "EssenceData", ())}

    def of_chain(self, chain: list[Link]) -> tuple[Media, Link] | None:
        """The media at the end of a chain, and the link whose positions count its frames."""
        master = next((link for link in chain if not _is_composition(link.mob)), None)
        if master is None:
            return None
        found = next((link for link in chain if is_file(link.mob)), None)
        link = found or chain[-1]
        key = identity(link.mob) + identity(master.mob)
        place = (key, int(value_of(link.slot, "SlotID", 0)))
        if place not in self._media:
            self._media[place] = self._media_of(master.mob, link, found is not None)
        return self._media[place], link

    def reference(self, media: Media) -> otio.core.MediaReference:
        """The OTIO media reference; the clips of one file share it."""
        if id(media) in self._references:
            return self._references[id(media)]
        available = otio_range(media.start, media.length, media.rate) if media.length else None
        facts: dict[str, Any] = {"rate": str(media.rate), "drop": media.drop}
        if media.reel:
            facts["reel"] = media.reel
        if media.raster:
            facts["raster"] = list(media.raster)
        if media.url is None:
            reference: otio.core.MediaReference = otio.schema.MissingReference(
                name=media.name, available_range=available
            )
        else:
            if kind := picture_kind(_file_name(media.url), media.length):
                facts[kind] = True
            reference = otio.schema.ExternalReference(media.url, available)
            reference.name = media.name
        reference.metadata["unisync"] = facts
        self._references[id(media)] = reference
        return reference

    def _media_of(self, master: Any, link: Link, file: bool) -> Media:
        rate = Rate(edit_rate(link.slot))
        origin = int(value_of(link.slot, "Origin", 0))
        segment = link.slot.segment
        below = self._below(link, Fraction(origin))
        code = self._start(master, link, below)
        tape = next((step.mob for step in below if isinstance(step.mob, mobs.SourceMob)), None)
        reel = next((step.mob for step in below if is_tape(step.mob)), None)
        drop = bool(code and code.drop and rate.can_drop)
        return Media(
            name=str(value_of(master, "Name", "")),
            usage=value_of(master, "UsageCode"),
            master=identity(master),
            file=identity(link.mob) if file else None,
            tape=identity(tape) if tape is not None else None,
            url=_url(link.mob) if file else None,
            rate=rate,
            length=max(0, length_of(segment) - origin) or _described_length(link, rate),
            start=code.at(rate) if code else 0,
            drop=drop,
            reel=(str(value_of(reel, "Name", "")) or None) if reel is not None else None,
            raster=_raster(link.mob),
            embedded=identity(link.mob) in self._embedded,
        )

    def _below(self, link: Link, start: Fraction) -> list[Link]:
        """The chain that the file's own first frame goes on with."""
        segment = link.slot.segment
        position = start
        if isinstance(segment, components.Sequence | components.Pulldown):
            first = link.component
        else:
            first = segment
        if not isinstance(first, components.SourceClip):
            return []
        begin = value_of(first, "StartTime", 0) + position
        return self._table.chain(first, begin, link.rate)

    def _start(self, master: Any, link: Link, below: list[Link]) -> Code | None:
        """The timecode of the file's first frame: its tape's, else its own, else its clip's."""
        for step in below:
            if code := timecode_of(step.mob, step.position, step.rate):
                return code
        for mob in (link.mob, master):
            if code := timecode_of(mob, Fraction(0), link.rate):
                return code
        return None


def _is_composition(mob: Any) -> bool:
    return isinstance(mob, mobs.CompositionMob)


def _url(mob: Any) -> str | None:
    """Its first locator, or that of its picture."""
    for descriptor in (value_of(mob, "EssenceDescription"), picture_of(mob)):
        for locator in value_of(descriptor, "Locator", ()) if descriptor is not None else ():
            text = str(value_of(locator, "URLString", "")).strip("\0")
            if text.strip():
                return text
    return None


def _file_name(url: str) -> str:
    try:
        return MediaUrl.parse(url).name
    except UrlError:
        return url


def _described_length(link: Link, rate: Rate) -> int:
    descriptor = value_of(link.mob, "EssenceDescription")
    sampled = value_of(descriptor, "SampleRate") if descriptor is not None else None
    if sampled is None or not sampled.denominator:
        return 0
    seconds = Fraction(int(value_of(descriptor, "Length", 0))) / rate_of(sampled).fps
    return max(0, int(seconds * rate.fps))


def _raster(mob: Any) -> tuple[int, int] | None:
    """Width and height of the whole picture; a field is half of one."""
    descriptor = picture_of(mob)
    if descriptor is None:
        return None
    for kind in ("Display", "Sampled", "Stored"):
        width = int(value_of(descriptor, f"{kind}Width", 0))
        height = int(value_of(descriptor, f"{kind}Height", 0))
        if width > 0 and height > 0:
            fields = value_of(descriptor, "FrameLayout") == "SeparateFields"
            return width, height * 2 if fields else height
    return None
