"""A resident child process that does one thing at a time for the watcher.

Reading edits, planning and building review pages run other people's bytes through parsers and
decoders. It happens over there, within limits: whatever it does, the watcher goes on looking.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from ..errors import UniSyncError
from ..job.faults import Fault, classify
from ..job.worker import be_expendable
from ..sandbox import SandboxError, limit_decoder


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task: a value, or an error.

    Attributes:
        passing: it may succeed another time: the process ended, or a disk was out of reach.
    """

    value: object = None
    error: UniSyncError | None = None
    passing: bool = False


class Helper:
    """The parent's side. The process is started with its first task and kept for the next."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self.busy = False

    def start(self, task: Callable[..., object], *words: object) -> None:
        """Begin a task: an importable function and what it is called with."""
        if self._process is None or not self._process.is_alive():
            self._open()
        assert self._pipe is not None
        with suppress(OSError):  # it is gone: take() says so
            self._pipe.send((task, words))
        self.busy = True

    def take(self) -> Outcome | None:
        """What became of the task; None while it goes on."""
        if not self.busy or self._pipe is None:
            return None
        try:
            if not self._pipe.poll():
                return None
            outcome: Outcome = self._pipe.recv()
        except (EOFError, OSError):
            return replace(self.give_up("Its reader died; it may be damaged"), passing=True)
        self.busy = False
        return outcome

    def give_up(self, why: str) -> Outcome:
        """End the process in the middle of its task."""
        self.close()
        return Outcome(error=SandboxError(why, remedy="Check that the edit and its media open."))

    def close(self) -> None:
        """End the process."""
        self.busy = False
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None

    def _open(self) -> None:
        self.close()
        # spawn: a forked child would inherit the parent's pipes and threads half-alive
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), name=self.name, daemon=True)
        self._process.start()
        theirs.close()


def _serve(pipe: Connection) -> None:
    be_expendable()
    limit_decoder()
    with suppress(EOFError, BrokenPipeError):  # the watcher is gone
        while True:
            task, words = pipe.recv()
            pipe.send(run_task(task, words))


def run_task(task: Callable[..., object], words: tuple[object, ...]) -> Outcome:
    """The task's value, or its error as one of the family."""
    try:
        return Outcome(task(*words))
    except UniSyncError as error:
        passing = classify(error) is Fault.TRANSIENT
        error.__cause__ = error.__context__ = None  # they need not be picklable
        return Outcome(error=error, passing=passing)
    except Exception as error:
        said = SandboxError(f"Unexpected {type(error).__name__}: {error}")
        return Outcome(error=said, passing=isinstance(error, OSError))
