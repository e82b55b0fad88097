"""What exports do: see whether a job is worth sending to a farm, fill templates, write a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import jinja2

from unisync_templates import read_template

from ..errors import JobError
from ..job.folder import JobFolder
from ..job.work import finished
from ..records import write_atomic
from .plan import FarmPlan, load_farm_plan


def plan_to_export(folder: JobFolder) -> FarmPlan:
    """The farm plan of a job that has something left to do.

    Raises:
        JobError: the job has no farm plan, or every shot is finished.
    """
    plan = load_farm_plan(folder.path)
    wanted = frozenset(plan.shots)
    if all(finished(folder, c) for c in folder.plan.to_render if c.index in wanted):
        raise JobError(
            "Every shot of this job is finished: there is nothing for a farm to do",
            file=folder.path,
            remedy=f"Write the edit with `unisync assemble {folder.path}`.",
        )
    return plan


def write_bundle(to: Path, contents: Mapping[str, str]) -> None:
    """Write these files, by their paths in ``to``.

    Raises:
        JobError: ``to`` is not an empty folder, or cannot be written.
    """
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise JobError(
            "--to is no empty folder",
            file=to,
            remedy="Name a new one: what another export wrote there would be mixed with this one.",
        )
    try:
        for name, text in contents.items():
            write_atomic(to / name, text.encode())
    except OSError as error:
        raise JobError(f"It cannot be written: {error.strerror}", file=to) from error


def filled(name: str, **words: object) -> str:
    """A template of ``unisync_templates/farm``, filled.

    Its marks are ``[[ value ]]`` and ``[% statement %]``: braces belong to the farms.
    """
    environment = jinja2.Environment(
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        comment_start_string="[#",
        comment_end_string="#]",
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["yaml"] = quoted
    return environment.from_string(read_template(f"farm/{name}")).render(words)


def quoted(value: object) -> str:
    """A string as YAML (and TOML) take it, whatever is in it."""
    return json.dumps(value, ensure_ascii=False)
