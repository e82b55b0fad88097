"""`unisync farm daemon`: the engine kept loaded for as long as a farm's session lasts."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from threading import Event as Flag

import click

from ..farm.openjd import chosen_shots
from ..farm.plan import load_farm_plan
from ..farm.session import IDLE, render_in, start, stop_daemon
from ..farm.versions import refuse_mixed
from ..job.events import Event
from ..job.folder import open_job
from ..job.tally import summary
from .farm_lines import progress_option, told

_JOB = click.argument("job", type=click.Path(path_type=Path, exists=True, file_okay=False))
_SESSION = click.option(
    "--session",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The session's folder, local to this machine; the daemon ends when it vanishes.",
)


@click.group("daemon")
def daemon() -> None:
    """Keep the engine loaded between a farm's tasks on this machine."""
    if os.name != "posix":
        raise click.UsageError("The daemon needs Linux or macOS; here, use `unisync farm worker`")


@daemon.command("start")
@_JOB
@_SESSION
@click.option(
    "--idle",
    type=click.FloatRange(min=1),
    default=IDLE,
    show_default=True,
    help="Seconds without a task after which it ends by itself.",
)
@progress_option
def start_command(job: Path, session: Path, idle: float, progress: str) -> None:
    """Load the engine of JOB; the daemon ends with its session, or with what started it."""
    with told(progress) as listen:
        folder = open_job(job)
        refuse_mixed(load_farm_plan(folder.path).versions)
        listen(Event("choice", message=f"Loading {folder.job.engine}"))
        start(session, folder, idle=idle)
        listen(Event("choice", message=f"{folder.job.engine} is loaded"))


@daemon.command("run")
@_JOB
@_SESSION
@click.option("--shots", required=True, metavar="3-8,12", help="Clip numbers; steps as in 1-9:2.")
@progress_option
def run_command(job: Path, session: Path, shots: str, progress: str) -> None:
    """Have the session's daemon render these shots of JOB, those that are not finished.

    Ends with 0 once every one of them has its record, also those that keep their original media:
    the farm has nothing to repeat. Told to end (SIGTERM), it gives its shots back first.
    """
    ended = Flag()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    with told(progress) as listen:
        folder = open_job(job)
        chosen = chosen_shots(shots, folder)
        counts = render_in(session, folder, chosen, listen=listen, stop=ended.is_set)
        listen(Event("choice", message=summary(counts)))


@daemon.command("stop")
@_SESSION
def stop_command(session: Path) -> None:
    """End the session's daemon, if it is still there."""
    click.echo("stopped" if stop_daemon(session) else "there was no daemon")
