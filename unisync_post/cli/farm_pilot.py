"""A pilot as a command: how it is told to stop, and what it exits with."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from ..exit_codes import ExitCode
from ..farm.worker import PilotOptions, run_pilot
from ..job.events import Event
from ..job.folder import JobFolder
from .farm_lines import told


def fly(folder: JobFolder, options: PilotOptions, form: str) -> ExitCode:
    """Run a pilot that says in this form how far it is; the status it is to exit with."""
    with told(form) as listen, stopping() as stop:
        report = run_pilot(folder, options=options, listen=listen, stop=stop)
        counts = ", ".join(f"{count} {how}" for how, count in report.counts.items() if count)
        said = f"{counts or 'nothing to do'}; {report.left} shots left ({report.why})"
        listen(Event("end", message=said))
    return ExitCode.INTERRUPTED if report.why == "stopped" else ExitCode.OK


@contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """Whether SIGTERM or SIGINT has come; within this block they do nothing else."""
    heard: list[int] = []

    def hear(number: int, _frame: FrameType | None) -> None:
        heard.append(number)

    before = {number: signal.signal(number, hear) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield lambda: bool(heard)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
