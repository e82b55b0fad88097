"""File names as other people's machines write them."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from functools import lru_cache
from pathlib import Path, PurePosixPath

from unisync_adapters.document import adapters
from unisync_adapters.foreign import FOREIGN

from ..job.folder import slug

STATUS = ".unisync.json"
SETTINGS = "unisync.toml"
TRIGGER = ".ready"
HASH_LISTS = (".md5", ".xxh", ".xxh64", ".xxh128", ".xxh3", ".mhl")
SOUND = frozenset(
    f".{suffix}" for suffix in ("wav", "wave", "bwf", "w64", "rf64", "aif", "aiff", "flac", "mp3")
) | {".m4a", ".caf", ".mxa"}

_EDIT_FOLDERS = (".fcpxmld", ".otiod")
"""Edits that are a directory: the edit itself and what belongs to it lie inside."""
_BUNDLES = (*_EDIT_FOLDERS, ".otioz")
_UNREADABLE_EDITS = tuple(suffix for kind in FOREIGN for suffix in kind.suffixes)
"""Dropped in by mistake; each is answered with what to export instead."""
_UNFINISHED = (
    *(".part", ".partial", ".filepart", ".tmp", ".temp", ".crdownload", ".download", ".aspx"),
    *(".lock", ".hlock", ".lck"),
)
"""What copies, uploads, browsers and assistants append until they have ended."""
_JUNK = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db"})
_LONGEST = 230
"""Bytes of a status file's name: 255 is the most that file systems take, and it is written under a
longer, temporary one first."""
_VERSION = re.compile(r"[ ._-]+v\d{1,4}$", re.IGNORECASE)


def folded(name: str) -> str:
    """For comparing: one Unicode form, no case. An é of macOS is two code points, others' one."""
    return unicodedata.normalize("NFC", name).casefold()


def shown(name: str) -> str:
    """A name as one line that any terminal, log and JSON file can hold."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def is_junk(name: str) -> bool:
    """Hidden files and what file managers leave behind; no part of any drop."""
    return name[0] == "." or name.lower() in _JUNK


def is_temporary(name: str) -> bool:
    """A copy or upload that has not ended, or somebody's lock."""
    return name.startswith("~$") or folded(name).endswith(_UNFINISHED)


def without_temporary(name: str) -> str:
    """The name that a file will have once its copy has ended."""
    for suffix in _UNFINISHED:
        if folded(name).endswith(suffix):
            return without_temporary(name[: -len(suffix)])
    return name


@lru_cache(maxsize=1)
def edit_suffixes() -> tuple[str, ...]:
    """Suffixes of the formats that can be read.

    Not ``.json``: an OTIO document may be called so, but far more often it is some program's note.
    """
    found = (suffix for adapter in adapters() for suffix in adapter.suffixes)
    return tuple(dict.fromkeys(suffix for suffix in (*found, *_BUNDLES) if suffix != ".json"))


def is_edit(name: str) -> bool:
    """Whether the name is one of an edit document, of a format that can be read or not."""
    return folded(name).endswith((*edit_suffixes(), *_UNREADABLE_EDITS))


def is_readable_edit(name: str) -> bool:
    return folded(name).endswith(edit_suffixes())


def is_edit_folder(name: str) -> bool:
    """Whether a directory of this name is an edit, and no package that holds one."""
    return folded(name).endswith(_EDIT_FOLDERS)


def is_bundle_name(name: str) -> bool:
    """Whether an edit of this name holds its media, too."""
    return folded(name).endswith(_BUNDLES)


def is_sound(name: str) -> bool:
    return PurePosixPath(folded(name)).suffix in SOUND


def stem(name: str) -> str:
    """The name without its last suffix."""
    return PurePosixPath(name).stem


def unusable(name: str) -> str | None:
    """Why files of this name cannot be worked with; None for all others."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return "Its name is not valid UTF-8"
    if any(unicodedata.category(c) == "Cc" for c in name):
        return "Its name holds a control character, such as a line break"
    return None


def drop_key(name: str) -> str:
    """A name of ours for a drop: readable, short, and another one for every other name."""
    digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:8]
    return f"{slug(stem(name))[:60]}-{digest}"


def family_key(name: str) -> str:
    """A name of ours for the drop's output folder, which versions of one edit share.

    >>> family_key("EP101_v2.xml") == family_key("EP101_v3.xml")
    True

    So a new version that is dropped in under its own name renders only what has changed, too.
    """
    return drop_key(_VERSION.sub("", stem(name)))


def status_path(folder: Path, name: str) -> Path:
    """Where the status file of a drop is written: ``NAME.unisync.json``, shortened where the name
    leaves no room for more."""
    full = os.fsencode(name + STATUS)
    if len(full) <= _LONGEST:
        return folder / (name + STATUS)
    tail = f"~{drop_key(name)[-8:]}{STATUS}"
    kept = os.fsencode(name)[: _LONGEST - len(tail)].decode("utf-8", "ignore")
    return folder / (kept + tail)
