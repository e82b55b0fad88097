"""A pilot's one worker process: the engine is opened in it once, and it may die."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from multiprocessing.connection import wait

from ..engines.base import EngineInfo
from ..errors import NodeError
from ..job import crew
from ..job.crew import Member
from ..job.events import Event, Listener
from ..job.faults import RetryPolicy
from ..job.queue import Task
from ..job.worker import Ended, Loaded, Order, Refused


@dataclass
class Slot:
    """Renders one shot at a time.

    Attributes:
        engine: as :func:`~unisync_post.engines.open_engine` takes it.
        number: which of the GPUs that this process may use; None: all are its own.
        policy: how long opening, and one step of a shot, may take.
        listen: hears the worker's events.
        trace: last stack of the last worker that was lost.
    """

    engine: str
    number: int | None
    policy: RetryPolicy
    listen: Listener
    trace: str = ""
    _member: Member | None = field(default=None, init=False)
    _false_starts: int = field(default=0, init=False)

    def open(self) -> None:
        """Start the worker, which begins to open the engine."""
        devices = crew.gpus()
        share = {}
        if self.number is not None:
            share = crew.share_of(self.number, max(1, len(devices)), devices)
        self._member = crew.start(self.number or 0, self.engine, share)

    @property
    def is_open(self) -> bool:
        """Its worker was started."""
        return self._member is not None

    @property
    def info(self) -> EngineInfo | None:
        """The engine, once it is open."""
        return self._member.info if self._member is not None else None

    def begin(self, order: Order, task: Task) -> None:
        member = self._member
        assert member is not None
        member.task, member.moved = task, time.monotonic()
        member.send(order)

    def stop(self) -> None:
        """Leave the shot under way."""
        if self._member is not None and self._member.task is not None:
            self._member.stop(self.policy.grace)

    def turn(self, timeout: float) -> Ended | None:
        """Hear the worker for at most this many seconds; how its shot ended, if it did.

        A worker that died at its shot, or was killed because it stood still, ended it as ``died``.

        Raises:
            NodeError: the engine cannot be opened here.
        """
        member = self._member
        assert member is not None
        try:
            if wait([member.pipe], timeout) and member.pipe.poll():
                return self._heard(member, member.pipe.recv())
        except (EOFError, OSError):
            return self._lost(member)
        now = time.monotonic()
        if member.stop_by is not None and now > member.stop_by:
            self._replace(member)
            return Ended("stopped")
        if member.overdue(now, self.policy):
            member.ask_where()
            return self._lost(member, f"stood still for {self.policy.stall:.0f} s")
        return None

    def close(self) -> None:
        if self._member is not None:
            self._member.kill()
            self._member.bury()
            self._member = None

    def _heard(self, member: Member, message: object) -> Ended | None:
        if isinstance(message, Event):
            member.hear(message)
            self.listen(message)
        elif isinstance(message, Loaded):
            member.info, self._false_starts = message.info, 0
            said = f"Opened {message.info.name} in {message.seconds:.1f} s"
            self.listen(Event("worker", status="loaded", message=said))
        elif isinstance(message, Refused):
            raise _unopened(self.engine, message.reason)
        elif isinstance(message, Ended):
            member.free()
            if message.leaving:
                self._replace(member)
            return message
        return None

    def _lost(self, member: Member, how: str = "") -> Ended | None:
        """It is gone, or has to go; another one starts in its place."""
        loading = member.info is None
        death = self._replace(member)
        how = how or death
        if not loading:
            return Ended("died", how)
        self._false_starts += 1
        if self._false_starts >= self.policy.attempts:
            raise _unopened(self.engine, f"its process {how} while opening it")
        return None

    def _replace(self, member: Member) -> str:
        """End this worker and start another; how it ended."""
        member.kill()
        death = member.bury()
        self.trace = death.trace
        self.open()
        return f"died ({death.how})"


def _unopened(engine: str, why: str) -> NodeError:
    return NodeError(
        f"The engine {engine} cannot be opened on this machine: {why}",
        remedy="Check that the weights are where the job's engine names them, and that this "
        "machine's GPU is large enough.",
    )
