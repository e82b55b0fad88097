"""`unisync farm status`: what a person sees of a job that many machines render."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace

from click.testing import CliRunner
from rich.console import Console

from unisync_post.cli import main
from unisync_post.cli.farm_table import table
from unisync_post.farm.claims import Claims
from unisync_post.farm.status import farm_status
from unisync_post.job.folder import JobFolder
from unisync_post.job.manage import retry_job, state_of
from unisync_post.job.work import unique
from unisync_post.lease import Holder, Observer


def claims_of(job: JobFolder, host: str) -> Claims:
    holder = replace(Holder.this_process(), host=host, place="")
    return Claims(job, tuple(unique(job, job.plan.to_render)), Observer(holder=holder))


def test_who_is_at_what(farm_job: Callable[..., JobFolder]) -> None:
    job = farm_job()
    assert farm_status(job).state == "planned"
    first = claims_of(job, "node1")
    one, two = first.take(), claims_of(job, "node2").take()
    assert one is not None
    assert two is not None
    found = farm_status(job)
    assert found.counts == {"running": 2, "waiting": 4}
    assert [pilot.rpartition(" ")[2] for pilot in found.pilots] == ["node1", "node2"]
    assert found.state == "running"
    assert found.minutes_left == round(sum(shot.minutes for shot in found.shots) / 2, 1)
    assert [shot.deaths for shot in found.shots] == [0] * 6
    one.failed(died=True)
    two.failed(died=False)
    shots = {shot.shot: shot for shot in farm_status(job).shots}
    assert (shots[1].deaths, shots[1].tries, shots[1].pilot) == (1, 0, "")
    assert (shots[2].deaths, shots[2].tries) == (0, 1)
    assert state_of(job).state == "planned"


def test_what_failed_is_told_with_its_reason(farm_job: Callable[..., JobFolder]) -> None:
    job = farm_job()
    claims = claims_of(job, "node1")
    for _ in range(3):
        claim = claims.take()
        assert claim is not None
        assert claim.clip.index == 1
        claim.failed(died=True)
    claim = claims.take()
    assert claim is not None
    assert claim.clip.index == 2
    ((clip, result),) = claims.set_aside
    assert (clip.index, result.fault) == (1, "poison")
    console = Console(width=200, file=io.StringIO())
    console.print(table(farm_status(job)))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "1 failed, 1 running, 4 waiting" in shown
    assert "lost 3 times on this shot" in shown
    assert "on node1" in shown
    retry_job(job, [1])
    assert farm_status(job).shots[0].deaths == 0


def test_for_programs(farm_job: Callable[..., JobFolder]) -> None:
    job = farm_job()
    said = CliRunner().invoke(main, ["farm", "status", str(job.path), "--json"])
    assert said.exit_code == 0, said.output
    found = json.loads(said.stdout)
    assert found["counts"] == {"waiting": 6}
    assert len(found["shots"]) == 6
    said = CliRunner().invoke(main, ["farm", "status", str(job.path)])
    assert "6 waiting" in said.output
