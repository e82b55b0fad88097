"""OTIO bundles: an edit and its media in one folder (``.otiod``) or one zip file (``.otioz``).

A bundle holds ``content.otio``, ``version.txt`` and a flat folder ``media``, to which the media
URLs are relative. It is read as the OTIO JSON inside, with ``media`` mapped to where the media are
on this machine; a zip file's must be unpacked first. What is returned is a bundle of the same kind,
with the new media in it and every other member as it was.

Nothing in a zip file is believed: names that lead elsewhere, links, and members that are longer
unpacked than they can be are refused before anything is written.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from .errors import EditError
from .limits import MAX_BYTES, read_bytes

if TYPE_CHECKING:
    from .document import PathMap

CONTENT = "content.otio"
MEDIA = "media"
_ZIP = b"PK\x03\x04"
_MEMBERS = 100_000
_RATIO = 1100
"""Deflate cannot do better than 1032 to 1; what claims to is an attack."""
_REPACK = "Write the bundle again"


def is_folder_bundle(path: Path) -> bool:
    """Whether this is an ``.otiod``."""
    return (path / CONTENT).is_file()


def is_zip_bundle(path: Path) -> bool:
    """Whether this is an ``.otioz``: by its members, whatever its name."""
    if not path.is_file():  # a pipe would be waited for
        return False
    try:
        with path.open("rb") as file:
            if file.read(len(_ZIP)) != _ZIP:
                return False
        with zipfile.ZipFile(path) as bundle:
            return CONTENT in bundle.namelist()
    except (OSError, zipfile.BadZipFile):
        return path.suffix.lower() == ".otioz"


def is_bundle(path: Path) -> bool:
    """Whether this is an OTIO bundle of either kind."""
    return is_folder_bundle(path) or is_zip_bundle(path)


def read_content(path: Path, max_bytes: int = MAX_BYTES) -> bytes:
    """The edit in a bundle.

    Raises:
        EditError: a damaged bundle, or an edit that is too large.
    """
    if is_folder_bundle(path):
        return read_bytes(path / CONTENT, max_bytes)
    with _opened(path) as bundle:
        if CONTENT not in bundle.namelist():
            raise EditError("The bundle holds no content.otio", file=path, remedy=_REPACK)
        member = bundle.getinfo(CONTENT)
        _check(member, path)
        if member.file_size > max_bytes:
            raise EditError(
                f"The edit in the bundle is larger than {max_bytes >> 20} MiB",
                file=path,
                remedy="Export the one sequence alone",
            )
        return bundle.read(member)


def media_map(folder: Path, path_map: PathMap) -> PathMap:
    """``path_map``, with the bundle's media taken from (or written as if in) ``folder``."""
    ours = str(folder.absolute())
    return replace(path_map, pairs=(*path_map.pairs, (MEDIA, ours), (f"./{MEDIA}", ours)))


def fingerprint(path: Path) -> str:
    """What a zip file holds, by its members' names, lengths and checksums.

    Raises:
        EditError: a damaged bundle.
    """
    with _opened(path) as bundle:
        told = sorted((m.filename, m.file_size, m.CRC) for m in bundle.infolist())
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def unpack_media(path: Path, folder: Path) -> None:
    """Unpack the media of a zip file.

    Args:
        path: an ``.otioz``.
        folder: where to put them; it is made.

    Raises:
        EditError: a damaged or hostile bundle, or one that does not fit on the disk.
    """
    with _opened(path) as bundle:
        members = [m for m in bundle.infolist() if m.filename.startswith(f"{MEDIA}/")]
        names = {member.filename: _check(member, path) for member in members}
        folder.mkdir(parents=True)
        _check_room(path, members, folder)
        for member in members:
            if not member.is_dir():
                _unpack(bundle, member, folder.joinpath(*names[member.filename].parts[1:]))


def write_bundle(source: Path, target: Path, content: bytes, media: Iterable[Path]) -> None:
    """A copy of a bundle with another edit and more media in it.

    Args:
        source: the bundle that came in.
        target: the new one, of the same kind; nothing may be there.
        content: the edit.
        media: new media files.

    Raises:
        EditError: the source is damaged, is made of links, or holds another file under a name of
            the new media.
    """
    if is_folder_bundle(source):
        _copy_folder(source, target, content, media)
    else:
        _copy_zip(source, target, content, media)


def _copy_folder(source: Path, target: Path, content: bytes, media: Iterable[Path]) -> None:
    for name in (CONTENT, MEDIA):
        if (source / name).is_symlink():
            raise EditError(
                f"{name} is a link; what is written would go through it",
                file=source,
                remedy="Put the file or folder itself into the bundle",
            )
    shutil.copytree(source, target, symlinks=True)
    (target / CONTENT).write_bytes(content)
    (target / MEDIA).mkdir(exist_ok=True)
    for file in media:
        if (target / MEDIA / file.name).exists():
            raise _taken(source, file)
        shutil.copyfile(file, target / MEDIA / file.name)


def _copy_zip(source: Path, target: Path, content: bytes, media: Iterable[Path]) -> None:
    with _opened(source) as old, zipfile.ZipFile(target, "w", strict_timestamps=False) as new:
        names = {member.filename for member in old.infolist()}
        for member in old.infolist():
            _check(member, source)
            if member.filename == CONTENT:
                new.writestr(_like(member), content)
                continue
            with old.open(member) as reader, new.open(_like(member), "w") as writer:
                shutil.copyfileobj(reader, writer, 1 << 20)
        for file in media:
            name = f"{MEDIA}/{file.name}"
            if name in names:
                raise _taken(source, file)
            # stored, as media are; the time is the format's zero, so equal work gives equal bytes
            added = zipfile.ZipInfo(name)
            added.file_size = file.stat().st_size
            with file.open("rb") as reader, new.open(added, "w") as writer:
                shutil.copyfileobj(reader, writer, 1 << 20)


def _like(member: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """A member's name, time, rights and compression, for its copy."""
    copy = zipfile.ZipInfo(member.filename, member.date_time)
    copy.compress_type = member.compress_type
    copy.external_attr = member.external_attr
    copy.create_system = member.create_system
    copy.comment = member.comment
    copy.file_size = member.file_size
    return copy


def _taken(source: Path, file: Path) -> EditError:
    return EditError(
        f"The bundle already holds another media/{file.name}",
        file=source,
        remedy="Rename it in the bundle",
    )


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip file, whose damage is told as ours wherever it shows."""
    try:
        with zipfile.ZipFile(path) as bundle:
            names = bundle.namelist()
            if len(names) > _MEMBERS or len(set(names)) != len(names):
                raise EditError(
                    "The bundle holds too many members, or one twice", file=path, remedy=_REPACK
                )
            yield bundle
    except FileNotFoundError as error:
        raise EditError("The bundle is gone", file=path, remedy="Put it back") from error
    except (zipfile.BadZipFile, EOFError, NotImplementedError, zlib.error) as error:
        raise EditError(f"The bundle is damaged: {error}", file=path, remedy=_REPACK) from error


def _check(member: zipfile.ZipInfo, path: Path) -> PurePosixPath:
    """A member's name, once it is known to lead nowhere else and to be as long as it can be.

    Raises:
        EditError: an absolute name, one with ``..``, a drive or a backslash, a link, an encrypted
            member, or one that claims to be longer than its bytes can unpack to.
    """
    name = PurePosixPath(member.filename)
    kind = stat.S_IFMT(member.external_attr >> 16)
    elsewhere = name.is_absolute() or ".." in name.parts or set(member.filename) & set("\\:\0")
    if elsewhere or kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise EditError(
            f"A member of the bundle leads out of it: {member.filename[:80]!r}",
            file=path,
            remedy="A document from elsewhere may be an attack",
        )
    if member.flag_bits & 1:
        raise EditError("The bundle is encrypted", file=path, remedy="Write it without a password")
    if member.file_size > _RATIO * (member.compress_size + 1):
        raise EditError(
            f"{member.filename!r} claims to be {member.file_size} bytes long, which its "
            f"{member.compress_size} cannot hold",
            file=path,
            remedy="A document from elsewhere may be an attack",
        )
    return name


def _check_room(path: Path, members: Iterable[zipfile.ZipInfo], folder: Path) -> None:
    needed = sum(member.file_size for member in members)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise EditError(
            f"The bundle's media need {needed >> 20} MiB and {free >> 20} are free",
            file=path,
            remedy=f"Make room on the disk of {folder}",
        ) from OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _unpack(bundle: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with bundle.open(member) as reader, target.open("xb") as writer:
        shutil.copyfileobj(reader, writer, 1 << 20)
