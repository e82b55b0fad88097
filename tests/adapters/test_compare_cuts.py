"""Comparing two cut lists: every kind of unwanted change is found and named."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from test_fcp7_patch import NAME, read, relink
from xmeml import Edit, Item, Media

from unisync_adapters.compare_cuts import compare_cuts
from unisync_adapters.cutlist import CutList
from unisync_adapters.document import Relink
from unisync_adapters.errors import EditError
from unisync_adapters.timebase import Rate

FILE = Path("cut.xml")
A, B = Media("a.mov"), Media("b.mov", start=0)


def edits() -> tuple[CutList, CutList, Relink]:
    """An edit, the same with its second clip on new media, and the relink that did it."""
    marks = ((20, 0, "m"),)
    items = [
        Item(A, 0, 48, 10, markers=marks),
        Item(B, 48, 96, 10, markers=marks),
        Item(None, 96, 140, nest="nest"),
    ]
    document = read(Edit([items], nests={"nest": [[Item(A, 0, 44, 60)]]}))
    todo = relink(document, 1)
    return document.cut_list, read(document.patch([todo], name=NAME)).cut_list, todo


def changed(cuts: CutList, item: int, /, **fields: Any) -> CutList:
    """With one item of the first track changed."""
    track = cuts.tracks[0]
    items = list(track.items)
    items[item] = items[item]._replace(**fields)
    return with_track(cuts, items=tuple(items))


def with_track(cuts: CutList, /, **fields: Any) -> CutList:
    return cuts._replace(tracks=(cuts.tracks[0]._replace(**fields), *cuts.tracks[1:]))


def media(name: str, start: int = 1001, frames: int = 72, rate: float = 25) -> Any:
    times = (otio.opentime.RationalTime(value, rate) for value in (start, frames))
    return otio.schema.ExternalReference(f"file:///out/{name}", otio.opentime.TimeRange(*times))


NEW = "shot_001_fr.mov"


def test_the_same_edit_and_the_wanted_change_pass() -> None:
    before, after, todo = edits()
    compare_cuts(before, before, [], name=None, file=FILE)
    compare_cuts(before, after, [todo], name=NAME, file=FILE)
    compare_cuts(before, changed(after, 1, media=media(NEW)), [todo], name=NAME, file=FILE)


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("timeline name", lambda c: c._replace(name="other")),
        ("start of the timeline", lambda c: c._replace(start=0)),
        ("rate of the timeline", lambda c: c._replace(rate=Rate.of(24))),
        ("marks of the timeline", lambda c: c._replace(marks=c.tracks[0].items[0].marks)),
        ("number of tracks", lambda c: c._replace(tracks=c.tracks[:-1])),
        ("number of items", lambda c: with_track(c, items=c.tracks[0].items[1:])),
        ("name of Track", lambda c: with_track(c, name="x")),
        ("kind of Track", lambda c: with_track(c, kind="Audio")),
        ("enabled of Track", lambda c: with_track(c, enabled=False)),
        ("locked of Track", lambda c: with_track(c, locked=True)),
        ("name", lambda c: changed(c, 0, name="x")),
        ("at", lambda c: changed(c, 1, at=49)),
        ("length", lambda c: changed(c, 1, length=47)),
        ("enabled", lambda c: changed(c, 1, enabled=False)),
        ("refuse", lambda c: changed(c, 1, refuse="so")),
        ("uncovers", lambda c: changed(c, 1, uncovers=True)),
        ("speed", lambda c: changed(c, 1, speed=Fraction(2))),
        ("start", lambda c: changed(c, 0, start=11)),
        ("marks", lambda c: changed(c, 0, marks=())),
        ("media", lambda c: changed(c, 0, media=media("x.mov"))),
        ("length", lambda c: changed(c, 2, length=20)),
        (
            "trim of Nest",
            lambda c: changed(c, 2, cuts=c.tracks[0].items[2].cuts._replace(trim=None)),
        ),
        ("first frame", lambda c: changed(c, 1, start=1000)),
        ("number of markers", lambda c: changed(c, 1, marks=())),
        ("marker's place", lambda c: changed(c, 1, marks=(moved(c, start=0),))),
        ("marker's length", lambda c: changed(c, 1, marks=(moved(c, length=9),))),
        ("marker", lambda c: changed(c, 1, marks=(moved(c, comment="x"),))),
        ("media name", lambda c: changed(c, 1, media=media("x.mov"))),
        ("media start", lambda c: changed(c, 1, media=media(NEW, start=1))),
        ("media duration", lambda c: changed(c, 1, media=media(NEW, frames=73))),
        ("media rate", lambda c: changed(c, 1, media=media(NEW, rate=24))),
        ("no media file", lambda c: changed(c, 1, media=otio.schema.MissingReference())),
    ],
)
def test_any_other_change_is_named(what: str, change: Any) -> None:
    before, after, todo = edits()
    with pytest.raises(EditError, match=what) as caught:
        compare_cuts(before, change(after), [todo], name=NAME, file=FILE)
    assert caught.value.file == "cut.xml"


def moved(cuts: CutList, **fields: Any) -> Any:
    """The marker of the relinked clip, changed."""
    clip: Any = cuts.tracks[0].items[1]
    return clip.marks[0]._replace(**fields)


def test_a_relink_of_no_clip_is_named() -> None:
    before, _, todo = edits()
    lost = Relink("lost", todo.path, 0, 1, Rate.of(24), 0)
    with pytest.raises(EditError, match="lost"):
        compare_cuts(before, before, [lost], name=None, file=FILE)
