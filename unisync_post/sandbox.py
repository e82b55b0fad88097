"""Limits of the processes that read files from elsewhere.

Decoders are native code fed with other people's bytes. They run in processes of their own (a pool's
workers, a watcher's helper), which are limited from here and may die: whatever a file makes them
do, it ends in a named error or a dead process, never in a machine without memory.
"""

from __future__ import annotations

import sys

from .errors import UniSyncError

if sys.platform != "win32":
    import resource

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
