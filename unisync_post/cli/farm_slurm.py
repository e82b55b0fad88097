"""`unisync farm export slurm`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from ..farm.slurm import MOST_SLOTS, SlurmOptions, export_slurm
from ..job.folder import open_job

_TIME = re.compile(r"\d+(:\d+){0,2}|\d+-\d+(:\d+){0,2}")


def _word(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value and not re.fullmatch(r"[\w.:,=@%+-]+", value):
        raise click.BadParameter(f"{value!r} cannot stand in an #SBATCH line")
    return value


def _time(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if not _TIME.fullmatch(value):
        raise click.BadParameter("write minutes, H:MM:SS or D-HH:MM:SS")
    return value


@click.command("slurm")
@click.argument("job", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--to", required=True, type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--slots",
    type=click.IntRange(min=1),
    help="Pilots at the same time: as many as there are GPUs for this job. Default: one for each "
    f"shot, at most {MOST_SLOTS}.",
)
@click.option(
    "--gres",
    callback=_word,
    metavar="gpu:h100:1",
    help="Of each pilot; default: gpu:1 where the engine needs one.",
)
@click.option("--cpus", type=click.IntRange(min=1), default=8, show_default=True)
@click.option("--mem", "memory", default="", callback=_word, metavar="64G", help="Of each pilot.")
@click.option("--time", default="4:00:00", show_default=True, callback=_time)
@click.option("--partition", default="", callback=_word)
@click.option("--account", default="", callback=_word)
@click.option(
    "--assemble-partition",
    default="",
    callback=_word,
    help="For the assembly, which needs no GPU; default: as --partition.",
)
@click.option(
    "--setup",
    multiple=True,
    metavar="LINE",
    help="Shell line before the command, such as `module load ffmpeg`. May be repeated.",
)
@click.option(
    "--unisync",
    default="",
    metavar="COMMAND",
    help="The command as nodes call it; default: this installation's, by its path. "
    "`apptainer exec --nv unisync.sif unisync` runs it in a container.",
)
def slurm_command(job: Path, to: Path, **asked: Any) -> None:
    """Write sbatch scripts: an array of pilots, the assembly after them, and `submit.sh`.

    JOB, its media and --to must be on storage that all nodes see under the same path.
    """
    submit = export_slurm(open_job(job), to, SlurmOptions(**asked))
    click.echo(f"submit:  {submit}")
    click.echo(f"look on: {submit.with_name('status.sh')}")
