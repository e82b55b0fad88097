"""A long edit is planned, patched and proved without OpenTimelineIO's objects: they cost more."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest
from plan_kit import Desk, loud_spans
from xmeml import Edit, Item, Media

from unisync_adapters.document import PathMap, read_edit
from unisync_post.plan.make import make_plan
from unisync_post.plan.options import DubFile, PlanOptions
from unisync_post.plan.relink import relink_of


def test_nobody_waits_for_a_timeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def made(*_: object) -> NoReturn:
        raise AssertionError("somebody asked for the timeline")

    desk = Desk(tmp_path)
    monkeypatch.setattr("unisync_post.plan.media.probe", desk.probe)
    monkeypatch.setattr("unisync_post.plan.listen.speech_spans", loud_spans)
    monkeypatch.setattr("unisync_adapters.reading.timeline_of", made)
    plate = desk.plate("A.mov", frames=5000, start_frame=90_000, has_timecode=True)
    mapped = PathMap((("D:/media", str(desk.folder)),))
    edit = Edit([[Item(Media("A.mov"), 0, 50, 10)]])
    document = read_edit(edit.data(), desk.folder / "cut.xml", path_map=mapped)
    dub = DubFile.parse(str(desk.sound("FR.wav", (0, 8))))
    plan = make_plan(document, PlanOptions(dub=(dub,), path_map=mapped))
    (clip,) = plan.to_render
    assert clip.shot is not None
    relinks = [relink_of(clip.shot, plate, Path("/out/A_fr.mov"))]
    patched = document.patch(relinks, name=plan.new_name)
    document.verify(patched, relinks, name=plan.new_name)
    with pytest.raises(AssertionError, match="timeline"):
        _ = document.timeline
