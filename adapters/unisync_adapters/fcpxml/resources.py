"""The resources of a document: formats, assets, compounds and multicams, effects, by id."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from ..errors import EditError
from ..timebase import Rate
from .tags import EXPORT_AGAIN, Tag

KINDS = frozenset(("asset", "format", "media", "effect"))
REEL = "com.apple.proapps.studio.reel"

_PICTURES = re.compile(
    r"\.(bmp|cin|dpx|exr|gif|hdr|heic|j2k|jp2|jpe?g|png|psd|sgi|svg|tga|tiff?|webp|pdf)\Z",
    re.IGNORECASE,
)
_FRAME = re.compile(r"\d{3,}\.(?:exr|dpx|png|tiff?)\Z", re.IGNORECASE)
_NUMBERED = re.compile(r"(?:\[\d+-\d+\]|%5B\d+-\d+%5D|#+|%0\d+d)\.\w+$", re.IGNORECASE)
_PRESET = re.compile(r"FFVideoFormat(?:DV)?(?:(\d+)x)?(\d+)([pi])(\d{2,5})")
_WIDTHS = {720: 1280, 1080: 1920}


@dataclass(frozen=True, slots=True)
class Format:
    """A ``format``: how pictures are.

    Attributes:
        tag: the element.
        rate: pictures per second; None for sound and single pictures.
        raster: width and height, where they are known.
        spherical: it is a 360° picture.
    """

    tag: Tag
    rate: Rate | None
    raster: tuple[int, int] | None
    spherical: bool

    @classmethod
    def of(cls, tag: Tag) -> Format:
        """Read a format; one that states no frame duration may be a preset that names it.

        Raises:
            EditError: a frame rate that does not exist.
        """
        preset = _PRESET.search(tag.get("name") or "")
        width, height = tag.get("width") or "", tag.get("height") or ""
        raster = None if preset is None else _preset_raster(preset)
        if width.isdecimal() and height.isdecimal() and len(width + height) < 12:
            raster = (int(width), int(height))
        projection = tag.get("projection") or "none"
        return cls(tag, _rate(tag, preset), raster, projection != "none")


def _rate(tag: Tag, preset: re.Match[str] | None) -> Rate | None:
    duration = tag.time("frameDuration")
    if duration is None:
        return None if preset is None else _preset_rate(preset)
    if not 0 < duration <= 1 or duration < Fraction(1, 1000):
        text = tag.get("frameDuration")
        raise tag.located(
            EditError(f"frameDuration {text!r} is no frame rate", remedy=EXPORT_AGAIN)
        )
    return Rate.of(1 / duration)


def _preset_rate(preset: re.Match[str]) -> Rate:
    digits = preset[4]
    rate = Rate.of(Fraction(int(digits), 100 if len(digits) == 4 else 1))
    # an interlaced preset counts fields
    return Rate(rate.fps / 2) if preset[3] == "i" and rate.fps > 40 else rate


def _preset_raster(preset: re.Match[str]) -> tuple[int, int] | None:
    height = int(preset[2])
    width = int(preset[1]) if preset[1] else _WIDTHS.get(height)
    return None if width is None else (width, height)


@dataclass(frozen=True, slots=True)
class Asset:
    """An ``asset``: one media file.

    Attributes:
        tag: the element.
        name: its name.
        url: where the file is, as the document writes it; empty when it does not say.
        start, duration: in exact seconds; the start is the media's timecode.
        format: of its pictures; None when none is stated.
        has_video, has_audio: what the file holds.
        reel: tape name, where the metadata has one.
        kind: ``still``, ``sequence`` (of pictures), or empty for anything that runs.
    """

    tag: Tag
    name: str
    url: str
    start: Fraction
    duration: Fraction | None
    format: Format | None
    has_video: bool
    has_audio: bool
    reel: str | None
    kind: str

    @property
    def rate(self) -> Rate | None:
        return self.format.rate if self.format is not None else None


class Resources:
    """Everything in ``resources``, by id.

    Raises:
        EditError: an id that is given twice, or a format that does not exist.
    """

    def __init__(self, root: Tag) -> None:
        self.tags: dict[str, Tag] = {}
        self._formats: dict[str, Format] = {}
        self._assets: dict[str, Asset] = {}
        for holder in root.all("resources"):
            for child in holder.children():
                if child.name in KINDS:
                    self._define(child)

    def _define(self, tag: Tag) -> None:
        identity = tag.get("id")
        if not identity:
            raise tag.located(EditError("A resource has no id", remedy=EXPORT_AGAIN))
        if identity in self.tags:
            raise tag.located(EditError(f"The id {identity!r} is given twice", remedy=EXPORT_AGAIN))
        self.tags[identity] = tag
        if tag.name == "format":
            self._formats[identity] = Format.of(tag)

    def of(self, tag: Tag, *kinds: str) -> Tag:
        """The resource that ``ref`` of this element names.

        Raises:
            EditError: there is none, or it is of another kind.
        """
        identity = tag.get("ref") or ""
        found = self.tags.get(identity)
        if found is None or found.name not in kinds:
            what = f"<{tag.name}> refers to {identity!r}, and there is no such {' or '.join(kinds)}"
            raise tag.located(EditError(what, remedy=EXPORT_AGAIN))
        return found

    def format(self, identity: str | None, user: Tag) -> Format | None:
        """The format of this id; None when none is named.

        Raises:
            EditError: it is defined nowhere.
        """
        if identity is None:
            return None
        found = self._formats.get(identity)
        if found is None:
            what = f"<{user.name}> names the format {identity!r}, which does not exist"
            raise user.located(EditError(what, remedy=EXPORT_AGAIN))
        return found

    @property
    def formats(self) -> list[Format]:
        return list(self._formats.values())

    def asset(self, tag: Tag) -> Asset:
        """The asset of this ``asset`` element."""
        identity = tag.get("id") or ""
        asset = self._assets.get(identity)
        if asset is None:
            asset = self._assets[identity] = self._read_asset(tag)
        return asset

    def _read_asset(self, tag: Tag) -> Asset:
        url = media_url(tag)
        duration = tag.length()
        format_ = self.format(tag.get("format"), tag)
        has_audio = tag.get("hasAudio") == "1"
        has_video = tag.get("hasVideo") == "1"
        return Asset(
            tag=tag,
            name=tag.get("name") or "",
            url=url,
            start=tag.time("start") or Fraction(0),
            duration=duration,
            format=format_,
            # some writers state neither: then it is a picture if it has a format
            has_video=has_video or (not has_audio and tag.get("hasVideo") is None),
            has_audio=has_audio,
            reel=metadata(tag, REEL),
            kind=_kind(url, duration),
        )


def media_url(asset: Tag) -> str:
    """Where an asset's file is: the original before a proxy, ``src`` as it was until 1.8."""
    reps = [rep for rep in asset.all("media-rep") if rep.get("src")]
    original = [rep for rep in reps if (rep.get("kind") or "original-media") == "original-media"]
    best = next(iter(original or reps), None)
    return ((best.get("src") if best is not None else asset.get("src")) or "").strip()


def metadata(tag: Tag, key: str) -> str | None:
    """A value of an element's ``metadata``; None when it has none."""
    found = metadata_tag(tag, key)
    return (found.get("value") or None) if found is not None else None


def metadata_tag(tag: Tag, key: str) -> Tag | None:
    """The ``md`` element of this key in an element's ``metadata``."""
    holder = tag.first("metadata")
    entries = holder.all("md") if holder is not None else []
    return next((entry for entry in entries if entry.get("key") == key), None)


def _kind(url: str, duration: Fraction | None) -> str:
    # a still lasts no time; a numbered picture that lasts is the first of a sequence
    if _NUMBERED.search(url) is not None or (duration and _FRAME.search(url) is not None):
        return "sequence"
    return "still" if duration == 0 or _PICTURES.search(url) is not None else ""
