"""Chunks of a WAV that FFmpeg does not read: the iXML track names.

A recorder writes a handful of chunks; a hostile file may write millions, or claim any length. Only
so many are looked at, and none is read beyond what such a chunk can sensibly hold.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from ..errors import MediaError

_MAX_CHUNKS = 1000
_MAX_IXML = 1 << 22
_FORMS = (b"RIFF", b"RF64", b"BW64")
_IN_DS64 = 0xFFFFFFFF
"""A length that stands in the ds64 chunk (EBU Tech 3306)."""


def track_names(descriptor: int, path: Path) -> tuple[str, ...]:
    """Names of the tracks by the iXML chunk, such as "DX FR"; empty where there is none.

    Raises:
        MediaError: the iXML is damaged, declares entities, or is larger than 4 MiB.
    """
    for kind, start, length in _chunks(descriptor):
        if kind != b"iXML":
            continue
        if length > _MAX_IXML:
            raise _damaged(path, f"it claims {length} bytes")
        data = _read_at(descriptor, start, length).rstrip(b"\0")
        try:
            names = [node.findtext("NAME") or "" for node in fromstring(data).iter("TRACK")]
        except (ParseError, DefusedXmlException, ValueError, RecursionError) as error:
            raise _damaged(path, type(error).__name__) from error
        return tuple(names)
    return ()


def _chunks(descriptor: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start of the content and length of the top-level chunks."""
    if _read_at(descriptor, 0, 4) not in _FORMS:
        return
    start, data_length = 12, 0
    for _ in range(_MAX_CHUNKS):
        head = _read_at(descriptor, start, 8)
        if len(head) < 8:
            return
        kind, length = struct.unpack("<4sI", head)
        if kind == b"ds64":
            data_length = int.from_bytes(_read_at(descriptor, start + 16, 8), "little")
        if kind == b"data" and length == _IN_DS64:
            length = data_length
        yield kind, start + 8, length
        start += 8 + length + length % 2


def _read_at(descriptor: int, start: int, count: int) -> bytes:
    size = os.fstat(descriptor).st_size
    if not 0 <= start < size:
        return b""
    os.lseek(descriptor, start, os.SEEK_SET)
    return os.read(descriptor, min(count, size - start))


def _damaged(path: Path, why: str) -> MediaError:
    return MediaError(
        f"The iXML of this WAV cannot be read: {why}",
        file=path,
        remedy="Export it again without iXML.",
    )
