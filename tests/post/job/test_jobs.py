"""`unisync jobs`: how jobs stand, stopping, repeating and removing them, from their folders."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from filelock import FileLock
from job_kit import Cut, Painter, plan_for, write_edit

from unisync_post.cli import main
from unisync_post.exit_codes import ExitCode
from unisync_post.job.assemble import assemble
from unisync_post.job.dub import show_job
from unisync_post.job.folder import JobFolder, open_job
from unisync_post.job.run import render_job


def run(*words: object) -> Result:
    return CliRunner().invoke(main, ["jobs", *(str(word) for word in words)])


def said(*words: object) -> list[dict[str, object]]:
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    found: list[dict[str, object]] = json.loads(result.stdout)
    return found


@pytest.fixture(scope="module")
def made(stage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An OUT with two jobs that share two of their three shots."""
    folder = tmp_path_factory.mktemp("jobs")
    out, engine = folder / "out", Painter()
    first = plan_for(stage.edit, stage.dub, out, engine)
    render_job(first, engine=engine)
    assemble(first)
    recut = write_edit(
        folder / "edit" / "Reel.xml",
        [Cut(stage.anna, 5, 4), Cut(stage.ben, 9, 4), Cut(stage.valley, 5, 4)],
    )
    second = plan_for(recut, stage.dub, out, engine)
    render_job(second, engine=engine)
    assemble(second)
    show_job(second)
    return out


@pytest.fixture
def out(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "out")
    return tmp_path / "out"


def jobs(out: Path) -> tuple[JobFolder, JobFolder]:
    v001, v002 = (open_job(path) for path in sorted((out / "jobs").iterdir()))
    return v001, v002


def test_list_says_how_jobs_stand(out: Path) -> None:
    first, second = jobs(out)
    second.forget(second.plan.to_render[1])
    states = said("list", out)
    assert [(s["name"], s["state"]) for s in states] == [
        (first.name, "done"),
        (second.name, "unfinished"),
    ]
    assert [(s["rendered"], s["kept"], s["waiting"], s["shots"]) for s in states] == [
        (2, 1, 0, 3),
        (1, 1, 1, 3),
    ]
    line = run("list", first.path).stdout
    assert line.startswith(f"{first.name}  done  2 rendered, 1 kept, 0 failed  (painter, fr)")
    (out / first.job.output).unlink()
    assert said("list", first.path)[0]["state"] == "rendered"


def test_show_names_each_shot_and_its_reason(out: Path) -> None:
    first, _ = jobs(out)
    text = run("show", first.path).stdout
    assert "shot 3  00:00:00:08  valley.mov  8 frames" in text
    assert text.rstrip().endswith("kept: no face was found")
    (state,) = said("show", first.path)
    shots = state["shots"]
    assert isinstance(shots, list)
    assert [shot["status"] for shot in shots] == ["rendered", "rendered", "kept"]
    assert shots[0]["media"].startswith("media/unisync_fr_")
    assert shots[0]["seconds"] > 0


def test_a_shot_that_some_process_holds_is_running(out: Path) -> None:
    _, second = jobs(out)
    clip = second.plan.to_render[1]
    second.forget(clip)
    with FileLock(second.shot_folder(second.render_key(clip)) / "lock"):
        assert said("list", second.path)[0]["state"] == "running"
        refused = run("purge", second.path, "--yes")
        assert refused.exit_code == ExitCode.JOB
        assert "unisync jobs cancel" in refused.stderr
    assert said("list", second.path)[0]["state"] == "unfinished"


def test_cancel_waits_until_nobody_is_at_it(out: Path) -> None:
    _, second = jobs(out)
    clip = second.plan.to_render[1]
    second.forget(clip)
    lock = FileLock(second.shot_folder(second.render_key(clip)) / "lock", thread_local=False)
    lock.acquire()
    threading.Timer(0.5, lock.release).start()
    stopped = run("cancel", second.path)
    assert stopped.exit_code == ExitCode.OK
    assert stopped.stdout == f"{second.name}: stopped\n"
    assert said("list", second.path)[0]["state"] == "cancelled"
    engine = Painter()
    assert render_job(second, engine=engine)["rendered"] == 2
    assert engine.takes == 1
    assert said("list", second.path)[0]["state"] == "done"


def test_retry_queues_what_was_kept_or_failed(out: Path) -> None:
    first, _ = jobs(out)
    assert run("retry", first.path, "--shots", "1").stdout == f"{first.name}: 0 shots wait again\n"
    assert run("retry", first.path).stdout == f"{first.name}: 1 shot waits again\n"
    assert said("list", first.path)[0]["waiting"] == 1
    assert run("retry", out, "--shots", "1").exit_code == ExitCode.USAGE


def test_purge_removes_a_jobs_own_files_only(out: Path) -> None:
    first, second = jobs(out)
    mine = out / "notes.txt"
    mine.write_text("mine")
    theirs = out / "media" / "bought.mov"
    theirs.write_text("mine")
    shared = out / first.media_name(first.plan.to_render[0])
    own = out / first.media_name(first.plan.to_render[1])
    edited = out / second.job.output
    edited.write_text("changed by hand")
    assert run("purge", first.path).exit_code == ExitCode.USAGE  # nobody can be asked
    gone = run("purge", first.path, "--yes")
    assert gone.exit_code == ExitCode.OK, gone.output
    assert not first.path.exists()
    assert not own.exists()
    assert not (out / first.job.output).exists()
    assert shared.exists()
    assert second.result(second.plan.to_render[0]) is not None
    assert run("purge", second.path, "--yes").exit_code == ExitCode.OK
    left = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    assert left == [
        second.sidecar.name,
        second.job.output,
        "media/bought.mov",
        "notes.txt",
    ]


def test_no_job_is_an_error(tmp_path: Path) -> None:
    assert run("list", tmp_path).exit_code == ExitCode.JOB
