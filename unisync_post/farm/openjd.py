"""A job as an Open Job Description bundle: prepare, the shots in chunks, assemble.

Written for jobtemplate-2023-09 with its extension TASK_CHUNKING and nothing beyond, because
schedulers lag behind the specification. Shots are integers: a range of them may be as long
as a feature, a list of names may not.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import JobError
from ..job.folder import JobFolder
from .bundle import filled, plan_to_export, quoted, write_bundle
from .plan import FarmPlan, ShotGroup
from .roots import SYSTEM, Root, Roots

TARGET = 900
"""Seconds that a chunk should take: long against starting a task, short against losing one."""
_LARGEST_CHUNK = 50
_PART = re.compile(r"\s*(\d+)(?:\s*-\s*(\d+)(?:\s*:\s*(\d+))?)?\s*")


@dataclass(frozen=True, slots=True)
class Step:
    """A group of shots as a step of the template."""

    name: str
    description: str
    range: str
    chunk: int
    gpu_memory: int

    @classmethod
    def of(cls, group: ShotGroup) -> Step:
        size = f"{group.width}x{group.height}"
        mean = sum(group.minutes) * 60 / len(group.shots)
        return cls(
            name=f"shots-{size}",
            description=f"{len(group.shots)} shots of {size}, {sum(group.minutes):.0f} minutes.",
            range=group.ranges,
            chunk=max(1, min(_LARGEST_CHUNK, len(group.shots), round(TARGET / max(mean, 1)))),
            gpu_memory=group.gpu_memory,
        )


def export_openjd(folder: JobFolder, to: Path) -> Path:
    """Write the bundle of a planned job: ``template.yaml`` and ``parameters.yaml``.

    Returns:
        The template.

    Raises:
        JobError: no farm plan, nothing left to render, or ``to`` is not empty.
    """
    plan = plan_to_export(folder)
    parameters = f"Job: {quoted(str(folder.path))}\nUnisync: unisync\n"
    write_bundle(to, {"template.yaml": template(plan), "parameters.yaml": parameters})
    return to / "template.yaml"


def template(plan: FarmPlan) -> str:
    """The job template as YAML."""
    steps = [Step.of(group) for group in plan.groups]
    return filled("openjd/template.yaml.j2", plan=plan, steps=steps, target=TARGET)


def shots_of(expression: str) -> frozenset[int]:
    """The numbers of a range expression (section 3.4.1.1 of the template schema): ``1-9:2,12``.

    Raises:
        JobError: it is none.
    """
    shots: set[int] = set()
    for part in expression.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise JobError(f"{part!r} is no shot and no range of shots, such as 3-8 or 1-9:2")
        first, last, step = match.groups()
        shots.update(range(int(first), int(last or first) + 1, max(1, int(step or 1))))
    return frozenset(shots)


def chosen_shots(expression: str, job: JobFolder) -> frozenset[int]:
    """Those of a job's shots that a task is about.

    Raises:
        JobError: no range expression, or not one shot of it is rendered by this job.
    """
    chosen = shots_of(expression) & {clip.index for clip in job.plan.to_render}
    if not chosen:
        raise JobError(f"No shot of {expression!r} is rendered by this job", file=job.path)
    return chosen


def roots_of_rules(path: Path, system: str = SYSTEM) -> Roots:
    """A session's path mapping rules (``pathmapping-1.0``) as ours: they map parameters, and the
    paths inside a job are none.

    Args:
        path: as ``{{Session.PathMappingRulesFile}}`` names it; without rules it holds ``{}``.
        system: this machine's column.

    Raises:
        JobError: it says something else.
    """
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        rules = said.get("path_mapping_rules", [])
        return Roots(tuple(_root(rule, system) for rule in rules))
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise JobError(
            f"These are no path mapping rules (pathmapping-1.0): {error}", file=path
        ) from error


def _root(rule: dict[str, str], system: str) -> Root:
    """A rule says POSIX, not which: another POSIX system than this one is as good as any."""
    other = "linux" if system == "macos" else "macos"
    theirs = "windows" if rule["source_path_format"].upper() == "WINDOWS" else other
    return Root(**{theirs: rule["source_path"], system: rule["destination_path"]})


def roots_toml(roots: Roots) -> str:
    """Roots as the file that ``UNISYNC_ROOTS`` names."""
    return "".join(
        f"[[root]]\nlinux = {quoted(one.linux)}\nmacos = {quoted(one.macos)}\n"
        f"windows = {quoted(one.windows)}\n"
        for one in roots.root
    )
