"""What FFmpeg does not write into an MXF: the plate's aspect ratio, and UMIDs that stay the same.

An MXF's metadata are local sets of tagged items behind a partition pack (SMPTE ST 377-1). FFmpeg
writes the raster's own aspect ratio there. It draws UMIDs at random, or leaves them empty so that
equal input gives equal bytes; an Avid tells media apart by them, so they are made from the essence.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, NamedTuple

_PARTITION = bytes.fromhex("060e2b34020501010d010201")
_LOCAL_SET = bytes.fromhex("060e2b34025301010d010101")
_ESSENCE = bytes.fromhex("060e2b34010201010d010301")
_UMID = bytes.fromhex("060a2b340101010501010d0013")
"""Universal label and length of a basic UMID without its instance and material number."""
_EMPTY_UMID = _UMID + bytes(18)
_ASPECT_RATIO = 0x320E
_KEY = 16
_PACK = 256
"""Bytes that hold a partition pack's fixed fields, and more than the fill behind it."""
_MAX_METADATA = 1 << 24


class _Part(NamedTuple):
    """The metadata of one partition: where, what, and the offset of the file's footer partition."""

    offset: int
    data: bytes
    footer: int


def complete(path: Path, essence: bytes, aspect: Fraction) -> None:
    """Finish a file that FFmpeg wrote "bitexact": UMIDs from its essence, and its aspect ratio.

    Args:
        path: the new file, changed in place.
        essence: at least 15 bytes of a hash of all that it holds.
        aspect: width : height as displayed.
    """
    ratio = struct.pack(">ii", *aspect.as_integer_ratio())
    with path.open("rb+") as file:
        header = _metadata(file, 0)
        parts = [header, _metadata(file, header.footer) if header and header.footer else None]
        for part in filter(None, parts):
            data = bytearray(part.data.replace(_EMPTY_UMID, _UMID + bytes(3) + essence[:15]))
            for at in _aspect_items(part.data):
                data[at : at + len(ratio)] = ratio
            file.seek(part.offset)
            file.write(data)


def _metadata(file: BinaryIO, start: int) -> _Part | None:
    """The metadata behind the partition pack at ``start``; None where there is no such pack."""
    file.seek(start)
    head = file.read(_PACK)
    if len(head) < _PACK or not head.startswith(_PARTITION):
        return None
    at, length = _length(head, _KEY)
    footer, count = struct.unpack_from(">QQ", head, at + 24)
    file.seek(at + length + start)
    return _Part(at + length + start, file.read(min(count + _PACK, _MAX_METADATA)), footer)


def _length(data: bytes, at: int) -> tuple[int, int]:
    """Where the value begins, and its length (BER)."""
    first = data[at]
    if first < 0x80:
        return at + 1, first
    end = at + 1 + (first & 0x7F)
    return end, int.from_bytes(data[at + 1 : end], "big")


def _aspect_items(data: bytes) -> Iterator[int]:
    """Offsets of the aspect ratios of picture descriptors in a partition's metadata."""
    at = 0
    while at + _KEY < len(data) and not data.startswith(_ESSENCE, at):
        start, length = _length(data, at + _KEY)
        if data.startswith(_LOCAL_SET, at):
            yield from _items(data, start, min(start + length, len(data)), _ASPECT_RATIO, 8)
        at = start + length


def _items(data: bytes, at: int, end: int, wanted: int, size: int) -> Iterator[int]:
    while at + 4 <= end:
        tag, length = struct.unpack_from(">HH", data, at)
        if tag == wanted and length == size and at + 4 + length <= end:
            yield at + 4
        at += 4 + length
