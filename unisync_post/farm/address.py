"""A unix socket in a folder, however long the folder's path is.

The system's address structure has room for 108 bytes of path (104 on macOS), and sessions of a farm
lie deep. The limit is on the text that is handed over, not on where it leads: a link with a short
name, kept only while one call is made, leads there too.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = "unisync.sock"


def listen_in(folder: Path) -> socket.socket:
    """A socket that listens in this folder, for this user only.

    Raises:
        OSError: there is one already, or the folder cannot hold one (some shares cannot).
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        with _short(folder) as short:
            listener.bind(str(short / NAME))
        listener.listen()
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(before)
    return listener


def connect_in(folder: Path) -> socket.socket:
    """A connection to who listens in this folder.

    Raises:
        OSError: nobody does.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short(folder) as short:
            connection.connect(str(short / NAME))
    except OSError:
        connection.close()
        raise
    return connection


@contextmanager
def _short(folder: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="us-", dir="/tmp") as holder:
        link = Path(holder) / "s"
        link.symlink_to(folder.absolute(), target_is_directory=True)
        yield link
