"""Media that is longer or shorter than its edit says: what is there is used, the rest is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from generated import FRENCH, Line, Shot, Story, Voice
from whole_kit import Case

from unisync_adapters.timebase import Rate
from unisync_post.plan.make import make_plan
from unisync_post.plan.plan import Decision, Plan

LINES = (Line(2, 60, 24),)


def planned(name: str, shot: Shot, length: int, footage: Path, folder: Path) -> Plan:
    """The plan of one shot of a plate of 40 frames that the edit thinks ``length`` long."""
    case = Case(name, footage, folder)
    story = Story((shot,), (Voice(*FRENCH, LINES),), FRENCH[1], Rate.of(24))
    edit = case.write(story)
    said = {
        "premiere.xml": (b"<duration>40</duration>", f"<duration>{length}</duration>"),
        "resolve.otio": (b'"value": 40', f'"value": {length}'),
        "resolve.fcpxml": (b'duration="5/3s"', f'duration="{length}/24s"'),
    }[name]
    assert said[0] in edit.read_bytes()
    edit.write_bytes(edit.read_bytes().replace(said[0], said[1].encode()))
    options = case.options()
    return make_plan(case.opened(edit, options), options)


@pytest.mark.parametrize("name", ["premiere.xml", "resolve.otio", "resolve.fcpxml"])
def test_a_file_shorter_than_the_edit_says(name: str, footage: Path, tmp_path: Path) -> None:
    (clip,) = planned(name, Shot(0, 30, 20, gap=2), 4000, footage, tmp_path / "a").clips
    assert clip.decision is Decision.RENDER
    assert any("10 frames" in note for note in clip.warnings), clip.warnings
    (clip,) = planned(name, Shot(0, 100, 20, gap=2), 4000, footage, tmp_path / "b").clips
    assert clip.decision is Decision.REFUSE
    assert clip.name == "anna.mov"
    assert "40" in clip.reason or "outside" in clip.reason


@pytest.mark.parametrize("name", ["premiere.xml", "resolve.otio", "resolve.fcpxml"])
def test_a_file_longer_than_the_edit_says(name: str, footage: Path, tmp_path: Path) -> None:
    (clip,) = planned(name, Shot(0, 8, 10, gap=2), 22, footage, tmp_path).clips
    assert clip.decision is Decision.RENDER
    assert clip.shot is not None
    assert clip.shot.length == 14  # and its handles
