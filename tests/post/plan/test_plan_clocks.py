"""Clocks that differ: drop frame at every rate that has it, and media at another rate."""

from __future__ import annotations

from fractions import Fraction

import opentimelineio as otio
import pytest
from plan_kit import Desk, clip, gap, reference, span, track

from unisync_adapters.timebase import Rate
from unisync_post.plan.shots import Shot

HOUR = 3600


def shown(desk: Desk, item: otio.schema.Clip, rate: str, **said: object) -> Shot:
    dub = desk.sound("dub_FR.wav", (0, 8))
    shot = desk.plan(track(item), dub=dub, rate=rate, handles=0, **said).clips[0].shot
    assert shot is not None
    return shot


@pytest.mark.parametrize(
    ("rate", "first_minute", "expected"),
    [
        ("30000/1001", 1800, "01:01:00;02"),
        ("60000/1001", 3600, "01:01:00;04"),
        ("120000/1001", 7200, "01:01:00;008"),
    ],
)
def test_25_drop_frame_skips_numbers_at_every_rate_that_has_it(
    desk: Desk, rate: str, first_minute: int, expected: str
) -> None:
    """The numbers are skipped, the pictures are not: the dub lies at the exact second."""
    fps = Fraction(rate)
    start = HOUR * round(fps) - 54 * 2 * round(fps) // 30  # 01:00:00;00
    desk.plate("A.mov", rate=Rate.of(rate), frames=20_000)
    item = clip("A", 0, 100, rate=float(fps), record_rate=float(fps))
    dub = desk.sound("long_FR.wav", (0, 62), length=63)
    edit = track(gap(first_minute, float(fps)), item)
    (made,) = desk.plan(edit, dub=dub, rate=rate, start=start, drop=True, handles=0).clips
    assert made.timecode == expected
    assert made.shot is not None
    assert made.shot.dub_start == first_minute / fps
    (non_drop,) = desk.plan(edit.clone(), dub=dub, rate=rate, start=round(fps) * HOUR).clips
    assert non_drop.timecode.startswith("01:01:00:")
    assert int(non_drop.timecode[9:]) == 0


@pytest.mark.parametrize(
    ("media", "edit"),
    [("24", "24000/1001"), ("24000/1001", "24"), ("24000/1001", "25"), ("50", "30000/1001")],
)
def test_26_27_an_hour_into_other_media_the_frame_is_exact(
    desk: Desk, media: str, edit: str
) -> None:
    """24 and 23.976 part by 86 frames in an hour; no rate is rounded into the other."""
    plate, record = Fraction(media), Fraction(edit)
    frames = int(2 * HOUR * plate)
    desk.plate("A.mov", rate=Rate.of(plate), frames=frames)
    count = int(HOUR * record)
    ref = reference("A.mov", frames, float(plate))
    item = otio.schema.Clip("A", ref, span(0, count, float(plate), float(record)))
    item.metadata["unisync"] = {"origin": "A"}
    shot = shown(desk, item, edit)
    assert shot.rate.fps == plate
    assert shot.length == -(-count * plate // record)
    assert shot.played() == list(range(shot.length))
    later = otio.schema.Clip(
        "A", ref.clone(), span(HOUR * round(plate), 50, float(plate), float(record))
    )
    later.metadata["unisync"] = {"origin": "A"}
    assert shown(desk, later, edit).played()[0] == HOUR * round(plate)


def test_26_a_clip_counted_in_the_edits_rate_says_so(desk: Desk) -> None:
    """OTIO from some programs counts a file's frames in the timeline's rate."""
    desk.plate("A.mov", rate=Rate.of(24), frames=2000)
    item = otio.schema.Clip("A", reference("A.mov", 2000, 25), span(100, 50))
    item.metadata["unisync"] = {"origin": "A"}
    dub = desk.sound("dub_FR.wav", (0, 8))
    (made,) = desk.plan(track(item), dub=dub, handles=0).clips
    assert made.shot is not None
    assert made.shot.played()[0] == 96  # 4 s
    assert any("counts this 24 fps media in its own rate" in w for w in made.warnings)
