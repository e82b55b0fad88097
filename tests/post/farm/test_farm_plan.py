"""The neutral plan: shots by number, grouped, with what a farm must know of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from unisync_post.cli import main
from unisync_post.errors import JobError
from unisync_post.farm.capacity import Farm, hours
from unisync_post.farm.plan import load_farm_plan, make_farm_plan, ranges_of
from unisync_post.farm.versions import MixedVersionsError, Versions, refuse_mixed
from unisync_post.job.folder import JobFolder


def test_a_plan_holds_every_shot_once_in_groups_of_one_raster(
    farm_job: Callable[..., JobFolder],
) -> None:
    job = farm_job()
    plan = load_farm_plan(job.path)
    assert sorted(plan.shots) == [clip.index for clip in job.plan.to_render]
    assert plan.ranges == "1-6"
    (group,) = plan.groups
    assert (group.width, group.height) == (320, 240)
    assert len(group.minutes) == 6
    assert plan.minutes == pytest.approx(plan.picture * plan.pace / 60, rel=0.2)
    assert plan.fingerprint == job.job.fingerprint


def test_the_command_writes_it_and_prints_it(farm_job: Callable[..., JobFolder]) -> None:
    job = farm_job()
    said = CliRunner().invoke(
        main, ["farm", "plan", str(job.path), "--gpu-memory", "40960", "--pace", "60", "--json"]
    )
    assert said.exit_code == 0, said.output
    assert json.loads(said.stdout)["groups"][0]["gpu_memory"] == 40960
    assert load_farm_plan(job.path).gpu_memory == 40960
    assert load_farm_plan(job.path).measured


def test_without_a_plan_it_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="unisync farm plan"):
        load_farm_plan(tmp_path)


def test_long_shots_come_first_and_equal_ones_side_by_side(
    farm_job: Callable[..., JobFolder],
) -> None:
    job = farm_job()
    clips = [
        replace(c, shot=replace(c.shot, key=f"{c.index}", length=12 if c.index % 2 else 48))
        for c in job.plan.to_render
        if c.shot is not None
    ]
    longer = replace(job, plan=replace(job.plan, clips=tuple(clips)))
    assert make_farm_plan(longer, gpu_memory=0).shots == (2, 4, 6, 1, 3, 5)


def test_ranges() -> None:
    assert ranges_of(()) == ""
    assert ranges_of((7,)) == "7"
    assert ranges_of((9, 1, 2, 3, 9, 10)) == "1-3,9-10"


def test_another_version_is_refused_by_name() -> None:
    here = Versions.here()
    assert here.differences(here) == ()
    other = Versions("0", {**here.packages, "torch": "1.0", "av": "0"})
    with pytest.raises(MixedVersionsError, match=r"picture path .* instead of 0.*torch .* 1\.0"):
        refuse_mixed(other)


def test_capacity_by_hand() -> None:
    assert hours(0, 0.0, 80.0, Farm(4)) == 0
    one = hours(10, 100.0, 36.0, Farm(1, load=0, between=0))
    assert one == pytest.approx((3600 + 180) / 3600)
    many = hours(1000, 10_000.0, 36.0, Farm(100, load=0, between=0))
    assert many == pytest.approx((3600 + 180) / 3600)
    assert hours(1000, 10_000.0, 36.0, Farm(100, lost_every=8)) > many
    # more machines than shots do not help
    assert hours(2, 20.0, 36.0, Farm(50)) == hours(2, 20.0, 36.0, Farm(2))
