"""Laws 4, 5 and 6: originals stay, a bad shot costs only itself, a killed job goes on."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from job_kit import Cut, Painter, plan_for, write_dub, write_edit

from unisync_adapters.document import open_edit
from unisync_post.errors import EngineError, JobError, PlanError
from unisync_post.job.assemble import assemble, read_sidecar
from unisync_post.job.folder import open_job
from unisync_post.job.run import render_job
from unisync_post.media.probe import probe


def tree(folder: Path) -> dict[str, str]:
    """Every file below a folder and the hash of its bytes."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def delivered(out: Path) -> dict[str, str]:
    """What a user takes home: the new media and the returned edits."""
    return {
        name: digest
        for name, digest in tree(out).items()
        if name.startswith("media/") or name.endswith(".xml")
    }


def test_the_whole_way(stage, tmp_path: Path) -> None:
    before = tree(stage.edit.parent)
    engine = Painter()
    job = plan_for(stage.edit, stage.dub, tmp_path / "out", engine)
    counts = render_job(job, engine=engine)
    assert counts["rendered"] == 2
    assert counts["kept"] == 1
    returned = assemble(job)
    assert returned.relinked == 2
    assert tree(stage.edit.parent) == before
    timeline = open_edit(returned.edit).timeline
    urls = [clip.media_reference.target_url for clip in timeline.find_clips()]
    assert [("/media/unisync_fr_" in url) for url in urls] == [True, True, False]
    for clip in job.plan.to_render[:2]:
        result = job.result(clip)
        assert result is not None
        assert result.outside_composite == 0
        assert result.changed == result.frames == clip.shot.length == 8
        info = probe(job.out / str(result.media))
        assert (info.frames, info.start_frame) == (8, 86400 + 3)
        assert info.profile == probe(clip.shot.media).profile
    landscape = job.result(job.plan.to_render[2])
    assert landscape is not None
    assert landscape.reason == "no face was found"
    sidecar = read_sidecar(returned.sidecar)
    assert [c.draft for c in sidecar.changed] == [True, True]
    assert sidecar.unchanged[0].reason == landscape.reason


def test_a_relative_out_folder_still_gives_absolute_media(
    stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    engine = Painter()
    job = plan_for(stage.edit, stage.dub, Path("out"), engine)
    render_job(job, engine=engine, shots={1})
    returned = assemble(job, partial=True)
    clip = open_edit(returned.edit).timeline.find_clips()[0]
    assert clip.media_reference.target_url.endswith(
        str(tmp_path / job.media_name(job.plan.to_render[0]).replace("media/", "out/media/"))
    )


def test_a_second_run_renders_nothing(stage, tmp_path: Path) -> None:
    engine = Painter()
    render_job(plan_for(stage.edit, stage.dub, tmp_path / "out", engine), engine=engine)
    first = tree(tmp_path / "out")
    again = Painter()
    job = plan_for(stage.edit, stage.dub, tmp_path / "out", again)
    assert render_job(job, engine=again)["ready"] == 3
    assert again.takes == 0
    assert tree(tmp_path / "out") == first


_KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = [{kit!r}]
from job_kit import Painter, plan_for
from unisync_post.job.assemble import assemble
from unisync_post.job.run import render_job
def die(number):
    if number == {take}:
        os.kill(os.getpid(), signal.SIGKILL)
engine = Painter(die)
job = plan_for(Path({edit!r}), Path({dub!r}), Path({out!r}), engine)
render_job(job, engine=engine)
assemble(job)
"""


@pytest.mark.parametrize("take", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_killed_and_started_again_it_ends_with_the_same_bytes(
    stage, tmp_path: Path, take: int
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    engine = Painter()
    job = plan_for(stage.edit, stage.dub, whole, engine)
    render_job(job, engine=engine)
    assemble(job)
    script = _KILLED.format(
        kit=str(Path(__file__).parent),
        take=take,
        edit=str(stage.edit),
        dub=str(stage.dub),
        out=str(broken),
    )
    dead = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True)
    assert dead.returncode == -9, dead.stderr.decode()
    finished = {path: path.stat().st_mtime_ns for path in (broken / "media").glob("*.mov")}
    assert len(finished) == take - 1
    again = Painter()
    job = plan_for(stage.edit, stage.dub, broken, again)
    render_job(job, engine=again)
    assemble(job)
    assert again.takes == 2 - len(finished)
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    # the edits name their own media folder; everything else is equal to the byte
    ours = (broken / "Reel_UNISYNC_FR_v001.xml").read_text().replace(str(broken), str(whole))
    assert ours == (whole / "Reel_UNISYNC_FR_v001.xml").read_text()
    media = {k: v for k, v in delivered(broken).items() if k.startswith("media/")}
    assert media == {k: v for k, v in delivered(whole).items() if k.startswith("media/")}


def test_killed_while_a_file_is_being_written_nothing_is_left_over(stage, tmp_path: Path) -> None:
    engine = Painter()
    job = plan_for(stage.edit, stage.dub, tmp_path / "out", engine)
    media = job.out / job.media_name(job.plan.to_render[0])
    media.parent.mkdir(parents=True)
    (media.parent / f".{media.name}.123.part").write_bytes(b"half a file")
    render_job(job, engine=engine)
    assert [path.name for path in media.parent.iterdir() if path.name.startswith(".")] == []


def test_a_bad_shot_costs_only_itself_and_is_tried_again(stage, tmp_path: Path) -> None:
    def fail(number: int) -> None:
        if number == 1:
            raise EngineError("The weights are damaged", remedy="Pull them again.")

    job = plan_for(stage.edit, stage.dub, tmp_path / "out", Painter())
    counts = render_job(job, engine=Painter(fail))
    assert (counts["rendered"], counts["failed"], counts["kept"]) == (1, 1, 1)
    failed = job.result(job.plan.to_render[0])
    assert failed is not None
    assert failed.reason == "The weights are damaged. Pull them again."
    assert assemble(job).relinked == 1
    healed = Painter()
    assert render_job(job, engine=healed)["rendered"] == 2
    assert healed.takes == 1
    assert assemble(job).relinked == 2


def test_an_unforeseen_error_leaves_a_report(stage, tmp_path: Path) -> None:
    def fail(number: int) -> None:
        raise ZeroDivisionError("of all things")

    job = plan_for(stage.edit, stage.dub, tmp_path / "out", Painter())
    render_job(job, engine=Painter(fail), shots={1})
    clip = job.plan.to_render[0]
    result = job.result(clip)
    assert result is not None
    assert "ZeroDivisionError: of all things" in result.reason
    report = job.shot_folder(job.render_key(clip)) / "error.txt"
    assert "Traceback" in report.read_text()


def test_a_full_disk_stops_the_job_and_loses_nothing(stage, tmp_path: Path) -> None:
    def fill(number: int) -> None:
        if number == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    job = plan_for(stage.edit, stage.dub, tmp_path / "out", Painter())
    with pytest.raises(JobError, match="The disk is full"):
        render_job(job, engine=Painter(fill))
    roomy = Painter()
    assert render_job(job, engine=roomy)["rendered"] == 2
    assert roomy.takes == 1


def test_another_language_and_a_changed_cut_render_only_what_is_new(stage, tmp_path: Path) -> None:
    out, engine = tmp_path / "out", Painter()
    french = plan_for(stage.edit, stage.dub, out, engine)
    render_job(french, engine=engine)
    assemble(french)
    longer = write_edit(
        tmp_path / "Reel.xml",
        [Cut(stage.anna, 5, 4), Cut(stage.ben, 9, 4), Cut(stage.valley, 5, 4)],
    )
    changed = Painter()
    recut = plan_for(longer, stage.dub, out, changed)
    assert render_job(recut, engine=changed)["ready"] == 2
    assert changed.takes == 1
    assert recut.job.output == "Reel_UNISYNC_FR_v002.xml"
    german = write_dub(tmp_path / "dub_de.wav", language="de")
    other = Painter()
    third = plan_for(stage.edit, german, out, other, language="de")
    assert render_job(third, engine=other)["ready"] == 0
    assemble(recut)
    assemble(third)
    assert sorted(p.name for p in out.glob("*.xml")) == [
        "Reel_UNISYNC_DE_v001.xml",
        "Reel_UNISYNC_FR_v001.xml",
        "Reel_UNISYNC_FR_v002.xml",
    ]


def test_one_shot_again_with_another_face(stage, tmp_path: Path) -> None:
    engine = Painter()
    job = plan_for(stage.edit, stage.dub, tmp_path / "out", engine)
    render_job(job, engine=engine)
    before = job.result(job.plan.to_render[0])
    job.choose_face([job.plan.to_render[0]], "left")
    again = Painter()
    assert render_job(open_job(job.path), engine=again)["ready"] == 2
    assert again.takes == 1
    after = job.result(job.plan.to_render[0])
    assert before is not None
    assert after is not None
    assert after.key != before.key
    job.choose_face([job.plan.to_render[0]], "7")
    assert render_job(job, engine=Painter())["failed"] == 1


def test_a_finished_shot_is_rendered_again_when_asked(stage, tmp_path: Path) -> None:
    engine = Painter()
    job = plan_for(stage.edit, stage.dub, tmp_path / "out", engine)
    render_job(job, engine=engine, shots={1})
    before = delivered(job.out)
    again = Painter()
    counts = render_job(job, engine=again, shots={1}, again=True)
    assert (again.takes, counts["ready"], counts["rendered"]) == (1, 0, 1)
    assert delivered(job.out) == before


def test_an_engine_that_changed_is_refused(stage, tmp_path: Path) -> None:
    job = plan_for(stage.edit, stage.dub, tmp_path / "out", Painter())
    with pytest.raises(JobError, match="planned for engine painter"):
        render_job(job, engine=Painter(tint=(1, 2, 3)))


def test_assembling_what_is_not_rendered_is_refused(stage, tmp_path: Path) -> None:
    engine = Painter()
    job = plan_for(stage.edit, stage.dub, tmp_path / "out", engine)
    render_job(job, engine=engine, shots={1})
    with pytest.raises(JobError, match="2 of 3 shots are not rendered yet"):
        assemble(job)
    assert assemble(job, partial=True).relinked == 1


def test_somebody_elses_file_is_not_overwritten(stage, tmp_path: Path) -> None:
    engine = Painter()
    job = plan_for(stage.edit, stage.dub, tmp_path / "out", engine)
    theirs = job.out / job.job.output
    theirs.write_text("mine")
    render_job(job, engine=engine)
    with pytest.raises(JobError, match="not written by this job"):
        assemble(job)
    assert theirs.read_text() == "mine"


def test_media_that_changed_since_planning_is_refused(stage, tmp_path: Path) -> None:
    plate = tmp_path / "anna.mov"
    plate.write_bytes(stage.anna.read_bytes())
    edit = write_edit(tmp_path / "Reel.xml", [Cut(plate)])
    engine = Painter()
    job = plan_for(edit, stage.dub, tmp_path / "out", engine)
    plate.write_bytes(stage.ben.read_bytes())
    render_job(job, engine=engine)
    result = job.result(job.plan.to_render[0])
    assert result is not None
    assert "not what it was when the edit was planned" in result.reason


def test_the_edits_own_folder_is_no_place_for_the_output(stage) -> None:
    with pytest.raises((JobError, PlanError), match="holds the edit"):
        plan_for(stage.edit, stage.dub, stage.edit.parent, Painter())


def test_a_short_window_gives_a_whole_shot(stage, tmp_path: Path) -> None:
    engine = Painter(window=6)
    job = plan_for(stage.edit, stage.dub, tmp_path / "out", engine)
    render_job(job, engine=engine, shots={1})
    result = job.result(job.plan.to_render[0])
    assert result is not None
    assert result.changed == 8
    assert engine.takes == 2
