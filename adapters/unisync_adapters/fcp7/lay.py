"""Sound laid on new audio tracks of an xmeml sequence, after all the others.

A track of this format carries one channel, so a stereo file takes two. Premiere says of such
tracks that they are one exploded, and is told so in its own words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from xml.sax.saxutils import quoteattr

from ..document import Lay
from ..errors import EditError
from ..laid import NewTrack, compare_laid
from ..splice import TextEdit
from ..timebase import Rate, Timecode, seconds_to_ticks
from ..urls import LocalUrls, MediaUrl
from .definition import indent_of
from .read import Fcp7Document, read_document
from .scan import Element
from .text import XmlText, escape

_OURS = re.compile(r"\bid\s*=\s*[\"']unisync-(?:dub-)?(\d+)[\"']")
_EXPLODED = {2: "Stereo", 6: "5.1"}
"""Channels of one track in Premiere; of any other number each is a track of its own."""


def lay_sound(document: Fcp7Document, data: bytes, lays: Sequence[Lay]) -> bytes:
    """The edit with tracks for each lay.

    Raises:
        EditError: the sequence has no place for them.
    """
    read = reread(document, data)
    writer = _Writer(read, lays)
    return read.source.spliced(data, [writer.edit()])


def verify_laid(document: Fcp7Document, data: bytes, laid: bytes, lays: Sequence[Lay]) -> None:
    """Raise unless ``laid`` is ``data`` with exactly these tracks more.

    Raises:
        EditError: naming what differs.
    """
    before, after = reread(document, data), reread(document, laid)
    new = [
        NewTrack(lay.track, lay, channel) for lay in lays for channel in range(1, lay.channels + 1)
    ]
    media = after.sequence.first("media")
    audio = media.first("audio") if media is not None else None
    if media is None or audio is None:
        raise EditError("The dub was not laid", file=document.path)
    group = (audio, audio.all("track")[-len(new) :])
    if before.sequence.first("media", "audio") is None:
        group = (media, [audio])
    if without(before.source, after.source, [group]) != before.source.text:
        raise EditError("Laying the dub would change more than its tracks", file=document.path)
    compare_laid(before.timeline, after.timeline, new, document)


def without(
    before: XmlText, after: XmlText, groups: Iterable[tuple[Element, Sequence[Element]]]
) -> str:
    """The text of ``after`` without some children and the lines they stand on.

    Args:
        groups: elements, and which of their children are new. One that was an empty-element tag
            ``before``, and holds nothing else, is one again.
    """
    removals: list[tuple[Element, Sequence[Element]]] = []
    for holder, new in groups:
        if len(new) == len(holder.children()):
            removals.append((holder, new))
        else:
            removals += [(element, ()) for element in new]
    text, position, result = after.text, 0, ""
    for element, all_in_it in sorted(removals, key=lambda removal: removal[0].start):
        place = len(result) + element.start - position
        opening = f"{text[element.start : element.inner - 1]}/>"
        if all_in_it and before.text.startswith(opening, place):
            result += text[position : element.start] + opening
            position = element.end
            continue
        for gone in all_in_it or (element,):
            result += text[position : gone.start - len(indent_of(gone))]
            position = gone.end
    return result + text[position:]


def reread(document: Fcp7Document, data: bytes) -> Fcp7Document:
    """The same sequence of other bytes."""
    return read_document(
        data, document.path, document.path_map, document.adapter, document.position
    )


class _Writer:
    """The new tracks in the manner of the document around them."""

    def __init__(self, document: Fcp7Document, lays: Sequence[Lay]) -> None:
        self.document = document
        self.lays = lays
        text = document.source.text
        self.premiere = "premiereTrackType" in text
        self.ticks = "pproTicksIn" in text
        self.next_id = max(map(int, _OURS.findall(text)), default=0) + 1
        audio = document.sequence.first("media", "audio")
        self.tracks = len(audio.all("track")) if audio is not None else 0
        like = next((m for i in document.items.values() if (m := i.media) and m.url), None)
        url = MediaUrl.parse(like.url if like else "file://localhost/dub.wav")
        self.urls = LocalUrls(document.path_map, url)

    def edit(self) -> TextEdit:
        """All tracks, at the end of the sequence's sound.

        Raises:
            EditError: the sequence has no media.
        """
        media = self.document.sequence.first("media")
        audio = media.first("audio") if media is not None else None
        if audio is not None and audio.has_children:
            last = audio.children()[-1]
            return TextEdit(last.end, last.end, self._tracks(indent_of(last)))
        if audio is not None:
            inner = self._tracks(_deeper(indent_of(audio)))
            closing = indent_of(audio) + "</audio>"
            if audio.is_empty_tag:
                return TextEdit(audio.end - 2, audio.end, f">{inner}{closing}")
            return TextEdit(audio.inner, audio.inner, inner)
        if media is None or not media.has_children:
            raise EditError(
                "The dub cannot be laid: the sequence has no media",
                remedy="Leave out --lay-dub, or export the whole sequence",
            )
        last = media.children()[-1]
        line = indent_of(last)
        inner = self._tracks(_deeper(line))
        return TextEdit(last.end, last.end, f"{line}<audio>{inner}{line}</audio>")

    def _tracks(self, line: str) -> str:
        return "".join(text for lay in self.lays for text in self._lay(lay, line))

    def _lay(self, lay: Lay, line: str) -> Iterator[str]:
        """A track for each channel."""
        first, track = self.next_id, self.tracks
        self.next_id += lay.channels
        self.tracks += lay.channels
        links = _links(first, track, lay.channels) if lay.channels > 1 else ()
        for channel in range(lay.channels):
            lines = [
                f"<track{self._attributes(lay, channel)}>",
                *(f"\t{text}" for text in self._clip(lay, channel, first, links)),
                "\t<enabled>TRUE</enabled>",
                "\t<locked>FALSE</locked>",
                f"\t<outputchannelindex>{channel % 2 + 1}</outputchannelindex>",
                "</track>",
            ]
            yield "".join(_indented(text, line) for text in lines)

    def _attributes(self, lay: Lay, channel: int) -> str:
        name = f" MZ.TrackName={quoteattr(lay.track)}"
        if not self.premiere:
            return name
        layout = _EXPLODED.get(lay.channels, "Mono")
        count = 1 if layout == "Mono" else lay.channels
        return (
            f'{name} currentExplodedTrackIndex="{channel % count}" '
            f'totalExplodedTrackCount="{count}" premiereTrackType="{layout}"'
        )

    def _clip(self, lay: Lay, channel: int, first: int, links: Sequence[str]) -> Iterator[str]:
        rate = self.document.rate
        out = lay.source_in + lay.duration
        kind = _EXPLODED.get(lay.channels, "Mono").lower()
        premiere = f' premiereChannelType="{kind}"' if self.premiere else ""
        yield f'<clipitem id="unisync-dub-{first + channel}"{premiere}>'
        yield f"\t<name>{escape(lay.path.name)}</name>"
        yield "\t<enabled>TRUE</enabled>"
        yield f"\t<duration>{lay.media_duration}</duration>"
        yield from _rate(rate, 1)
        yield f"\t<start>{lay.start}</start>"
        yield f"\t<end>{lay.start + lay.duration}</end>"
        yield f"\t<in>{lay.source_in}</in>"
        yield f"\t<out>{out}</out>"
        if self.ticks:
            yield f"\t<pproTicksIn>{seconds_to_ticks(rate.seconds(lay.source_in))}</pproTicksIn>"
            yield f"\t<pproTicksOut>{seconds_to_ticks(rate.seconds(out))}</pproTicksOut>"
        if channel:
            yield f'\t<file id="unisync-{first}"/>'
        else:
            yield from (f"\t{text}" for text in self._file(lay, first))
        yield "\t<sourcetrack>"
        yield "\t\t<mediatype>audio</mediatype>"
        yield f"\t\t<trackindex>{channel + 1}</trackindex>"
        yield "\t</sourcetrack>"
        yield from links
        yield "</clipitem>"

    def _file(self, lay: Lay, identity: int) -> Iterator[str]:
        rate, drop = self.document.rate, self.document.drop
        code = Timecode(lay.start_frame, rate, drop)
        yield f'<file id="unisync-{identity}">'
        yield f"\t<name>{escape(lay.path.name)}</name>"
        yield f"\t<pathurl>{escape(self.urls.of(lay.path))}</pathurl>"
        yield from _rate(rate, 1)
        yield f"\t<duration>{lay.media_duration}</duration>"
        yield "\t<timecode>"
        yield from _rate(rate, 2)
        yield f"\t\t<string>{code}</string>"
        yield f"\t\t<frame>{lay.start_frame}</frame>"
        yield f"\t\t<displayformat>{'DF' if drop else 'NDF'}</displayformat>"
        yield "\t</timecode>"
        yield "\t<media>"
        yield "\t\t<audio>"
        yield "\t\t\t<samplecharacteristics>"
        yield f"\t\t\t\t<samplerate>{lay.sample_rate}</samplerate>"
        yield "\t\t\t</samplecharacteristics>"
        yield f"\t\t\t<channelcount>{lay.channels}</channelcount>"
        yield "\t\t</audio>"
        yield "\t</media>"
        yield "</file>"


def _links(first: int, tracks: int, channels: int) -> list[str]:
    """The channels of one file are one clip to the editor; so many tracks stand before them."""
    lines = []
    for channel in range(channels):
        lines += [
            "\t<link>",
            f"\t\t<linkclipref>unisync-dub-{first + channel}</linkclipref>",
            "\t\t<mediatype>audio</mediatype>",
            f"\t\t<trackindex>{tracks + channel + 1}</trackindex>",
            "\t\t<clipindex>1</clipindex>",
            "\t\t<groupindex>1</groupindex>",
            "\t</link>",
        ]
    return lines


def _rate(rate: Rate, depth: int) -> Iterator[str]:
    tabs = "\t" * depth
    yield f"{tabs}<rate>"
    yield f"{tabs}\t<timebase>{rate.nominal}</timebase>"
    yield f"{tabs}\t<ntsc>{'TRUE' if rate.is_ntsc else 'FALSE'}</ntsc>"
    yield f"{tabs}</rate>"


def _deeper(line: str) -> str:
    return line + ("\t" if "\t" in line else "    ") if "\n" in line else ""


def _indented(text: str, line: str) -> str:
    """A line of ours, which counts in tabs, where this line is indented; on it, if all is one."""
    body = text.lstrip("\t")
    if "\n" not in line:
        return body
    return line + ("\t" if "\t" in line else "    ") * (len(text) - len(body)) + body
