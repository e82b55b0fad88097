"""A pool's worker inside a process that somebody else's scheduler started: Ray's, or Dask's.

The worker itself is :func:`unisync_post.job.worker.attend`, the same as on one machine: it leases
its shots and writes the job folder. What differs is only how words get to it and back.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

from ..engines import best
from ..engines.unisync import MODEL_VARIABLE
from ..errors import JobError, UniSyncError
from ..job.worker import Ended, Order, Refused, Stop, attend
from .roots import VARIABLE, mapped, read_roots
from .versions import Versions, refuse_mixed

_LAST_WORDS = 5.0
"""Seconds for what was said last to get through before the process ends."""


class UnreachableAddressError(JobError):
    """Nobody answers where the farm is said to be."""


class FarmLostError(JobError):
    """What gave out the work is gone; the job folder is not."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A worker's first word: where it runs. ``node``: as the scheduler names it."""

    node: str
    host: str
    pid: int


@dataclass(frozen=True, slots=True)
class Brief:
    """What a worker elsewhere needs to know before it opens its engine.

    Attributes:
        engine: as :func:`~unisync_post.engines.open_engine` takes it.
        versions: what its machine must have.
        environment: set there unless the machine has its own.
    """

    engine: str
    versions: Versions
    environment: Mapping[str, str]

    @classmethod
    def of(cls, engine: str, threads: int) -> Brief:
        """``auto`` is decided here, once, not by each machine."""
        named = {MODEL_VARIABLE: os.environ[MODEL_VARIABLE]} if MODEL_VARIABLE in os.environ else {}
        engine = best() if engine == "auto" else engine
        return cls(engine, Versions.here(), {"OMP_NUM_THREADS": str(threads), **named})


class Attendant:
    """The worker's end of the line, in the worker's process."""

    def __init__(self, brief: Brief) -> None:
        for name, value in brief.environment.items():
            os.environ.setdefault(name, value)
        self._ours, self._theirs = Pipe()
        threading.Thread(target=_work, args=(self._theirs, brief), daemon=True).start()

    def hear(self, node: str) -> Iterator[object]:
        """Everything that the worker says, first where it is; ends with it."""
        yield Placed(node, socket.gethostname(), os.getpid())
        with suppress(EOFError, OSError):
            while True:
                yield self._ours.recv()

    def tell(self, message: Order | Stop | None) -> None:
        """None: leave the shot under way and end."""
        with suppress(OSError):  # it has ended
            try:
                if isinstance(message, Order):
                    message = _brought_here(message)
            except UniSyncError as error:
                self._theirs.send(Ended("refused", str(error)))  # the worker is idle, and silent
                return
            if message is None:
                self._ours.send(Stop())
            self._ours.send(message)


def _work(pipe: Connection, brief: Brief) -> None:
    try:
        refuse_mixed(brief.versions)
        attend(pipe, brief.engine)
    except UniSyncError as error:
        pipe.send(Refused(str(error)))
    finally:
        pipe.close()
        time.sleep(_LAST_WORDS)
        os._exit(0)  # it may hold a GPU that others wait for, and nobody left to end it


def _brought_here(order: Order) -> Order:
    """The order with its folders as this machine sees them."""
    named = os.environ.get(VARIABLE)
    if not named:
        return order
    roots = read_roots(Path(named))
    fence = order.fence
    if fence is not None:
        fence = replace(fence, folder=mapped(fence.folder, roots))
    return replace(order, job=mapped(order.job, roots), fence=fence)


def answers(host: str, port: int, within: float = 5.0) -> bool:
    """Whether something listens there."""
    try:
        socket.create_connection((host, port), within).close()
    except OSError:
        return False
    return True
