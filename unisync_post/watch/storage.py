"""Is the watched disk there, and is there room for results?

A share that is not mounted looks like an empty folder; nothing may be concluded from what is
missing in it. The watched folder therefore holds a mark, ``.unisync-watch``, with an id that the
watcher also keeps among its own files: no mark or another id means that this is not that disk.
"""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from ..records import dump, load, write_atomic
from .config import WatchConfig

MARK = ".unisync-watch"
MARGIN_PERCENT = 120
"""Room wanted before a job starts, of what it is estimated to write."""
_MEGA = 10**6


@dataclass(frozen=True, slots=True)
class WatchedDisk:
    """What the watcher remembers of the watched folder.

    Attributes:
        id: what its mark says; empty where the folder may not be written to.
        device: device number; it alone tells such a folder from an empty mount point.
    """

    id: str
    device: int


@dataclass
class Storage:
    """The folders of one watch folder; made by :meth:`open`."""

    config: WatchConfig
    disk: WatchedDisk | None = None

    @property
    def _record(self) -> Path:
        return self.config.own / "disk.json"

    def offline(self) -> str | None:
        """Why the storage is not there, as a sentence; None when it is.

        The first time ever, the folder as it is becomes the one that is watched.
        """
        folder = self.config.folder
        try:
            device = folder.stat().st_dev
            id_ = _read_mark(folder)
            if self.disk is None:
                self.disk = self._known() or self._adopt(folder, device)
                id_ = _read_mark(folder)
        except OSError as error:
            return f"{folder} is offline: {error.strerror}."
        if self.disk.id and id_ != self.disk.id:
            what = "holds no mark" if not id_ else "is marked as another one"
            return (
                f"{folder} is offline: what is there {what} ({MARK}). If it is the right folder "
                f"nevertheless, remove {self._record}."
            )
        if not self.disk.id and device != self.disk.device:
            return (
                f"{folder} is offline: another device is there. If it is right, remove "
                f"{self._record}."
            )
        missing = [root for root in self.config.allowed if not root.is_dir()]
        return f"{missing[0]} is offline: there is no such folder." if missing else None

    def room(self, wanted: int) -> str | None:
        """Why a job that writes about this many bytes must wait; None when there is room."""
        needed = wanted * MARGIN_PERCENT // 100
        free = shutil.disk_usage(self.config.out).free
        if free >= needed:
            return None
        return (
            f"The disk of {self.config.out} has {free // _MEGA} MB free; "
            f"{needed // _MEGA} MB are wanted."
        )

    def _known(self) -> WatchedDisk | None:
        if not self._record.exists():
            return None
        return load(WatchedDisk, self._record.read_bytes(), file=self._record)

    def _adopt(self, folder: Path, device: int) -> WatchedDisk:
        id_ = _read_mark(folder) or _write_mark(folder)
        disk = WatchedDisk(id_, device)
        write_atomic(self._record, dump(disk))
        return disk


def _read_mark(folder: Path) -> str:
    try:
        return (folder / MARK).read_bytes()[:64].decode("ascii", "replace").strip()
    except FileNotFoundError:
        return ""


def _write_mark(folder: Path) -> str:
    """A new mark; empty where the folder may not be written to. Of two watchers one makes it."""
    id_ = secrets.token_hex(16)
    try:
        handle = os.open(folder / MARK, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return _read_mark(folder)
    except OSError:
        return ""
    with os.fdopen(handle, "w") as file:
        file.write(id_ + "\n")
    return id_
