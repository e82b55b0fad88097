"""Notices of changes from the system: a hint to look sooner, never the truth.

On network shares they do not come, and anywhere they may be lost; looking goes on regardless.
"""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer as SystemNotices

from .names import STATUS

_NETWORK = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "afpfs", "ceph", "glusterfs", "lustre")
) | {"gpfs", "beegfs", "virtiofs", "fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.rclone"}


_OCTAL = re.compile(r"\\([0-7]{3})")
"""How the list of mounts writes a blank."""


class _Nudge(FileSystemEventHandler):
    def __init__(self, wake: threading.Event) -> None:
        self._wake = wake

    def on_any_event(self, event: FileSystemEvent) -> None:
        ours = str(event.src_path).endswith((STATUS, ".tmp"))
        if event.event_type not in ("opened", "closed_no_write") and not ours:
            self._wake.set()


class Wake:
    """Sets an event when something happens in a folder on a local disk."""

    def __init__(self, folder: Path, event: threading.Event) -> None:
        self._notices = SystemNotices()
        try:
            self._notices.schedule(_Nudge(event), str(folder), recursive=True)
            self._notices.start()
        except OSError:
            return  # no more watches to be had: looking will do

    def close(self) -> None:
        if self._notices.is_alive():
            self._notices.stop()
            self._notices.join()


def is_network(folder: Path) -> bool:
    """Whether a folder lies on a share, as the system's list of mounts says (Linux)."""
    try:
        lines = Path("/proc/mounts").read_text(errors="surrogateescape").splitlines()
    except OSError:
        return False
    real = os.path.realpath(folder)
    best, kind = "", ""
    for line in lines:
        words = line.split()
        point = _OCTAL.sub(lambda code: chr(int(code[1], 8)), words[1]) if len(words) > 2 else ""
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, words[2]
    return kind in _NETWORK
