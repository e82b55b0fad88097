"""`unisync jobs`: look after jobs from their folders, also those that run elsewhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ..exit_codes import ExitCode
from ..job.folder import JobFolder
from ..job.manage import JobState, cancel_job, jobs_at, purge_job, retry_job, state_of
from .render import parse_shots

_PATHS = click.argument(
    "paths",
    metavar="OUT…",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
)
_JSON = click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")


@click.group("jobs")
def jobs() -> None:
    """List, show, stop, repeat or remove jobs.

    OUT is the folder that was given to `unisync dub --out`, or one job's folder in OUT/jobs.
    """


def _command(name: str) -> Callable[[Callable[..., Any]], click.Command]:
    def decorate(function: Callable[..., Any]) -> click.Command:
        return jobs.command(name)(_PATHS(_JSON(function)))

    return decorate


@_command("list")
def list_jobs(paths: tuple[Path, ...], as_json: bool) -> None:
    """A line for each job: how it stands and how many of its shots are done."""
    states = [state_of(job) for job in jobs_at(paths)]
    if as_json:
        _print_json({**_plain(state), "shots": len(state.shots)} for state in states)
        return
    for state in states:
        click.echo(_line(state))


@_command("show")
def show(paths: tuple[Path, ...], as_json: bool) -> None:
    """Every shot of these jobs, with the reason where it was not rendered."""
    states = [state_of(job) for job in jobs_at(paths)]
    if as_json:
        _print_json(_plain(state) for state in states)
        return
    for state in states:
        click.echo(_line(state))
        for shot in state.shots:
            fault = f" ({shot.fault})" if shot.fault else ""
            reason = f": {shot.reason}" if shot.reason else ""
            took = f", {shot.seconds:.1f} s" if shot.seconds else ""
            click.echo(
                f"  shot {shot.shot}  {shot.timecode}  {shot.name}  "
                f"{shot.frames} frames{took}  {shot.status}{fault}{reason}"
            )


@_command("cancel")
def cancel(paths: tuple[Path, ...], as_json: bool) -> None:
    """Stop rendering these jobs, on whatever machine, within ten seconds.

    Finished shots are kept; `unisync render` or `unisync jobs retry` goes on.
    """
    found = jobs_at(paths)
    stopped = [cancel_job(job) for job in found]
    _report(found, ["stopped" if over else "still running" for over in stopped], as_json)
    if not all(stopped):
        sys.exit(int(ExitCode.JOB))


@_command("retry")
@click.option("--shots", metavar="3-8,12", help="Only these; needs a single job.")
def retry(paths: tuple[Path, ...], as_json: bool, shots: str | None) -> None:
    """Queue the failed and kept shots of these jobs again, and take up cancelled jobs.

    A running watch folder renders them by itself; else run `unisync render OUT`.
    """
    found = jobs_at(paths)
    if shots is not None and len(found) != 1:
        raise click.UsageError(f"--shots needs a single job, not {len(found)}")
    chosen = parse_shots(shots, found[0]) if shots is not None else None
    again = [retry_job(job, chosen) for job in found]
    _report(found, [_waiting(len(clips)) for clips in again], as_json)


def _waiting(count: int) -> str:
    return "1 shot waits again" if count == 1 else f"{count} shots wait again"


@_command("purge")
@click.option("--yes", is_flag=True, help="Do not ask.")
def purge(paths: tuple[Path, ...], as_json: bool, yes: bool) -> None:
    """Remove these jobs: their records, new media and returned edits.

    Your plates, dubs and edits stay, and so does what another job uses.
    """
    found = jobs_at(paths)
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("Nobody can be asked here: add --yes")
        names = ", ".join(job.name for job in found)
        if not click.confirm(f"Remove {names}, with new media and returned edits?", err=True):
            sys.exit(int(ExitCode.INTERRUPTED))
    removed = [purge_job(job) for job in found]
    _report(found, [f"{len(paths)} files and folders removed" for paths in removed], as_json)


def _report(found: list[JobFolder], did: list[str], as_json: bool) -> None:
    pairs = list(zip(found, did, strict=True))
    if as_json:
        _print_json({"name": job.name, "path": str(job.path), "did": what} for job, what in pairs)
        return
    for job, what in pairs:
        click.echo(f"{job.name}: {what}")


def _line(state: JobState) -> str:
    parts = [f"{state.rendered} rendered", f"{state.kept} kept", f"{state.failed} failed"]
    if state.set_aside:
        parts[-1] += f" ({state.set_aside} set aside)"
    if state.waiting:
        parts.append(f"{state.waiting} to do")
    return (
        f"{state.name}  {state.state}  {', '.join(parts)}  ({state.engine}, {state.language})"
        f"  {state.path}"
    )


def _plain(state: JobState) -> dict[str, object]:
    return {**asdict(state), "path": str(state.path), "returned": str(state.returned)}


def _print_json(records: Iterable[dict[str, object]]) -> None:
    click.echo(json.dumps(list(records), ensure_ascii=False, indent=1))
