"""AAF, planned over what lies on the disk: pictures over pictures, and image sequences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aaf_samples import Below, Blend, Media, Sample, Shot
from job_kit import Painter, plan_for
from plan_kit import Desk, by_name, loud_spans
from sequence_kit import write_exr
from test_sequence_jobs import COUNT, Plates, plates

from unisync_adapters.document import open_edit
from unisync_adapters.urls import MediaUrl
from unisync_post.job.assemble import assemble
from unisync_post.job.run import render_job
from unisync_post.plan.make import make_plan
from unisync_post.plan.options import DubFile, PlanOptions
from unisync_post.plan.plan import Decision, Plan

__all__ = ["plates"]  # a fixture


@pytest.fixture(autouse=True)
def _loud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unisync_post.plan.listen.speech_spans", loud_spans)


def planned(desk: Desk, tracks: Sequence[Sequence[Any]], *media: Media) -> Plan:
    """A plan of these tracks, two seconds of them under loud speech."""
    edit = desk.folder / "cut.aaf"
    edit.write_bytes(Sample(tracks=tracks, media=media).data())
    dub = DubFile(desk.sound("dub.wav", (0, 4)), "fr")
    return make_plan(open_edit(edit), PlanOptions(dub=(dub,), handles=3))


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A folder whose two movies are facts."""
    made = Desk(tmp_path)
    monkeypatch.setattr("unisync_post.plan.media.probe", made.probe)
    for name in "AB":
        made.plate(f"{name}.mov")
    return made


def over(desk: Desk, upper: Any, raster: tuple[int, int] = (1920, 1080)) -> Plan:
    """Clip ``A``, and this over it, of clip ``B``."""
    urls = [(desk.folder / f"{name}.mov").as_uri() for name in "AB"]
    low = Media("A", urls[0], length=1000, start=0, reel=None)
    high = Media("B", urls[1], length=1000, start=0, reel=None, raster=raster)
    return planned(desk, [[Shot(0)], [upper]], low, high)


def both(plan: Plan) -> tuple[Decision, Decision]:
    return by_name(plan, "A").decision, by_name(plan, "B").decision


PARTIAL = [
    Blend((Below(), Shot(1)), "Picture-In-Picture_v2", (("AFX_SCALE_X_U", 40),)),
    Blend((Below(), Shot(1)), "SBlend_v2", (("DVE_SCALE_X_U", ((0, 22), (1, 100))),)),
    Blend((Below(), Shot(1)), "Superimpose_2", (("AFX_FG_KEY_OPACITY_U", 50),)),
    Blend((Below(), Shot(1), Shot(1, 300)), "MatteKey_2"),
    Blend((Shot(1),), "PaintResize_v2", (("AFX_SCALE_X_U", 40), ("AFX_SCALE_Y_U", 40))),
    Blend((Shot(1),), "Video Crop", (("Crop Left", 0), ("Crop Right", 1))),
]


@pytest.mark.parametrize("upper", PARTIAL, ids=lambda blend: blend.operation)
def test_21_a_picture_in_picture_of_an_aaf_lets_through(desk: Desk, upper: Blend) -> None:
    plan = over(desk, upper)
    assert both(plan) == (Decision.RENDER, Decision.RENDER)
    assert any("lets it through" in w for w in by_name(plan, "A").warnings)
    assert any("Scaled or faded" in w for w in by_name(plan, "B").warnings)


def test_21_uhd_scaled_to_fill_hd_hides_what_lies_below_in_an_aaf(desk: Desk) -> None:
    half = (("Scale X", Fraction(1, 2)), ("Scale Y", Fraction(1, 2)))
    plan = over(desk, Blend((Shot(1),), "Video Scale", half), (3840, 2160))
    assert both(plan) == (Decision.LEAVE, Decision.RENDER)
    assert by_name(plan, "A").reason == "Hidden under V2 “B”."


NUMBERS = range(1001, 1041)


@pytest.mark.parametrize("name", ["plate.1001.exr", "plate.[1001-1040].exr", "plate.%04d.exr"])
def test_31_a_sequence_of_an_aaf_is_planned(tmp_path: Path, name: str) -> None:
    desk = Desk(tmp_path)
    for number in NUMBERS:
        write_exr(tmp_path / f"plate.{number}.exr", np.zeros((8, 8, 3), np.float32))
    media = Media("plate", f"{tmp_path.as_uri()}/{name}", length=40, start=0, reel=None)
    (made,) = planned(desk, [[Shot(0, 10, 20)]], media).clips
    assert made.decision is Decision.RENDER, made.reason
    assert made.shot is not None
    assert made.shot.media == tmp_path / "plate.[1001-1040].exr"
    assert (made.shot.source.start, made.shot.source.count) == (7, 26)


def test_31_a_missing_frame_of_an_aafs_sequence_is_named(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    for number in NUMBERS:
        write_exr(tmp_path / f"plate.{number}.exr", np.zeros((8, 8, 3), np.float32))
    (tmp_path / "plate.1015.exr").unlink()
    url = f"{tmp_path.as_uri()}/plate.1001.exr"
    media = Media("plate", url, length=40, start=0, reel=None)
    (made,) = planned(desk, [[Shot(0, 10, 20)]], media).clips
    assert made.reason == "Frames are missing from the image sequence: 1015."


@pytest.mark.slow
def test_31_a_returned_aaf_plays_the_new_frames_in_the_form_of_the_old(
    plates: Plates, tmp_path: Path
) -> None:
    media = Media(
        "plate", f"{plates.exr.as_uri()}/plate.1001.exr", Fraction(24), COUNT, 86_400, reel=None
    )
    edit = tmp_path / "cut.aaf"
    sample = Sample(tracks=[[Shot(0, 3, 8)]], media=[media], rate=Fraction(24), start=86_400)
    edit.write_bytes(sample.data())
    painter = Painter()
    job = plan_for(edit, plates.dub, tmp_path / "out", painter)
    assert render_job(job, engine=painter)["rendered"] == 1
    returned = assemble(job)
    (clip,) = open_edit(returned.edit).timeline.find_clips()
    new = MediaUrl.parse(clip.media_reference.target_url)
    assert re.fullmatch(r".*\.1002\.exr", new.name)
    names = sorted(path.name for path in Path(new.path).parent.glob("*.exr"))
    assert names[0] == new.name
    assert len(names) == clip.media_reference.available_range.duration.value == 11
