"""`unisync dub`: the whole way in one command."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import click

from ..engines import open_engine
from ..exit_codes import ExitCode
from ..farm.on import crew_on
from ..job.dub import Dubbed, choices, dub_edit, plan_job
from ..job.events import Event
from ..job.run import summary
from ..plan.options import PlanOptions
from .on import on_option
from .options import burn_in_option, edit_options, engine_option, workers_option
from .progress import following


@click.command("dub")
@edit_options
@engine_option
@workers_option
@on_option
@burn_in_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for everything that is made.",
)
@click.option(
    "--render/--no-render",
    "rendered",
    default=True,
    help="Only plan and make the job: `unisync render`, or a farm, does the rest.",
)
@click.option("--json", "as_json", is_flag=True, help="Events as JSON lines on stdout.")
def dub(
    edit: Path,
    options: PlanOptions,
    out: Path,
    engine: str,
    workers: int | None,
    on: str | None,
    burn_in: bool,
    rendered: bool,
    as_json: bool,
) -> None:
    """Dub EDIT: plan it, render its dialogue shots, and write it back relinked.

    Run again after any interruption: finished shots are not rendered twice.
    """
    if not rendered:
        _make_job(edit, out, options, engine)
        return
    with following(as_json) as listen, crew_on(on, workers=workers) as crew:
        made = dub_edit(
            edit,
            out,
            options,
            engine=engine,
            workers=workers,
            crew=crew,
            burn_in=burn_in,
            listen=listen,
        )
        if as_json:
            listen(Event("end", status="assembled", message=str(made.returned.edit)))
    if not as_json:
        click.echo(report(made))
    sys.exit(int(exit_code(made.counts)))


def _make_job(edit: Path, out: Path, options: PlanOptions, engine: str) -> None:
    opened = open_engine(engine)
    job = plan_job(edit, out, options, opened)
    for message in choices(job.plan, opened.info):
        click.echo(message)
    click.echo(f"{len(job.plan.to_render)} shots to render, none rendered: {job.path}")
    click.echo(f"On a farm, next: unisync farm plan {job.path}")


def report(made: Dubbed) -> str:
    """What was made and where, for people."""
    lines = [
        f"shots:    {summary(made.counts)}",
        f"edit:     {made.returned.edit}  ({made.returned.relinked} clips relinked)",
        f"timeline: {made.job.plan.new_name}",
        f"review:   {made.page}",
        f"job:      {made.job.path}",
    ]
    return "\n".join(lines)


def exit_code(counts: Counter[str]) -> ExitCode:
    """From how the shots ended to what a script should know."""
    if counts["kept"] + counts["failed"] == 0:
        return ExitCode.OK
    return ExitCode.SOME_KEPT if counts["rendered"] else ExitCode.NONE_RENDERED
