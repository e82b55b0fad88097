"""Progress in the forms that farms read from a task's output."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..job.events import Event
from ..job.forecast import Forecast

FORMS = ("openjd", "deadline", "opencue", "plain")
_EVERY = 5.0
"""Seconds between two lines that tell nothing but progress."""


class FarmLines:
    """Listens to a job and writes lines.

    ``openjd`` writes ``openjd_progress: 41.5`` and ``openjd_status: …``, ``deadline`` writes
    ``Progress: 41%`` as Deadline 10's plugins look for it, ``opencue`` and ``plain`` write the
    per cent first in a line (OpenCue's RQD only watches that the log goes on).

    Args:
        form: one of :data:`FORMS`.
        write: takes a line.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        form: str,
        write: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._form, self._write, self._clock = form, write, clock
        self._forecast = Forecast()
        self._told = float("-inf")

    def __call__(self, event: Event) -> None:
        self._forecast.hear(event)
        only_progress = event.kind == "step" and event.total > 0
        if only_progress and self._clock() - self._told < _EVERY:
            return
        said = _sentence(event)
        if said:
            self._told = self._clock()
            for line in self._lines(said):
                self._write(line)

    def fail(self, message: str) -> None:
        """Why the task ends without having done what it was for."""
        line = " ".join(message.split())
        self._write(f"openjd_fail: {line}" if self._form == "openjd" else f"Error: {line}")

    @property
    def share(self) -> float:
        """Part of the frames that were to be rendered, 0 to 1."""
        return self._forecast.frames / self._forecast.total if self._forecast.total else 1.0

    def _lines(self, said: str) -> tuple[str, ...]:
        percent = 100 * self.share
        if self._form == "openjd":
            return f"openjd_progress: {percent:.1f}", f"openjd_status: {said}"
        if self._form == "deadline":
            return f"Progress: {percent:.0f}%", said
        return (f"{percent:.0f}% {said}",)


def _sentence(event: Event) -> str:
    if event.kind == "job":
        return f"{event.message}: {event.total} frames to render, {event.done} shots ready"
    if event.kind == "shot":
        return f"shot {event.shot}: {event.total} frames"
    if event.kind == "step" and event.total:
        return f"shot {event.shot}: {event.step} {event.done}/{event.total}"
    if event.kind == "done":
        reason = f": {event.message}" if event.message else ""
        return f"shot {event.shot}: {event.status}{reason}"
    return " ".join(event.message.split())
