"""Which shot is next: by priority, and within one priority a shot of each job in turn."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..plan.plan import ClipPlan
from .folder import JobFolder
from .forecast import Forecast


@dataclass(frozen=True, slots=True)
class Task:
    """One shot waiting for a worker.

    Attributes:
        job: path of the job folder.
        attempts: how often it has failed for a transient reason.
        deaths: how many workers it has taken down.
        due: not before this instant of the pool's clock.
    """

    job: Path
    clip: ClipPlan
    key: str
    attempts: int = 0
    deaths: int = 0
    due: float = 0.0


@dataclass
class Line:
    """The shots of one job in the queue.

    Attributes:
        clips: every shot asked for, finished ones included, one for each render key.
        ready: how many of them were finished before.
        running: how many are with a worker.
        stopped: why no more of them are started: cancelled, full, refused; empty while it goes on.
        message: what to say of that.
    """

    job: JobFolder
    priority: int
    clips: dict[str, ClipPlan]
    ready: int = 0
    waiting: deque[Task] = field(default_factory=deque)
    running: Counter[str] = field(default_factory=Counter)
    forecast: Forecast = field(default_factory=Forecast)
    stopped: str = ""
    message: str = ""

    @property
    def over(self) -> bool:
        return not self.waiting and not self.running.total()

    def due(self, now: float) -> Task | None:
        return next((task for task in self.waiting if task.due <= now), None)


class Queue:
    """Lines of tasks, served in turn."""

    def __init__(self) -> None:
        self.lines: dict[Path, Line] = {}

    def __len__(self) -> int:
        """Shots waiting."""
        return sum(len(line.waiting) for line in self.lines.values())

    def take(self, now: float) -> Task | None:
        """The next task that is due. Its job goes to the end of its priority's turn."""
        open_lines = [line for line in self.lines.values() if line.due(now) is not None]
        if not open_lines:
            return None
        line = max(open_lines, key=lambda one: one.priority)  # the first of equals
        task = line.due(now)
        assert task is not None
        line.waiting.remove(task)
        line.running[task.key] += 1
        self.lines[line.job.path] = self.lines.pop(line.job.path)
        return task

    def put_back(self, task: Task, due: float) -> None:
        """A task that is to be tried again, unless its job was stopped meanwhile."""
        line = self.release(task)
        if not line.stopped:
            line.waiting.appendleft(replace(task, due=due))

    def release(self, task: Task) -> Line:
        """A task that ended."""
        line = self.lines[task.job]
        line.running[task.key] -= 1
        return line

    def next_due(self, now: float) -> float | None:
        """Seconds until a waiting task is due, or None without one."""
        instants = [task.due for line in self.lines.values() for task in line.waiting]
        return max(0.0, min(instants) - now) if instants else None

    def finished(self) -> Iterable[Line]:
        """Lines with nothing left to do, taken out of the queue."""
        for path in [path for path, line in self.lines.items() if line.over]:
            yield self.lines.pop(path)
