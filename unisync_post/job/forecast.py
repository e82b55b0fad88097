"""Time left, from the frames done so far and the clock."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from .events import Event

STEP_SHARES = {"faces": 0.2, "lips": 0.55, "check": 0.25}
"""Each step's share of a shot's time, as measured on two cores with the draft engine."""


@dataclass
class Forecast:
    """Time left of one job, from its events.

    A frame counts in parts: each step of a shot is a share of it. The clock runs from the first
    shot, not from the job's beginning: the time it takes to open an engine, or to wait for another
    job's turn, says nothing about a frame.
    """

    total: int = 0
    begun: float | None = None
    done: dict[int, float] = field(default_factory=dict)

    def hear(self, event: Event) -> None:
        if event.kind == "job":
            self.total, self.begun = event.total, None
            self.done.clear()
        elif event.kind == "shot":
            self._start()
            self.done[event.shot] = 0.0
        elif event.kind == "step" and event.step in STEP_SHARES:
            self._start()
            before = sum(
                share
                for name, share in STEP_SHARES.items()
                if list(STEP_SHARES).index(name) < list(STEP_SHARES).index(event.step)
            )
            self.done[event.shot] = before * event.total + STEP_SHARES[event.step] * event.done
        elif event.kind == "done" and event.status != "ready":
            self.done[event.shot] = float(event.total)

    def _start(self) -> None:
        if self.begun is None:
            self.begun = time.monotonic()

    @property
    def frames(self) -> float:
        return min(sum(self.done.values()), float(self.total))

    @property
    def left(self) -> float | None:
        """Seconds, or None before there is anything to judge by."""
        if self.begun is None:
            return None
        elapsed = time.monotonic() - self.begun
        if self.frames < 10 or elapsed < 2:
            return None
        return elapsed * (self.total - self.frames) / self.frames
