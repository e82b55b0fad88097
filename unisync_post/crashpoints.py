"""Dying on purpose: every point where a crash could leave something half done has a number.

With ``UNISYNC_CRASH_LOG=FILE`` each point that is reached appends its name to FILE, so that a run's
points can be counted over all its processes. With ``UNISYNC_CRASH_AT=N`` as well, the process that
reaches the N-th of them ends there and then, as if it were killed: no handler, no ``finally``, no
flush. The tests run a job once for every N and compare what the run after it delivers.
"""

from __future__ import annotations

import os

STATUS = 86
"""Exit status of a process that ended here."""


def reached(name: str) -> None:
    """An I/O point. Does nothing at all unless the environment asks for it."""
    log = os.environ.get("UNISYNC_CRASH_LOG")
    if log is None:
        return
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        # one short append is one write: lines of several processes do not mix
        os.write(handle, f"{name:<31}\n".encode())
        number = os.lseek(handle, 0, os.SEEK_CUR) // 32
    finally:
        os.close(handle)
    if number == int(os.environ.get("UNISYNC_CRASH_AT", "0")):
        os._exit(STATUS)
