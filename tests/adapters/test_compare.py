"""Comparing two readings: every kind of unwanted change is found and named."""

from __future__ import annotations

from pathlib import Path

import opentimelineio as otio
import pytest
from otio_samples import (
    clip,
    external,
    gap,
    marker,
    opened,
    span,
    stack,
    time,
    timeline,
    track,
    warp,
)

from unisync_adapters.compare import compare_timelines
from unisync_adapters.document import Relink
from unisync_adapters.errors import EditError
from unisync_adapters.timebase import Rate

FILE = Path("cut.xml")
ORIGIN = "#/tracks/children/0/children/3"
RELINK = Relink(ORIGIN, Path("/out/new.mov"), 12, 72, Rate.of(24), 988, baked=True)


def edit() -> otio.schema.Timeline:
    two = {"DEFAULT_MEDIA": external(), "proxy": external("/proxy.mov")}
    wipe = {"OTIO_SCHEMA": "Transition.1", "in_offset": time(7.0), "out_offset": time(3.0)}
    nest = stack(track(clip("inside")), source_range=span(0.0, 20.0))
    dubbed = clip(
        "dubbed", media_references=two, effects=[warp(2.0)], markers=[marker("m", 86510.0)]
    )
    return opened(
        timeline(
            track(clip("left alone", markers=[marker("n", 86501.0)]), gap(5.0), wipe, dubbed, nest),
            track(clip("sound"), kind="Audio"),
        )
    ).timeline


def frames(start: float, duration: float, rate: float = 24) -> otio.opentime.TimeRange:
    return otio.opentime.TimeRange(
        otio.opentime.RationalTime(start, rate), otio.opentime.RationalTime(duration, rate)
    )


def relinked() -> otio.schema.Timeline:
    """The edit with its dubbed clip on new media, the retime baked in."""
    after = edit()
    dubbed = after.tracks[0][3]
    dubbed.media_reference.target_url = "/out/new.mov"
    dubbed.media_reference.available_range = frames(988, 72)
    dubbed.source_range = frames(1000, 48)
    dubbed.markers[0].marked_range = frames(1005, 0)
    dubbed.effects.clear()
    return after


def test_the_same_edit_and_the_wanted_change_pass() -> None:
    compare_timelines(edit(), edit(), [], name=None, file=FILE)
    compare_timelines(edit(), relinked(), [RELINK], name=None, file=FILE)
    renamed = relinked()
    renamed.name = "new"
    compare_timelines(edit(), renamed, [RELINK], name="new", file=FILE)


@pytest.mark.parametrize(
    ("what", "statement"),
    [
        ("timeline name", "t.name = 'other'"),
        ("global start time", "t.global_start_time = otio.opentime.RationalTime(0, 24)"),
        ("global start time", "t.global_start_time = None"),
        ("number of items", "del t.tracks[0]"),
        ("number of items", "del t.tracks[0][0]"),
        ("number of items", "del t.tracks[0][4][0]"),
        ("name of", "t.tracks[1].name = 'A1'"),
        ("kind of", "t.tracks[1].kind = 'Video'"),
        ("name of", "t.tracks[0][0].name = 'x'"),
        ("enabled", "t.tracks[0][0].enabled = False"),
        ("enabled", "t.tracks[0][3].enabled = False"),
        ("enabled", "t.tracks[1].enabled = False"),
        ("source range", "t.tracks[0][0].source_range = frames(86501, 48)"),
        ("source range", "t.tracks[0][1].source_range = frames(0, 6)"),
        ("source range", "t.tracks[0][4].source_range = frames(1, 20)"),
        ("in_offset", "t.tracks[0][2].in_offset = otio.opentime.RationalTime(8, 24)"),
        ("media", "t.tracks[0][0].media_reference.target_url = '/x.mov'"),
        ("media", "t.tracks[0][4][0][0].media_reference.target_url = '/x.mov'"),
        ("markers", "del t.tracks[0][0].markers[0]"),
        ("markers", "t.tracks[0][0].markers[0].name = 'x'"),
        ("number of markers", "del t.tracks[0][3].markers[0]"),
        ("marker", "t.tracks[0][3].markers[0].comment = 'x'"),
        ("marker's place", "t.tracks[0][3].markers[0].marked_range = frames(1006, 0)"),
        ("duration", "t.tracks[0][3].source_range = frames(1000, 47)"),
        ("first frame", "t.tracks[0][3].source_range = frames(1001, 48)"),
        ("media start", "t.tracks[0][3].media_reference.available_range = frames(987, 72)"),
        ("media duration", "t.tracks[0][3].media_reference.available_range = frames(988, 73)"),
        ("media rate", "t.tracks[0][3].media_reference.available_range = frames(988, 72, 25)"),
        ("no range", "t.tracks[0][3].media_reference.available_range = None"),
        ("media name", "t.tracks[0][3].media_reference.target_url = '/out/x.mov'"),
        ("no media file", "t.tracks[0][3].media_reference = otio.schema.MissingReference()"),
        ("other media", "t.tracks[0][3].media_references()['proxy'].target_url = '/x.mov'"),
        ("effects", "t.tracks[0][3].effects.append(otio.schema.LinearTimeWarp())"),
    ],
)
def test_any_other_change_is_named(what: str, statement: str) -> None:
    after = relinked()
    exec(statement, {"t": after, "frames": frames, "otio": otio})
    with pytest.raises(EditError, match=what) as caught:
        compare_timelines(edit(), after, [RELINK], name=None, file=FILE)
    assert caught.value.file == "cut.xml"


def test_a_relink_of_no_clip_is_named() -> None:
    lost = Relink("#/lost", Path("/out/new.mov"), 0, 1, Rate.of(24), 0)
    with pytest.raises(EditError, match="#/lost"):
        compare_timelines(edit(), edit(), [lost], name=None, file=FILE)
