"""The laws over real AAFs, from the folder that UNISYNC_TIMELINES names; and over harmed ones."""

from __future__ import annotations

import os
import random
from pathlib import Path

import opentimelineio as otio
import pytest
from test_aaf_patch import possible, relink

from unisync_adapters.aaf import ADAPTER
from unisync_adapters.aaf.read import AafDocument
from unisync_adapters.document import PathMap, Relink, read_edit
from unisync_adapters.errors import EditError

ROOT = os.environ.get("UNISYNC_TIMELINES")
FILES = sorted(Path(ROOT).rglob("*.aaf")) if ROOT else []
pytestmark = pytest.mark.skipif(not FILES, reason="UNISYNC_TIMELINES names no AAF")
NAME = "Returned FR"
HANDLES = 60
MUTATIONS = 1000


def opened(path: Path, data: bytes | None = None) -> AafDocument:
    """The edit, or the first of several; skips what is refused by a sentence."""
    data = path.read_bytes() if data is None else data
    try:
        document = ADAPTER.read(data, path, PathMap())
    except EditError as error:
        if "Several sequences" not in error.what:
            pytest.skip(f"refused: {error}")
        document = ADAPTER.read(data, path, PathMap(), error.what.split("'")[1])
    assert isinstance(document, AafDocument)
    return document


def relinks_of(document: AafDocument) -> list[Relink]:
    """Every clip at media of its own, with handles enough for any transition."""
    return [relink(document, key, n, source_in=HANDLES) for n, key in enumerate(possible(document))]


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_every_clip_relinked_and_proven(path: Path) -> None:
    document = opened(path)
    assert document.patch([]) is document.data
    for clip in document.timeline.find_clips():
        facts = clip.metadata.get("unisync", {})
        made = isinstance(clip.media_reference, otio.schema.GeneratorReference)
        if clip.parent().kind == "Video" and not made:
            assert "origin" in facts or "refuse" in facts
    relinks = relinks_of(document)
    document.verify(document.patch(relinks, name=NAME), relinks, name=NAME)


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_each_clip_alone(path: Path) -> None:
    document = opened(path)
    for new in relinks_of(document)[:12]:
        document.verify(document.patch([new]), [new])


@pytest.mark.slow
def test_a_harmed_aaf_is_proven_or_refused() -> None:
    """A thousand files with bytes changed: a proven patch, or an EditError that says what to do."""
    chance = random.Random(6)
    small = sorted(FILES, key=lambda p: p.stat().st_size)[:12]
    ends = {"proven": 0, "refused": 0}
    for _ in range(MUTATIONS):
        path = chance.choice(small)
        data = bytearray(path.read_bytes())
        for _ in range(chance.choice((1, 4, 64))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        if chance.random() < 0.1:
            del data[chance.randrange(len(data)) :]
        ends[_end(bytes(data), path)] += 1
    assert min(ends.values()) > MUTATIONS // 50, ends


def _end(data: bytes, path: Path) -> str:
    """``proven``, or ``refused``; whatever else is raised fails the test."""
    try:
        document = read_edit(data, path)
        assert isinstance(document, AafDocument)
        relinks = relinks_of(document)[:2]
        document.verify(document.patch(relinks, name=NAME), relinks, name=NAME)
    except EditError as error:
        return "refused" if error.file == str(path) and error.what else f"unnamed: {error!r}"
    return "proven"
