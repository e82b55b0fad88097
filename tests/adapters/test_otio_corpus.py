"""The laws over real documents: identity, relink only, proved by a fresh read.

The folder of edit documents is named by UNISYNC_TIMELINES; without it these tests are skipped.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import opentimelineio as otio
import pytest

from unisync_adapters.document import Document, PathMap, Relink
from unisync_adapters.errors import EditError
from unisync_adapters.otio_json import ADAPTER
from unisync_adapters.otio_json.scan import scan
from unisync_adapters.otio_json.verify import differing_leaves
from unisync_adapters.otiotime import exact_frames
from unisync_adapters.timebase import Rate

CORPUS = Path(os.environ.get("UNISYNC_TIMELINES", "/nonexistent"))
FILES = sorted([*CORPUS.glob("*/*.otio"), *CORPUS.glob("*/*.json")])
CLIPS_A_FILE = 6
CHANGED = re.compile(
    r"/(target_url(_base)?|name(_prefix|_suffix)?|start_frame|frame_zero_padding"
    r"|available_range(/.*)?|metadata/unisync(/.*)?|metadata)"
)
PLAYED = (otio.schema.ExternalReference, otio.schema.ImageSequenceReference)

each_file = pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
pytestmark = pytest.mark.skipif(not FILES, reason="UNISYNC_TIMELINES names no OTIO documents")


def read(path: Path) -> Document:
    return ADAPTER.read(path.read_bytes(), path, PathMap())


def relink_of(clip: otio.schema.Clip) -> Relink:
    """New media with twelve frames of handles, on the clock of the old ones."""
    played, media = clip.trimmed_range(), clip.media_reference.available_range
    rate = Rate.of((media or played).start_time.rate)
    start = int(exact_frames(played.start_time, rate) // 1) - 12
    length = int(exact_frames(played.duration, rate)) + 24
    origin = clip.metadata["unisync"]["origin"]
    path = Path("/out/new é.mov")
    if isinstance(clip.media_reference, otio.schema.ImageSequenceReference):
        path = Path(f"/out/new é/new.[0990-{990 + length - 1:04d}].exr")
    return Relink(origin, path, 12, length, rate, start)


def relinkable(document: Document) -> list[Relink]:
    return [
        relink_of(clip)
        for clip in document.timeline.find_clips()
        if isinstance(clip.media_reference, PLAYED) and "refuse" not in clip.metadata["unisync"]
    ]


@each_file
def test_every_document_is_read_and_kept(path: Path) -> None:
    document = read(path)
    assert document.patch([]) is document.data
    assert len(document.origins) == document.data.count(b'"Clip.')
    assert ADAPTER.sniff(document.data, path)


@each_file
def test_the_scanner_agrees_with_json(path: Path) -> None:
    data = path.read_bytes()
    assert repr(scan(data).plain()) == repr(json.loads(data.decode("utf-8-sig")))


@each_file
def test_every_relink_changes_only_its_own_leaves(path: Path) -> None:
    document = read(path)
    before = scan(document.data)
    for relink in relinkable(document)[:CLIPS_A_FILE]:
        patched = document.patch([relink])
        document.verify(patched, [relink])
        differing = list(differing_leaves(document.data, before, patched, scan(patched)))
        references = re.compile(
            re.escape(relink.origin) + "(/media_references/DEFAULT_MEDIA|/media_reference)"
        )
        inside = [p for p in differing if references.match(p)]
        leaves = [references.sub("", p, count=1) for p in inside]
        assert {"/target_url", "/target_url_base"} & set(leaves)
        assert all(CHANGED.fullmatch(leaf) for leaf in leaves)
        # a clip that names no source range plays its whole media: only then is one written
        assert set(differing) - set(inside) <= {relink.origin + "/source_range"}


@each_file
def test_all_clips_at_once_and_a_new_name(path: Path) -> None:
    document = read(path)
    relinks = relinkable(document)
    patched = document.patch(relinks, name="cut_UNISYNC_fr_v001")
    document.verify(patched, relinks, name="cut_UNISYNC_fr_v001")
    with pytest.raises(EditError):
        document.verify(patched.replace(b'"value": ', b'"value": 1', 1), relinks, name="x")


def test_otio_reads_what_we_patched() -> None:
    """The library itself reads a patched document wherever it reads the original."""
    compared = 0
    for path in FILES:
        document = read(path)
        patched = document.patch(relinkable(document), name="new")
        try:
            before = otio.adapters.read_from_string(document.data.decode(), "otio_json")
        except Exception:  # the library's own errors are of many kinds
            continue
        if not isinstance(before, otio.schema.Timeline):
            continue
        after = otio.adapters.read_from_string(patched.decode(), "otio_json")
        assert [(c.name, c.range_in_parent()) for c in before.find_clips()] == [
            (c.name, c.range_in_parent()) for c in after.find_clips()
        ]
        compared += 1
    assert compared >= 20
