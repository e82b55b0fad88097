"""Lists of hashes that came with a drop: read, and compared with the files.

``md5sum`` and ``xxhsum`` write ``HASH  NAME``; xxhsum also ``XXH64 (NAME) = HASH``. Offload tools
write MHL: the ASC's ``<path>`` with ``<xxh64>`` beside it, the older ``<file>`` with ``<md5>``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

import xxhash
from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from ..errors import JobError
from .names import folded, shown
from .toml import LARGEST

_LINE = re.compile(r"\\?([0-9a-fA-F]{16,40}) [ *]?(.+)")
_TAGGED = re.compile(r"(XXH\w+|MD5) ?\((.+)\) = ([0-9a-fA-F]{16,40})")
_CHUNK = 1 << 20


class _Digest(Protocol):
    def update(self, data: bytes, /) -> object: ...
    def hexdigest(self) -> str: ...


_KINDS: dict[str, Callable[[], _Digest]] = {
    "md5": hashlib.md5,
    "sha1": hashlib.sha1,
    "xxh64": xxhash.xxh64,
    "xxh3": xxhash.xxh3_64,
    "xxh128": xxhash.xxh3_128,
}
_XXHSUM = {"XXH64": "xxh64", "XXH3": "xxh3", "XXH128": "xxh128", "MD5": "md5"}
_MHL = {**{kind: kind for kind in _KINDS}, "xxhash64be": "xxh64"}


@dataclass(frozen=True, slots=True)
class Listed:
    """One line: a file, relative to its list, and the hash it should have."""

    path: str
    kind: str
    hash: str


def read_hash_list(path: Path) -> list[Listed]:
    """Read a list of hashes.

    Raises:
        JobError: it cannot be read, or holds no hash that we know.
    """
    try:
        with path.open("rb") as file:
            data = file.read(16 * LARGEST)
    except OSError as error:
        raise JobError(f"The list cannot be read: {error.strerror}", file=path) from error
    suffix = path.suffix.lower()
    listed = list(_mhl(data, path) if suffix == ".mhl" else _sums(data, suffix))
    if not listed:
        raise JobError(
            "This list holds no hash that we know (MD5, XXH64, XXH3, XXH128, SHA-1)",
            file=path,
            remedy="Write it with md5sum, xxhsum or as an ASC MHL.",
        )
    return listed


def disagreements(path: Path) -> list[str]:
    """What does not agree with a list: files that are missing, cut short or damaged.

    Raises:
        JobError: the list itself cannot be used.
        OSError: a file cannot be read.
    """
    wrong = []
    for listed in read_hash_list(path):
        file = _inside(path, listed.path)
        if not file.is_file():
            wrong.append(f"{shown(listed.path)} is not here yet")
        elif digest(file, listed.kind) != listed.hash.lower():
            wrong.append(f"{shown(listed.path)} is not what its {listed.kind} says")
    return wrong


def digest(path: Path, kind: str) -> str:
    """The hash of a file, in hex."""
    state = _KINDS[kind]()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            state.update(chunk)
    return state.hexdigest()


def _inside(listing: Path, name: str) -> Path:
    """Where a listed file lies; a list speaks of its own folder and what is below."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or ".." in parts or parts[0] == "/" or parts[0].endswith(":"):
        raise JobError(
            f"It lists {name!r}, which is not below its own folder",
            file=listing,
            remedy="Write the list with relative names.",
        )
    home = listing.parent.parent if listing.parent.name == "ascmhl" else listing.parent
    return home.joinpath(*parts)


def _sums(data: bytes, suffix: str) -> Iterator[Listed]:
    for line in data.decode("utf-8", "surrogateescape").splitlines():
        if match := _TAGGED.fullmatch(line.strip()):
            kind = _XXHSUM.get(match[1].split("_")[0].upper())
            if kind is not None:
                yield Listed(match[2], kind, match[3])
        elif match := _LINE.fullmatch(line.rstrip("\r\n")):
            yield Listed(match[2], _kind_of(match[1], suffix), match[1])


def _kind_of(text: str, suffix: str) -> str:
    if len(text) == 40:
        return "sha1"
    if len(text) == 16:
        return "xxh3" if suffix == ".xxh3" else "xxh64"
    return "md5" if suffix == ".md5" else "xxh128"


def _mhl(data: bytes, path: Path) -> Iterator[Listed]:
    try:
        root = ElementTree.fromstring(data, forbid_dtd=True)
    except (ElementTree.ParseError, DefusedXmlException) as error:
        raise JobError(f"This is no MHL: {error}", file=path, remedy="Write it again.") from error
    for entry in root.iter():
        if entry.tag.rpartition("}")[2] != "hash":
            continue
        values = {child.tag.rpartition("}")[2]: (child.text or "").strip() for child in entry}
        name = values.get("path") or values.get("file")
        kind = next((tag for tag in values if folded(tag) in _MHL), None)
        if name and kind:
            yield Listed(name, _MHL[folded(kind)], values[kind])
