"""`unisync farm`: one job on many machines."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console

from ..farm.capacity import Farm, hours
from ..farm.claims import FARM_POLICY
from ..farm.plan import FarmPlan, make_farm_plan, write_farm_plan
from ..farm.roots import VARIABLE, read_roots
from ..farm.status import farm_status
from ..farm.worker import PilotOptions
from ..job.folder import open_job
from ..records import dump
from .farm_daemon import daemon
from .farm_lines import progress_option
from .farm_opencue import opencue_command
from .farm_openjd import (
    deadline10_command,
    deadline_cloud_command,
    openjd_command,
    openjd_paths_command,
    prepare_command,
)
from .farm_pilot import fly
from .farm_slurm import slurm_command
from .farm_table import follow, plain, table
from .render import parse_shots

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


def _gpu(mebibytes: int) -> str:
    return f"GPU with {mebibytes} MiB" if mebibytes else "no GPU"


def _described(made: FarmPlan, path: Path, gpus: int) -> str:
    """The plan for people."""
    estimate = hours(len(made.shots), made.picture, made.pace, Farm(gpus))
    groups = [
        f"  {group.width}x{group.height}: {len(group.shots)} shots ({group.ranges}), "
        f"{_gpu(group.gpu_memory)}, {sum(group.minutes):.1f} min"
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


@farm.command("worker")
@JOB
@click.option("--slot", type=click.IntRange(min=0), help="Number of this GPU slot on the farm.")
@progress_option
@click.option("--shots", metavar="3-8,12", help="Only these shots; default: all.")
@click.option("--max-shots", type=click.IntRange(min=1), help="Leave after so many shots.")
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Leave then; the shot under way is given back.",
)
@click.option(
    "--patience",
    type=click.FloatRange(min=1),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Silence after which another pilot counts as lost; the same for all pilots of a job.",
)
def worker(
    job: Path,
    slot: int | None,
    progress: str,
    shots: str | None,
    max_shots: int | None,
    time_limit: float | None,
    patience: float,
) -> None:
    """A pilot: render shots of JOB until none is left. Start as many as there are GPU slots.

    SIGTERM gives the shot under way back. Exit status 0: it did its share (`unisync farm status`
    says how the shots ended); 7: this machine cannot render the job, others may; 130: told to stop.
    """
    folder = open_job(job)
    options = PilotOptions(
        slot=slot,
        shots=parse_shots(shots, folder) if shots is not None else None,
        max_shots=max_shots,
        time_limit=time_limit,
        patience=patience,
        policy=replace(FARM_POLICY, backoff=patience / 2),
    )
    sys.exit(int(fly(folder, options, progress)))


@farm.command("status")
@JOB
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")
@click.option("--watch", is_flag=True, help="Stay and look again every two seconds.")
def status(job: Path, as_json: bool, watch: bool) -> None:
    """How JOB stands, from its folder: shots, who is at which, what went wrong."""
    folder = open_job(job)
    if as_json:
        click.echo(json.dumps(plain(farm_status(folder)), ensure_ascii=False, indent=1))
    elif watch:
        follow(folder)
    else:
        Console().print(table(farm_status(folder)))


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
