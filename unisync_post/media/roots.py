"""Which files media may be read from: plain ones, and only under the roots where there are any.

An edit from elsewhere names files by text. Whoever runs a watch folder says in which folders such
text may lead somewhere; on one's own machine no roots are named and any plain file will do. A file
is judged when its clip is planned, and once more by its open descriptor when it is read: what was a
plate yesterday may be a link to something else today.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from ..errors import MediaError

_ROOTS: ContextVar[tuple[Path, ...]] = ContextVar("media_roots", default=())
_OPEN = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_WAITLESS = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
"""A FIFO must not hold us up before it is known to be none."""
_DESCRIPTORS = "/proc/self/fd" if sys.platform == "linux" else ""


@contextmanager
def confined(roots: Iterable[Path]) -> Iterator[None]:
    """Within this block, media outside ``roots`` cannot be opened; no roots confine nothing.

    A root is a folder with all that is under it, or one file.
    """
    real = tuple(Path(os.path.realpath(root)) for root in roots)
    token = _ROOTS.set(real)
    try:
        yield
    finally:
        _ROOTS.reset(token)


def admits(path: Path) -> bool:
    """Whether the roots in force allow this path, all its links followed.

    With roots, a name with control characters is never allowed.
    """
    roots = _ROOTS.get()
    if not roots:
        return True
    if any(ord(char) < 32 or 127 <= ord(char) < 160 for char in str(path)):
        return False
    return _is_under(Path(os.path.realpath(path)), roots)


@contextmanager
def plain_file(path: Path) -> Iterator[int]:
    """A descriptor of a regular file that the roots allow, judged after it was opened.

    Raises:
        MediaError: missing, unreadable, no regular file (a device, a FIFO), or outside the roots.
    """
    if not admits(path):
        raise outside(path)
    try:
        descriptor = os.open(path, _OPEN | _WAITLESS)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise MediaError(
            "This media file does not exist", file=path, remedy="Relink it or give a --path-map."
        ) from error
    except OSError as error:
        raise MediaError(
            f"This media file cannot be opened: {error.strerror}", file=path
        ) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise MediaError("This is no regular file", file=path, remedy="Relink it to a file.")
        roots = _ROOTS.get()
        if roots and not _is_under(_real_path(descriptor, path), roots):
            raise outside(path)
        yield descriptor
    finally:
        os.close(descriptor)


def name_for_ffmpeg(descriptor: int, path: Path) -> str:
    """A name that FFmpeg opens as this very file, whatever the path's text looks like.

    On Linux that is the descriptor itself, so that a file swapped in after the check is never read
    and no ``%d``, ``*``, ``:`` or leading dash of the name reaches FFmpeg; elsewhere it is the real
    path, under the ``file:`` protocol.
    """
    if _DESCRIPTORS:
        return f"file:{_DESCRIPTORS}/{descriptor}"
    return f"file:{os.path.realpath(path)}"


def outside(path: Path | str) -> MediaError:
    """The refusal of media outside the roots, with the text that led there."""
    return MediaError(
        f"{str(path)!r} lies outside the media roots",
        remedy="Copy the media under a root, or allow its folder with --media-root.",
    )


def _real_path(descriptor: int, path: Path) -> Path:
    """Where the opened file really lies."""
    if _DESCRIPTORS:
        return Path(os.readlink(f"{_DESCRIPTORS}/{descriptor}"))
    real = Path(os.path.realpath(path))
    if not os.path.samestat(os.fstat(descriptor), real.stat()):
        raise outside(path)
    return real


def _is_under(path: Path, roots: Iterable[Path]) -> bool:
    return any(path.is_relative_to(root) for root in roots)
