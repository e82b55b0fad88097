"""Records on disk: frozen dataclasses as canonical JSON, written atomically.

One codec for every record (plan, result, events): pydantic reads the dataclasses' own types, so a
record has one definition. Fractions are written as "n/d", never as floats.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from . import crashpoints
from .errors import JobError

Record = TypeVar("Record")

_ADAPTERS: dict[type, TypeAdapter[Any]] = {}
_HOST = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]
"""A share has temporary files of several machines; only our own processes can be asked for."""


def dump(record: object) -> bytes:
    """The record as indented JSON; equal records give equal bytes."""
    return _adapter(type(record)).dump_json(record, indent=1) + b"\n"


def load(kind: type[Record], data: bytes, *, file: Path | None = None) -> Record:
    """Read what :func:`dump` wrote.

    Raises:
        JobError: the bytes are not such a record (damaged, or of another version).
    """
    try:
        return _adapter(kind).validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise JobError(
            f"This is no {kind.__name__} record: {where}: {first['msg']}",
            file=file,
            remedy="Remove it and run again; finished shots are kept.",
        ) from error


def _adapter(kind: type[Record]) -> TypeAdapter[Record]:
    """Made once a type: making one takes longer than all that it does."""
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def write_atomic(path: Path, data: bytes) -> None:
    """Write so that a reader, or a crash at any instant, sees the old file or the new one.

    After a power cut as well: the bytes are on the disk before the name is, and the name before
    this returns.
    """
    make_folder(path.parent)
    temporary = temporary_for(path)
    try:
        with temporary.open("wb") as file:
            crashpoints.reached("file opened")
            file.write(data)
            file.flush()
            crashpoints.reached("file written")
            os.fsync(file.fileno())
        crashpoints.reached("file synced")
        temporary.replace(path)
        crashpoints.reached("file renamed")
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)
    crashpoints.reached("folder synced")


def temporary_for(path: Path) -> Path:
    """Where this process writes what will be ``path``: hidden, beside it, and told by its owner."""
    return path.with_name(f".{path.name}.{_HOST}-{os.getpid()}.tmp")


def clear_stale(folder: Path) -> None:
    """Remove what killed processes of this machine left under temporary names."""
    for path in folder.glob(f".*.{_HOST}-*.tmp"):
        number = path.name.removesuffix(".tmp").rpartition("-")[2]
        if not number.isdecimal() or _runs(int(number)):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    if os.name != "posix":
        return True  # asking would end it there
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def make_folder(folder: Path) -> None:
    """A folder and those above it, each durable: a synced file in a lost folder is lost."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)
    crashpoints.reached("folder made")


def sync_folder(folder: Path) -> None:
    """Make a rename in this folder durable, where the platform can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
