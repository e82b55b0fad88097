"""FCPXML documents as Final Cut Pro and Resolve write them, made up: synthetic, over no media."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from unisync_adapters.timebase import format_seconds


@dataclass(frozen=True)
class Media:
    """A media file; times in frames of its own rate."""

    name: str
    rate: Fraction = Fraction(25)
    start: int = 0
    frames: int = 2000
    video: bool = True
    audio: bool = True
    format: str = ' width="1920" height="1080" colorSpace="1-1-1 (Rec. 709)"'

    def seconds(self, frame: Fraction | int) -> Fraction:
        return Fraction(frame) / self.rate


@dataclass(frozen=True)
class Item:
    """Something on a storyline; ``frames`` in the edit's rate, ``source`` in the media's.

    Attributes:
        kind: the element's name; ``ref-clip`` and ``mc-clip`` get a resource of their own, an
            ``audition`` a title as its second choice.
        speed: media seconds per record second, by a ``timeMap``.
        conform: written as ``srcFrameRate``; scaled unless ``scale`` is false.
        split: frames by which its sound is longer at its head and at its tail.
        connected: lane, frames after this one's start, and what is connected there.
        role: of its sound, in an ``asset-clip``.
        extra: children between what is connected and the metadata, with ``{start}`` in them.
    """

    kind: str = "asset-clip"
    media: Media = Media("a.mov")
    source: int = 100
    frames: int = 50
    name: str = "shot"
    speed: Fraction = Fraction(1)
    conform: str | None = None
    scale: bool = True
    split: tuple[int, int] = (0, 0)
    connected: tuple[tuple[int, int, Item], ...] = ()
    dissolve: bool = False
    enabled: bool = True
    attributes: str = ""
    adjust: str = ""
    extra: str = ""
    drop: bool = False
    role: str = "dialogue"


@dataclass(frozen=True)
class Edit:
    """A document of one project."""

    items: Sequence[Item]
    rate: Fraction = Fraction(25)
    version: str = "1.11"
    tc_start: int = 90000
    drop: bool = False
    newline: str = "\n"
    bom: bool = False
    encoding: str = "UTF-8"
    name: str = "Reel 1"
    resources: str = ""
    head: str = "<!DOCTYPE fcpxml>\n\n"

    def data(self) -> bytes:
        text = _Writer(self).document().replace("\n", self.newline)
        codec = "utf-16" if self.encoding == "UTF-16" else self.encoding
        return (b"\xef\xbb\xbf" if self.bom else b"") + text.encode(codec)


def url(media: Media) -> str:
    return "file:///Volumes/A%20Disk/" + media.name.replace(" ", "%20")


@dataclass
class _Writer:
    edit: Edit
    resources: list[str] = field(default_factory=list)
    ids: dict[object, str] = field(default_factory=dict)

    def document(self) -> str:
        edit = self.edit
        sequence = self.format(edit.rate, Media("").format)
        start = Fraction(edit.tc_start) / edit.rate
        spine = self.spine(edit.items, start)
        total = sum(item.frames for item in edit.items)
        times = f'duration="{self.time(total)}" tcStart="{format_seconds(start)}"'
        drop = "DF" if edit.drop else "NDF"
        return (
            f'<?xml version="1.0" encoding="{edit.encoding}"?>\n{edit.head}'
            f'<fcpxml version="{edit.version}">\n    <resources>\n        '
            + "\n        ".join([*self.resources, *filter(None, [edit.resources])])
            + '\n    </resources>\n    <library location="file:///Lib.fcpbundle/">\n'
            '        <event name="Event" uid="E1">\n'
            f'            <project name="{edit.name}" uid="F828BEE6-FBBE-4566-992F-B01BB44C0010">\n'
            f'                <sequence format="{sequence}" {times} tcFormat="{drop}">\n'
            f"                    <spine>{spine}\n                    </spine>\n"
            "                </sequence>\n            </project>\n        </event>\n"
            "    </library>\n</fcpxml>\n"
        )

    def time(self, frames: Fraction | int) -> str:
        return format_seconds(Fraction(frames) / self.edit.rate)

    def define(self, key: object, tag: str, attributes: str, inner: str = "") -> str:
        if key not in self.ids:
            identity = self.ids[key] = f"r{len(self.ids) + 1}"
            end = f">{inner}</{tag}>" if inner else "/>"
            self.resources.append(f'<{tag} id="{identity}"{attributes}{end}')
        return self.ids[key]

    def format(self, rate: Fraction, look: str) -> str:
        return self.define(
            (rate, look), "format", f' frameDuration="{format_seconds(1 / rate)}"{look}'
        )

    def asset(self, media: Media) -> str:
        times = (media.seconds(media.start), media.seconds(media.frames))
        written = (
            ' name="{}" uid="0123456789ABCDEF0123456789ABCDEF" start="{}" duration="{}"'.format(
                media.name, *map(format_seconds, times)
            )
        )
        if media.video:
            written += f' hasVideo="1" format="{self.format(media.rate, media.format)}"'
        if media.audio:
            written += ' hasAudio="1" audioSources="1" audioChannels="2" audioRate="48000"'
        meta = '<metadata><md key="com.apple.proapps.studio.reel" value="A001"/></metadata>'
        if float(self.edit.version[2:]) < 9:
            return self.define(media, "asset", f'{written} src="{url(media)}"', meta)
        rep = (
            f'<media-rep kind="original-media" sig="0123456789ABCDEF" src="{url(media)}">'
            "<bookmark>Ym9vaw==</bookmark></media-rep>"
        )
        return self.define(media, "asset", written, rep + meta)

    def spine(self, items: Sequence[Item], start: Fraction) -> str:
        text, at = "", Fraction(0)
        for item in items:
            if item.dissolve:
                half = min(4, item.frames // 2)
                offset = format_seconds(start + (at - half) / self.edit.rate)
                text += (
                    f'\n<transition name="Cross Dissolve" offset="{offset}" '
                    f'duration="{self.time(2 * half)}"><filter-video ref="{self.effect()}" '
                    f'name="Cross Dissolve"/></transition>'
                )
            text += "\n" + self.item(item, format_seconds(start + at / self.edit.rate))
            at += item.frames
        return text

    def effect(self) -> str:
        return self.define("effect", "effect", ' name="Basic Title" uid=".../Basic Title.moti"')

    def item(self, item: Item, offset: str, lane: int | None = None) -> str:
        place = f' offset="{offset}"' + (f' lane="{lane}"' if lane is not None else "")
        if item.kind == "audition":
            other = f'<title ref="{self.effect()}" name="other" duration="{self.time(9)}"/>'
            first = self.item(replace(item, kind="asset-clip"), "0s").replace(' offset="0s"', "", 1)
            return f"<audition{place}>{first}{other}</audition>"
        length = f' duration="{self.time(item.frames)}"'
        off = "" if item.enabled else ' enabled="0"'
        head = f'{place} name="{item.name}"{length}{off}{item.attributes}'
        start, timing = self.clock(item)
        held = "".join(
            "\n" + self.item(other, format_seconds(start + delta / self.edit.rate), lane)
            for lane, delta, other in item.connected
        )
        extra = item.extra.replace("{start}", format_seconds(start))
        begin = f' start="{format_seconds(start)}"'
        inner = timing + item.adjust + "{}" + held + extra
        if item.kind == "gap":
            return f'<gap{place} name="Gap"{begin}{length}>{inner.format("")}</gap>'
        if item.kind == "title":
            return f'<title ref="{self.effect()}"{head}{begin}>{inner.format("")}</title>'
        return self.media(item, head, begin, inner, start)

    def clock(self, item: Item) -> tuple[Fraction, str]:
        """Where the element's clock begins, and what says how it runs."""
        first = item.media.seconds(item.media.start + item.source)
        timing = ""
        if item.conform is not None:
            scale = "" if item.scale else ' scaleEnabled="0"'
            timing = f'<conform-rate{scale} srcFrameRate="{item.conform}"/>'
        if item.speed == 1:
            return (Fraction(3600) if item.kind in ("gap", "title") else first), timing
        low = item.media.seconds(item.media.start)
        high = low + item.media.seconds(item.media.frames)
        a, b = (low, high) if item.speed > 0 else (high, low)
        long = (b - a) / item.speed
        points = "".join(
            f'<timept time="{format_seconds(t)}" value="{format_seconds(v)}" interp="smooth2"/>'
            for t, v in ((Fraction(0), a), (long, b))
        )
        return (first - a) / item.speed, f"{timing}<timeMap>{points}</timeMap>"

    def media(self, item: Item, head: str, begin: str, inner: str, start: Fraction) -> str:
        media, (before, after) = item.media, item.split
        if item.split != (0, 0):
            sound = format_seconds(start - before / self.edit.rate)
            head += (
                f' audioStart="{sound}" audioDuration="{self.time(before + item.frames + after)}"'
            )
        asset = self.asset(media)
        drop = ' tcFormat="DF"' if item.drop else ' tcFormat="NDF"'
        low, high = media.seconds(media.start), media.seconds(media.frames)
        begins, lasts = format_seconds(low), format_seconds(high)
        whole = f' offset="{begins}" start="{begins}" duration="{lasts}"'
        if item.kind == "asset-clip":
            role = f' audioRole="{item.role}"' if media.audio else ""
            written = f'<asset-clip ref="{asset}"{head}{begin}{drop}{role}>'
            return f"{written}{inner.format('')}</asset-clip>"
        if item.kind == "video":
            return f'<video ref="{asset}"{head}{begin}>{inner.format("")}</video>'
        audio = ""
        if media.audio:
            audio = f'<audio ref="{asset}" lane="-1"{whole} role="dialogue.french" srcCh="1, 2"/>'
        video = f'<video ref="{asset}"{whole}>{audio}</video>'
        if item.kind == "clip":
            return f"<clip{head}{begin}{drop}>{inner.format(video)}</clip>"
        held = (
            f'<asset-clip ref="{asset}"{whole} name="inside" tcFormat="NDF" audioRole="dialogue"/>'
        )
        if item.kind == "sync-clip":
            return f"<sync-clip{head}{begin}{drop}>{inner.format(held)}</sync-clip>"
        form = self.format(media.rate, media.format)
        zero = f'format="{form}" tcStart="{format_seconds(low)}" tcFormat="NDF"'
        if item.kind == "ref-clip":
            inside = f"<sequence {zero}><spine>{held}</spine></sequence>"
            nest = self.define(
                ("nest", media), "media", ' name="nest" uid="JQCJMjHxQRKdo3UOjQKiNQ"', inside
            )
            return f'<ref-clip ref="{nest}"{head}{begin}>{inner.format("")}</ref-clip>'
        angles = "".join(f'<mc-angle name="{n}" angleID="{n}1">{held}</mc-angle>' for n in "AB")
        inside = f"<multicam {zero}>{angles}</multicam>"
        nest = self.define(
            ("cams", media), "media", ' name="cams" uid="+6nPDPjPQhuLm8OfjkTLIQ"', inside
        )
        source = '<mc-source angleID="B1" srcEnable="all"/>'
        return f'<mc-clip ref="{nest}"{head}{begin}>{inner.format(source)}</mc-clip>'
