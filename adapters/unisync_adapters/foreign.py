"""Documents of editing programs that are no edits to read, and what to export instead."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

_PREMIERE = "In Premiere choose File > Export > Final Cut Pro XML, OTIO or AAF"
_RESOLVE = "In Resolve choose File > Export > Timeline and take FCP 7 XML, OTIO or AAF"
_AVID = "In Media Composer export the sequence as AAF (File > Output), or an EDL from the List Tool"
_HEAD = 1 << 16


class Foreign(NamedTuple):
    """A kind of document: what it is, what to do instead, how it is known."""

    what: str
    remedy: str
    suffixes: tuple[str, ...]
    known: Callable[[bytes], bool]


def _is_premiere(data: bytes) -> bool:
    if not data.startswith(b"\x1f\x8b"):
        return b"<PremiereData" in data[:_HEAD]
    try:
        head = zlib.decompressobj(wbits=31).decompress(data[:_HEAD], _HEAD)
    except zlib.error:
        return False
    return b"<PremiereData" in head


def _is_resolve(data: bytes) -> bool:
    return data.startswith(b"PK\x03\x04") and b"project.xml" in data


def _is_avid_bin(data: bytes) -> bool:
    return data.startswith((b"\x06\x00Domain", b"\x00\x06Domain"))


def _is_ale(data: bytes) -> bool:
    return re.match(rb"(?:\xef\xbb\xbf)?Heading\s*[\r\n]+FIELD_DELIM\b", data) is not None


FOREIGN = (
    Foreign("a Premiere project", _PREMIERE, (".prproj",), _is_premiere),
    Foreign("a DaVinci Resolve project", _RESOLVE, (".drp", ".drt"), _is_resolve),
    Foreign("an Avid bin", _AVID, (".avb", ".avp"), _is_avid_bin),
    Foreign("an ALE, which lists clips and not a cut", _AVID, (".ale",), _is_ale),
)


def foreign(data: bytes, path: Path) -> Foreign | None:
    """What this document is, by its content or else by its name; None for anything else."""
    by_content = (kind for kind in FOREIGN if kind.known(data))
    by_name = (kind for kind in FOREIGN if path.suffix.lower() in kind.suffixes)
    return next(by_content, None) or next(by_name, None)
