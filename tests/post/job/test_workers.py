"""Worker processes: the same bytes as in one process, and a crash costs one shot."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest
from bad_engines import Crasher, Sound
from job_kit import plan_for

from unisync_post.engines import open_engine
from unisync_post.errors import EngineError
from unisync_post.job.events import Event
from unisync_post.job.run import render_job

pytestmark = pytest.mark.usefixtures("trouble")


def media(out: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (out / "media").iterdir()
    }


@pytest.mark.slow
def test_two_processes_make_the_bytes_of_one(stage, tmp_path: Path) -> None:
    heard: list[Event] = []
    here = plan_for(stage.edit, stage.dub, tmp_path / "here", Sound())
    render_job(here, engine=Sound())
    there = plan_for(stage.edit, stage.dub, tmp_path / "there", Sound())
    counts = render_job(there, workers=2, listen=heard.append)
    assert (counts["rendered"], counts["kept"]) == (2, 1)
    assert media(here.out) == media(there.out)
    kinds = [event.kind for event in heard]
    assert kinds[0] == "job"
    assert kinds[-1] == "end"
    assert kinds.count("done") == 3
    assert "step" in kinds


@pytest.mark.slow
def test_a_worker_that_dies_costs_only_its_shot(
    stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    levels: dict[int, float] = {}

    class Meter(Crasher):
        def generate(self, take):  # type: ignore[no-untyped-def]
            levels[len(levels)] = float(take.frames[..., 0].mean())
            return super().generate(take)

    monkeypatch.setenv("CRASH_BELOW", "0")
    plain = plan_for(stage.edit, stage.dub, tmp_path / "plain", Crasher())
    render_job(plain, engine=Meter())
    monkeypatch.setenv("CRASH_BELOW", str(sum(levels.values()) / 2))
    job = plan_for(stage.edit, stage.dub, tmp_path / "out", Crasher())
    counts = render_job(job, workers=2)
    assert (counts["rendered"], counts["failed"], counts["kept"]) == (1, 1, 1)
    reasons = [r.reason for c in job.plan.to_render if (r := job.result(c)) and r.reason]
    assert any(
        "was lost twice on this shot; the last one died (exit status 11)" in reason
        for reason in reasons
    )


def test_an_engine_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_engine("bad_engines:Sound").info.name == "bad_engines:Sound"
    with pytest.raises(EngineError, match="cannot be loaded"):
        open_engine("bad_engines:Missing")
    monkeypatch.setattr(sys.modules["bad_engines"], "Renamed", Sound, raising=False)
    with pytest.raises(EngineError, match="calls itself"):
        open_engine("bad_engines:Renamed")
