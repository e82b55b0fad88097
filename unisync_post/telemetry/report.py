"""A listener that also keeps a log and a file of figures, for commands that run once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ..job.events import Event, Listener
from .logs import close_log, logging_to, open_log
from .metrics import Metrics


@contextmanager
def reported(
    listen: Listener, *, log: Path | None = None, metrics: Path | None = None
) -> Iterator[Listener]:
    """``listen``, and beside it JSON lines in ``log`` and figures in ``metrics``, where given.

    The figures are rewritten whenever a shot or a worker ends.

    Raises:
        OSError: one of the files cannot be written.
    """
    listeners = [listen]
    with ExitStack() as stack:
        if log is not None:
            logger = open_log(log)
            stack.callback(close_log, logger)
            listeners.append(logging_to(logger))
        if metrics is not None:
            figures = Metrics()
            listeners += [figures, _writing(figures, metrics)]
        yield _to_all(listeners) if len(listeners) > 1 else listen


def _writing(figures: Metrics, path: Path) -> Listener:
    def listen(event: Event) -> None:
        if event.kind in ("done", "worker", "end"):
            figures.write(path)

    return listen


def _to_all(listeners: list[Listener]) -> Listener:
    def listen(event: Event) -> None:
        for one in listeners:
            one(event)

    return listen
