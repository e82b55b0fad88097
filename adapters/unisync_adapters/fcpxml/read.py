"""FCPXML read into an OpenTimelineIO timeline.

Beyond the contract of :mod:`..document`: the primary storyline is the track V1 and lane n is
V(n + 1) (:mod:`.tracks`); sound lies on a track for each role (:mod:`.sounds`), each of its clips
with ``metadata["unisync"]["sound_of"]``, the origin of the picture clip that it is one element
with, and ``source_track``, the 1-based channel of its file if it is one channel. Compounds and
synchronised clips are a ``Stack``; a multicam clip is the clip under its active angle; of an
audition the first clip plays. An effect's ``metadata["unisync"]["see_through"]`` is true where it
may let one see what lies below.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio

from ..collector import no_cycles
from ..document import Adapter, Document, Origin, PathMap
from ..errors import EditError
from ..fcp7.scan import Element
from ..fcp7.text import XmlText
from ..otiotime import otio_time
from ..reading import ReadTimeline
from ..timebase import Rate
from .convert import markers, reference
from .item import Item
from .pictures import Pictures
from .resources import Asset, Resources
from .roots import Root, choose
from .sounds import Sounds
from .tags import EXPORT_AGAIN, Tag

MAX_ELEMENTS = 2_000_000
"""Nests within nests multiply; beyond this the document is an attack, not an edit."""


@dataclass(frozen=True, kw_only=True)
class FcpxmlDocument(Document):
    """A :class:`Document` that remembers where its parts stand.

    Attributes:
        source: the text and its bytes.
        root: the document element.
        edit: the project or compound that was read.
        position: its place among those.
        resources: formats, assets and media by id.
        items: picture clips by origin key.
    """

    source: XmlText
    root: Tag
    edit: Root
    position: int
    resources: Resources
    items: dict[str, Item]


def read_document(
    data: bytes, path: Path, path_map: PathMap, adapter: Adapter, sequence: str | int | None
) -> FcpxmlDocument:
    """Read one project: by name or uid, or by place among the projects.

    Raises:
        EditError: damaged, no project, or several and none (or none of that name) picked.
    """
    try:
        with no_cycles():
            source = XmlText.of(data, path)
            return Reader(source, path).read(data, path_map, adapter, sequence)
    except EditError as error:
        error.file = error.file or str(path)
        raise
    except RecursionError as error:
        raise EditError("The XML is nested too deeply", file=path) from error


class Reader:
    """One reading: the tables of the document, and the clips met so far."""

    def __init__(self, source: XmlText, path: Path) -> None:
        self.source = source
        self.path = path
        self.root = Tag(Element(source, 0))
        self.resources = Resources(self.root)
        self.origins: dict[str, Origin] = {}
        self.items: dict[str, Item] = {}
        self.keys: dict[int, str] = {}
        self._numbers: dict[str, dict[int, int]] = {}
        self._references: dict[tuple[object, ...], otio.core.MediaReference] = {}
        self._showing: dict[int, bool] = {}
        self._met = 0

    def read(
        self, data: bytes, path_map: PathMap, adapter: Adapter, pick: str | int | None
    ) -> FcpxmlDocument:
        roots, edit = choose(self.root, pick, self.path)
        sequence = edit.sequence
        rate = self.rate(sequence)
        sequence.length()  # what it states is not needed, but must be a length
        drop = sequence.get("tcFormat") == "DF" and rate.can_drop
        start = sequence.time("tcStart") or Fraction(0)
        timeline = otio.schema.Timeline(
            name=edit.name,
            global_start_time=otio_time(start * rate.fps, rate),
            metadata={"unisync": {"rate": str(rate), "drop": drop}},
        )
        zero, one = Fraction(0), Fraction(1)
        timeline.tracks.markers.extend(markers(sequence, start, zero, one, rate, rate))
        nest = () if edit.media is None else (edit.media,)
        pictures = Pictures(self, rate, nest, None)
        for spine in sequence.all("spine"):
            pictures.spine(spine, start, Fraction(0), 0, primary=True)
        timeline.tracks.extend(pictures.tracks(at_zero=True)[0])
        sounds = Sounds(self)
        sounds.sequence(sequence, rate)
        timeline.tracks.extend(sounds.tracks(rate))
        return FcpxmlDocument(
            path=self.path,
            data=data,
            adapter=adapter,
            reading=ReadTimeline(timeline, rate),
            origins=self.origins,
            rate=rate,
            drop=drop,
            path_map=path_map,
            source=self.source,
            root=self.root,
            edit=edit,
            position=roots.index(edit),
            resources=self.resources,
            items=self.items,
        )

    def rate(self, sequence: Tag) -> Rate:
        """A sequence's rate.

        Raises:
            EditError: its format states none.
        """
        format_ = self.resources.format(sequence.get("format"), sequence)
        if format_ is None or format_.rate is None:
            what = "The sequence states no frame rate"
            raise sequence.located(EditError(what, remedy=EXPORT_AGAIN))
        return format_.rate

    def extent(self, tag: Tag) -> tuple[Fraction, Fraction]:
        """An element's own start time, and its length in the timeline around it.

        Raises:
            EditError: nothing states its length, or it refers to what does not exist.
        """
        start, length = tag.time("start"), tag.length()
        if start is None or length is None:
            default = self._default_extent(tag)
            start = default[0] if start is None else start
            length = default[1] if length is None else length
        if length is None:
            what = EditError("It states no duration", clip=tag.get("name"), remedy=EXPORT_AGAIN)
            raise tag.located(what)
        return start, length

    def _default_extent(self, tag: Tag) -> tuple[Fraction, Fraction | None]:
        """Of the whole of what it plays."""
        zero = Fraction(0)
        if tag.name in ("asset-clip", "video", "audio"):
            found = self.resources.of(tag, "asset", "effect")
            if found.name == "asset":
                asset = self.resources.asset(found)
                return asset.start, asset.duration
        if tag.name in ("ref-clip", "mc-clip"):
            for holder in self.resources.of(tag, "media").children():
                if holder.name in ("sequence", "multicam"):
                    return holder.time("tcStart") or zero, holder.length()
        return zero, None

    def shows(self, tag: Tag) -> bool:
        """Whether an element, or something in or on it, shows a picture of its own."""
        known = self._showing.get(tag.row)
        if known is None:
            known = self._showing[tag.row] = self._shows(tag)
        return known

    def _shows(self, tag: Tag) -> bool:
        if tag.name in ("video", "title"):
            return True
        if tag.name in ("ref-clip", "mc-clip"):
            return tag.get("srcEnable") != "audio"
        if tag.name == "asset-clip" and tag.get("srcEnable") != "audio":
            asset = self.resources.asset(self.resources.of(tag, "asset"))
            return asset.has_video or any(self.shows(child) for child in tag.story())
        return any(self.shows(child) for child in tag.story())

    def count(self) -> None:
        """One more element met.

        Raises:
            EditError: more than any edit has.
        """
        self._met += 1
        if self._met > MAX_ELEMENTS:
            raise EditError(f"The edit shows more than {MAX_ELEMENTS} things", file=self.path)

    def enter(self, media: Tag, nest: tuple[Tag, ...], tag: Tag) -> None:
        """Going into a compound or multicam.

        Raises:
            EditError: it is already open, so that it holds itself.
        """
        if any(media.row == other.row for other in nest):
            what = f"The clip {media.get('name')!r} holds itself"
            raise tag.located(EditError(what, remedy="Remove it from itself"))

    def origin(self, item: Item, name: str) -> str:
        """The key of a picture clip; a clip met again in a nest has one use more."""
        known = self.keys.get(item.element.row)
        if known is not None:
            origin = self.origins[known]
            self.origins[known] = origin._replace(uses=origin.uses + 1)
            return known
        key = f"{item.element.name}[{self._number(item.element)}]"
        self.keys[item.element.row] = key
        self.items[key] = item
        self.origins[key] = Origin(key, name, "")
        return key

    def _number(self, tag: Tag) -> int:
        """Its place among all elements of its name, from 1."""
        numbers = self._numbers.get(tag.name)
        if numbers is None:
            rows = self.source.outline.rows(tag.name)
            numbers = self._numbers[tag.name] = {row: n for n, row in enumerate(rows, 1)}
        return numbers[tag.row]

    def name_track(self, key: str, label: str) -> None:
        """Say in which track a clip lies; in several nests, the first."""
        if not self.origins[key].track:
            self.origins[key] = self.origins[key]._replace(track=label)

    def reference(
        self, asset: Asset, drop: bool, reel: str | None, rate: Rate
    ) -> otio.core.MediaReference:
        """The one reference of an asset's clips."""
        key = asset.tag.row, drop, reel, rate
        made = self._references.get(key)
        if made is None:
            made = self._references[key] = reference(asset, drop, reel, rate)
        return made
