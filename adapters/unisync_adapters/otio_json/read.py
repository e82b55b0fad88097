"""OTIO JSON read into a :class:`~unisync_adapters.document.Document`, tolerantly.

Seen in the field: whole timelines (Resolve, Premiere, otio tools), a collection with a timeline in
it, and single clips or tracks as pipelines export them; these are wrapped in a timeline. A clip's
key is its JSON pointer in fragment form, ``#/tracks/children/0/children/2``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import opentimelineio as otio

from ..document import Adapter, Document, Origin, PathMap
from ..errors import EditError, UniSyncError
from ..image_sequence import SequenceName
from ..reading import ReadTimeline
from ..timebase import Rate
from .build import build_item
from .fields import held, read_metadata, read_time, schema_of, text_of
from .refuse import refusal
from .scan import Node, scan

_STILLS = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".psd", ".bmp", ".gif", ".tga", ".webp"}
_CHANNELS = {"mono": 1, "stereo": 2, "5.1": 6, "7.1": 8}
_DEFAULT_NAME = re.compile(r"(video|audio|[va]|track)?[ _-]*\d*", re.IGNORECASE)


def read_document(
    adapter: Adapter, data: bytes, path: Path, path_map: PathMap, sequence: str | None
) -> Document:
    """Read ``data``; ``sequence`` names one timeline of a collection.

    Raises:
        EditError: damaged, no edit, or several timelines to choose from.
    """
    try:
        root = scan(data)
        pointer = choose_timeline(root, sequence)
        return _read_at(adapter, data, path, path_map, root, pointer)
    except UniSyncError as error:
        if error.file is None:
            error.file = str(path)
        raise


def reread(document: Document, data: bytes, root: Node) -> Document:
    """Read other bytes, scanned to ``root``, where ``document`` found its timeline."""
    pointer = document.timeline.metadata["unisync"]["origin"]
    return _read_at(document.adapter, data, document.path, document.path_map, root, pointer)


def choose_timeline(root: Node, sequence: str | None) -> str:
    """Pointer to the timeline to read.

    Raises:
        EditError: none, or several of which none or two are called ``sequence``.
    """
    found = {pointer: text_of(node, "name") for pointer, node in _timelines(root, "#")}
    if not found and schema_of(root) in ("Clip", "Track", "Sequence", "Stack"):
        found = {"#": text_of(root, "name")}
    if not found:
        raise EditError(
            f"The file holds no timeline ({schema_of(root) or 'no OTIO object'})",
            remedy="Export the timeline itself",
        )
    names = ", ".join(repr(name) for name in found.values())
    chosen = [pointer for pointer, name in found.items() if sequence in (None, name)]
    if not chosen:
        raise EditError(
            f"There is no sequence {sequence!r} in this edit", remedy=f"It has: {names}"
        )
    if len(chosen) > 1:
        raise EditError(
            f"The edit holds several sequences: {names}",
            remedy="Name one with --sequence, or export it alone",
        )
    return chosen[0]


def _timelines(node: Node, pointer: str) -> Iterator[tuple[str, Node]]:
    if schema_of(node) == "Timeline":
        yield pointer, node
    elif schema_of(node) in ("SerializableCollection", "SerializeableCollection"):
        children = node.get("children")
        for index, child in enumerate(children.items if children else []):
            yield from _timelines(child, f"{pointer}/children/{index}")


def _read_at(
    adapter: Adapter, data: bytes, path: Path, path_map: PathMap, root: Node, pointer: str
) -> Document:
    node = root.at(pointer)
    timeline = otio.schema.Timeline(name=held(text_of(node, "name")))
    walk = _Walk({}, by_premiere=b'"PremierePro_OTIO"' in data)
    if schema_of(node) == "Timeline":
        tracks = node.get("tracks")
        if tracks is None or tracks.get("children") is None:
            raise EditError("The timeline has no tracks")
        timeline.global_start_time = read_time(node.get("global_start_time"))
        timeline.metadata.update(read_metadata(node.get("metadata")))
        stack = build_item(tracks)
        timeline.tracks = stack
        walk.stack(timeline.tracks, tracks, f"{pointer}/tracks")
    else:
        _wrap(timeline, node, pointer, walk)
    rate = _record_rate(timeline)
    ours = {**timeline.metadata.get("unisync", {}), "origin": pointer, "rate": str(rate)}
    timeline.metadata["unisync"] = ours
    reading = ReadTimeline(timeline, rate)
    return Document(path, data, adapter, reading, walk.origins, rate, path_map=path_map)


def _wrap(timeline: otio.schema.Timeline, node: Node, pointer: str, walk: _Walk) -> None:
    """A lone clip, track or stack becomes the timeline's content."""
    item = build_item(node)
    if isinstance(item, otio.schema.Stack):
        timeline.tracks = item
        walk.stack(timeline.tracks, node, pointer)
    elif isinstance(item, otio.schema.Track):
        timeline.tracks.append(item)
        walk.track(item, node, pointer, 1)
    else:
        track = otio.schema.Track(kind=otio.schema.TrackKind.Video)
        track.append(item)
        timeline.tracks.append(track)
        walk.item(item, node, pointer, "V1")


@dataclass
class _Walk:
    """Goes through objects and nodes side by side and writes the ``unisync`` metadata."""

    origins: dict[str, Origin]
    by_premiere: bool

    def stack(self, stack: otio.schema.Stack, node: Node, pointer: str) -> None:
        counts: Counter[str] = Counter()
        for child, child_node, where in _children(stack, node, pointer):
            if isinstance(child, otio.schema.Track):
                counts[child.kind] += 1
                self.track(child, child_node, where, counts[child.kind])
            else:
                counts[otio.schema.TrackKind.Video] += 1
                label = f"V{counts[otio.schema.TrackKind.Video]}"
                self.item(child, child_node, where, label)

    def track(self, track: otio.schema.Track, node: Node, pointer: str, number: int) -> None:
        facts = _track_facts(track)
        if facts:
            track.metadata["unisync"] = {**track.metadata.get("unisync", {}), **facts}
        label = track_label(track.kind, number, track.name)
        for child, child_node, where in _children(track, node, pointer):
            self.item(child, child_node, where, label)

    def item(self, item: otio.core.Composable, node: Node, pointer: str, label: str) -> None:
        if isinstance(item, otio.schema.Clip):
            self.clip(item, node, pointer, label)
        elif isinstance(item, otio.schema.Track):
            self.track(item, node, pointer, 1)
        elif isinstance(item, otio.schema.Stack):
            inner = node.get("tracks") if schema_of(node) == "Timeline" else None
            where = f"{pointer}/tracks" if inner else pointer
            self.stack(item, inner or node, where)

    def clip(self, clip: otio.schema.Clip, node: Node, pointer: str, label: str) -> None:
        self.origins[pointer] = Origin(pointer, clip.name, label)
        facts: dict[str, object] = {"origin": pointer}
        reason = refusal(clip, node, by_premiere=self.by_premiere)
        if reason is not None:
            facts["refuse"] = reason
        if clip.source_range is None and clip.media_reference.available_range is None:
            # a track with an item of no length could not be walked at all
            zero = otio.opentime.RationalTime(0, 24)
            clip.source_range = otio.opentime.TimeRange(zero, zero)
        clip.metadata["unisync"] = {**clip.metadata.get("unisync", {}), **facts}
        _note_media(clip.media_reference)


def _children(
    composition: otio.core.Composition, node: Node, pointer: str
) -> Iterator[tuple[otio.core.Composable, Node, str]]:
    children = node.get("children")
    nodes = children.items if children else []
    for index, (child, child_node) in enumerate(zip(composition, nodes, strict=True)):
        yield child, child_node, f"{pointer}/children/{index}"


def track_label(kind: str, number: int, name: str) -> str:
    """What an editor calls a track: ``V1``, or ``A3 FR DX`` when it has a name of its own."""
    label = f"{kind[:1].upper() or 'V'}{number}"
    if not name or _DEFAULT_NAME.fullmatch(name):
        return label
    return name if name.upper().startswith(label) else f"{label} {name}"


def _track_facts(track: otio.schema.Track) -> dict[str, object]:
    """Language, lock and channels where Resolve, Premiere or a pipeline states them."""
    facts: dict[str, object] = {}
    resolve = _mapping(track.metadata.get("Resolve_OTIO"))
    premiere = _mapping(track.metadata.get("PremierePro_OTIO"))
    if isinstance(resolve.get("Locked"), bool):
        facts["locked"] = resolve["Locked"]
    channels = _CHANNELS.get(str(resolve.get("Audio Type", "")).lower())
    audio = _mapping(premiere.get("AudioChannels"))
    counted = audio.get("NumberOfChannels")
    if isinstance(counted, int):
        channels = counted
    if channels is not None:
        facts["channels"] = channels
    language = track.metadata.get("language")
    if isinstance(language, str) and language:
        facts["language"] = language
    return facts


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _note_media(reference: otio.core.MediaReference) -> None:
    """Rate, reel, still and offline of a media reference."""
    facts: dict[str, object] = {}
    if reference.available_range is not None:
        facts["rate"] = str(Rate.of(reference.available_range.duration.rate))
    for holder in (reference.metadata, reference.metadata.get("cmx_3600")):
        reel = _mapping(holder).get("reel")
        if isinstance(reel, str) and reel:
            facts["reel"] = reel
    if isinstance(reference, otio.schema.ExternalReference):
        name = reference.target_url.replace("\\", "/").rpartition("/")[2]
        if SequenceName.parse(name) is None and Path(name).suffix.lower() in _STILLS:
            facts["still"] = True
    elif isinstance(reference, otio.schema.MissingReference):
        facts["offline"] = True
    reference.metadata["unisync"] = {**_mapping(reference.metadata.get("unisync")), **facts}


def _record_rate(timeline: otio.schema.Timeline) -> Rate:
    """The record rate: of the start time, else what most picture ranges count in.

    Media are asked only where nothing in the edit has a range, as a relink may change their rate.
    A clock of whole seconds or of 1/24000 s says nothing about frames; it is taken last.
    """
    start = timeline.global_start_time
    if start is not None and _counts_frames(Rate.of(start.rate)):
        return Rate.of(start.rate)
    picture = [t for t in timeline.tracks if getattr(t, "kind", "Video") == "Video"]
    ranges = [item.source_range for item in _items(picture) or _items(list(timeline.tracks))]
    if not any(ranges):
        ranges = [clip.media_reference.available_range for clip in timeline.find_clips()]
    counts = Counter(Rate.of(span.duration.rate) for span in ranges if span is not None)
    if not counts:
        raise EditError("Nothing in the edit has a length or a frame rate")
    return max(counts, key=lambda rate: (_counts_frames(rate), counts[rate]))


def _counts_frames(rate: Rate) -> bool:
    return 1 < rate.fps < 1000


def _items(tracks: list[otio.core.Composable]) -> list[otio.core.Item]:
    """Everything with a length that stands in these tracks."""
    inside = [list(t) if isinstance(t, otio.core.Composition) else [t] for t in tracks]
    return [item for items in inside for item in items if isinstance(item, otio.core.Item)]
