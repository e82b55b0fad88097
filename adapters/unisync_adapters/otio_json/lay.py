"""Sound laid on a new audio track of an OTIO JSON, after all the others."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from fractions import Fraction

from ..document import Document, Lay
from ..errors import EditError
from ..laid import NewTrack, compare_laid
from ..splice import Edit, splice
from ..urls import LocalUrls, MediaUrl
from .fields import schema_of
from .patch import Writer, range_value
from .read import reread
from .scan import Node, Plain, scan

_URL = re.compile(rb'"target_url"\s*:\s*"([^"\\]+)"')
_SPACE_BEFORE = re.compile(rb"\s*\Z")
_LAYOUTS = {1: "Mono", 2: "Stereo", 6: "5.1", 8: "7.1"}


def lay_sound(document: Document, data: bytes, lays: Sequence[Lay]) -> bytes:
    """The edit with a track for each lay.

    Raises:
        EditError: it is a lone clip or track, which has no place for another.
    """
    children = _tracks(document, scan(data))
    tracks = [_Track(document, data, lay).value() for lay in lays]
    return splice(data, [_append(data, children, tracks)])


def verify_laid(document: Document, data: bytes, laid: bytes, lays: Sequence[Lay]) -> None:
    """Raise unless ``laid`` is ``data`` with exactly these tracks more.

    Raises:
        EditError: naming what differs.
    """
    before, after = scan(data), scan(laid)
    kept = len(_tracks(document, before).items)
    children = _tracks(document, after)
    begin = children.items[kept - 1].end if kept else children.start + 1
    end = children.items[-1].end if kept else children.end - 1
    old = _tracks(document, before)
    between = b"" if kept else data[old.start + 1 : old.end - 1]
    if laid[:begin] + between + laid[end:] != data:
        raise EditError("Laying the dub would change more than its tracks", file=document.path)
    compare_laid(
        reread(document, data, before).timeline,
        reread(document, laid, after).timeline,
        [NewTrack(lay.track, lay) for lay in lays],
        document,
    )


def _tracks(document: Document, root: Node) -> Node:
    node = root.at(document.timeline.metadata["unisync"]["origin"])
    tracks = node.get("tracks")
    children = tracks.get("children") if tracks is not None else None
    if schema_of(node) != "Timeline" or children is None:
        raise EditError(
            "The dub cannot be laid: the file holds no timeline, only a clip or track",
            file=document.path,
            remedy="Export the timeline itself",
        )
    return children


def _append(data: bytes, children: Node, tracks: Sequence[Plain]) -> Edit:
    """The tracks at the end of the list, on lines of their own where the others are."""
    items = children.items
    writer = Writer.like(data)
    space = _SPACE_BEFORE.search(data, 0, items[-1].start) if items else None
    before = space[0] if space is not None else b""
    line = before[before.rfind(b"\n") :].decode() if b"\n" in before else ""
    texts = []
    for track in tracks:
        text = json.dumps(track, ensure_ascii=writer.escape, indent=4 if line else None)
        texts.append(before + text.replace("\n", line).encode())
    if items:
        return Edit(items[-1].end, items[-1].end, b"".join(b"," + text for text in texts))
    return Edit(children.start + 1, children.end - 1, b",".join(texts))


class _Track:
    """One new track in the manner of the document around it."""

    def __init__(self, document: Document, data: bytes, lay: Lay) -> None:
        self.document = document
        self.data = data
        self.lay = lay
        self.rate = document.rate

    def value(self) -> Plain:
        lay = self.lay
        items: list[Plain] = [self._clip()]
        if lay.start:
            items.insert(0, {"OTIO_SCHEMA": "Gap.1", **self._item("", 0, lay.start)})
        return {
            "OTIO_SCHEMA": "Track.1",
            "metadata": {**self._dialect(), "language": lay.language},
            "name": lay.track,
            "source_range": None,
            "effects": [],
            "markers": [],
            "enabled": True,
            "children": items,
            "kind": "Audio",
        }

    def _item(self, name: str, start: int, duration: int) -> dict[str, Plain]:
        return {
            "metadata": {},
            "name": name,
            "source_range": self._range(start, duration),
            "effects": [],
            "markers": [],
            "enabled": True,
        }

    def _clip(self) -> Plain:
        lay = self.lay
        clip = self._item(lay.path.stem, lay.start_frame + lay.source_in, lay.duration)
        media: Plain = {
            "OTIO_SCHEMA": "ExternalReference.1",
            "metadata": {},
            "name": lay.path.name,
            "available_range": self._range(lay.start_frame, lay.media_duration),
            "target_url": self._url(),
        }
        if b'"Clip.1"' in self.data and b'"Clip.2"' not in self.data:
            return {"OTIO_SCHEMA": "Clip.1", **clip, "media_reference": media}
        references: Plain = {"DEFAULT_MEDIA": media}
        return {
            "OTIO_SCHEMA": "Clip.2",
            **clip,
            "media_references": references,
            "active_media_reference_key": "DEFAULT_MEDIA",
        }

    def _range(self, start: int, duration: int) -> Plain:
        return range_value(Fraction(start), Fraction(duration), self.rate)

    def _url(self) -> str:
        """As the document writes its media."""
        found = _URL.search(self.data)
        like = MediaUrl.parse(found[1].decode() if found else "file:///dub.wav")
        return LocalUrls(self.document.path_map, like).of(self.lay.path)

    def _dialect(self) -> dict[str, Plain]:
        """What Resolve and Premiere say of an audio track."""
        layout = _LAYOUTS.get(self.lay.channels, "Adaptive")
        if b'"Resolve_OTIO"' in self.data:
            facts: Plain = {"Audio Type": layout, "Locked": False, "SoloOn": False}
            return {"Resolve_OTIO": facts}
        if b'"PremierePro_OTIO"' in self.data:
            audio: Plain = {"ChannelType": layout, "NumberOfChannels": self.lay.channels}
            return {"PremierePro_OTIO": {"AudioChannels": audio}}
        return {}
