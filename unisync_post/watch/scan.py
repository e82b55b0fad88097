"""Looking: which drops lie in the watched folder, and what is known of their files without opening.

The whole tree is read anew at every look, and what that says is the truth on every file system:
notices of changes get lost (network shares, full queues), directories do not.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import xxhash

from .names import (
    HASH_LISTS,
    SETTINGS,
    STATUS,
    TRIGGER,
    folded,
    is_edit,
    is_edit_folder,
    is_junk,
    is_sound,
    is_temporary,
    stem,
    without_temporary,
)

_DEEPEST = 32
_SEPARATORS = " ._@-"


class Mark(NamedTuple):
    """What tells that a file has changed. Times are compared for equality only: other machines'
    clocks are not ours."""

    size: int
    mtime_ns: int
    inode: int


Marks = Mapping[str, Mark]


@dataclass(frozen=True)
class Found:
    """A drop as it lies there.

    Attributes:
        name: of the edit or of the directory, in the watched folder.
        home: the folder that ``files`` are relative to.
        is_folder: it is a directory that holds an edit, and not itself an edit.
        edits: names of the edit documents: one, unless a directory holds several or none. An edit
            that is a directory (``.fcpxmld``, ``.otiod``) is one edit, of all the files in it.
        files: every file of the drop, by its path relative to ``home``.
    """

    name: str
    home: Path
    is_folder: bool
    edits: tuple[str, ...]
    files: Marks

    @property
    def temporary(self) -> tuple[str, ...]:
        """Files whose copy has not ended."""
        return tuple(path for path in self.files if is_temporary(os.path.basename(path)))

    def triggers(self) -> tuple[str, ...]:
        """``NAME.ready`` files."""
        return self._ending((TRIGGER,))

    def hash_lists(self) -> tuple[str, ...]:
        return self._ending(HASH_LISTS)

    def settings(self) -> str | None:
        """Path of the drop's own ``unisync.toml``."""
        wanted = SETTINGS if self.is_folder else f".{SETTINGS}"
        top = (path for path in self.files if "/" not in path)
        return next((path for path in top if folded(path).endswith(wanted)), None)

    def digest(self) -> str:
        """One text for all its files' names, sizes and times, without triggers, which come and go.

        A drop that was restored with its times has the same.
        """
        state = xxhash.xxh3_128()
        for path, mark in sorted(self.files.items()):
            if folded(path).endswith(TRIGGER):
                continue
            state.update(os.fsencode(path) + f"\0{mark.size}\0{mark.mtime_ns}\0".encode())
        return str(state.hexdigest())

    def _ending(self, suffixes: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(path for path in self.files if folded(path).endswith(suffixes))


def scan(folder: Path, *, files: bool = True, folders: bool = True) -> list[Found]:
    """Every drop in the watched folder, in the order of their names.

    Args:
        folder: the watched folder.
        files: whether edits at its top level are drops; ``folders``: whether directories that
            hold one are.

    Raises:
        OSError: the folder itself cannot be read.
    """
    top: dict[str, Mark] = {}
    bundles: dict[str, Marks] = {}
    drops: list[Found] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_junk(entry.name) or entry.name.endswith(STATUS):
                continue
            if entry.is_dir(follow_symlinks=False) and is_edit_folder(entry.name):
                bundles[entry.name] = _files(folder, f"{entry.name}/")
            elif entry.is_dir(follow_symlinks=False):
                wanted = folders and not is_temporary(entry.name)
                found = _package(folder, entry.name) if wanted else None
                if found is not None:
                    drops.append(found)
            elif (mark := _mark(entry)) is not None:
                top[entry.name] = mark
    if files:
        drops += _edits(folder, top, bundles)
    return sorted(drops, key=lambda drop: drop.name)


def mark_of(path: Path) -> Mark | None:
    """The mark of one file; None where there is no regular file."""
    try:
        facts = path.stat()
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(facts.st_mode):
        return None
    return Mark(facts.st_size, facts.st_mtime_ns, facts.st_ino)


def _edits(folder: Path, top: Marks, bundles: Mapping[str, Marks]) -> Iterator[Found]:
    """Edits at the top level, each with what is named after it and after no longer edit name.

    Args:
        folder: the watched folder.
        top: the files in it; ``bundles``: the files in each edit that is a directory.
    """
    own = {name: {name: mark} for name, mark in top.items()}
    own |= {name: dict(marks) for name, marks in bundles.items()}
    edits = [name for name in own if is_edit(name) and not is_temporary(name)]
    stems = {folded(stem(name)) for name in edits}
    owned: dict[str, dict[str, Mark]] = {known: {} for known in stems}
    for name, mark in top.items():
        owner = _owner(folded(without_temporary(name)), stems)
        if owner is not None and not (is_edit(name) and not is_temporary(name)):
            owned[owner][name] = mark
    for name in edits:
        files = {**own[name], **owned[folded(stem(name))]}
        yield Found(name, folder, False, (name,), files)


def _owner(name: str, stems: set[str]) -> str | None:
    """The longest edit name that this file name goes on from."""
    for end in range(len(name), 0, -1):
        if name[end : end + 1] in _SEPARATORS and name[:end] in stems:
            return name[:end]
    return None


def _package(folder: Path, name: str) -> Found | None:
    """A directory that is meant as a drop: it holds an edit, or sound that waits for one."""
    home = folder / name
    files = _files(home)
    edits = tuple(dict.fromkeys(edit for path in files if (edit := _edit_of(path)) is not None))
    if not edits and not any(is_sound(path) for path in files):
        return None
    beside = (f"{name}{TRIGGER}", *(f"{name}{suffix}" for suffix in HASH_LISTS))
    for path in beside:
        mark = mark_of(folder / path)
        if mark is not None:
            files[f"../{path}"] = mark
    return Found(name, home, True, edits, files)


def _edit_of(path: str) -> str | None:
    """The edit at the top of a package that this file of it is, or is a part of."""
    top, _, rest = path.partition("/")
    return top if (is_edit_folder(top) if rest else is_edit(top)) else None


def _files(home: Path, below: str = "") -> dict[str, Mark]:
    """Every file below a directory; links to directories are not followed.

    Args:
        home: the folder that the paths are relative to.
        below: the directory in it, with a stroke at its end; empty: the folder itself.
    """
    files: dict[str, Mark] = {}
    waiting = [(below, _DEEPEST)]
    while waiting:
        below, depth = waiting.pop()
        try:
            entries = os.scandir(f"{home}/{below}")
        except OSError:
            continue  # gone since the look above, or not ours to read: the next look tells
        with entries:
            for entry in entries:
                name = entry.name
                if is_junk(name) or name.endswith(STATUS):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if depth:
                        waiting.append((f"{below}{name}/", depth - 1))
                elif (mark := _mark(entry)) is not None:
                    files[below + name] = mark
    return files


def _mark(entry: os.DirEntry[str]) -> Mark | None:
    """What stands behind the name, links followed; None for what is no regular file."""
    try:
        facts = entry.stat()
    except OSError:
        return None
    if not stat.S_ISREG(facts.st_mode):
        return None
    return Mark(facts.st_size, facts.st_mtime_ns, facts.st_ino)
