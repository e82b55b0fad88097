"""A worker process: opens the engine once, then renders one shot after the other until told to end.

It says what it does over its own pipe. There is no queue shared between workers: one that is killed
in the middle of a message could leave a shared lock held for ever.
"""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for_handle
from pathlib import Path
from typing import TYPE_CHECKING

from ..lease import Fence
from .events import Event

if TYPE_CHECKING:
    from ..engines.base import Engine, EngineInfo
    from .folder import JobFolder

_TELL_EVERY = 0.1
"""Seconds between two reports of the same step."""


@dataclass(frozen=True, slots=True)
class Order:
    """Render this clip.

    Attributes:
        last: there will be no other attempt, record whatever comes of it.
        fence: the lease under which it is rendered; None: the shot's lock file keeps others out.
    """

    job: Path
    clip: int
    last: bool
    fence: Fence | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """Leave the shot under way; the worker stays."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The engine is open."""

    info: EngineInfo
    seconds: float


@dataclass(frozen=True, slots=True)
class Refused:
    """The engine cannot be opened here."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """An order was carried out, or not.

    Attributes:
        outcome: ``done`` (its result is recorded), ``again`` (it may succeed another time),
            ``busy`` (another process is at it), ``stopped`` (as told), ``full`` (no room),
            ``refused`` (the job is damaged, or for another engine), ``lost`` (another process
            has taken the shot over).
        reason: why, where it is not done.
        leaving: the process ends itself, because its GPU may be unusable from here.
    """

    outcome: str
    reason: str = ""
    leaving: bool = False


class _Stopped(BaseException):
    """Raised out of the rendering; no ``except Exception`` on the way may hold it up."""


def serve(pipe: Connection, trace: Connection | None, engine: str) -> None:
    """The whole life of a worker process.

    Args:
        pipe: orders come in, events and answers go out.
        trace: where the interpreter writes its stack should the process crash or stand still.
        engine: as :func:`~unisync_post.engines.open_engine` takes it.
    """
    be_expendable(trace)
    with suppress(BrokenPipeError, ConnectionResetError, EOFError):  # the parent is gone
        attend(pipe, engine)


def attend(pipe: Connection, engine: str) -> None:
    """Open the engine, say so, and carry out what comes until the pipe closes or brings None."""
    begun = time.monotonic()
    from ..engines import open_engine
    from ..sandbox import MEMORY, limit_decoder
    from . import work as _imported  # noqa: F401  now, not in the time of the first shot

    try:
        loaded = open_engine(engine)
    except Exception as error:
        pipe.send(Refused(f"{error}" or type(error).__name__))
        return
    limit_decoder(MEMORY + loaded.info.memory)  # beyond what the engine holds
    pipe.send(Loaded(loaded.info, time.monotonic() - begun))
    voice = _Voice(pipe)
    while (order := pipe.recv()) is not None:
        if isinstance(order, Order):
            ended = _carry_out(order, loaded, voice)
            pipe.send(ended)
            if ended.leaving:
                return


def be_expendable(trace: Connection | None = None) -> None:
    """Die with the parent, die before it, and say where."""
    threading.Thread(target=_die_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it too, and decides
    with suppress(OSError):
        # when memory runs out, the kernel takes this process and not the one that can replace it
        Path("/proc/self/oom_score_adj").write_text("500")
    if trace is not None:
        faulthandler.enable(trace.fileno())
        faulthandler.register(signal.SIGUSR1, trace.fileno())


def _die_with_parent() -> None:
    """A worker whose parent was killed must not go on holding the shot's lock."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for_handle([parent.sentinel])
        os._exit(1)


def _carry_out(order: Order, engine: Engine, voice: _Voice) -> Ended:
    from ..errors import DiskFullError, UniSyncError
    from ..lease import LeaseLostError
    from .faults import is_device_error
    from .work import ShotBusyError, TryAgainError, render_clip

    try:
        job = _opened(order.job, (order.job / "job.json").stat().st_ino)
        clip = next(c for c in job.plan.to_render if c.index == order.clip)
        render_clip(job, clip, engine, voice, last=order.last, wait=False, fence=order.fence)
    except _Stopped:
        return Ended("stopped")
    except ShotBusyError:
        return Ended("busy")
    except TryAgainError as error:
        broken = error.__cause__ is not None and is_device_error(error.__cause__)
        return Ended("again", str(error), leaving=broken)
    except DiskFullError as error:
        return Ended("full", str(error))
    except LeaseLostError as error:
        return Ended("lost", str(error))
    except UniSyncError as error:
        return Ended("refused", str(error))
    except OSError as error:
        return Ended("refused", f"The job folder cannot be used: {error}")
    return Ended("done")


@lru_cache(maxsize=8)
def _opened(path: Path, _inode: int) -> JobFolder:
    """A job is read once, not for each shot; another job under the same name is another file."""
    from .folder import open_job

    return open_job(path)


class _Voice:
    """Passes events on, not more often than anyone can read, and listens for :class:`Stop`."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._step = ""
        self._told = 0.0

    def __call__(self, event: Event) -> None:
        try:
            self._exchange(event)
        except (OSError, EOFError):
            # the parent is gone: that is no failure of the shot, and must not be recorded as one
            raise _Stopped from None

    def _exchange(self, event: Event) -> None:
        if self._pipe.poll() and isinstance(self._pipe.recv(), Stop):
            raise _Stopped
        now = time.monotonic()
        repeated = event.kind == "step" and event.step == self._step
        if repeated and event.done < event.total and now - self._told < _TELL_EVERY:
            return
        self._step, self._told = event.step, now
        self._pipe.send(event)
