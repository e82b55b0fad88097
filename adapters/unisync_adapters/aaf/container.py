"""An AAF as pyaaf2 opens it, from bytes and back to bytes, with every failure a named one.

An AAF is a Microsoft compound file: a small file system of *storages* (the objects) and *streams*
(their properties). pyaaf2 wants a real file; it is given an unnamed temporary one, so the edit
itself is never open, for reading or for writing.
"""

from __future__ import annotations

import logging
import os
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aaf2.cfb
import aaf2.file

from ..errors import EditError, TimeError, UrlError

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""What a compound file begins with; old Office documents do too."""
_SIGNATURES = (
    bytes.fromhex("0102010d 0002 0000 060e2b3403020101"),
    bytes.fromhex("41414642 0d00 4f4d 060e2b34010101ff"),
)
"""What makes a compound file an AAF: with sectors of 4096 and of 512 bytes."""
DAMAGED = "Export it from the NLE again"
_SECTOR_SHIFTS = (9, 12)
_ENTRY = 128
"""Bytes of a directory entry of a compound file."""
_STREAM = 2
"""Its kind, where it is a stream."""

# pyaaf2 speaks to the root logger, which would set up logging for the whole program
aaf2.cfb.logging = logging.getLogger("aaf2.cfb")
aaf2.cfb.logging.addHandler(logging.NullHandler())


def is_aaf(data: bytes, path: Path) -> bool:
    """Whether these bytes are an AAF; a compound file that is called .aaf is meant as one."""
    if not data.startswith(MAGIC):
        return False
    return data[8:24] in _SIGNATURES or path.suffix.lower() == ".aaf"


@contextmanager
def opened(data: bytes, path: Path) -> Iterator[Any]:
    """The AAF in ``data``, to read. ``path`` is only what errors call it.

    Raises:
        EditError: whatever pyaaf2 or a reader stumbles over in it.
    """
    with _named_errors(path), tempfile.TemporaryFile() as file:
        aaf = _open(data, file)
        try:
            yield aaf
        finally:
            aaf.f.close()


@contextmanager
def changed(data: bytes, path: Path) -> Iterator[tuple[Any, list[bytes]]]:
    """The AAF in ``data``, to change, and a list that holds its new bytes afterwards.

    Raises:
        EditError: as :func:`opened`.
    """
    result: list[bytes] = []
    with _named_errors(path), tempfile.TemporaryFile() as file:
        aaf = _open(data, file)
        try:
            _make_writable(aaf, file)
            yield aaf, result
            aaf.close()
        finally:
            aaf.f.close()
        file.seek(0)
        result.append(_tidied(file.read()))


def _tidied(data: bytes) -> bytes:
    """A header of version 3 counts no directory sectors ([MS-CFB] 2.2), though pyaaf2 does."""
    (version,) = struct.unpack_from("<H", data, 26)
    return data[:40] + bytes(4) + data[44:] if version == 3 else data


def _open(data: bytes, file: Any) -> Any:
    _check(data)
    file.write(data)
    file.flush()
    os.lseek(file.fileno(), 0, os.SEEK_SET)
    _check_streams(aaf2.cfb.CompoundFileBinary(file, "rb"), len(data))
    os.lseek(file.fileno(), 0, os.SEEK_SET)
    aaf = aaf2.file.AAFFile.__new__(aaf2.file.AAFFile)
    try:
        aaf.__init__(os.dup(file.fileno()), "rb")
    except BaseException:
        if getattr(aaf, "f", None) is not None:
            aaf.f.close()
        raise
    return aaf


def _make_writable(aaf: Any, file: Any) -> None:
    """Let an AAF that was opened to read be changed.

    One opened to write gets every class that pyaaf2 knows, a hundred definitions, before anything
    is asked of it.
    """
    aaf.f.close()
    aaf.f = aaf.cfb.f = os.fdopen(os.dup(file.fileno()), "rb+")
    aaf.mode = aaf.cfb.mode = "rb+"


def _check(data: bytes) -> None:
    """Refuse what would make pyaaf2 reserve memory for sizes that cannot be.

    Raises:
        EditError: the header or a directory entry promises more than there are bytes.
    """
    if len(data) < 512 or not data.startswith(MAGIC):
        raise EditError("This is no AAF: it is not a compound file", remedy=DAMAGED)
    (shift,) = struct.unpack_from("<H", data, 30)
    if shift not in _SECTOR_SHIFTS:
        raise EditError("The AAF is damaged: its sectors have no possible size", remedy=DAMAGED)
    counts = struct.unpack_from("<I", data, 44) + struct.unpack_from("<I", data, 72)
    if max(counts) > len(data) >> shift:
        raise EditError("The AAF is cut off or damaged", remedy=DAMAGED)


def _check_streams(cfb: Any, size: int) -> None:
    """Refuse streams larger than the file: reading one would reserve its whole size.

    Raises:
        EditError: a directory entry says so.
    """
    for sector in cfb.dir_fat_chain:
        entries = bytes(cfb.read_sector_data(sector))
        for start in range(0, len(entries) - _ENTRY + 1, _ENTRY):
            (length,) = struct.unpack_from("<Q", entries, start + 120)
            if entries[start + 66] == _STREAM and length > size:
                raise EditError("The AAF is damaged: a stream is larger than it", remedy=DAMAGED)


@contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    """Whatever goes wrong inside becomes an EditError that names ``path``."""
    try:
        yield
    except EditError as error:
        error.file = error.file or str(path)
        raise
    except (TimeError, UrlError) as error:
        raise EditError(error.what, file=path, clip=error.clip, remedy=error.remedy) from error
    except (RecursionError, MemoryError) as error:
        raise EditError("The AAF is nested too deeply", file=path, remedy=DAMAGED) from error
    except Exception as error:
        # pyaaf2 checks little: what it meets in a damaged file is any exception Python has
        what = f"The AAF is damaged ({type(error).__name__}: {error})"
        raise EditError(what[:300], file=path, remedy=DAMAGED) from error
