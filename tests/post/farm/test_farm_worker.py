"""Pilots: real processes that share nothing but the job folder."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from farm_kit import ended, media_of, start, until

from unisync_post.job.folder import JobFolder
from unisync_post.job.manage import retry_job

Make = Callable[..., JobFolder]


def fly(job: JobFolder, *words: str, **variables: str):  # type: ignore[no-untyped-def]
    return start("farm", "worker", job.path, "--patience", "3", *words, **variables)


def counted(trouble: Path, what: str) -> int:
    path = trouble / what
    return path.stat().st_size if path.exists() else 0


def begun(job: JobFolder) -> list[Path]:
    return list((job.out / "leases").glob("*/begun-*"))


def test_pilots_share_a_job_and_one_is_killed_in_a_shot(
    farm_job: Make, trouble: Path, plain: dict[str, str]
) -> None:
    job = farm_job("farm_engines:Gated")
    (trouble / "gate").touch()
    opened = counted(trouble, "opened")
    first = fly(job, "--slot", "0")
    until(lambda: begun(job))
    others = [fly(job, "--slot", slot) for slot in "12"]
    until(lambda: len(begun(job)) == 3 and counted(trouble, "takes") == 3)
    first.kill()
    first.communicate()
    (trouble / "gate").unlink()
    for pilot in others:
        status, said = ended(pilot)
        assert status == 0, said
    assert media_of(job.out) == plain
    # six shots, and the one of the pilot that was killed again: none was done twice
    assert counted(trouble, "takes") == 7
    assert counted(trouble, "opened") - opened == 3
    assert not begun(job)
    assert not list(job.out.glob("shots/*/.lease-*"))


@pytest.mark.slow
def test_sigterm_gives_the_shot_back_at_once(farm_job: Make, trouble: Path) -> None:
    job = farm_job("farm_engines:Gated")
    (trouble / "gate").touch()
    pilot = fly(job)
    until(lambda: counted(trouble, "takes"))
    pilot.terminate()
    status, said = ended(pilot)
    assert status == 130, said
    assert "given back" in said
    assert not begun(job)
    (trouble / "gate").unlink()
    status, said = ended(fly(job, "--max-shots", "1", "--patience", "500"))
    assert status == 0, said
    assert "1 rendered; 5 shots left (shots)" in said


def test_a_pilot_that_slept_finds_its_shot_taken(
    farm_job: Make, trouble: Path, plain: dict[str, str]
) -> None:
    job = farm_job("farm_engines:Gated")
    (trouble / "gate").touch()
    sleeper = fly(job, "--shots", "1")
    until(lambda: counted(trouble, "takes"))
    until(lambda: len(list((job.out / "leases").glob("*/0*"))) == 1)
    workers = [int(pid) for pid in children(sleeper.pid)]
    for pid in (sleeper.pid, *workers):
        os.kill(pid, signal.SIGSTOP)
    (trouble / "gate").unlink()
    status, said = ended(fly(job))
    assert status == 0, said
    assert media_of(job.out) == plain
    before = {path: path.stat().st_mtime_ns for path in job.out.glob("media/*")}
    records = {path: path.read_bytes() for path in job.out.glob("shots/*/result.json")}
    for pid in (*workers, sleeper.pid):
        os.kill(pid, signal.SIGCONT)
    status, said = ended(sleeper)
    assert status == 0, said
    assert "taken over" in said
    assert {path: path.stat().st_mtime_ns for path in job.out.glob("media/*")} == before
    assert {path: path.read_bytes() for path in job.out.glob("shots/*/result.json")} == records
    assert not list(job.out.glob("shots/*/.lease-*"))


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@pytest.mark.slow
def test_a_shot_that_kills_its_pilots_is_set_aside(farm_job: Make, trouble: Path) -> None:
    job = farm_job("farm_engines:Deadly")
    status, said = ended(fly(job, "--shots", "2"))
    assert status == 0, said
    (result,) = [job.result(c) for c in job.plan.to_render if c.index == 2]
    assert result is not None
    assert (result.status, result.fault) == ("failed", "poison")
    assert "was lost 3 times on this shot" in result.reason
    assert counted(trouble, "deaths") == 3
    # and by pilots that go down with it: the marks count for whoever comes next
    (clip,) = [c for c in job.plan.to_render if c.index == 3]
    lease = job.lease_folder(job.render_key(clip))
    lease.mkdir(parents=True)
    for number in (7, 8, 9):
        (lease / f"begun-{number}").touch()
    status, said = ended(fly(job, "--shots", "3"))
    assert status == 0, said
    assert counted(trouble, "deaths") == 3
    result = job.result(clip)
    assert result is not None
    assert result.fault == "poison"
    assert retry_job(job, [3])
    assert not list(lease.glob("begun-*"))


@pytest.mark.slow
def test_a_sick_machine_leaves_and_the_others_go_on(
    farm_job: Make, trouble: Path, plain: dict[str, str]
) -> None:
    job = farm_job("farm_engines:Unwell")
    status, said = ended(fly(job, UNWELL="1"))
    assert status == 7, said
    assert "3 shots in a row failed on this machine" in said
    assert "out of memory" in said
    assert not list(job.out.glob("shots/*/result.json"))
    status, said = ended(fly(job))
    assert status == 0, said
    assert media_of(job.out) == plain


@pytest.mark.slow
def test_a_full_disk_on_a_node_is_named_and_the_shot_goes_on_elsewhere(
    farm_job: Make, plain: dict[str, str]
) -> None:
    job = farm_job("farm_engines:Unwell")
    status, said = ended(fly(job, UNWELL="full"))
    assert status == 7, said
    assert "disk is full" in said
    assert "was given back" in said
    status, said = ended(fly(job))
    assert status == 0, said
    assert media_of(job.out) == plain


def test_mixed_versions_and_engines_are_refused(farm_job: Make, trouble: Path) -> None:
    job = farm_job()
    plan = job.path / "farm.json"
    whole = json.loads(plan.read_text())
    old = {**whole, "versions": {**whole["versions"]}}
    old["versions"]["packages"] = {**whole["versions"]["packages"], "torch": "2.0.1"}
    plan.write_text(json.dumps(old))
    status, said = ended(fly(job))
    assert status == 7, said
    assert "instead of 2.0.1" in said
    plan.write_text(json.dumps(whole))
    status, said = ended(fly(job, TINT="9"))
    assert status == 7, said
    assert "is another one than the job's" in said
    status, said = ended(fly(job, WEIGHTS="away", PYTHONWARNINGS="ignore"))
    assert status == 7, said
    assert "cannot be opened on this machine" in said
    assert "/mnt/weights" in said
    assert not (job.out / "shots").exists()


@pytest.mark.slow
def test_an_unmapped_path_is_named_and_the_shot_given_back(farm_job: Make, stage) -> None:  # type: ignore[no-untyped-def]
    job = farm_job()
    plan = job.path / "plan.json"
    plan.write_text(plan.read_text().replace(f"{stage.anna.parent}/", "P:\\\\reel\\\\"))
    status, said = ended(fly(job))
    assert status == 7, said
    assert "P:\\reel\\anna.mov" in said
    assert not begun(job)


@pytest.mark.slow
def test_a_time_limit_ends_a_pilot_and_gives_back(farm_job: Make, trouble: Path) -> None:
    job = farm_job("farm_engines:Gated")
    (trouble / "gate").touch()  # which stays: only the limit can end it
    status, said = ended(fly(job, "--time-limit", "12"))
    assert status == 0, said
    assert "6 shots left (time)" in said
    assert not begun(job)


@pytest.mark.slow
def test_a_cancelled_job_ends_its_pilots(farm_job: Make, trouble: Path) -> None:
    job = farm_job("farm_engines:Gated")
    (trouble / "gate").touch()
    pilot = fly(job)
    until(lambda: counted(trouble, "takes"))
    job.cancel()
    status, said = ended(pilot)
    assert status == 130, said
    status, said = ended(fly(job))
    assert status == 130, said


@pytest.mark.slow
@pytest.mark.parametrize("form", ["openjd", "deadline", "opencue"])
def test_progress_is_told_as_a_farm_reads_it(farm_job: Make, form: str) -> None:
    job = farm_job(out=form)
    status, said = ended(start("render", job.path, "--shots", "1-2", "--progress", form))
    assert status == 0, said
    wanted = {
        "openjd": "openjd_progress: 100.0",
        "deadline": "Progress: 100%",
        "opencue": "100% shot",
    }
    assert wanted[form] in said
    assert sum(job.result(c) is not None for c in job.plan.to_render) == 2
