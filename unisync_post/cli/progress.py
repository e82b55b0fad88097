"""How a job is followed: a live bar in a terminal, plain lines without one, JSON for programs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from ..job.events import Event, Listener
from ..job.forecast import Forecast


def clock(seconds: float | None) -> str:
    """``1:02:03``, ``4:05``, or nothing."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


@contextmanager
def following(as_json: bool) -> Iterator[Listener]:
    """The listener that suits where the output goes."""
    if as_json:
        yield _json_lines
    elif sys.stderr.isatty():
        with _live() as listen:
            yield listen
    else:
        yield _PlainLines()


def _json_lines(event: Event) -> None:
    click.echo(json.dumps(event.as_dict(), ensure_ascii=False))


class _PlainLines:
    """A line when a shot begins and ends, and one every ten seconds between."""

    def __init__(self) -> None:
        self.forecast = Forecast()
        self.last = time.monotonic()

    def __call__(self, event: Event) -> None:
        self.forecast.hear(event)
        line = self._line(event)
        if line:
            click.echo(line, err=True)
            self.last = time.monotonic()

    def _line(self, event: Event) -> str:
        left = clock(self.forecast.left)
        time_left = f", {left} left" if left else ""
        if event.kind == "job":
            return f"job {event.message}: {event.total} frames to render, {event.done} shots ready"
        if event.kind == "shot":
            return f"shot {event.shot}: {event.total} frames"
        if event.kind == "done":
            reason = f": {event.message}" if event.message else ""
            return f"shot {event.shot}: {event.status}{reason}{time_left}"
        if event.kind == "step" and time.monotonic() - self.last >= 10:
            return f"shot {event.shot}: {event.step} {event.done}/{event.total}{time_left}"
        return "" if event.kind == "step" and event.total else event.message


@contextmanager
def _live() -> Iterator[Listener]:
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TextColumn("{task.completed:.0f}/{task.total:.0f} frames"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=console, expand=True) as progress:
        yield _LiveBars(progress)


class _LiveBars:
    """One bar for the job, one for each shot under way."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.forecast = Forecast()
        self.job: TaskID | None = None
        self.shots: dict[int, TaskID] = {}

    def __call__(self, event: Event) -> None:
        self.forecast.hear(event)
        if event.kind == "job":
            self.job = self.progress.add_task(event.message, total=event.total, left="")
        elif event.kind == "step" and event.shot:
            self._step(event)
        elif event.kind == "done":
            self._done(event)
        elif event.message:
            self.progress.console.print(event.message, markup=False)
        if self.job is not None:
            left = clock(self.forecast.left)
            self.progress.update(
                self.job, completed=self.forecast.frames, left=f"{left} left" if left else ""
            )

    def _step(self, event: Event) -> None:
        if event.shot not in self.shots:
            self.shots[event.shot] = self.progress.add_task("", total=event.total, left="")
        self.progress.update(
            self.shots[event.shot],
            description=f"  shot {event.shot}: {event.step}",
            completed=event.done,
            total=event.total,
        )

    def _done(self, event: Event) -> None:
        task = self.shots.pop(event.shot, None)
        if task is not None:
            self.progress.remove_task(task)
        reason = f": {event.message}" if event.message else ""
        self.progress.console.print(f"shot {event.shot}: {event.status}{reason}", markup=False)
