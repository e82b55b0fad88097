"""The pool's side of its workers: start one, give it a shot, see whether it lives.

:class:`LocalCrew` has them as processes of this machine; :mod:`unisync_post.farm.ray` elsewhere.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Protocol

from ..engines.base import EngineInfo
from ..lease import Fence
from .events import Event
from .faults import RetryPolicy
from .queue import Task
from .worker import Order, Stop, serve

_TRACE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Death:
    """How a worker ended.

    Attributes:
        how: in a few words.
        trace: its last stack, or whatever else is worth keeping beside the shot; may be empty.
        with_machine: its machine went, or went out of reach: not the fault of what it was at.
    """

    how: str
    trace: str = ""
    with_machine: bool = False


@dataclass(eq=False)
class Member:
    """One worker, wherever it runs.

    Attributes:
        pipe: where its messages come out; closed at its end.
        info: its engine, once that is open; ``refusal``: why it cannot open it.
        task: the shot it is at.
        moved: when it last got on: a step further in its shot, or a message that ended one.
        stop_by: when a cancelled shot must be over.
    """

    number: int
    pipe: Connection
    info: EngineInfo | None = None
    refusal: str = ""
    task: Task | None = None
    moved: float = field(default_factory=time.monotonic)
    stop_by: float | None = None
    _at: tuple[str, int] = ("", 0)

    @property
    def name(self) -> str:
        return f"Worker {self.number + 1}"

    @property
    def idle(self) -> bool:
        return self.info is not None and self.task is None

    def give(self, task: Task, *, last: bool, fence: Fence | None = None) -> None:
        """Raises OSError: it is gone; the task is its all the same, as if it had died at it."""
        self.task, self.moved, self._at = task, time.monotonic(), ("", 0)
        self.send(Order(task.job, task.clip.index, last, fence))

    def hear(self, event: Event) -> None:
        """Only getting on counts: the same step said again is no sign of life."""
        at = (event.step, event.done)
        if event.kind != "step" or at != self._at:
            self._at, self.moved = at, time.monotonic()

    def overdue(self, now: float, policy: RetryPolicy) -> bool:
        """Whether it has stood still for too long."""
        if self.info is not None and self.task is None:
            return False
        return now - self.moved > (policy.load if self.info is None else policy.stall)

    def stop(self, grace: float) -> None:
        """Ask it to leave its shot."""
        if self.stop_by is None:
            self.stop_by = time.monotonic() + grace
            with suppress(OSError):
                self.send(Stop())

    def free(self) -> None:
        """Its shot is over."""
        self.task, self.stop_by = None, None

    def send(self, message: Order | Stop) -> None:
        """Raises OSError: it is gone."""
        self.pipe.send(message)

    def kill(self) -> None:
        """End it at once, whatever it is at."""
        raise NotImplementedError

    def ask_where(self) -> None:
        """Have one that stands still write down where, if it can."""

    def bury(self) -> Death:
        """Wait for its end."""
        raise NotImplementedError


@dataclass(eq=False)
class LocalMember(Member):
    """A process of this machine.

    Attributes:
        trace: what its interpreter says when it crashes.
    """

    process: BaseProcess = field(kw_only=True)
    trace: Connection = field(kw_only=True)
    _said: bytes = b""

    def kill(self) -> None:
        self.process.kill()

    def ask_where(self) -> None:
        """Its C code cannot prevent that."""
        if os.name == "posix" and self.process.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGUSR1)
            while self.trace.poll(1.0) and (said := _read(self.trace)):
                self._said += said

    def bury(self) -> Death:
        self.process.join(timeout=5)
        code = self.process.exitcode
        how = f"exit status {code}"
        if code is not None and code < 0:
            how = f"signal {-code}"
        if os.name == "posix" and self.trace.poll():
            self._said += _read(self.trace)
        self.pipe.close()
        self.trace.close()
        return Death(how, self._said.decode(errors="replace"))


class Crew(Protocol):
    """Where a pool gets its workers from."""

    @property
    def size(self) -> int:
        """How many of them suit the place; may change while nodes come and go."""

    def start(self, number: int, engine: str, workers: int) -> Member:
        """A new worker, opening its engine; ``number`` of at most ``workers``."""

    def avoid(self, member: Member) -> bool:
        """This worker's machine is of no use: start no other there.

        Returns:
            Whether there is another place; else the machine is not avoided either.
        """

    def check(self) -> None:
        """
        Raises:
            JobError: the whole place is gone.
        """

    def close(self) -> None:
        """No more workers will be wanted."""


class LocalCrew:
    """Processes of this machine: one for each GPU, or one."""

    def __init__(self) -> None:
        self._devices = gpus()

    @property
    def size(self) -> int:
        return max(1, len(self._devices))

    def start(self, number: int, engine: str, workers: int) -> Member:
        return start(number, engine, share_of(number, workers, self._devices))

    def avoid(self, member: Member) -> bool:
        return False

    def check(self) -> None:
        return

    def close(self) -> None:
        return


def start(number: int, engine: str, environment: Mapping[str, str]) -> LocalMember:
    """A new worker process, opening its engine.

    Args:
        environment: variables set for it alone, before it imports anything.
    """
    # spawn: a forked child would inherit the parent's decoder and model threads half-alive.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    trace, trace_end = context.Pipe(duplex=False)
    process = context.Process(
        target=serve,
        args=(theirs, trace_end if os.name == "posix" else None, engine),
        name=f"unisync worker {number}",
        daemon=True,
    )
    with _environment(environment):
        process.start()
    theirs.close()
    trace_end.close()
    return LocalMember(number, ours, process=process, trace=trace)


def gpus() -> tuple[str, ...]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return tuple(name for name in named.split(",") if name and name != "-1")
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    query = [program, "--query-gpu=uuid", "--format=csv,noheader"]
    said = subprocess.run(query, capture_output=True, text=True, check=False)
    return tuple(said.stdout.split()) if said.returncode == 0 else ()


def share_of(number: int, workers: int, devices: tuple[str, ...]) -> dict[str, str]:
    """What is set for worker ``number`` of ``workers``: its own GPU, its share of the cores."""
    threads = max(1, (os.cpu_count() or 1) // workers)
    variables = {} if "OMP_NUM_THREADS" in os.environ else {"OMP_NUM_THREADS": str(threads)}
    if devices and workers > 1:
        variables["CUDA_VISIBLE_DEVICES"] = devices[number % len(devices)]
    return variables


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """A child inherits the environment of the moment it is started."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _read(trace: Connection) -> bytes:
    """What is there, at most; nothing at its end."""
    return os.read(trace.fileno(), _TRACE_BYTES)
