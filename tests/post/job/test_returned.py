"""Edits that name no paths, and edits that hold their media: the whole way, in kind."""

from __future__ import annotations

import zipfile
from pathlib import Path

import opentimelineio as otio
import pytest
from job_kit import Painter

from unisync_adapters.document import open_edit
from unisync_adapters.errors import EditError
from unisync_adapters.timebase import Rate
from unisync_post.job.assemble import assemble, is_ours
from unisync_post.job.dub import plan_job
from unisync_post.job.folder import JobFolder
from unisync_post.job.manage import purge_job
from unisync_post.job.run import render_job
from unisync_post.plan.options import DubFile, PlanOptions

EDL = (
    "TITLE:   REEL 1 \r\nFCM: NON-DROP FRAME\r\n"
    "001  AX       V     C        01:00:00:05 01:00:00:09 01:00:00:00 01:00:00:04 \r\n"
    "* FROM CLIP NAME:  anna.mov \r\n* LOC: 01:00:00:01 GREEN   EYES\r\n"
    "002  AX       V     C        01:00:00:09 01:00:00:09 01:00:00:04 01:00:00:04 \r\n"
    "002  BL       V     D    004 00:00:00:00 00:00:00:04 01:00:00:04 01:00:00:08 \r\n"
    "* FROM CLIP NAME:  anna.mov \r\n"
)


def dubbed(edit: Path, out: Path, options: PlanOptions) -> JobFolder:
    engine = Painter()
    job = plan_job(edit, out, options, engine)
    assert render_job(job, engine=engine)["rendered"] == 1
    return job


def test_an_edl_comes_back_with_new_names_alone(stage, tmp_path: Path) -> None:
    edit = tmp_path / "in" / "cut.edl"
    edit.parent.mkdir()
    edit.write_bytes(EDL.encode())
    options = PlanOptions(
        dub=(DubFile(stage.dub, "fr"),),
        rate=Rate.of(24),
        media=(stage.anna.parent,),
        handles=2,
    )
    job = dubbed(edit, tmp_path / "out", options)
    returned = assemble(job)
    assert returned.edit.name == "cut_UNISYNC_FR_v001.edl"
    new = job.media_name(job.plan.clips[0]).removeprefix("media/")
    expected = EDL.replace("anna.mov", new).replace("REEL 1", "REEL 1_UNISYNC_FR_v001")
    assert returned.edit.read_bytes() == expected.encode()


def bundle_of(plate: Path, path: Path) -> Path:
    span = otio.opentime.TimeRange
    time = otio.opentime.RationalTime
    media = otio.schema.ExternalReference(plate.as_uri(), span(time(86400, 24), time(40, 24)))
    timeline = otio.schema.Timeline("Reel")
    track = otio.schema.Track("V1", kind="Video")
    track.append(otio.schema.Clip("anna", media, span(time(86405, 24), time(8, 24))))
    timeline.tracks.append(track)
    otio.adapters.write_to_file(timeline, str(path))
    return path


@pytest.mark.parametrize("kind", ["otioz", "otiod"])
def test_a_bundle_comes_back_as_a_bundle(kind: str, stage, tmp_path: Path) -> None:
    edit = bundle_of(stage.anna, tmp_path / f"Reel.{kind}")
    out = tmp_path / "out"
    job = dubbed(edit, out, PlanOptions(dub=(DubFile(stage.dub, "fr"),), handles=2))
    returned = assemble(job)
    assert returned.edit.name == f"Reel_UNISYNC_FR_v001.{kind}"
    new = job.media_name(job.plan.clips[0])
    document = open_edit(returned.edit)
    (clip,) = document.timeline.find_clips()
    assert clip.media_reference.target_url == new
    assert document.timeline.name == "Reel_UNISYNC_FR_v001"
    if kind == "otioz":
        with zipfile.ZipFile(returned.edit) as made:
            assert made.read(new) == (out / new).read_bytes()
            assert made.read("media/anna.mov") == stage.anna.read_bytes()
    else:
        assert (returned.edit / new).read_bytes() == (out / new).read_bytes()
        assert (returned.edit / "media" / "anna.mov").read_bytes() == stage.anna.read_bytes()
    assert is_ours(job)
    assert assemble(job).edit == returned.edit
    purge_job(job)
    assert list(out.iterdir()) == []


def test_a_hostile_bundle_is_refused_before_anything_is_written(stage, tmp_path: Path) -> None:
    edit = bundle_of(stage.anna, tmp_path / "Reel.otioz")
    with zipfile.ZipFile(edit, "a") as bundle:
        bundle.writestr("media/../../../evil", b"x")
    options = PlanOptions(dub=(DubFile(stage.dub, "fr"),))
    with pytest.raises(EditError, match="leads out of it"):
        plan_job(edit, tmp_path / "out", options, Painter())
    assert list((tmp_path / "out").rglob("*.mov")) == []
    assert not (tmp_path / "evil").exists()
