"""New ``asset`` definitions, written as the old ones were, and the formats that they need.

No ``uid``, signature or bookmark is written: Final Cut Pro makes its own of the file, and copied
ones would lead it back to the old file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from ..document import Relink
from ..errors import EditError
from ..fcp7.definition import indent_of, removed
from ..fcp7.scan import Element
from ..image_sequence import spelled_like
from ..splice import TextEdit
from ..timebase import Rate, format_seconds
from ..urls import LocalUrls, MediaUrl
from .item import Item
from .resources import REEL, Asset, Format, metadata_tag
from .tags import drop_attribute, quoted, set_attribute

if TYPE_CHECKING:
    from .read import FcpxmlDocument

OURS = re.compile(r"\bid\s*=\s*[\"']unisync-(\d+)[\"']")
_SOUND = ("hasAudio", "audioSources", "audioChannels", "audioRate")


class AssetWriter:
    """The assets and formats of one patch: new ids, each beside the asset it was made from."""

    def __init__(self, document: FcpxmlDocument) -> None:
        self.document = document
        self.edits: list[TextEdit] = []
        self._written: dict[tuple[object, ...], str] = {}
        self._formats: dict[tuple[object, ...], str] = {}
        self._urls: dict[int, LocalUrls] = {}
        taken = OURS.findall(document.source.text)
        self._last_id = max(map(int, taken), default=0)

    def write(self, item: Item, relink: Relink) -> tuple[str, str | None]:
        """Ids of the asset that this relink plays, and of its format.

        Raises:
            EditError: the old asset names no file.
        """
        asset = item.asset
        if not asset.url:
            raise EditError("The clip has no media to replace", remedy="Leave this clip as it is")
        format_ = self._format(asset, relink)
        key = (
            asset.tag.row,
            str(relink.path),
            relink.duration,
            relink.rate.fps.as_integer_ratio(),
            relink.start_frame,
            relink.reel,
            relink.baked,
        )
        identity = self._written.get(key)
        if identity is None:
            identity = self._written[key] = self._new_id()
            self._insert(asset, self._definition(asset, relink, identity, format_))
        return identity, format_

    def _new_id(self) -> str:
        self._last_id += 1
        return f"unisync-{self._last_id}"

    def _insert(self, asset: Asset, text: str) -> None:
        """Beside the old asset: resources come in any order, and these belong together."""
        old = asset.tag.element
        self.edits.append(TextEdit(old.end, old.end, indent_of(old) + text))

    def _definition(self, asset: Asset, relink: Relink, identity: str, format_: str | None) -> str:
        old, rate = asset.tag.element, relink.rate
        if asset.kind == "sequence":
            old_name = MediaUrl.parse(asset.url).name
            relink = replace(relink, path=spelled_like(relink.path, old_name))
        values = {
            "id": identity,
            "name": relink.path.stem,
            "start": format_seconds(rate.seconds(relink.start_frame)),
            "duration": format_seconds(rate.seconds(relink.duration)),
            "hasVideo": "1",
        }
        if format_ is not None:
            values["format"] = format_
        edits = drop_attribute(old, "uid")
        if relink.baked:
            for name in _SOUND:
                edits += drop_attribute(old, name)
        edits += self._place(asset, relink)
        edits += [set_attribute(old, name, value) for name, value in values.items()]
        edits += _reel(asset, relink.reel)
        return rewritten(old, edits)

    def _place(self, asset: Asset, relink: Relink) -> list[TextEdit]:
        """Where the new file is: in one ``media-rep``, or in ``src`` as it was until 1.8."""
        url = self._url(asset, relink)
        edits = [removed(mark.element) for mark in asset.tag.all("bookmark")]
        reps = asset.tag.all("media-rep")
        if not reps:
            return [*edits, set_attribute(asset.tag.element, "src", url)]
        first, *others = (rep.element for rep in reps)
        new = f'<media-rep kind="original-media" src="{quoted(url)}"/>'
        edits.append(TextEdit(first.start, first.end, new))
        return edits + [removed(rep) for rep in others]

    def _url(self, asset: Asset, relink: Relink) -> str:
        urls = self._urls.get(asset.tag.row)
        if urls is None:
            like = MediaUrl.parse(asset.url)
            urls = self._urls[asset.tag.row] = LocalUrls(self.document.path_map, like)
        return urls.of(relink.path)

    def _format(self, asset: Asset, relink: Relink) -> str | None:
        """A format of the new media's rate: the old one, another that is like it, or a new one."""
        old = asset.format
        if old is not None and old.rate == relink.rate:
            return old.tag.get("id")
        known = (f for f in self.document.resources.formats if _alike(f, old, relink.rate))
        found = next(known, None)
        if found is not None:
            return found.tag.get("id")
        key = (old.tag.row if old is not None else None, relink.rate.fps.as_integer_ratio())
        if key not in self._formats:
            identity = self._formats[key] = self._new_id()
            self._insert(asset, _new_format(old, relink.rate, identity))
        return self._formats[key]


def _alike(format_: Format, old: Format | None, rate: Rate) -> bool:
    """Whether a format is the old one at another rate."""
    if old is None or format_.rate != rate or format_.raster != old.raster:
        return False
    differ = ("colorSpace", "fieldOrder", "paspH", "paspV", "projection", "stereoscopic")
    return all(format_.tag.get(name) == old.tag.get(name) for name in differ)


def _new_format(old: Format | None, rate: Rate, identity: str) -> str:
    duration = format_seconds(1 / rate.fps)
    if old is None:
        return f'<format id="{identity}" frameDuration="{duration}"/>'
    element = old.tag.element
    # a preset's name would go on saying the old rate
    edits = [
        *drop_attribute(element, "name"),
        set_attribute(element, "id", identity),
        set_attribute(element, "frameDuration", duration, after="id"),
    ]
    if old.raster is not None and old.tag.get("width") is None:
        size = f' width="{old.raster[0]}" height="{old.raster[1]}"'
        place = edits[-1]
        edits[-1] = place._replace(text=place.text + size)
    return rewritten(element, edits)


def _reel(asset: Asset, reel: str | None) -> list[TextEdit]:
    """The reel in the metadata, where it is another than before."""
    if reel is None or reel == asset.reel:
        return []
    known = metadata_tag(asset.tag, REEL)
    if known is not None:
        return [set_attribute(known.element, "value", reel)]
    entry = f'<md key="{REEL}" value="{quoted(reel)}"/>'
    holder = asset.tag.first("metadata")
    if holder is not None and holder.children():
        first = holder.children()[0].element
        return [TextEdit(first.start, first.start, entry + indent_of(first))]
    if holder is None and asset.tag.all("media-rep"):
        last = asset.tag.all("media-rep")[-1].element
        text = f"{indent_of(last)}<metadata>{entry}</metadata>"
        return [TextEdit(last.end, last.end, text)]
    return []


def rewritten(element: Element, edits: Iterable[TextEdit]) -> str:
    """An element's text with these changes."""
    text, position, pieces = element.source.text, element.start, []
    for start, end, new in sorted(edits, key=lambda edit: edit[:2]):
        pieces += [text[position:start], new]
        position = end
    return "".join([*pieces, text[position : element.end]])
