"""The resident workers: a pool for each engine that drops of this folder use."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from ..engines.base import EngineInfo
from ..errors import EngineError
from ..job.events import Event
from ..job.folder import JobFolder
from ..plan.plan import ClipPlan
from .board import Board
from .status import State


class Renderer(Protocol):
    """What renders shots: :class:`~unisync_post.job.pool.WorkerPool`, or a stand-in."""

    @property
    def ready(self) -> bool:
        """Whether the engine is open, so that ``info`` does not wait."""

    @property
    def info(self) -> EngineInfo: ...

    @property
    def depth(self) -> int:
        """Shots waiting for a worker."""

    def time_left(self, job: JobFolder) -> float | None: ...

    def submit(
        self, job: JobFolder, clips: Iterable[ClipPlan] | None = None, *, priority: int = 0
    ) -> None: ...

    def cancel(self, job: JobFolder) -> None: ...

    def poll(self, timeout: float) -> Iterable[Event]: ...

    def close(self) -> None: ...


@dataclass
class Renderers:
    """What renders, by engine. The folder's own is opened with the first drop, others as asked for.

    Attributes:
        open: starts what renders with the engine of this name.
    """

    board: Board
    open: Callable[[str], Renderer]
    _opened: dict[str, Renderer] = field(default_factory=dict)

    def engine(self, name: str) -> EngineInfo | None:
        """The engine of this name; None while it is being opened."""
        renderer = self.get(name)
        return renderer.info if renderer.ready else None

    def get(self, name: str) -> Renderer:
        """What renders with the engine of this name."""
        default = self._opened.get(self.board.config.engine)
        if default is not None and default.ready and default.info.name == name:
            return default  # it was opened as "auto"
        if name not in self._opened:
            self._opened[name] = self.open(name)
        return self._opened[name]

    @property
    def depth(self) -> int:
        """Shots waiting for a worker, of all engines."""
        return sum(renderer.depth for renderer in self._opened.values())

    def poll(self, timeout: float) -> list[Event]:
        """Serve all workers for up to ``timeout`` seconds; what happened since the last time.

        Raises:
            EngineError: the folder's own engine cannot be opened.
        """
        events: list[Event] = []
        if not self._opened:
            time.sleep(timeout)
        for name, renderer in list(self._opened.items()):
            try:
                events += renderer.poll(timeout / len(self._opened))
            except EngineError as error:
                self._without(name, error)
        return events

    def close(self) -> None:
        """End every worker."""
        for renderer in self._opened.values():
            renderer.close()
        self._opened.clear()

    def _without(self, name: str, error: EngineError) -> None:
        """An engine that a drop asked for cannot run here; the folder's own must."""
        if name == self.board.config.engine:
            raise error
        self._opened.pop(name).close()
        for drop in self.board.drops.values():
            if drop.engine == name and drop.state is State.QUEUED:
                self.board.tell(drop, State.REJECTED, error.what, remedy=error.remedy or "")
                self.board.release(drop)
