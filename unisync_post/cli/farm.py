"""`unisync farm`: one job on many machines."""

from __future__ import annotations

import os
from pathlib import Path

import click

from ..farm.capacity import Farm, hours
from ..farm.plan import FarmPlan, make_farm_plan, write_farm_plan
from ..farm.roots import VARIABLE, read_roots
from ..job.folder import open_job
from ..records import dump
from .farm_daemon import daemon
from .farm_opencue import opencue_command
from .farm_openjd import (
    deadline10_command,
    deadline_cloud_command,
    openjd_command,
    openjd_paths_command,
    prepare_command,
)
from .farm_slurm import slurm_command

JOB = click.argument("job", type=click.Path(path_type=Path, exists=True, file_okay=False))
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group("farm")
def farm() -> None:
    """Render a job on many machines: plan it, start pilots, look at it, hand it to a farm."""


@farm.command("plan")
@JOB
@click.option("--roots", type=_FILE, help="TOML file: one storage as each system mounts it.")
@click.option(
    "--gpu-memory",
    type=click.IntRange(min=0),
    metavar="MIB",
    help="GPU memory that a shot needs; default: what the engine estimates.",
)
@click.option(
    "--pace",
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds of compute for one second of picture; default: as measured on the shots of this "
    "job that are rendered.",
)
@click.option(
    "--gpus", type=click.IntRange(min=1), default=1, show_default=True, help="For the estimate."
)
@click.option("--json", "as_json", is_flag=True, help="The plan as JSON on stdout.")
def plan(
    job: Path,
    roots: Path | None,
    gpu_memory: int | None,
    pace: float | None,
    gpus: int,
    as_json: bool,
) -> None:
    """Write JOB/farm.json: its shots as numbers, what they need, and how long they take."""
    folder = open_job(job)
    named = roots or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
    made = make_farm_plan(
        folder,
        roots=read_roots(named) if named is not None else None,
        gpu_memory=gpu_memory,
        pace=pace,
    )
    path = write_farm_plan(folder, made)
    click.echo(dump(made).decode() if as_json else _described(made, path, gpus), nl=not as_json)


def _described(made: FarmPlan, path: Path, gpus: int) -> str:
    """The plan for people."""
    estimate = hours(len(made.shots), made.picture, made.pace, Farm(gpus))
    groups = [
        f"  {group.width}x{group.height}: {len(group.shots)} shots ({group.ranges}), "
        f"{group.gpu_memory or 'no'} MiB GPU, {sum(group.minutes):.1f} min"
        for group in made.groups
    ]
    source = "measured" if made.measured else "a guess: render one shot first, or give --pace"
    return "\n".join(
        [
            f"engine:   {made.engine} ({made.fingerprint[:12]})",
            f"shots:    {len(made.shots)}, {made.picture:.1f} s of picture",
            *groups,
            f"pace:     {made.pace:.1f} s of compute a second of picture ({source})",
            f"estimate: {estimate:.2f} h on {gpus} GPU slot{'s' if gpus > 1 else ''}",
            f"plan:     {path}",
        ]
    )


@farm.group("export")
def export() -> None:
    """Write what a farm's own tools submit."""


for command in (daemon, prepare_command, openjd_paths_command):
    farm.add_command(command)
for command in (
    openjd_command,
    deadline_cloud_command,
    deadline10_command,
    slurm_command,
    opencue_command,
):
    export.add_command(command)
