"""FCP7 XML documents in the manner of Premiere, Resolve and Final Cut Pro 7, made for tests.

Built from the structure of real exports; none of them was written by the application it imitates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from xml.sax.saxutils import escape, quoteattr

from unisync_adapters.timebase import Rate, Timecode, seconds_to_ticks


@dataclass(frozen=True)
class Style:
    """How an application writes.

    Attributes:
        ticks: ``pproTicksIn`` / ``pproTicksOut``, as Premiere writes.
        exploded: a stereo sound is two tracks of one channel each.
        uuid: the sequence's uuid, or None.
        media_uuid: Final Cut's uuid inside the file definition.
    """

    name: str
    indent: str = "\t"
    newline: str = "\n"
    ticks: bool = False
    exploded: bool = False
    masterclips: bool = True
    uuid: str | None = None
    media_uuid: bool = False
    url: str = "file://localhost/Volumes/Media/"
    sequence_attributes: str = ""
    late_rate: bool = False


PREMIERE = Style(
    "premiere",
    ticks=True,
    exploded=True,
    uuid="5ea30a6b-552f-4722-be92-6dfdb66c97e6",
    url="file://localhost/D%3a/media/",
    sequence_attributes=' TL.SQTimePerPixel="0.03" MZ.EditLine="0" explodedTracks="true"',
)
RESOLVE = Style("resolve", indent="    ", masterclips=False, url="file:///Volumes/Media/")
FINAL_CUT = Style(
    "fcp7", uuid="9CED6E98-B25F-4B7B-AEC6-533EC455FEF5", media_uuid=True, late_rate=True
)
STYLES = (PREMIERE, RESOLVE, FINAL_CUT)


@dataclass(frozen=True)
class Media:
    """A file: its name (and id), length, start frame, rate (None: the sequence's)."""

    name: str
    duration: int = 5000
    start: int = 90_000
    rate: Rate | None = None
    reel: str = "A001"
    drop: bool = False
    raster: tuple[int, int] = (1920, 1080)


@dataclass(frozen=True)
class Item:
    """A picture clip, or (with ``nest``) a nested sequence, or (with ``over``) a transition.

    Attributes:
        start, end: record frames, or -1 under a transition.
        entry: ``in``.
        length: ``out - in``; needed where an edge is -1.
        extra: more of the clipitem's XML, verbatim, after its file.
    """

    media: Media | None
    start: int
    end: int
    entry: int = 0
    length: int | None = None
    name: str = ""
    enabled: bool = True
    speed: Fraction | None = None
    reverse: bool = False
    variable: bool = False
    clip_rate: Rate | None = None
    ticks: int | None = None
    markers: tuple[tuple[int, int, str], ...] = ()
    keyframes: tuple[int, ...] = ()
    filters: int = 0
    nest: str = ""
    over: str = ""
    extra: str = ""


@dataclass(frozen=True)
class Dub:
    """A sound track of its own: one file, from record frame ``start``, and perhaps ``more`` of it.

    Attributes:
        more: further clips of the file, as (start, end, entry).
    """

    media: Media
    start: int
    end: int
    entry: int = 0
    track_name: str = ""
    language: str = ""
    more: tuple[tuple[int, int, int], ...] = ()


@dataclass
class Edit:
    """A document to be written.

    Attributes:
        tracks: picture tracks, bottom first.
        sound: whether every picture clip of V1 has its linked sound.
        nests: bodies of nested sequences by id, defined where they are first used.
        siblings: further sequences beside the edit, as (id, name, tracks).
    """

    tracks: Sequence[Sequence[Item]]
    style: Style = PREMIERE
    rate: Rate = field(default_factory=lambda: Rate.of(25))
    drop: bool = False
    name: str = "Reel 1"
    start: int = 90_000
    sound: bool = True
    dubs: Sequence[Dub] = ()
    nests: dict[str, Sequence[Sequence[Item]]] = field(default_factory=dict)
    siblings: Sequence[tuple[str, str, Sequence[Sequence[Item]]]] = ()
    markers: Sequence[tuple[int, int, str]] = ()

    def text(self) -> str:
        return _Writer(self).document()

    def data(self) -> bytes:
        return self.text().encode()


class _Writer:
    def __init__(self, edit: Edit) -> None:
        self.edit = edit
        self.style = edit.style
        self.lines: list[str] = []
        self.depth = 0
        self.defined: set[str] = set()
        self.clips = 0

    def document(self) -> str:
        self.put('<?xml version="1.0" encoding="UTF-8"?>')
        self.put("<!DOCTYPE xmeml>")
        self.open('xmeml version="4"')
        bins = bool(self.edit.siblings)
        if bins:
            self.open("project")
            self.leaf("name", "Project")
            self.open("children")
        self.sequence("sequence-1", self.edit.name, self.edit.tracks, top=True)
        for identity, name, tracks in self.edit.siblings:
            self.sequence(identity, name, tracks)
        if bins:
            self.close("children")
            self.close("project")
        self.close("xmeml")
        return self.style.newline.join(self.lines) + self.style.newline

    def put(self, text: str) -> None:
        self.lines.append(self.style.indent * self.depth + text)

    def open(self, tag: str) -> None:
        self.put(f"<{tag}>")
        self.depth += 1

    def close(self, tag: str) -> None:
        self.depth -= 1
        self.put(f"</{tag}>")

    def leaf(self, tag: str, value: object) -> None:
        self.put(f"<{tag}>{escape(str(value))}</{tag}>")

    def rate(self, rate: Rate) -> None:
        self.open("rate")
        self.leaf("timebase", rate.nominal)
        self.leaf("ntsc", "TRUE" if rate.is_ntsc else "FALSE")
        self.close("rate")

    def timecode(self, frame: int, rate: Rate, drop: bool, reel: str | None) -> None:
        self.open("timecode")
        self.rate(rate)
        self.leaf("string", Timecode(frame, rate, drop))
        self.leaf("frame", frame)
        self.leaf("displayformat", "DF" if drop else "NDF")
        if reel is not None:
            self.open("reel")
            self.leaf("name", reel)
            self.close("reel")
        self.close("timecode")

    def sequence(
        self, identity: str, name: str, tracks: Sequence[Sequence[Item]], top: bool = False
    ) -> None:
        edit, style = self.edit, self.style
        attributes = style.sequence_attributes if top else ""
        self.open(f"sequence id={quoteattr(identity)}{attributes}")
        if style.uuid and top:
            self.leaf("uuid", style.uuid)
        self.leaf("duration", max((i.end for t in tracks for i in t), default=0))
        self.rate(edit.rate)
        self.leaf("name", name)
        self.open("media")
        self.open("video")
        for number, track in enumerate(tracks, 1):
            self.open('track MZ.TrackTargeted="1"' if style is PREMIERE else "track")
            for index, item in enumerate(track):
                self.item(item, number, index, top)
            self.leaf("enabled", "TRUE")
            self.leaf("locked", "FALSE")
            self.close("track")
        self.close("video")
        self.open("audio")
        if edit.sound and tracks:
            self.sound([i for i in tracks[0] if i.media])
        for dub in edit.dubs if top else ():
            self.dub(dub)
        self.close("audio")
        self.close("media")
        self.timecode(edit.start if top else 0, edit.rate, edit.drop and top, None)
        for marker in edit.markers if top else ():
            self.marker(*marker)
        self.close("sequence")

    def item(self, item: Item, track: int, index: int, top: bool) -> None:
        if item.over:
            self.open("transitionitem")
            self.rate(self.edit.rate)
            self.leaf("start", item.start)
            self.leaf("end", item.end)
            self.leaf("alignment", item.over)
            self.open("effect")
            self.leaf("name", "Cross Dissolve")
            self.leaf("effectcategory", "Dissolve")
            self.close("effect")
            self.close("transitionitem")
            return
        self.clips += 1
        prefix = "clipitem" if top else "nestitem"
        self.open(f'clipitem id="{prefix}-{self.clips}" frameBlend="FALSE"')
        self.head(item)
        if item.nest:
            self.nest(item.nest)
        elif item.media:
            self.file(item.media)
        for number in range(item.filters):
            self.filter(f"Effect {number}", item.keyframes if number == 0 else ())
        if item.speed is not None or item.variable:
            self.remap(item)
        if item.extra:
            self.put(item.extra)
        for marker in item.markers:
            self.marker(*marker)
        if self.edit.sound and item.media:
            self.links(index)
        self.open("logginginfo")
        self.leaf("description", "")
        self.leaf("lognote", "")
        self.close("logginginfo")
        self.open("labels")
        self.leaf("label2", "Iris")
        self.close("labels")
        self.close("clipitem")

    def head(self, item: Item) -> None:
        style = self.style
        length = item.length if item.length is not None else item.end - item.start
        rate = item.clip_rate or self.edit.rate
        if style.masterclips and item.media:
            self.leaf("masterclipid", f"masterclip-{item.media.name}")
        self.leaf("name", item.name or (item.media.name if item.media else item.nest))
        self.leaf("enabled", "TRUE" if item.enabled else "FALSE")
        self.leaf("duration", item.media.duration if item.media else length)
        if not style.late_rate:
            self.rate(rate)
        self.leaf("start", item.start)
        self.leaf("end", item.end)
        self.leaf("in", item.entry)
        self.leaf("out", item.entry + length)
        if style.late_rate:
            self.rate(rate)
        if style.ticks:
            speed = abs(item.speed) if item.speed else Fraction(1)
            entry = rate.seconds(item.entry) * speed
            ticks = seconds_to_ticks(entry) if item.ticks is None else item.ticks
            self.leaf("pproTicksIn", ticks)
            self.leaf("pproTicksOut", ticks + seconds_to_ticks(rate.seconds(length) * speed))
        self.leaf("alphatype", "none")

    def file(self, media: Media) -> None:
        if media.name in self.defined:
            self.put(f"<file id={quoteattr('file-' + media.name)}/>")
            return
        self.defined.add(media.name)
        rate = media.rate or self.edit.rate
        self.open(f"file id={quoteattr('file-' + media.name)}")
        self.leaf("name", media.name)
        self.leaf("pathurl", self.style.url + media.name.replace(" ", "%20"))
        self.rate(rate)
        self.leaf("duration", media.duration)
        if self.style.media_uuid:
            self.open("metadata")
            self.leaf("storage", "QuickTime")
            self.leaf("key", "com.apple.finalcutstudio.media.uuid")
            self.leaf("value", "1516ECDC-3D85-4439-ABDB-3CF8A7150730")
            self.close("metadata")
        self.timecode(media.start, rate, media.drop, media.reel)
        self.open("media")
        self.open("video")
        self.open("samplecharacteristics")
        self.leaf("width", media.raster[0])
        self.leaf("height", media.raster[1])
        self.close("samplecharacteristics")
        self.close("video")
        self.open("audio")
        self.leaf("channelcount", 2)
        self.close("audio")
        self.close("media")
        self.close("file")

    def nest(self, identity: str) -> None:
        if identity in self.defined:
            self.put(f"<sequence id={quoteattr(identity)}/>")
            return
        self.defined.add(identity)
        self.sequence(identity, f"Nest {identity}", self.edit.nests[identity])

    def filter(self, name: str, keyframes: Sequence[int]) -> None:
        self.open("filter")
        self.open("effect")
        self.leaf("name", name)
        self.leaf("effectid", "basic")
        self.leaf("effecttype", "motion")
        self.leaf("mediatype", "video")
        for parameter in ("scale", "rotation", "center"):
            self.open("parameter")
            self.leaf("parameterid", parameter)
            self.leaf("name", parameter.title())
            self.leaf("valuemin", 0)
            self.leaf("valuemax", 1000)
            if not keyframes:
                self.leaf("value", 100)
            for when in keyframes:
                self.open("keyframe")
                self.leaf("when", when)
                self.leaf("value", when % 100)
                self.close("keyframe")
            self.close("parameter")
        self.close("effect")
        self.close("filter")

    def remap(self, item: Item) -> None:
        self.open("filter")
        self.open("effect")
        self.leaf("name", "Time Remap")
        self.leaf("effectid", "timeremap")
        self.leaf("effecttype", "motion")
        values = {
            "variablespeed": int(item.variable),
            "speed": f"{float(abs(item.speed or 1) * 100):.10g}",
            "reverse": "TRUE" if item.reverse else "FALSE",
            "frameblending": "FALSE",
        }
        for identity, value in values.items():
            self.open("parameter")
            self.leaf("parameterid", identity)
            self.leaf("name", identity)
            self.leaf("value", value)
            self.close("parameter")
        self.close("effect")
        self.close("filter")

    def marker(self, start: int, end: int, comment: str) -> None:
        self.open("marker")
        self.leaf("comment", comment)
        self.leaf("name", comment)
        self.leaf("in", start)
        self.leaf("out", end)
        self.close("marker")

    def links(self, index: int) -> None:
        kinds = [("video", 1)] + [("audio", n + 1) for n in range(2 if self.style.exploded else 1)]
        for kind, track in kinds:
            self.open("link")
            self.leaf("linkclipref", f"{kind}-{index}")
            self.leaf("mediatype", kind)
            self.leaf("trackindex", track)
            self.leaf("clipindex", index + 1)
            self.close("link")

    def sound(self, items: Sequence[Item]) -> None:
        exploded = self.style.exploded
        for channel in range(2 if exploded else 1):
            attributes = (
                f' currentExplodedTrackIndex="{channel}" totalExplodedTrackCount="2"'
                ' premiereTrackType="Stereo"'
                if exploded
                else ""
            )
            self.open("track" + attributes)
            for index, item in enumerate(items):
                self.sound_item(item, channel, index)
            self.leaf("enabled", "TRUE")
            self.leaf("locked", "FALSE")
            self.leaf("outputchannelindex", channel + 1)
            self.close("track")

    def sound_item(self, item: Item, channel: int, index: int) -> None:
        self.clips += 1
        self.open(f'clipitem id="soundclip-{self.clips}"')
        # a transition is the picture's alone: sound is cut where the picture is first seen
        start = item.start if item.start >= 0 else max(0, item.end - (item.length or 0))
        length = item.length or (item.end - item.start)
        self.head(Item(item.media, start, start + length, item.entry, clip_rate=item.clip_rate))
        assert item.media is not None
        self.file(item.media)
        self.open("sourcetrack")
        self.leaf("mediatype", "audio")
        self.leaf("trackindex", channel + 1)
        self.close("sourcetrack")
        self.links(index)
        self.close("clipitem")

    def dub(self, dub: Dub) -> None:
        name = f" MZ.TrackName={quoteattr(dub.track_name)}" if dub.track_name else ""
        language = f" MZ.Language={quoteattr(dub.language)}" if dub.language else ""
        self.open(f"track{name}{language}")
        for start, end, entry in ((dub.start, dub.end, dub.entry), *dub.more):
            self.clips += 1
            self.open(f'clipitem id="dubclip-{self.clips}"')
            self.head(Item(dub.media, start, end, entry))
            self.file(dub.media)
            self.close("clipitem")
        self.leaf("enabled", "TRUE")
        self.leaf("locked", "FALSE")
        self.close("track")


def cutting(count: int, length: int = 48, media: int = 40, **item: object) -> list[Item]:
    """``count`` clips end to end, taken in turn from ``media`` files."""
    files = [Media(f"A{n:03d}_take.mov", 100_000) for n in range(media)]
    return [
        Item(files[n % media], n * length, (n + 1) * length, 500 + n, **item)  # type: ignore[arg-type]
        for n in range(count)
    ]
