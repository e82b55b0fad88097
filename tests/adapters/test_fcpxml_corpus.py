"""The laws over real exports, from the folder that UNISYNC_TIMELINES names.

UNISYNC_FCPXML_DTDS may name a folder with Apple's definitions (``…1.11.dtd``); then what was valid
must be valid after.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from lxml import etree
from test_fcpxml_patch import relink

from unisync_adapters.document import PathMap, Relink
from unisync_adapters.errors import EditError
from unisync_adapters.fcpxml import ADAPTER
from unisync_adapters.fcpxml.read import FcpxmlDocument, read_document
from unisync_adapters.otiotime import exact_seconds

ROOT = os.environ.get("UNISYNC_TIMELINES")
DTDS = os.environ.get("UNISYNC_FCPXML_DTDS")
FILES = sorted(Path(ROOT).rglob("*.fcpxml")) if ROOT else []
pytestmark = pytest.mark.skipif(not FILES, reason="UNISYNC_TIMELINES names no FCPXML")
NAME = "Returned FR"
MOST = 3
"""Projects of one document that are tried."""


@cache
def opened(path: Path) -> tuple[FcpxmlDocument, ...]:
    """The first projects of a document; none, if it is refused with a reason."""
    found = []
    with suppress(IndexError, EditError):
        for place in range(MOST):
            found.append(read_document(path.read_bytes(), path, PathMap(), ADAPTER, place))
    return tuple(found)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_what_is_not_read_says_what_to_do(path: Path) -> None:
    if not opened(path):
        with pytest.raises(EditError) as caught:
            ADAPTER.read(path.read_bytes(), path, PathMap())
        assert caught.value.file == str(path)
        assert caught.value.remedy


def possible(document: FcpxmlDocument) -> list[Relink]:
    return [
        relink(document, index)
        for index, item in enumerate(document.items.values())
        if item.refuse is None and item.asset.url and not item.asset.kind
    ]


def played(root: Any) -> list[str | None]:
    """The asset of every element that plays one, in document order."""
    return [e.get("ref") for e in root.iter("asset-clip", "video", "audio")]


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_identity(path: Path) -> None:
    for document in opened(path):
        assert document.patch([]) is document.data
        document.verify(document.data, [])


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_everything_played_lies_within_its_media(path: Path) -> None:
    """Whoever misreads an offset, a speed or a conform ends outside; two frames are rounding."""
    for document in opened(path):
        for clip in document.timeline.find_clips():
            media = clip.media_reference
            if isinstance(media, otio.schema.ExternalReference) and media.available_range:
                whole, played_ = media.available_range, clip.source_range
                warps = [e for e in clip.effects if isinstance(e, otio.schema.LinearTimeWarp)]
                speed = abs(Fraction(warps[0].time_scalar)) if warps else 1
                start = exact_seconds(played_.start_time) - exact_seconds(whole.start_time)
                end = start + exact_seconds(played_.duration) * speed
                assert -Fraction(1, 12) < start
                assert end < exact_seconds(whole.duration) + Fraction(1, 12)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_relink_one(path: Path) -> None:
    for document in opened(path):
        todo = possible(document)
        before = etree.fromstring(document.data)
        for one in todo[:: max(1, len(todo) // 2)]:
            result = document.patch([one], name=NAME)
            document.verify(result, [one], name=NAME)
            after = etree.fromstring(result)
            new = [ref for ref in played(after) if ref and ref.startswith("unisync-")]
            assert len(new) == 1
            item = document.items[one.origin]
            added = int(item.detach or item.angle is not None)
            assert len(played(after)) == len(played(before)) + added


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_relink_all(path: Path) -> None:
    for document in opened(path):
        todo = possible(document)
        result = document.patch(todo, name=NAME)
        document.verify(result, todo, name=NAME)
        root = etree.fromstring(result)
        assert sum((ref or "").startswith("unisync-") for ref in played(root)) == len(todo)
        if DTDS is not None and is_valid(document.data, DTDS):
            assert is_valid(result, DTDS)


def is_valid(data: bytes, folder: str) -> bool:
    root = etree.fromstring(data)
    version = re.escape(root.get("version") or "")
    found = [p for p in Path(folder).iterdir() if re.search(rf"(?<![\d.]){version}\.dtd$", p.name)]
    return bool(found) and etree.DTD(str(found[0])).validate(root)
