"""Figures in Prometheus' text format, counted from a pool's events.

Either served on this machine (:meth:`Metrics.serving`) or written to a file for node_exporter's
textfile collector (:meth:`Metrics.write`), which is what farm nodes have.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    start_http_server,
    write_to_textfile,
)

from ..job.events import Event

_SECONDS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)


class Metrics:
    """A listener that counts. Every instance has a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.shots = Counter(
            "unisync_shots", "Shots ended, by state.", ["state"], registry=self.registry
        )
        self.seconds = Histogram(
            "unisync_shot_seconds",
            "Wall time of a shot from its begin to its result.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.depth = Gauge(
            "unisync_queue_depth", "Shots waiting for a worker.", registry=self.registry
        )
        self.loads = Counter(
            "unisync_model_loads", "Times a worker opened its engine.", registry=self.registry
        )
        self.restarts = Counter(
            "unisync_worker_restarts",
            "Workers lost, by cause.",
            ["cause"],
            registry=self.registry,
        )
        self.last_scan = Gauge(
            "unisync_watch_last_scan_timestamp_seconds",
            "When the watched folder was last read through, in Unix time.",
            registry=self.registry,
        )
        self.oldest = Gauge(
            "unisync_watch_oldest_waiting_seconds",
            "How long the longest waiting drop has waited.",
            registry=self.registry,
        )
        for state in ("rendered", "kept", "failed", "ready"):
            self.shots.labels(state)  # a rate needs the zero before the first one
        for cause in ("died", "hung", "left"):
            self.restarts.labels(cause)
        self._begun: dict[tuple[str, str], float] = {}

    def __call__(self, event: Event) -> None:
        """Hear one event of a pool or a job."""
        shot = (event.job, event.key)
        if event.kind == "shot":
            self._begun[shot] = time.monotonic()
        elif event.kind == "done":
            self.shots.labels(event.status).inc()
            begun = self._begun.pop(shot, None)
            if begun is not None:
                self.seconds.observe(time.monotonic() - begun)
        elif event.kind == "worker" and event.status == "loaded":
            self.loads.inc()
        elif event.kind == "worker":
            self.restarts.labels(event.status).inc()

    def text(self) -> str:
        """All figures, as Prometheus reads them."""
        return generate_latest(self.registry).decode()

    def write(self, path: Path) -> None:
        """Replace ``path`` (``….prom``) by the figures of now; a reader sees the old or the new.

        Raises:
            OSError: it cannot be written.
        """
        write_to_textfile(str(path), self.registry)

    @contextmanager
    def serving(self, port: int, host: str = "127.0.0.1") -> Iterator[int]:
        """Answer ``http://host:port/metrics`` in a thread within this block.

        Args:
            port: 0 takes a free one; the block is given the port.

        Raises:
            OSError: it is taken.
        """
        server, thread = start_http_server(port, host, self.registry)
        try:
            yield int(server.server_port)
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
