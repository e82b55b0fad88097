"""The laws over real EDLs, from the folder that UNISYNC_TIMELINES names.

Every file is proven, at the rate that its own error asks for where it states none.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

import pytest
from cmx import relink

from unisync_adapters.document import PathMap, Relink
from unisync_adapters.edl import EdlAdapter
from unisync_adapters.edl.read import EdlDocument
from unisync_adapters.errors import EditError
from unisync_adapters.timebase import Rate

ROOT = os.environ.get("UNISYNC_TIMELINES")
FILES = sorted(Path(ROOT).rglob("*.edl")) if ROOT else []
pytestmark = pytest.mark.skipif(not FILES, reason="UNISYNC_TIMELINES names no EDL")
NAME = "Returned FR"
_RATE = re.compile(r"\d+(?:\.\d+)?")


@cache
def opened(path: Path) -> EdlDocument:
    """The document, at the first rate that its error names."""
    data = path.read_bytes()
    try:
        document = EdlAdapter().read(data, path, PathMap())
    except EditError as error:
        rate = Rate.of(_RATE.findall((error.remedy or "").partition("--rate")[2])[0])
        document = EdlAdapter(rate).read(data, path, PathMap())
    assert isinstance(document, EdlDocument)
    return document


def possible(document: EdlDocument) -> list[Relink]:
    return [
        relink(document, index)
        for index, cut in enumerate(document.cuts.values())
        if cut.refuse is None
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_identity_place_and_reasons(path: Path) -> None:
    document = opened(path)
    assert document.patch([]) is document.data
    document.verify(document.data, [])
    for cut in document.cuts.values():
        assert cut.refuse is None or len(cut.refuse) > 20
    zero = document.timeline.global_start_time.value
    for clip in document.timeline.tracks.find_clips():
        key = clip.metadata.get("unisync", {}).get("origin")
        if key is not None:
            place, cut = clip.range_in_parent(), document.cuts[key]
            assert (zero + place.start_time.value, place.duration.value) == (cut.start, cut.count)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_relink_one(path: Path) -> None:
    document = opened(path)
    todo = possible(document)
    old = document.data.splitlines()
    for one in todo[:: max(1, len(todo) // 3)]:
        result = document.patch([one], name=NAME)
        document.verify(result, [one], name=NAME)
        cut = document.cuts[one.origin]
        lines = 1 + len(cut.side.sources) + len(cut.side.names)
        lines += sum(len(t.sources) + len(t.names) for t in cut.tails)
        new = result.splitlines()
        if cut.speed == 1 and cut.side.names and all(t.names for t in cut.tails):
            assert sum(a != b for a, b in zip(old, new, strict=True)) <= lines


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_relink_all(path: Path) -> None:
    document = opened(path)
    todo = possible(document)
    result = document.patch(todo, name=NAME)
    document.verify(result, todo, name=NAME)
    assert result.count(b"unisync_fr_") >= len(todo)
