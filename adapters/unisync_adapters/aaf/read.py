"""An AAF read into an OpenTimelineIO timeline.

A picture slot that nests its tracks in one scope, as Avid and Premiere write it, is as many tracks.
What plays a composition is a ``Stack``; so is an effect over several inputs, or over several clips.
Beyond the contract of :mod:`..document`, an audio clip's ``metadata["unisync"]`` holds
``source_track``: the 1-based track of its clip in the bin, and an effect's ``see_through`` is true
where one sees past it what lies below. A clip's origin key is the path of its
``SourceClip``, or of the ``OperationGroup`` that retimes it, among the storages of the compound
file; a patch does not move them.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio

from ..document import Adapter, Document, PathMap
from ..otiotime import otio_time
from ..reading import ReadTimeline
from ..timebase import Rate
from .compositions import TrackHead, choose, start_of, tracks_of
from .container import opened
from .markers import marks_of
from .media import MediaTable
from .mobs import Code, MobTable, identity, value_of
from .parts import Place
from .segments import ClipItem, SegmentReader


@dataclass(frozen=True, kw_only=True)
class AafDocument(Document):
    """A :class:`Document` that remembers where its clips stand.

    Attributes:
        composition: id of the composition that was read, and its storage.
        items: clips by origin key.
    """

    composition: bytes
    storage: str
    items: dict[str, ClipItem]


def read_document(
    data: bytes, path: Path, path_map: PathMap, adapter: Adapter, sequence: str | bytes | None
) -> AafDocument:
    """Read one composition of an AAF: by name, or by mob id (as text, or its 32 bytes).

    Raises:
        EditError: damaged, no composition, or several and none (or none of that name) picked.
    """
    with opened(data, path) as aaf:
        return document_of(aaf, data, path, path_map, adapter, sequence)


def document_of(
    aaf: Any,
    data: bytes,
    path: Path,
    path_map: PathMap,
    adapter: Adapter,
    sequence: str | bytes | None,
) -> AafDocument:
    """:func:`read_document` of an AAF that is open; ``data`` are its bytes."""
    content = aaf.content
    table = MobTable(content)
    composition = choose(table, sequence, path)
    reader = SegmentReader(table, MediaTable(table, content), content.dir.path())
    heads = tracks_of(composition)
    rate, code = start_of(composition, heads)
    timeline = _timeline(composition, rate, code)
    edit = identity(composition)
    for head in heads:
        place = Place(head.kind, head.label, head.rate, head.rate, (edit,))
        track = reader.track(head.name or head.position, head.segment, place)
        timeline.tracks.append(track)
    reader.framing.settle(timeline)
    _mark(timeline, composition, heads)
    return AafDocument(
        path=path,
        data=data,
        adapter=adapter,
        reading=ReadTimeline(timeline, rate),
        origins=reader.origins,
        rate=rate,
        drop=_drop(rate, code),
        path_map=path_map,
        composition=edit,
        storage=composition.dir.path(),
        items=reader.items,
    )


def _drop(rate: Rate, code: Code | None) -> bool:
    return bool(code is not None and code.drop and rate.can_drop)


def _timeline(composition: Any, rate: Rate, code: Code | None) -> otio.schema.Timeline:
    start = code.at(rate) if code is not None else 0
    return otio.schema.Timeline(
        name=str(value_of(composition, "Name", "")),
        global_start_time=otio_time(Fraction(start), rate),
        metadata={"unisync": {"rate": str(rate), "drop": _drop(rate, code)}},
    )


def _mark(timeline: otio.schema.Timeline, composition: Any, heads: list[TrackHead]) -> None:
    """Markers on the track that they describe; on the edit where that track is not there."""
    for mark in marks_of(composition):
        fits = [
            track
            for head, track in zip(heads, timeline.tracks, strict=True)
            if head.slot in mark.slots
        ]
        if len(fits) > 1:
            fits = fits[mark.track - 1 : mark.track] if mark.track >= 1 else []
        (fits[0] if fits else timeline.tracks).markers.append(mark.marker)
