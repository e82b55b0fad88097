"""The Open Job Description bundle, checked and run by the real `openjd`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner
from farm_kit import PYTHONPATH, Cut, plan_for, until, write_dub, write_edit, write_plate
from hypothesis import given
from hypothesis import strategies as st

from unisync_post.cli import main
from unisync_post.demo import make_demo_edit
from unisync_post.engines import open_engine
from unisync_post.errors import JobError
from unisync_post.farm.daemon import PID
from unisync_post.farm.leash import SETTLE
from unisync_post.farm.openjd import (
    export_openjd,
    roots_of_rules,
    roots_toml,
    shots_of,
    template,
)
from unisync_post.farm.plan import ShotGroup, load_farm_plan, make_farm_plan, write_farm_plan
from unisync_post.farm.prepare import prepare
from unisync_post.farm.roots import mapped, read_roots
from unisync_post.farm.versions import MixedVersionsError
from unisync_post.job.dub import plan_job
from unisync_post.job.folder import JobFolder, open_job
from unisync_post.job.run import render_job
from unisync_post.plan.options import DubFile, PlanOptions

yaml = pytest.importorskip("yaml")
model = pytest.importorskip("openjd.model")
OPENJD = Path(sys.executable).with_name("openjd")
UNISYNC = Path(sys.executable).with_name("unisync")
real = pytest.mark.skipif(
    not (OPENJD.exists() and UNISYNC.exists()), reason="needs the openjd and unisync commands"
)


def openjd(*words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [OPENJD, *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
        timeout=1800,
        check=False,
    )


def parameters(bundle: Path) -> tuple[str, ...]:
    return "-p", f"file://{bundle / 'parameters.yaml'}", "-p", f"Unisync={UNISYNC}"


@dataclass(frozen=True)
class Ran:
    """A job that was planned ``here`` and run by openjd where it lies ``there``."""

    here: Path
    there: Path
    bundle: Path
    said: subprocess.CompletedProcess[str]
    opened: int

    @property
    def job(self) -> JobFolder:
        return open_job(self.there / "out")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Three shots, the first of which cannot be drawn, on storage that moved."""
    root = tmp_path_factory.mktemp("openjd")
    here, there, trouble = root / "here", root / "there", root / "trouble"
    here.mkdir()
    trouble.mkdir()
    plate = write_plate(here / "anna.mov", 3)
    edit = write_edit(here / "Reel.xml", [Cut(plate, entry, 4) for entry in (3, 13, 23)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TROUBLE", str(trouble))
        patch.setenv("PYTHONPATH", os.pathsep.join((PYTHONPATH, os.environ.get("PYTHONPATH", ""))))
        patch.setenv("OMP_NUM_THREADS", "1")
        engine = open_engine("farm_engines:Chokes")
        job = plan_for(edit, write_dub(here / "dub_fr.wav"), here / "out", engine)
        # so slow that openjd begins with one shot in a chunk
        write_farm_plan(job, make_farm_plan(job, gpu_memory=0, pace=1e5))
        bundle = export_openjd(job, root / "bundle").parent
        here.rename(there)
        rule = {
            "source_path_format": "POSIX",
            "source_path": str(here),
            "destination_path": str(there),
        }
        rules = json.dumps({"version": "pathmapping-1.0", "path_mapping_rules": [rule]})
        words = (*parameters(bundle), "--path-mapping-rules", rules)
        said = openjd("run", bundle / "template.yaml", *words)
    return Ran(here, there, bundle, said, (trouble / "opened").stat().st_size)


@real
def test_it_is_valid_and_says_what_will_be_done(ran: Ran) -> None:
    assert openjd("check", ran.bundle / "template.yaml").returncode == 0
    said = openjd("summary", ran.bundle / "template.yaml", *parameters(ran.bundle))
    assert said.returncode == 0, said.stdout
    assert "Total steps: 3" in said.stdout
    assert "Total tasks: 5" in said.stdout
    assert "'shots-320x240' (3 total Tasks)" in said.stdout


@real
def test_it_runs_to_its_end(ran: Ran) -> None:
    assert ran.said.returncode == 0, ran.said.stdout
    assert "Session ended successfully" in ran.said.stdout
    assert "openjd_progress: 100.0" in ran.said.stdout
    assert "openjd_status: 3 shots to render, 0 finished" in ran.said.stdout


@real
def test_the_model_is_loaded_once_for_all_chunks(ran: Ran) -> None:
    assert ran.said.stdout.count("Shots(CHUNK[INT]) =") == 2
    assert ran.opened == 2  # once by the test, to plan the job


@real
def test_a_shot_that_fails_keeps_its_original_and_the_edit_is_written(ran: Ran) -> None:
    results = [ran.job.result(clip) for clip in ran.job.plan.to_render]
    assert sorted(result.status for result in results if result) == [
        "failed",
        "rendered",
        "rendered",
    ]
    edit = (ran.there / "out" / ran.job.job.output).read_text()
    assert edit.count(f"{ran.here / 'out' / 'media'}/unisync_fr_") == 2
    assert edit.count((ran.here / "anna.mov").as_uri()) == 1
    assert (ran.there / "out" / "review" / "index.html").exists()


@real
def test_nobody_is_left_behind(ran: Ran) -> None:
    words = " ".join(
        " ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])
    )
    assert "farm_engines:Chokes" not in words


@real
def test_openjd_killed_leaves_no_daemon(
    farm_job: Callable[..., JobFolder], trouble: Path, tmp_path: Path
) -> None:
    job = farm_job("farm_engines:Gated")
    (trouble / "gate").touch()
    bundle = export_openjd(job, tmp_path / "bundle").parent
    sessions = tmp_path / "sessions"
    sessions.mkdir()
    process = subprocess.Popen(
        [OPENJD, "run", str(bundle / "template.yaml"), *parameters(bundle)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(sessions)},
    )
    try:
        until(lambda: (trouble / "takes").exists())
        (number,) = sessions.rglob(PID)
        daemon = psutil.Process(int(number.read_text()))
        family = [daemon, *daemon.children(recursive=True)]
        time.sleep(SETTLE + 2)  # until it knows whose it is
    finally:
        process.kill()
        process.wait()
    _gone, alive = psutil.wait_procs(family, timeout=300)
    assert not alive
    assert number.parent.exists()  # openjd had no time to remove its session
    (trouble / "gate").unlink()
    assert render_job(job)["rendered"] == len(job.plan.to_render)


@real
@pytest.mark.slow
def test_the_demo_with_the_draft_engine(tmp_path: Path) -> None:
    """The command's own way, nothing of the tests': `unisync demo`'s edit, and real pictures."""
    demo = make_demo_edit(tmp_path / "demo")
    dub = DubFile(demo.dubs["fr"], "fr")
    job = plan_job(demo.edit, tmp_path / "out", PlanOptions(dub=(dub,)), open_engine("draft"))
    write_farm_plan(job, make_farm_plan(job))
    bundle = export_openjd(job, tmp_path / "bundle").parent
    said = openjd("run", bundle / "template.yaml", *parameters(bundle))
    assert said.returncode == 0, said.stdout
    assert "3 rendered, 1 kept their original media, 0 failed" in said.stdout
    media = {path.name for path in (job.out / "media").iterdir()}
    assert len(media) == 3
    edit = (job.out / job.job.output).read_text()
    assert all(name in edit for name in media)


@given(st.frozensets(st.integers(1, 400), min_size=1, max_size=40))
def test_range_expressions_as_openjd_writes_them(numbers: frozenset[int]) -> None:
    assert shots_of(str(model.IntRangeExpr.from_list(sorted(numbers)))) == numbers


@pytest.mark.parametrize("text", ["", "a", "3-", "-3", "1-9:", "1,,2", "1-9:2:3"])
def test_what_is_no_range_expression(text: str) -> None:
    with pytest.raises(JobError, match="no shot"):
        shots_of(text)


def test_a_step_for_each_size_and_what_it_needs(farm_job: Callable[..., JobFolder]) -> None:
    plan = load_farm_plan(farm_job().path)
    large = ShotGroup("unisync", 3840, 2160, 40960, tuple(range(1, 4001, 2)), (0.5,) * 2000)
    small = ShotGroup("unisync", 1920, 1080, 0, (2, 4), (90.0, 80.0))
    made = yaml.safe_load(template(replace(plan, groups=(large, small))))
    prepare, first, second, assemble = made["steps"]
    assert [step["name"] for step in (prepare, first, second, assemble)] == [
        "prepare",
        "shots-3840x2160",
        "shots-1920x1080",
        "assemble",
    ]
    needs = {need["name"]: need["min"] for need in first["hostRequirements"]["amounts"]}
    assert needs == {"amount.worker.gpu": 1, "amount.worker.gpu.memory": 40960}
    assert "amounts" not in second["hostRequirements"]
    shots = [s["parameterSpace"]["taskParameterDefinitions"][0] for s in (first, second)]
    assert [s["chunks"]["defaultTaskCount"] for s in shots] == [30, 1]
    assert shots_of(shots[0]["range"]) == frozenset(large.shots)
    assert [d["dependsOn"] for d in assemble["dependencies"]] == [first["name"], second["name"]]


def test_path_mapping_rules_hold_inside_a_job(tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    pairs = (("WINDOWS", "P:\\show", "/mnt/show"), ("POSIX", "/Volumes/show", "/mnt/show"))
    rules.write_text(
        json.dumps(
            {
                "version": "pathmapping-1.0",
                "path_mapping_rules": [
                    {"source_path_format": kind, "source_path": a, "destination_path": b}
                    for kind, a, b in pairs
                ],
            }
        )
    )
    written = tmp_path / "roots.toml"
    written.write_text(roots_toml(roots_of_rules(rules, "linux")))
    roots = read_roots(written)
    assert mapped("P:\\show\\ep1\\a.mov", roots, "linux") == Path("/mnt/show/ep1/a.mov")
    assert mapped("/Volumes/show/ep1/a.mov", roots, "linux") == Path("/mnt/show/ep1/a.mov")


@pytest.mark.parametrize("text", ["{}", '{"version": "pathmapping-1.0", "path_mapping_rules": []}'])
def test_a_session_without_rules(tmp_path: Path, text: str) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text(text)
    assert not roots_of_rules(rules)


@pytest.mark.parametrize("text", ["", "[]", '{"path_mapping_rules": [{}]}', "\x00"])
def test_what_are_no_rules(tmp_path: Path, text: str) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text(text)
    with pytest.raises(JobError, match="no path mapping rules"):
        roots_of_rules(rules)


@pytest.mark.parametrize("form", ["openjd", "deadline-cloud", "deadline10"])
def test_bad_input_is_named(farm_job: Callable[..., JobFolder], tmp_path: Path, form: str) -> None:
    def said(job: Path, to: Path, code: int) -> str:
        told = CliRunner().invoke(main, ["farm", "export", form, str(job), "--to", str(to)])
        assert told.exit_code == code, told.output
        return told.output

    job, full = farm_job(), tmp_path / "full"
    full.mkdir()
    (full / "notes.txt").touch()
    assert "No job here" in said(full, tmp_path / "new", 6)
    assert "no empty folder" in said(job.path, full, 6)
    (job.path / "farm.json").unlink()
    assert "unisync farm plan" in said(job.path, tmp_path / "new", 6)
    assert not (tmp_path / "new").exists()


def test_a_finished_job_is_not_sent_to_a_farm(
    farm_job: Callable[..., JobFolder], tmp_path: Path
) -> None:
    job = farm_job()
    render_job(job, engine=open_engine(job.job.engine))
    with pytest.raises(JobError, match="Every shot of this job is finished"):
        export_openjd(job, tmp_path / "new")


def test_prepare_refuses_what_would_fail_on_every_machine(
    farm_job: Callable[..., JobFolder],
) -> None:
    job = farm_job()
    assert prepare(job).waiting == len(job.plan.to_render)
    first, *others = job.plan.to_render
    assert first.shot is not None
    away = replace(first, shot=replace(first.shot, media=Path("/nowhere/anna.mov")))
    with pytest.raises(JobError, match="1 of the job's files are not on this machine") as error:
        prepare(replace(job, plan=replace(job.plan, clips=(away, *others))))
    assert str(error.value.file) == "/nowhere/anna.mov"
    plan = load_farm_plan(job.path)
    packages = {**plan.versions.packages, "torch": "1.0"}
    write_farm_plan(job, replace(plan, versions=replace(plan.versions, packages=packages)))
    with pytest.raises(MixedVersionsError, match=r"instead of 1\.0"):
        prepare(job)
