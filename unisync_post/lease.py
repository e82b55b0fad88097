"""An exclusive lease on a piece of work, kept as files on a disk that several machines write to.

A lease is a folder. Each holder is a numbered file in it, ``00000007``, made with ``O_CREAT |
O_EXCL``, which NFS (from version 3) and SMB keep exclusive between machines; ``flock`` they do not.
The highest number holds. It is never removed, so numbers only go up: a number is a *fence*, and
whoever finds a higher one than its own has been replaced and must write no more.

A holder shows that it lives by rewriting its file with a counter. Nobody compares clocks between
machines: an observer takes a holder for dead when the file has not changed for ``patience`` seconds
of the observer's own monotonic clock, seen in several looks. A holder whose process is known to
have died (same machine, same boot) is replaced at once.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from .errors import JobError
from .records import dump, load

_LOOKS = 3
"""Looks at an unchanged file, spread over the patience, before its holder counts as dead: a
machine that was asleep sees a long silence in one look, and nobody else's fault."""


class LeaseLostError(JobError):
    """Somebody else holds the work now; what was begun must not be written."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lease.

    Attributes:
        host, pid: for people.
        place: the process table ``pid`` is a number in: boot and pid namespace. Empty where the
            system does not tell; then only the heartbeat counts.
        nonce: tells two lives of one pid apart.
    """

    host: str
    pid: int
    place: str
    nonce: str

    @classmethod
    def this_process(cls) -> Holder:
        return cls(socket.gethostname(), os.getpid(), _place(), secrets.token_hex(8))

    def is_known_dead(self) -> bool:
        """Whether this process certainly ended; False where that cannot be seen from here."""
        if not self.place or self.place != _place():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


@dataclass(frozen=True, slots=True)
class _Claim:
    """What a holder's file says."""

    holder: Holder
    count: int = 0
    released: bool = False


@dataclass(frozen=True, slots=True)
class Fence:
    """One holding of a lease, as any process that works for its holder can check it.

    Attributes:
        folder: the lease; ``number``: of the holding.
    """

    folder: Path
    number: int

    def confirm(self) -> None:
        """Make sure, before a result is written, that it is still the holder's to write.

        Raises:
            LeaseLostError: somebody took over.
        """
        newest = _newest(self.folder)
        if newest != self.number:
            raise LeaseLostError(
                f"The work was taken over: lease {self.number} was replaced by {newest}",
                file=self.folder,
                remedy="Leave it to the other process, or stop that one first.",
            )


class Lease:
    """A lease that this process holds; made by :meth:`Observer.claim`.

    Attributes:
        fence: number of this holding, higher than every earlier one.
    """

    def __init__(self, folder: Path, fence: int, holder: Holder) -> None:
        self.folder = folder
        self.fence = fence
        self._claim = _Claim(holder)

    def beat(self) -> None:
        """Show that the holder lives; call it a few times within the observers' patience.

        Raises:
            LeaseLostError: somebody took over.
            OSError: the disk cannot be reached; the lease may be lost meanwhile.
        """
        self.confirm()
        self._claim = replace(self._claim, count=self._claim.count + 1)
        self._write()

    def confirm(self) -> None:
        """As :meth:`Fence.confirm`."""
        Fence(self.folder, self.fence).confirm()

    def release(self) -> None:
        """Let the next one in without waiting; the number stays taken."""
        try:
            self.confirm()
            self._claim = replace(self._claim, released=True)
            self._write()
        except (LeaseLostError, OSError):
            return  # gone already, or out of reach: the observers' patience decides

    def _write(self) -> None:
        # not made durable: a heartbeat that a power cut loses belongs to a process it ended
        path = _file(self.folder, self.fence)
        temporary = path.with_name(f".{path.name}.{self._claim.holder.nonce}.tmp")
        temporary.write_bytes(dump(self._claim))
        temporary.replace(path)


@dataclass
class _Sight:
    """A holder's file as last seen."""

    content: tuple[int, bytes]
    since: float
    last: float
    looks: int = 1


@dataclass
class Observer:
    """Claims leases, and judges other holders by this process's own clock.

    Attributes:
        patience: seconds without a heartbeat after which a holder counts as dead.
        clock: monotonic seconds.
        holder: who claims.
    """

    patience: float = 30.0
    clock: Callable[[], float] = time.monotonic
    holder: Holder = field(default_factory=Holder.this_process)
    _seen: dict[Path, _Sight] = field(default_factory=dict)

    def claim(self, folder: Path) -> Lease | None:
        """The lease, or None while somebody else holds it.

        Raises:
            OSError: the folder cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        newest = _newest(folder)
        if newest and not self._is_free(folder, newest):
            return None
        lease = Lease(folder, newest + 1, self.holder)
        try:
            handle = os.open(_file(folder, lease.fence), os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            return None
        os.close(handle)
        if _newest(folder) != lease.fence:
            # others claimed, and tidied, between our look and our file: theirs is the higher one
            _file(folder, lease.fence).unlink(missing_ok=True)
            return None
        lease.beat()
        self._seen.pop(folder, None)
        _tidy(folder, lease.fence)
        return lease

    def holder_of(self, folder: Path) -> Holder | None:
        """Who holds the lease; None when it is free, or its holder certainly dead."""
        claim = _read(folder, _newest(folder))[1]
        if claim is None or claim.released or claim.holder.is_known_dead():
            return None
        return claim.holder

    def _is_free(self, folder: Path, number: int) -> bool:
        data, claim = _read(folder, number)
        if claim is not None and (claim.released or claim.holder.is_known_dead()):
            return True
        now = self.clock()
        sight = self._seen.get(folder)
        if sight is None or sight.content != (number, data):
            self._seen[folder] = _Sight((number, data), now, now)
            return False
        if now - sight.last >= self.patience / (_LOOKS + 1):
            sight.last, sight.looks = now, sight.looks + 1
        return now - sight.since >= self.patience and sight.looks >= _LOOKS


def seconds_silent(folder: Path) -> float | None:
    """How long the holder of a lease has not been heard of; for people, it decides nothing.

    Both times are of the storage's own clock: the holder's file is compared with one written now.
    None where nothing can be written, or nobody ever held the lease.
    """
    probe = folder / f".look.{secrets.token_hex(8)}"
    try:
        heard = _file(folder, _newest(folder)).stat().st_mtime
        probe.touch()
        return max(0.0, probe.stat().st_mtime - heard)
    except OSError:
        return None
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)


def _file(folder: Path, number: int) -> Path:
    return folder / f"{number:08d}"


def _newest(folder: Path) -> int:
    """The highest number taken; 0 when the lease was never held.

    The folder is opened anew each time, which is when an NFS client asks its server whether what
    it remembers of the folder still holds.
    """
    with os.scandir(folder) as entries:
        return max((int(e.name) for e in entries if e.name.isdecimal()), default=0)


def _read(folder: Path, number: int) -> tuple[bytes, _Claim | None]:
    """A holder's file; no claim where it is not written yet, or was cut short."""
    try:
        data = _file(folder, number).read_bytes()
    except FileNotFoundError:
        return b"", None
    try:
        return data, load(_Claim, data)
    except JobError:
        return data, None


def _tidy(folder: Path, fence: int) -> None:
    with os.scandir(folder) as entries:
        older = [e.path for e in entries if e.name.isdecimal() and int(e.name) < fence]
    for path in older:
        Path(path).unlink(missing_ok=True)


def _place() -> str:
    """Boot and pid namespace of this process; empty where the system does not tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""
