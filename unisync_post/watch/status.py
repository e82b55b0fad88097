"""The status file beside each drop: what is going on, for people and for scripts.

``NAME.unisync.json``, replaced as a whole. It is also what the watcher itself remembers a drop by:
there is no database that could say something else.
"""

from __future__ import annotations

import errno
import json
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path

from ..errors import JobError
from ..records import dump, load, write_atomic
from .names import status_path

FORMAT = 1
_SOFTWARE = "UniSync Post watch folder"


class State(str, Enum):
    """Where a drop stands."""

    ARRIVING = "arriving"
    """It is still being copied, or its proof of being whole is not there yet."""
    WAITING = "waiting"
    """For something listed in ``waiting_for``; it goes on by itself."""
    QUEUED = "queued"
    """Whole; its turn will come."""
    PLANNING = "planning"
    RENDERING = "rendering"
    DONE = "done"
    REJECTED = "rejected"
    """It cannot be worked with as it is; tried again when its content changes."""
    CANCELLED = "cancelled"
    """Stopped by a person; taken up again when its content changes, or by `unisync jobs retry`."""

    @property
    def is_final(self) -> bool:
        return self in (State.DONE, State.REJECTED, State.CANCELLED)


@dataclass(frozen=True, slots=True)
class Output:
    """One language of a drop.

    Attributes:
        language: BCP-47.
        job: the job folder.
        shots: how many are to be rendered; ``done``: how many of them have ended.
        rendered, kept, failed: how they ended; kept shots keep their original media.
        seconds_left: estimate; None when there is nothing to go by.
        edit: the returned edit, once it is written; ``review``: its page.
        reasons: why shots were kept or failed.
    """

    language: str
    job: str
    shots: int = 0
    done: int = 0
    rendered: int = 0
    kept: int = 0
    failed: int = 0
    seconds_left: int | None = None
    edit: str | None = None
    review: str | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Status:
    """What a status file says.

    Attributes:
        drop: its name, as one printable line.
        state: where it stands; ``reason`` why, ``remedy`` what a person can do.
        progress: part of its shots that has ended, 0 to 1; None before there is a plan.
        waiting_for: files, or room on the disk.
        pairing: which files are the dub, and why.
        outputs: one for each language.
        files: digest of names, sizes and times of the drop's files that this is about.
        settings: digest of what the watch folder was told; other settings are another try.
        watcher: who wrote it; ``first_seen``, ``updated``: UTC.
    """

    drop: str
    state: State
    reason: str = ""
    remedy: str = ""
    progress: float | None = None
    waiting_for: tuple[str, ...] = ()
    pairing: tuple[str, ...] = ()
    outputs: tuple[Output, ...] = ()
    files: str = ""
    settings: str = ""
    priority: int = 0
    watcher: str = ""
    first_seen: str = ""
    updated: str = ""
    software: str = _SOFTWARE
    format: int = FORMAT


@dataclass(frozen=True)
class StatusFiles:
    """The status files of a watch folder.

    Attributes:
        beside: the folder they are written to first.
        spare: where they go when that one may not be written to, or holds a file of that name
            that is not ours.
    """

    beside: Path
    spare: Path

    def read(self, name: str) -> Status | None:
        """What is known of a drop; the newer, where two folders hold one."""
        found = [self._load(status_path(folder, name)) for folder in (self.beside, self.spare)]
        return max((s for s in found if s is not None), key=lambda s: s.updated, default=None)

    def write(self, name: str, status: Status) -> Path:
        """Replace a drop's status file.

        Raises:
            OSError: neither folder can be written.
        """
        data = dump(status)
        path = status_path(self.beside, name)
        # never made anew: where the folder is missing, its disk is
        if self.beside.is_dir() and not self._is_foreign(path):
            try:
                return _replace(path, data)
            except OSError as error:
                if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
                    raise
        return _replace(status_path(self.spare, name), data)

    def _load(self, path: Path) -> Status | None:
        try:
            status = load(Status, path.read_bytes(), file=path)
        except (OSError, JobError):
            return None
        return status if status.format == FORMAT and status.software == _SOFTWARE else None

    def _is_foreign(self, path: Path) -> bool:
        """A file with our name for it that we did not write: it stays as it is."""
        try:
            data = json.loads(path.read_bytes())
        except FileNotFoundError:
            return False
        except (OSError, ValueError):
            return True
        return not (isinstance(data, dict) and data.get("software") == _SOFTWARE)


def now() -> str:
    """This instant in UTC, to the second: for people, never compared between machines."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _replace(path: Path, data: bytes) -> Path:
    write_atomic(path, data)
    return path
