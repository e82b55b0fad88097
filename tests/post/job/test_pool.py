"""Resident workers: one opening of the engine for many jobs, served in turn, patient."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from bad_engines import Loads, Sound, Stumbles
from filelock import FileLock
from job_kit import Cut, plan_for, write_edit

from unisync_post.errors import EngineError, JobError
from unisync_post.job.events import Event
from unisync_post.job.faults import RetryPolicy
from unisync_post.job.pool import WorkerPool
from unisync_post.job.run import render_job

pytestmark = pytest.mark.usefixtures("trouble")


def run_out(pool: WorkerPool, limit: float = 600) -> list[Event]:
    """Poll until no job is left."""
    heard, end = [], time.monotonic() + limit
    while not pool.idle:
        heard += pool.poll()
        assert time.monotonic() < end, heard
    return heard + pool.poll(0)


def test_one_engine_for_all_jobs_which_take_turns(quick, trouble: Path, tmp_path: Path) -> None:
    feature = plan_for(quick.edit, quick.dub, tmp_path / "feature", Loads())
    cut = write_edit(tmp_path / "Trailer.xml", [Cut(quick.ben, 3)])
    trailer = plan_for(cut, quick.dub, tmp_path / "trailer", Loads())
    urgent = plan_for(cut, quick.dub, tmp_path / "urgent", Loads())
    (trouble / "opened").unlink()
    with WorkerPool("bad_engines:Loads", workers=1) as pool:
        assert pool.info == Loads().info
        (trouble / "opened").write_bytes(b".")
        for job, priority in ((feature, 0), (trailer, 0), (urgent, 1)):
            pool.submit(job, priority=priority)
        assert pool.depth == 5
        heard = run_out(pool)
        pool.submit(feature)
        ready = run_out(pool)
    begun = [Path(event.job).parent.parent.name for event in heard if event.kind == "shot"]
    assert begun == ["urgent", "feature", "trailer", "feature", "feature"]
    ends = [(Path(e.job).parent.parent.name, e.status) for e in heard if e.kind == "end"]
    assert ends == [("urgent", "finished"), ("trailer", "finished"), ("feature", "finished")]
    assert [event.kind for event in ready] == ["job", "end"]
    assert ready[1].message.startswith("3 rendered (3 ready before)")
    assert len((trouble / "opened").read_bytes()) == 1
    assert len((trouble / "takes").read_bytes()) == 5


def test_what_may_pass_is_tried_again_after_a_pause(quick, trouble: Path, tmp_path: Path) -> None:
    job = plan_for(quick.edit, quick.dub, tmp_path / "out", Stumbles())
    (trouble / "opened").unlink()
    heard: list[Event] = []
    policy = RetryPolicy(attempts=4, backoff=0.1)
    counts = render_job(job, shots={1}, workers=1, policy=policy, listen=heard.append)
    assert counts["rendered"] == 1
    warnings = [event.message for event in heard if event.kind == "warning"]
    assert ["Stale" in warnings[0], "CUDA out of memory" in warnings[1]] == [True, True]
    assert [event.attempt for event in heard if event.kind == "shot"] == [0, 2, 3]
    # after the GPU's error the process was not trusted any more
    assert len((trouble / "opened").read_bytes()) == 2


def test_what_does_not_pass_is_given_up(quick, tmp_path: Path) -> None:
    job = plan_for(quick.edit, quick.dub, tmp_path / "out", Stumbles())
    policy = RetryPolicy(attempts=1)
    assert render_job(job, shots={1}, workers=1, policy=policy)["failed"] == 1
    result = job.result(job.plan.to_render[0])
    assert result is not None
    assert result.fault == "transient"
    assert "Stale file handle" in result.reason


def test_a_shot_that_another_process_is_at_is_left_for_later(quick, tmp_path: Path) -> None:
    job = plan_for(quick.edit, quick.dub, tmp_path / "out", Sound())
    first = job.shot_folder(job.render_key(job.plan.to_render[0]))
    first.mkdir(parents=True)
    heard: list[Event] = []
    with WorkerPool("bad_engines:Sound", workers=1, listen=heard.append) as pool:
        with FileLock(first / "lock"):
            pool.submit(job)
            while sum(event.kind == "done" for event in heard) < 2:
                pool.poll()
        run_out(pool)
    assert [event.shot for event in heard if event.kind == "done"] == [2, 3, 1]


def test_a_job_for_another_engine_is_refused_and_the_pool_goes_on(quick, tmp_path: Path) -> None:
    other = Sound(tint=(9, 9, 99))
    foreign = plan_for(quick.edit, quick.dub, tmp_path / "foreign", other)
    ours = plan_for(quick.edit, quick.dub, tmp_path / "ours", Sound())
    with WorkerPool("bad_engines:Sound", workers=1) as pool:
        with pytest.raises(JobError, match="planned for engine bad_engines:Sound"):
            render_job(foreign, pool=pool, shots={1})
        assert render_job(ours, pool=pool, shots={1})["rendered"] == 1
        assert pool.time_left(ours) is None


def test_an_engine_that_cannot_be_opened_is_an_error_with_its_reason() -> None:
    with (
        WorkerPool("bad_engines:Missing", workers=1) as pool,
        pytest.raises(EngineError, match=r"bad_engines:Missing' cannot be loaded"),
    ):
        _ = pool.info


@pytest.mark.slow
def test_an_engine_that_dies_when_opened_is_an_error() -> None:
    with (
        WorkerPool("bad_engines:Broken", workers=1) as pool,
        pytest.raises(EngineError, match=r"process died while opening it \(exit status 3\)"),
    ):
        _ = pool.info


@pytest.mark.slow
def test_where_only_one_worker_can_open_the_engine_one_does_the_work(quick, tmp_path: Path) -> None:
    with WorkerPool("bad_engines:OnlyOnce", workers=2) as pool:
        job = plan_for(quick.edit, quick.dub, tmp_path / "out", pool)
        heard: list[Event] = []
        assert render_job(job, pool=pool, listen=heard.append)["rendered"] == 3
    (warning,) = (event.message for event in heard if event.kind == "warning")
    assert "No more than 1 workers can open" in warning
    assert "memory is full" in warning
