"""`unisync render`, `assemble`, `review`: the halves of a job that a farm or a person repeats."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..exit_codes import ExitCode
from ..farm.on import crew_on, gpu_memory_of
from ..farm.progress import FORMS
from ..farm.worker import PilotOptions
from ..job.assemble import assemble as assemble_job
from ..job.dub import show_job
from ..job.folder import JobFolder, open_job
from ..job.run import render_job, summary
from ..telemetry.report import reported
from .dub import exit_code
from .farm_pilot import fly
from .on import on_option
from .options import burn_in_option, face_option, workers_option
from .progress import following

_FILE = click.Path(path_type=Path, dir_okay=False, writable=True)
_JOB = click.argument("job", type=click.Path(path_type=Path, exists=True, file_okay=False))


@click.command("render")
@_JOB
@workers_option
@on_option
@face_option
@click.option("--shots", metavar="3-8,12", help="Numbers from `unisync plan`; default: all.")
@click.option("--again", is_flag=True, help="Render also shots that are finished.")
@click.option("--json", "as_json", is_flag=True, help="Events as JSON lines on stdout.")
@click.option("--log", type=_FILE, help="Keep records here, as JSON lines; rotates at 10 MB.")
@click.option("--metrics", type=_FILE, help="Keep Prometheus figures here (textfile collector).")
@click.option(
    "--progress",
    type=click.Choice(FORMS),
    help="A farm's task: leases these shots as pilots do, prints its progress in this form, and "
    "ends with 0 once each of them has its result, also where that keeps the original media.",
)
def render(
    job: Path,
    shots: str | None,
    again: bool,
    face: str | None,
    workers: int | None,
    on: str | None,
    as_json: bool,
    log: Path | None,
    metrics: Path | None,
    progress: str | None,
) -> None:
    """Render the shots of JOB that are not finished. May be called again, and by several machines.

    With --face the chosen shots are rendered anew with another face.
    """
    folder = open_job(job)
    chosen = parse_shots(shots, folder) if shots is not None else None
    if progress is not None:
        if again or face or workers or on or as_json or log or metrics:
            raise click.UsageError("--progress goes with --shots alone")
        sys.exit(int(fly(folder, PilotOptions(shots=chosen), progress)))
    if face is not None:
        if chosen is None:
            raise click.UsageError("--face needs --shots: which shots is this face for?")
        folder.choose_face([c for c in folder.plan.to_render if c.index in chosen], face)
    gpu_memory = gpu_memory_of(folder) if on else None
    with (
        following(as_json) as tell,
        reported(tell, log=log, metrics=metrics) as listen,
        crew_on(on, gpu_memory=gpu_memory, workers=workers) as crew,
    ):
        counts = render_job(
            folder, shots=chosen, again=again, workers=workers, crew=crew, listen=listen
        )
    if not as_json:
        click.echo(summary(counts))
        click.echo(f"Now write the edit: unisync assemble {folder.path}")
    sys.exit(int(exit_code(counts)))


def parse_shots(text: str, job: JobFolder) -> frozenset[int]:
    """``3-8,12`` as clip numbers that this job renders.

    Raises:
        click.UsageError: no numbers, or one that the plan does not render, with the reason.
    """
    known = {clip.index: clip for clip in job.plan.clips}
    chosen: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise click.UsageError(f"--shots takes numbers and ranges such as 3-8,12, not {text!r}")
        numbers = range(int(first), int(last or first) + 1)
        if not dash:
            clip = known.get(numbers[0])
            if clip is None or clip.shot is None:
                why = clip.reason if clip else f"the plan has clips 1 to {len(known)}"
                raise click.UsageError(f"Shot {part.strip()} is not rendered: {why}")
        chosen.update(n for n in numbers if n in known and known[n].shot is not None)
    if not chosen:
        raise click.UsageError(f"No shot of {text!r} is rendered by this job")
    return frozenset(chosen)


@click.command("assemble")
@_JOB
@click.option("--partial", is_flag=True, help="Shots not rendered yet keep their original media.")
def assemble(job: Path, partial: bool) -> None:
    """Write the relinked edit of JOB and its review page."""
    folder = open_job(job)
    returned = assemble_job(folder, partial=partial)
    click.echo(f"edit:   {returned.edit}  ({returned.relinked} clips relinked)")
    click.echo(f"review: {show_job(folder)}")
    sys.exit(int(ExitCode.OK))


@click.command("review")
@_JOB
@burn_in_option
def review(job: Path, burn_in: bool) -> None:
    """Build the review page of JOB again."""
    click.echo(show_job(open_job(job), burn_in=burn_in))
