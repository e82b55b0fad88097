"""The two forms of an edit say the same: its cut list, and the timeline that is made of it."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import generated
import pytest
from hypothesis import HealthCheck, given, settings
from xmeml import FINAL_CUT, PREMIERE, RESOLVE, Edit, Media
from xmeml import Item as ClipItem

from unisync_adapters.cutlist import Clip, CutList, Item, Nest, Transition
from unisync_adapters.document import read_edit
from unisync_adapters.from_otio import cuts_of
from unisync_adapters.reading import ReadCuts

ROOT = os.environ.get("UNISYNC_TIMELINES")
FILES = sorted(Path(ROOT).rglob("*.xml")) if ROOT else []


def agree(data: bytes) -> None:
    """A cut list comes back from its timeline as it was, to what a double holds of a place."""
    document = read_edit(data, Path("/edits/cut.xml"))
    assert isinstance(document.reading, ReadCuts)
    back = cuts_of(document.timeline, document.rate)
    assert doubled(back) == doubled(document.cut_list)


def doubled(cuts: CutList) -> CutList:
    """With every clip's place in its media as a double would have it."""
    return cuts._replace(
        tracks=tuple(t._replace(items=tuple(map(_doubled, t.items))) for t in cuts.tracks)
    )


def _doubled(item: Item) -> Item:
    if isinstance(item, Clip):
        return item._replace(start=Fraction(float(item.start)))
    return item._replace(cuts=doubled(item.cuts)) if isinstance(item, Nest) else item


@given(generated.stories())
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_a_cut_list_comes_back_from_its_timeline(story: generated.Story) -> None:
    agree(generated.premiere(story))
    agree(generated.resolve_xml(story))


@pytest.mark.parametrize("style", [PREMIERE, RESOLVE, FINAL_CUT], ids=lambda s: s.name)
@pytest.mark.parametrize("speed", [None, 2, -1, Fraction(1, 3), 0])
def test_speeds_come_back(style: object, speed: Fraction | None) -> None:
    item = ClipItem(Media("A.mov", 400, 90_000), 0, 48, 100, speed=speed)
    agree(Edit([[item]], style=style, sound=True).data())


@pytest.mark.skipif(not FILES, reason="UNISYNC_TIMELINES names no FCP7 XML")
@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_real_exports_come_back(path: Path) -> None:
    agree(path.read_bytes())


def test_a_track_lists_what_lies_on_it_and_where() -> None:
    items = [
        ClipItem(Media("A.mov", 400, 0), 10, -1, 100, length=58),
        ClipItem(None, 48, 68, over="Cross Dissolve"),
        ClipItem(Media("B.mov", 400, 0), -1, 106, 100, length=58),
    ]
    document = read_edit(Edit([items], sound=False).data(), Path("/edits/cut.xml"))
    (track,) = document.cut_list.tracks
    assert (track.kind, track.length) == ("Video", 106)
    first, over, second = track.items
    assert isinstance(first, Clip)
    assert isinstance(over, Transition)
    assert isinstance(second, Clip)
    assert (first.at, first.length, first.start) == (10, 48, 100)
    assert (over.at, over.before, over.after) == (58, 10, 10)
    assert (second.at, second.length, second.start) == (58, 48, 110)
