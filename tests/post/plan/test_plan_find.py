"""An EDL's media: found by name, reel and timecode, never one of two; else refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from plan_kit import Desk

from unisync_adapters.document import PathMap, read_edit
from unisync_adapters.timebase import Rate
from unisync_post.plan.make import make_plan
from unisync_post.plan.options import DubFile, PlanOptions
from unisync_post.plan.plan import Decision, Plan

HOUR = 90_000
EVENT = "001  {reel} V C 01:00:10:00 01:00:12:00 01:00:00:00 01:00:02:00\n"


@pytest.fixture
def dub(desk: Desk) -> Path:
    return desk.sound("dub.wav", (0, 2), length=3)


def plan(
    desk: Desk, dub: Path, *remarks: str, reel: str = "A001C003", fcm: str = "NON-DROP", **said: Any
) -> Plan:
    text = f"TITLE: Cut\nFCM: {fcm} FRAME\n" + EVENT.format(reel=reel)
    data = (text + "".join(f"* {remark}\n" for remark in remarks)).encode()
    rate = said.pop("rate", Rate.of(25))
    document = read_edit(data, desk.folder / "cut.edl", rate=rate)
    options = PlanOptions(
        dub=(DubFile(dub, "fr"),), media=(desk.folder / "m",), rate=rate, handles=0, **said
    )
    return make_plan(document, options)


def plate(desk: Desk, name: str, **facts: Any) -> None:
    values = {"start_frame": HOUR, "has_timecode": True, **facts}
    desk.plate(name, under="m", **values)


@pytest.mark.parametrize(
    ("name", "remark", "facts"),
    [
        ("x.mov", "FROM CLIP NAME: other", {"reel": "A001C003"}),
        ("12A-1.mov", "FROM CLIP NAME: 12A-1", {}),
        ("12a-1.mov", "FROM CLIP NAME: 12A-1.mov", {"has_timecode": False, "start_frame": 0}),
        ("A001_long.mov", "SOURCE FILE: /Volumes/x/A001_LONG.MOV", {}),
        ("A001C003_261101_R1AB.mov", "COMMENT: nothing", {}),
    ],
)
def test_found_by(name: str, remark: str, facts: dict[str, Any], desk: Desk, dub: Path) -> None:
    if not facts.get("has_timecode", True):
        facts |= {"frames": 200_000}
    plate(desk, name, **facts)
    plate(desk, "unrelated.mov")
    (one,) = plan(desk, dub, remark).clips
    assert one.decision is Decision.RENDER, one.reason
    assert one.shot is not None
    assert one.shot.media.name == name
    assert (one.shot.source.start, one.shot.source.count) == (
        (250, 50) if facts.get("has_timecode", True) else (HOUR + 250, 50)
    )


def test_timecode_decides_between_files_of_one_name(desk: Desk, dub: Path) -> None:
    plate(desk, "card1/12A-1.mov", start_frame=0)
    plate(desk, "card2/12A-1.mov")
    (one,) = plan(desk, dub, "FROM CLIP NAME: 12A-1.mov").clips
    assert one.shot is not None
    assert one.shot.media.parent.name == "card2"


def test_two_that_fit_are_never_guessed_between(desk: Desk, dub: Path) -> None:
    plate(desk, "proxy/12A-1.mov", identity="proxy")
    plate(desk, "online/12A-1.mov", identity="online")
    (one,) = plan(desk, dub, "FROM CLIP NAME: 12A-1").clips
    assert one.decision is Decision.REFUSE
    assert "several files fit" in one.reason
    assert "proxy" in one.reason


def test_a_short_reel_needs_the_timecode(desk: Desk, dub: Path) -> None:
    plate(desk, "A001C003_X.mov", has_timecode=False, start_frame=0, frames=200_000)
    (one,) = plan(desk, dub).clips
    assert "offline" in one.reason


def test_a_path_map_says_which_file_it_is(desk: Desk, dub: Path) -> None:
    plate(desk, "online/x.mov")
    path_map = PathMap((("12A-1", str(desk.folder / "m" / "online" / "x.mov")),))
    text = "TITLE: Cut\n" + EVENT.format(reel="AX") + "* FROM CLIP NAME: 12A-1\n"
    document = read_edit(
        text.encode(), desk.folder / "cut.edl", path_map=path_map, rate=Rate.of(25)
    )
    made = make_plan(document, PlanOptions(dub=(DubFile(dub, "fr"),), path_map=path_map))
    assert made.clips[0].decision is Decision.RENDER


@pytest.mark.parametrize(
    ("facts", "said", "reason"),
    [
        ({"rate": Rate.of(24), "start_frame": 86400}, {}, "runs at 24 fps and this edit counts 25"),
        (
            {"rate": Rate.of(23.976), "start_frame": 86400},
            {"rate": Rate.of(24)},
            "add --rate 23.976, or export the edit as AAF or XML",
        ),
        (
            {"rate": Rate.of(29.97), "start_frame": 107892, "drop": True},
            {"rate": Rate.of(29.97)},
            "in non-drop-frame timecode, the file has drop-frame",
        ),
        ({"start_frame": HOUR + 251, "frames": 1000}, {}, "begins before its media does"),
    ],
)
def test_what_an_edl_cannot_say_is_refused(
    facts: dict[str, Any], said: dict[str, Any], reason: str, desk: Desk, dub: Path
) -> None:
    desk.plate("12A-1.mov", **{"has_timecode": True, **facts})
    (one,) = plan(desk, dub, "FROM CLIP NAME: 12A-1.mov", **said).clips
    assert one.decision is Decision.REFUSE
    assert reason in one.reason


def test_what_has_no_file_is_left(desk: Desk, dub: Path) -> None:
    (one,) = plan(desk, dub, "FROM CLIP NAME: Black Video", reel="AX").clips
    assert one.decision is Decision.LEAVE
