"""What a farm's task prints, in the form that its farm reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from ..errors import UniSyncError
from ..job.events import Event, Listener
from ..job.forecast import Forecast

progress_option = click.option(
    "--progress",
    type=click.Choice(["openjd", "deadline", "opencue", "plain"]),
    default="plain",
    show_default=True,
    help="Form of the progress lines: whose farm reads them.",
)


@contextmanager
def told(form: str) -> Iterator[Listener]:
    try:
        yield _Lines(form)
    except UniSyncError as error:
        if form == "openjd":
            click.echo(f"openjd_fail: {error}".replace("\n", " "))
        raise


class _Lines:
    def __init__(self, form: str) -> None:
        self.form = form
        self.forecast = Forecast()
        self.percent = -1

    def __call__(self, event: Event) -> None:
        self.forecast.hear(event)
        if event.kind == "done":
            reason = f": {event.message}" if event.message else ""
            self._status(f"shot {event.shot}: {event.status}{reason}")
        elif event.message and event.kind not in ("step", "job"):
            self._status(event.message)
        percent = int(100 * self.forecast.frames / (self.forecast.total or 1))
        if percent != self.percent:
            self.percent = percent
            click.echo(
                f"openjd_progress: {percent}" if self.form == "openjd" else f"Progress: {percent}%"
            )

    def _status(self, said: str) -> None:
        click.echo(f"openjd_status: {said}" if self.form == "openjd" else said)
