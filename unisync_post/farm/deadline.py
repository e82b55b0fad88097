"""Bundles for AWS Deadline Cloud, which runs Open Job Description, and files for Deadline 10."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import JobError
from ..job.folder import JobFolder
from .bundle import filled, plan_to_export, quoted, write_bundle
from .openjd import Step, template
from .plan import FarmPlan
from .prepare import files_of

RETRIES = 3
"""Of a task: what failed was a machine; a shot that cannot be rendered fails no task."""


def export_deadline_cloud(folder: JobFolder, to: Path, *, attach: bool = False) -> Path:
    """Write a bundle for `deadline bundle submit`.

    Args:
        folder: a planned job.
        to: an empty or new folder.
        attach: list the job's media as job attachments: Deadline Cloud uploads them to S3.

    Returns:
        ``to``.

    Raises:
        JobError: no farm plan, nothing left to render, or ``to`` is not empty.
    """
    plan = plan_to_export(folder)
    values: dict[str, str | int] = {
        "Job": str(folder.path),
        "Unisync": "unisync",
        "deadline:maxRetriesPerTask": RETRIES,
    }
    parameters = "parameterValues:\n" + "".join(
        f"  - {{ name: {quoted(name)}, value: {quoted(value)} }}\n"
        for name, value in values.items()
    )
    contents = {
        "template.yaml": template(plan),
        "parameter_values.yaml": parameters,
        "asset_references.yaml": _assets(folder) if attach else _assets(None),
    }
    write_bundle(to, contents)
    return to


def _assets(folder: JobFolder | None) -> str:
    """What Deadline Cloud is to copy to its workers, and back; None: nothing."""
    files: Iterable[Path] = ()
    read: Iterable[Path] = ()
    written: Iterable[Path] = ()
    if folder is not None:
        shots = [clip.shot for clip in folder.plan.to_render if clip.shot]
        files = sorted({path for shot in shots for path in files_of(shot)})
        read, written = (folder.path,), (folder.out,)
    return (
        "assetReferences:\n  inputs:\n"
        f"    filenames: {_list(files)}\n    directories: {_list(read)}\n"
        f"  outputs:\n    directories: {_list(written)}\n  referencedPaths: []\n"
    )


def _list(paths: Iterable[Path]) -> str:
    return quoted([str(path) for path in paths])


@dataclass(frozen=True, slots=True)
class DeadlineJob:
    """One of Deadline 10's jobs: what our steps are there.

    Attributes:
        file: stem of its files.
        work: ``prepare``, ``shots`` or ``assemble``.
        frames: Deadline's frames are our shots.
        chunk: most frames in a task.
    """

    file: str
    work: str
    name: str
    comment: str
    frames: str = "0"
    chunk: int = 1


def export_deadline10(folder: JobFolder, to: Path) -> Path:
    """Write job and plugin files for `deadlinecommand`, the plugin for the repository, and
    ``submit.sh``, which submits them with their dependencies.

    Returns:
        The script.

    Raises:
        JobError: no farm plan, nothing left to render, or ``to`` is not empty.
    """
    plan = plan_to_export(folder)
    if any(ord(char) < 32 for char in str(plan.job)):
        raise JobError("Deadline's files cannot hold a path with control characters", file=plan.job)
    jobs = deadline_jobs(plan)
    contents = {
        "submit.sh": filled("deadline10/submit.sh.j2", plan=plan, jobs=jobs),
        "plugin/UniSync/UniSync.py": filled("deadline10/UniSync.py.j2"),
        "plugin/UniSync/UniSync.param": filled("deadline10/UniSync.param"),
    }
    for job in jobs:
        words = {"plan": plan, "job": job, "out": folder.out}
        for name in ("job_info", "plugin_info"):
            contents[f"{job.file}.{name}.job"] = filled(f"deadline10/{name}.job.j2", **words)
    write_bundle(to, contents)
    (to / "submit.sh").chmod(0o755)
    return to / "submit.sh"


def deadline_jobs(plan: FarmPlan) -> tuple[DeadlineJob, ...]:
    """prepare, a job for each group of shots, assemble."""
    steps = [Step.of(group) for group in plan.groups]
    return (
        DeadlineJob("prepare", "prepare", f"{plan.name} prepare", "Checks versions and files."),
        *(
            DeadlineJob(
                step.name,
                "shots",
                f"{plan.name} {step.name}",
                step.description,
                step.range,
                step.chunk,
            )
            for step in steps
        ),
        DeadlineJob("assemble", "assemble", f"{plan.name} assemble", "Writes the relinked edit."),
    )
