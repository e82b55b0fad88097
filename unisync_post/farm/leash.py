"""When a process that nobody waits for must end by itself.

A farm's session starts a daemon and stops it again. Should the farm's own process be killed, nobody
stops it: a model of 40 GB would go on holding a GPU that the farm believes to be free.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import psutil

SETTLE = 5.0
"""Seconds that helpers around the starting command (a shell, sudo, setsid) may outlive it."""
_LOOK_EVERY = 0.5


class Process(Protocol):
    """What is asked of a process further up; :class:`psutil.Process` answers it."""

    def is_running(self) -> bool: ...

    def status(self) -> str: ...


class Leash:
    """Breaks when the session's folder is gone, its owner is, or nothing was asked for long.

    The owner is the nearest process further up that outlives the command which started the daemon:
    the farm's worker, whatever shells it put between.

    Args:
        folder: the session's folder; farms remove it when a session is over.
        idle: seconds without work after which the daemon ends.
        above: parent, its parent and so on, as they were when the daemon was started.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        folder: Path,
        idle: float,
        above: Sequence[Process] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = folder
        self.idle = idle
        self._above = tuple(psutil.Process().parents() if above is None else above)
        self._clock = clock
        self._inode = folder.stat().st_ino
        self._worked = clock()
        self._alone_since: float | None = None
        self._owner: Process | None = None
        self._looked = float("-inf")
        self._why = ""

    def worked(self) -> None:
        """Something was asked or done just now."""
        self._worked = self._clock()

    def broken(self) -> str:
        """Why the daemon has to end; empty while it may live. Cheap to ask often."""
        now = self._clock()
        if not self._why and now - self._looked >= _LOOK_EVERY:
            self._looked = now
            self._why = self._look(now)
        return self._why

    def _look(self, now: float) -> str:
        if not self._folder_is_there():
            return f"the session's folder is gone: {self.folder}"
        if now - self._worked >= self.idle:
            return f"nothing was asked for {self.idle:.0f} s"
        if self._owner is not None:
            return "" if lives(self._owner) else "the process that owned the session is gone"
        if self._above and lives(self._above[0]):
            return ""
        if self._alone_since is None:
            self._alone_since = now
        if now - self._alone_since >= SETTLE:
            self._owner = next((one for one in self._above if lives(one)), None)
            if self._owner is None:
                return "nobody is left of those who started it"
        return ""

    def _folder_is_there(self) -> bool:
        """Another folder under the same name is another session's."""
        try:
            return self.folder.stat().st_ino == self._inode
        except FileNotFoundError:
            return False
        except OSError:
            return True  # a share that does not answer now


def lives(process: Process) -> bool:
    """Whether it runs. A zombie is dead: its parent has not asked for it yet."""
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
