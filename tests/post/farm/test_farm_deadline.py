"""Bundles for Deadline Cloud, read by its own command, and Deadline 10's files to the letter."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import types
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from unisync_post.errors import JobError
from unisync_post.farm.deadline import export_deadline10, export_deadline_cloud
from unisync_post.farm.openjd import template
from unisync_post.farm.plan import ShotGroup, load_farm_plan, write_farm_plan
from unisync_post.job.folder import JobFolder

yaml = pytest.importorskip("yaml")
DEADLINE = Path(sys.executable).with_name("deadline")


def read(path: Path) -> dict[str, object]:
    found: dict[str, object] = yaml.safe_load(path.read_text())
    return found


@pytest.mark.skipif(not DEADLINE.exists(), reason="needs the deadline command")
def test_the_bundle_as_deadline_reads_it(
    farm_job: Callable[..., JobFolder], tmp_path: Path
) -> None:
    job = farm_job()
    bundle = export_deadline_cloud(job, tmp_path / "bundle")
    said = subprocess.run(
        [DEADLINE, "bundle", "info", "--output", "json", str(bundle)],
        capture_output=True,
        text=True,
        env={**os.environ, "HOME": str(tmp_path), "DEADLINE_TELEMETRY_OPT_OUT": "true"},
        check=False,
    )
    assert said.returncode == 0, said.stderr
    for word in (job.name, "prepare", "shots-320x240", "assemble", str(job.path)):
        assert word in said.stdout


def test_nothing_leaves_the_building_unless_asked(
    farm_job: Callable[..., JobFolder], tmp_path: Path
) -> None:
    job = farm_job()
    plain = export_deadline_cloud(job, tmp_path / "plain")
    assets = read(plain / "asset_references.yaml")["assetReferences"]
    assert assets == {
        "inputs": {"filenames": [], "directories": []},
        "outputs": {"directories": []},
        "referencedPaths": [],
    }
    made = read(plain / "template.yaml")
    assert all(p.get("dataFlow", "NONE") == "NONE" for p in made["parameterDefinitions"])  # type: ignore[attr-defined]
    values = read(plain / "parameter_values.yaml")["parameterValues"]
    assert {"name": "Job", "value": str(job.path)} in values  # type: ignore[operator]
    assert (plain / "template.yaml").read_text() == template(load_farm_plan(job.path))
    attached = export_deadline_cloud(job, tmp_path / "attached", attach=True)
    assets = read(attached / "asset_references.yaml")["assetReferences"]
    shot = job.plan.to_render[0].shot
    assert shot is not None
    names = assets["inputs"]["filenames"]  # type: ignore[index]
    assert {str(shot.media), *(str(piece.path) for piece in shot.dub)} <= set(names)


JOB_INFO = """\
Plugin=UniSync
Name={name} shots-1920x1080
BatchName={name}
Comment=3 shots of 1920x1080, 45 minutes.
Frames=3-4,9
ChunkSize=1
ConcurrentTasks=1
OnJobComplete=Nothing
OverrideTaskFailureDetection=true
FailureDetectionTaskErrors=3
"""
ASSEMBLE = """\
Plugin=UniSync
Name={name} assemble
BatchName={name}
Comment=Writes the relinked edit.
Frames=0
ChunkSize=1
ConcurrentTasks=1
ResumeOnCompleteDependencies=true
ResumeOnFailedDependencies=true
OutputDirectory0={out}
"""


@pytest.fixture
def exported(farm_job: Callable[..., JobFolder], tmp_path: Path) -> tuple[JobFolder, Path]:
    job = farm_job()
    group = ShotGroup("unisync", 1920, 1080, 40960, (9, 3, 4), (15.0, 15.0, 15.0))
    write_farm_plan(job, replace(load_farm_plan(job.path), groups=(group,)))
    return job, export_deadline10(job, tmp_path / "bundle").parent


def test_deadline10s_files_to_the_letter(exported: tuple[JobFolder, Path]) -> None:
    job, bundle = exported
    words = {"name": job.name, "out": job.out}
    assert (bundle / "shots-1920x1080.job_info.job").read_text() == JOB_INFO.format(**words)
    assert (bundle / "assemble.job_info.job").read_text() == ASSEMBLE.format(**words)
    plugin = (bundle / "shots-1920x1080.plugin_info.job").read_text()
    assert plugin == f"Job={job.path}\nWork=shots\n"
    assert sorted(path.name for path in bundle.iterdir()) == [
        "assemble.job_info.job",
        "assemble.plugin_info.job",
        "plugin",
        "prepare.job_info.job",
        "prepare.plugin_info.job",
        "shots-1920x1080.job_info.job",
        "shots-1920x1080.plugin_info.job",
        "submit.sh",
    ]


def test_they_are_submitted_with_their_dependencies(
    exported: tuple[JobFolder, Path], tmp_path: Path
) -> None:
    """By a command that answers as Deadline's does, and writes down what it was given."""
    _, bundle = exported
    programs = tmp_path / "programs"
    programs.mkdir()
    fake = programs / "deadlinecommand"
    fake.write_text(
        '#!/bin/sh\necho "$2: $(grep ^JobDependencies "$1")" >> "$TOLD"\n'
        'echo "Deadline Command 10.4"\necho "JobID=id-${2%%.*}"\necho "Result=Success"\n'
    )
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    told = tmp_path / "told"
    path = f"{programs}:{os.environ['PATH']}"
    subprocess.run(
        [bundle / "submit.sh"], env={**os.environ, "PATH": path, "TOLD": str(told)}, check=True
    )
    assert told.read_text().splitlines() == [
        "prepare.plugin_info.job: ",
        "shots-1920x1080.plugin_info.job: JobDependencies=id-prepare",
        "assemble.plugin_info.job: JobDependencies=id-shots-1920x1080",
    ]


class _Callbacks:
    """Deadline's ``+=`` on a callback."""

    def __init__(self) -> None:
        self.one: Callable[[], None] | None = None

    def __iadd__(self, one: Callable[[], None]) -> _Callbacks:
        self.one = one
        return self


def test_the_plugin_starts_one_daemon_and_asks_it(
    exported: tuple[JobFolder, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plugin in a stand-in for Deadline's sandbox; `unisync` writes down how it was called."""
    job, bundle = exported
    told = tmp_path / "told"
    unisync = tmp_path / "unisync"
    unisync.write_text(f'#!/bin/sh\necho "$@" >> {told}\necho "Progress: 42%"\n')
    unisync.chmod(0o755)
    progress: list[float] = []

    class Sandbox:
        def __init__(self) -> None:
            for name in ("InitializeProcess", "StartJob", "RenderTasks", "EndJob"):
                setattr(self, f"{name}Callback", _Callbacks())

        def GetPluginInfoEntry(self, name: str) -> str:  # noqa: N802
            return {"Job": str(job.path), "Work": "shots"}[name]

        def GetConfigEntry(self, name: str) -> str:  # noqa: N802
            return {"UniSyncExecutable": str(unisync)}[name]

        def GetStartFrame(self) -> int:  # noqa: N802
            return 3

        def GetEndFrame(self) -> int:  # noqa: N802
            return 4

        def LogInfo(self, line: str) -> None:  # noqa: N802
            return

        def IsCanceled(self) -> bool:  # noqa: N802
            return False

        def SetProgress(self, share: float) -> None:  # noqa: N802
            progress.append(share)

        def FailRender(self, why: str) -> None:  # noqa: N802
            raise AssertionError(why)

    plugins, scripting = (
        types.ModuleType("Deadline.Plugins"),
        types.ModuleType("Deadline.Scripting"),
    )
    plugins.DeadlinePlugin = Sandbox  # type: ignore[attr-defined]
    plugins.PluginType = types.SimpleNamespace(Advanced="advanced")  # type: ignore[attr-defined]
    scripting.RepositoryUtils = types.SimpleNamespace(CheckPathMapping=str)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "Deadline", types.ModuleType("Deadline"))
    monkeypatch.setitem(sys.modules, "Deadline.Plugins", plugins)
    monkeypatch.setitem(sys.modules, "Deadline.Scripting", scripting)
    names: dict[str, Callable[[], Sandbox]] = {}
    source = bundle / "plugin" / "UniSync" / "UniSync.py"
    exec(compile(source.read_text(), str(source), "exec"), names)
    plugin = names["GetDeadlinePlugin"]()
    for name in ("InitializeProcess", "StartJob", "RenderTasks", "RenderTasks", "EndJob"):
        getattr(plugin, f"{name}Callback").one()
    session = plugin.session  # type: ignore[attr-defined]
    task = f"farm daemon run {job.path} --shots 3-4 --session {session} --progress deadline"
    assert told.read_text().splitlines() == [
        f"farm daemon start {job.path} --session {session}",
        task,
        task,
        f"farm daemon stop --session {session}",
    ]
    assert progress == [42.0] * 4
    assert not Path(session).exists()


def test_a_path_that_deadline10_cannot_hold(
    exported: tuple[JobFolder, Path], tmp_path: Path
) -> None:
    job, _ = exported
    odd = tmp_path / "two\nlines"
    odd.mkdir()
    shutil.copytree(job.out, odd / "out")
    moved = replace(job, path=odd / "out" / "jobs" / job.name)
    plan = replace(load_farm_plan(job.path), job=moved.path)
    write_farm_plan(moved, plan)
    with pytest.raises(JobError, match="control characters"):
        export_deadline10(moved, tmp_path / "new")
    assert json.loads((moved.path / "farm.json").read_text())["job"] == str(moved.path)
