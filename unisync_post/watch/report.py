"""What the watcher keeps for those who look after it: JSON records and Prometheus figures."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from ..job.events import Event, Listener, silent
from ..telemetry.logs import close_log, logging_to, open_log
from ..telemetry.metrics import Metrics
from .board import Say
from .config import WatchConfig
from .names import shown

_EVERY = 5.0
"""Seconds between two versions of the file of figures."""


@dataclass
class Report:
    """Tells people, and keeps records and figures where the settings ask for them."""

    config: WatchConfig
    people: Say
    logger: logging.Logger | None = None
    metrics: Metrics | None = None
    _next: float = 0.0

    def say(self, name: str, text: str) -> None:
        """Something happened to a drop."""
        self.people(name, text)
        if self.logger is not None:
            facts = {"kind": "drop", "drop": shown(name)} if name else {"kind": "watch"}
            self.logger.info("%s", shown(text), extra={"facts": facts})

    def listen(self, event: Event) -> None:
        """Something happened in a job."""
        record: Listener = logging_to(self.logger) if self.logger is not None else silent
        record(event)
        if self.metrics is not None:
            self.metrics(event)

    def looked(self, oldest: float, depth: int) -> None:
        """The folder was read through.

        Args:
            oldest: seconds that the longest waiting drop has waited.
            depth: shots that wait for a worker.
        """
        if self.metrics is None:
            return
        self.metrics.last_scan.set_to_current_time()
        self.metrics.oldest.set(oldest)
        self.metrics.depth.set(depth)
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY
            self.flush()

    def flush(self) -> None:
        """Write the figures of now."""
        if self.metrics is None or self.config.metrics is None:
            return
        try:
            self.metrics.write(self.config.metrics)
        except OSError as error:
            self.people("", f"the figures cannot be written: {error.strerror}")


@contextmanager
def reporting(config: WatchConfig, people: Say) -> Iterator[Report]:
    """A report that is open within this block.

    Raises:
        OSError: the log cannot be written.
    """
    with ExitStack() as stack:
        logger = None
        if config.log is not None:
            logger = open_log(config.log, name="unisync.watch")
            stack.callback(close_log, logger)
        figures = Metrics() if config.metrics is not None else None
        report = Report(config, people, logger, figures)
        stack.callback(report.flush)
        yield report
