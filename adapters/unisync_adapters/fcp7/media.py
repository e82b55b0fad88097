"""Rates, timecode and ``file`` definitions: what a clipitem plays."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import opentimelineio as otio

from ..errors import EditError, TimeError
from ..limits import check_rate, whole_number
from ..otiotime import otio_range
from ..timebase import Rate, Timecode
from .scan import Element, id_of
from .text import XmlText

_PICTURES = re.compile(
    r"\.(bmp|cin|dpx|exr|gif|hdr|heic|j2k|jp2|jpe?g|png|psd|sgi|tga|tiff?|webp)\Z", re.IGNORECASE
)
_EXTERNAL = '{"OTIO_SCHEMA":"ExternalReference.1","target_url":"","metadata":{"unisync":%s}}'
"""OTIO reads metadata from JSON in a fraction of the time that it takes to convert a dictionary."""
_RATE = re.compile(r"<timebase>\s*(\d+)\s*</timebase>|<ntsc>\s*(true)\s*</ntsc>", re.IGNORECASE)
_NUMBERED = re.compile(r"(?:\d{3,}|\[\d+-\d+\]|#+|%0\d+d)\.\w+$")


def rate_of(element: Element | None) -> Rate | None:
    """The exact rate in an element's ``rate`` child; None when it has none worth the name."""
    stated = element.raw_of("rate") if element is not None else None
    if element is None or stated is None:
        return None
    try:
        return _parse_rate(stated)
    except EditError as error:
        raise (element.first("rate") or element).located(error) from None


@lru_cache(maxsize=256)
def _parse_rate(raw: str) -> Rate | None:
    found = _RATE.findall(raw)
    timebase = next((whole_number(number) for number, _ in found if number), 0)
    return _rate(timebase, any(ntsc for _, ntsc in found)) if timebase else None


@lru_cache(maxsize=256)
def _rate(timebase: int, ntsc: bool) -> Rate:
    """One object for each rate, so that comparing two costs nothing where they are the same."""
    check_rate(timebase)
    return Rate.ntsc(timebase, ntsc)


@dataclass(frozen=True, slots=True)
class StartCode:
    """A ``timecode`` element: frame number at its own rate, drop-frame, reel."""

    frame: int = 0
    rate: Rate | None = None
    drop: bool = False
    reel: str | None = None


def start_code(parent: Element, inherited: Rate | None) -> StartCode:
    """The ``timecode`` of a file or a sequence. ``frame`` wins over ``string``: it is exact."""
    code = parent.first("timecode")
    if code is None:
        return StartCode()
    rate = rate_of(code) or inherited
    text = code.text_of("string") or ""
    drop = code.text_of("displayformat") == "DF" or ";" in text
    drop = drop and rate is not None and rate.can_drop
    frame = code.int_of("frame")
    if frame is None and rate is not None and text:
        try:
            frame = Timecode.parse(text, rate, drop).frame
        except TimeError:
            frame = None
    return StartCode(frame or 0, rate, drop, code.text_of("reel", "name"))


@dataclass(frozen=True, slots=True)
class MediaFile:
    """One ``file`` definition.

    Attributes:
        element: the definition; where a clipitem only refers to it, it stands elsewhere.
        rate: the file's own rate, or None when neither it nor its timecode says.
        start: frame number of the first frame, at ``rate``.
        duration: frames, or None.
        kind: why this is no plain media file: ``still``, ``sequence`` of pictures, ``generator``
            or ``offline``; empty for media.
    """

    element: Element
    id: str
    name: str
    url: str
    rate: Rate | None
    start: int
    duration: int | None
    drop: bool
    reel: str | None
    raster: tuple[int, int] | None
    kind: str

    @classmethod
    def of(cls, element: Element) -> MediaFile:
        rate = rate_of(element)
        code = start_code(element, rate)
        url = element.text_of("pathurl") or ""
        duration = element.int_of("duration")
        if duration is not None and duration < 0:
            what = f"The file {element.text_of('name')!r} has a duration of {duration} frames"
            raise element.located(EditError(what))
        video = element.first("media", "video", "samplecharacteristics")
        size = (video.int_of("width"), video.int_of("height")) if video is not None else (0, 0)
        return cls(
            element=element,
            id=element.id or "",
            name=element.text_of("name") or "",
            url=url,
            rate=rate or code.rate,
            start=code.frame,
            duration=duration or None,
            drop=code.drop,
            reel=code.reel,
            raster=(size[0], size[1]) if size[0] and size[1] else None,
            kind=_kind(element, url, duration),
        )

    def reference(self, rate: Rate) -> otio.core.MediaReference:
        """As OTIO holds it, at this rate where the file itself states none."""
        if self.kind == "generator":
            kind = self.element.text_of("mediaSource") or ""
            return otio.schema.GeneratorReference(name=self.name, generator_kind=kind)
        rate = self.rate or rate
        facts: dict[str, Any] = {"rate": str(rate), "drop": self.drop}
        if self.reel:
            facts["reel"] = self.reel
        if self.raster:
            facts["raster"] = list(self.raster)
        if self.kind == "still":
            facts["still"] = True
        if self.kind == "sequence":
            facts["sequence"] = True
        whole = None if self.duration is None else otio_range(self.start, self.duration, rate)
        if not self.url:
            facts["offline"] = True
            return otio.schema.MissingReference(self.name, whole, {"unisync": facts})
        media = otio.core.deserialize_json_from_string(_EXTERNAL % json.dumps(facts))
        assert isinstance(media, otio.schema.ExternalReference), "its JSON says so"
        media.name, media.target_url, media.available_range = self.name, self.url, whole
        return media


def _kind(element: Element, url: str, duration: int | None) -> str:
    if not url:
        return "generator" if element.text_of("mediaSource") else "offline"
    if _PICTURES.search(url) is None:
        return ""
    numbered = _NUMBERED.search(url) is not None
    return "sequence" if numbered and (duration or 0) > 1 else "still"


class FileTable:
    """Every ``file`` of a document: definitions by id, references in order, by their place."""

    def __init__(self, source: XmlText) -> None:
        self.source = source
        self.definitions: dict[str, int] = {}
        self.references: dict[int, str] = {}
        self._again: dict[str, list[int]] = {}
        self._media: dict[int, MediaFile] = {}
        self._made: dict[tuple[int, Rate], otio.core.MediaReference] = {}
        for row in source.outline.rows("file"):
            self.references[row] = id_of(source, row) or ""
        for row in source.outline.holding("file"):
            identity = self.references[row]
            if identity and self.definitions.setdefault(identity, row) != row:
                self._again.setdefault(identity, []).append(row)

    def media(self, element: Element) -> MediaFile | None:
        """What a clipitem's ``file`` element stands for; None when it is defined nowhere.

        Raises:
            EditError: it is defined twice, and not as the same file.
        """
        refers = not element.has_children
        row = self._defined(self.references[element.row]) if refers else element.row
        if row is None:
            return None
        media = self._media.get(row)
        if media is None:
            media = self._media[row] = MediaFile.of(Element(self.source, row))
        return media

    def _defined(self, identity: str) -> int | None:
        row = self.definitions.get(identity)
        for other in self._again.get(identity, ()):
            one, two = (Element(self.source, r).text_of("pathurl") for r in (row or 0, other))
            if one != two:
                what = f"The file id {identity!r} is defined twice, as {one!r} and as {two!r}"
                raise Element(self.source, other).located(EditError(what))
        return row

    def reference(self, media: MediaFile, rate: Rate) -> otio.core.MediaReference:
        """The one reference of this file's clips, at this rate where the file states none."""
        key = media.element.row, media.rate or rate
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = media.reference(rate)
        return made
