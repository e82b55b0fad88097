"""Work on files from elsewhere in a process of its own, with limits on memory and time.

Decoders are native code fed with other people's bytes. Whatever such a file makes them do, it ends
in a named error or a dead process, never in a machine without memory or a watcher that hangs.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TypeVar

from .errors import UniSyncError

if sys.platform != "win32":
    import resource

Result = TypeVar("Result")

MEMORY = 16 << 30
"""Bytes beyond what a process holds already: a 12K picture in every decoder thread, and room."""


class SandboxError(UniSyncError):
    """Reading a file took too long, too much memory, or its reader's life."""


def limit_decoder(memory: int = MEMORY, cpu_seconds: int | None = None) -> None:
    """Limit this process from here on, where the platform can (not on Windows).

    Memory is counted as Linux counts private writable pages (RLIMIT_DATA), so that neither mapped
    weights nor the address space that CUDA reserves are mistaken for use. Beyond it allocations
    fail: FFmpeg and Python report that as an error of the file at hand. Beyond its processor time
    the process is ended by SIGXCPU.

    Args:
        memory: bytes, beyond what the process holds now.
        cpu_seconds: of all its threads, beyond what it has used; None sets no limit. To be called
            again for the next shot: the limit can be moved on.
    """
    if sys.platform == "win32":
        return
    _lower(resource.RLIMIT_DATA, _held() + memory)
    _lower(resource.RLIMIT_CORE, 0)
    if cpu_seconds is not None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        _lower(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + 1 + cpu_seconds)


def in_sandbox(
    task: Callable[[], Result],
    *,
    seconds: float,
    memory: int = MEMORY,
    cpu_seconds: int | None = None,
) -> Result:
    """What ``task`` returns, worked out in a limited process that may die without harm.

    Args:
        task: importable, its arguments and result picklable (a ``functools.partial`` is).
        seconds: by the wall clock, after which it is killed.
        memory, cpu_seconds: as :func:`limit_decoder`.

    Raises:
        SandboxError: it took too long, or its process died.
        UniSyncError: whatever the task itself raised, if it is one of the family; anything else
            comes as a SandboxError that names it.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(theirs, task, memory, cpu_seconds), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(seconds):
            raise SandboxError(f"Reading it took longer than {seconds:.0f} seconds")
        answer: Result | UniSyncError = ours.recv()
    except EOFError:
        process.join()
        raise SandboxError(f"Its reader died ({_how(process.exitcode)})") from None
    finally:
        process.kill()
        process.join()
        ours.close()
    if isinstance(answer, UniSyncError):
        raise answer
    return answer


def _answer(
    pipe: Connection, task: Callable[[], object], memory: int, cpu_seconds: int | None
) -> None:
    limit_decoder(memory, cpu_seconds)
    try:
        pipe.send(task())
    except UniSyncError as error:
        pipe.send(error)
    except Exception as error:
        pipe.send(SandboxError(f"Unexpected {type(error).__name__}: {error}"))


def _how(code: int | None) -> str:
    """An exit status for people."""
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit status {code}"


def _held() -> int:
    """Bytes of private writable memory that this process has; 0 where that cannot be told."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[5]) * resource.getpagesize()
    except OSError:
        return 0


def _lower(what: int, limit: int) -> None:
    """Move the soft limit, never beyond the hard one."""
    _, hard = resource.getrlimit(what)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(what, (limit, hard))
