"""The leases of the shots that a pool's workers have on other machines.

The pool claims them, in the process that hands the shots out, so that pilots and other pools leave
them alone; a worker that was given up without proof of its death is kept from writing by its fence.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from ..lease import Fence, Lease, LeaseLostError, Observer

PATIENCE = 60.0
"""Seconds of silence after which a pilot, or a pool, counts as lost."""
_BEATS = 5
"""Heartbeats within the patience of those who watch."""


class Holds:
    """What this process holds; of no use to a second thread."""

    def __init__(self) -> None:
        self._observer = Observer(PATIENCE)
        self._held: dict[Path, Lease] = {}
        self._beaten = time.monotonic()

    def claim(self, folder: Path) -> Fence | None:
        """A new holding of this lease, or None while somebody else has it."""
        lease = self._observer.claim(folder)
        if lease is None:
            return None
        self._held[folder] = lease
        return Fence(folder, lease.fence)

    def fence(self, folder: Path) -> Fence | None:
        """The holding that we have."""
        lease = self._held.get(folder)
        return Fence(folder, lease.fence) if lease is not None else None

    def beat(self) -> None:
        """Show that we live; to be called often, does it now and then. What was taken over is not
        ours any more: its worker finds that out when it wants to write."""
        now = time.monotonic()
        if now - self._beaten < PATIENCE / _BEATS:
            return
        self._beaten = now
        for folder, lease in list(self._held.items()):
            try:
                lease.beat()
            except LeaseLostError:
                del self._held[folder]
            except OSError:
                continue  # the storage is away; once it is back, the fence tells

    def release(self, folder: Path) -> None:
        """Let others have it."""
        lease = self._held.pop(folder, None)
        if lease is not None:
            lease.release()

    def release_all(self) -> None:
        for folder in list(self._held):
            with suppress(OSError):
                self.release(folder)
