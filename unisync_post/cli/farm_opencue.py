"""`unisync farm export opencue`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..farm.opencue import CueOptions, export_opencue, submit_opencue
from ..job.folder import open_job

_DEFAULT = CueOptions()


@click.command("opencue")
@click.argument("job", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--to", required=True, type=click.Path(path_type=Path, file_okay=False))
@click.option("--show", default=_DEFAULT.show, show_default=True, help="Must exist in OpenCue.")
@click.option(
    "--shot", default=_DEFAULT.shot, show_default=True, help="Under which OpenCue lists the job."
)
@click.option("--user", default="", help="Who submits; default: you.")
@click.option("--facility", default="")
@click.option("--priority", type=int, default=_DEFAULT.priority, show_default=True)
@click.option(
    "--chunk",
    type=click.IntRange(min=1),
    default=_DEFAULT.chunk,
    show_default=True,
    help="Shots that one frame renders; the model is loaded once a frame.",
)
@click.option("--cores", type=click.IntRange(min=1), default=_DEFAULT.cores, show_default=True)
@click.option("--memory", default="", metavar="64g", help="Of each frame.")
@click.option(
    "--tag",
    "tags",
    multiple=True,
    metavar="TAG",
    help="Hosts that may render must have one of these. May be repeated.",
)
@click.option("--service", default=_DEFAULT.service, show_default=True)
@click.option(
    "--setup",
    multiple=True,
    metavar="LINE",
    help="Shell line before the command, such as `source /opt/studio/env.sh`. May be repeated.",
)
@click.option(
    "--unisync",
    default="",
    metavar="COMMAND",
    help="The command as hosts call it; default: this installation's, by its path.",
)
@click.option("--submit", is_flag=True, help="Submit it, too; needs pycue.")
@click.option("--cuebot", default="", metavar="HOST[:PORT]", help="Default: as pycue is set up.")
def opencue_command(job: Path, to: Path, submit: bool, cuebot: str, **asked: Any) -> None:
    """Write an OpenCue job specification: a layer for each size of plates, then the assembly.

    JOB, its media and --to must be on storage that all hosts see under the same path.
    """
    spec = export_opencue(open_job(job), to, CueOptions(**asked))
    click.echo(f"spec: {spec}")
    if submit:
        click.echo(f"job:  {submit_opencue(spec, cuebot)}")
