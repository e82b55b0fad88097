"""The laws over real exports, from the folder that UNISYNC_TIMELINES names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from test_fcp7_patch import relink

from unisync_adapters.document import PathMap, Relink
from unisync_adapters.fcp7 import ADAPTER
from unisync_adapters.fcp7.read import Fcp7Document
from unisync_adapters.fcp7.retime import PLAIN

ROOT = os.environ.get("UNISYNC_TIMELINES")
FILES = [
    path
    for path in (sorted(Path(ROOT).rglob("*.xml")) if ROOT else [])
    if ADAPTER.sniff(path.read_bytes()[:20_000], path)
]
pytestmark = pytest.mark.skipif(not FILES, reason="UNISYNC_TIMELINES names no FCP7 XML")
NAME = "Returned FR"


def opened(path: Path) -> Fcp7Document:
    document = ADAPTER.read(path.read_bytes(), path, PathMap())
    assert isinstance(document, Fcp7Document)
    return document


def possible(document: Fcp7Document) -> list[Relink]:
    return [
        relink(document, index)
        for index, item in enumerate(document.items.values())
        if item.refuse is None and item.media and item.media.url and item.retime is PLAIN
    ]


def resolved(root: Any) -> list[str]:
    """The URL every clipitem plays, in document order."""
    urls = {f.get("id"): f.findtext("pathurl") or "" for f in root.iter("file") if len(f)}
    return [
        urls.get(clip.find("file").get("id"), "") if clip.find("file") is not None else ""
        for clip in root.iter("clipitem")
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_identity(path: Path) -> None:
    document = opened(path)
    assert document.patch([]) is document.data
    document.verify(document.data, [])


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_every_clip_lies_where_its_document_says(path: Path) -> None:
    document = opened(path)
    for clip in document.timeline.tracks.find_clips():
        key = clip.metadata.get("unisync", {}).get("origin")
        if key is None or clip.parent().parent() is not document.timeline.tracks:
            continue
        element = document.items[key].element
        place = clip.range_in_parent()
        for tag, edge in (("start", place.start_time), ("end", place.end_time_exclusive())):
            stated = element.int_of(tag)
            assert stated == -1 or stated == edge.value


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_relink_one(path: Path) -> None:
    document = opened(path)
    todo = possible(document)
    before = etree.fromstring(document.data)
    for one in todo[:: max(1, len(todo) // 5)]:
        result = document.patch([one], name=NAME)
        document.verify(result, [one], name=NAME)
        after = etree.fromstring(result)
        old, new = resolved(before), resolved(after)
        assert sum(a != b for a, b in zip(old, new, strict=True)) == 1
        for tag in ("link", "clipitem", "filter", "transitionitem", "marker", "keyframe"):
            assert len(list(before.iter(tag))) == len(list(after.iter(tag)))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_relink_all(path: Path) -> None:
    document = opened(path)
    todo = possible(document)
    result = document.patch(todo, name=NAME)
    document.verify(result, todo, name=NAME)
    old, new = resolved(etree.fromstring(document.data)), resolved(etree.fromstring(result))
    assert sum(a != b for a, b in zip(old, new, strict=True)) == len(todo)
