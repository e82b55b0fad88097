"""How an OpenEXR file lies on the disk: header, table of offsets, chunks of lines.

OpenEXR File Layout (openexr.com). What is read here is kept as bytes, so that a new file can repeat
all of it that it does not change.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .sequences_frame import check_raster, damaged, read_bytes, refused

MAGIC = b"\x76\x2f\x31\x01"
HEAD = 1 << 16
"""Bytes that nearly every header fits in."""
COMPRESSION = ("none", "rle", "zips", "zip", "piz", "pxr24", "b44", "b44a", "dwaa", "dwab")
"""Names by their number in the file."""
ZIP = 3
_MOST_HEAD = 1 << 24
_TILED, _DEEP, _MULTIPART = 0x200, 0x800, 0x1000
_LINES = (1, 1, 1, 16, 32, 16, 32, 32, 32, 256)
_TYPES = ("uint", "half", "float")
_MARK = "unisyncProvenance"


@dataclass(frozen=True)
class Header:
    """A file's header: where each attribute's value lies, and what the layout needs.

    ``end`` is the offset of the table; ``names`` are the channels in stored (alphabetical) order.
    """

    attributes: Mapping[str, tuple[str, bytes, int]]
    end: int
    names: tuple[str, ...]
    types: tuple[str, ...]
    compression: int
    data: tuple[int, int, int, int]
    display: tuple[int, int, int, int]

    @property
    def lines(self) -> int:
        """Lines of a chunk."""
        return _LINES[self.compression]

    @property
    def chunks(self) -> int:
        """How many chunks the data window has."""
        return -(-(self.data[3] - self.data[1] + 1) // self.lines)

    @property
    def is_lossy(self) -> bool:
        """Whether decoding and encoding again changes what the matte leaves alone."""
        name = COMPRESSION[self.compression]
        return name in ("b44", "b44a", "dwaa", "dwab") or (
            name == "pxr24" and "float" in self.types
        )


def read_header(path: Path, data: bytes) -> Header:
    """The header of a file, of which ``data`` is the beginning or all.

    Raises:
        MediaError: damaged, or a kind of EXR that cannot be changed in place, by name.
    """
    try:
        return _header(path, data)
    except (struct.error, IndexError, ValueError) as error:
        raise damaged(path, "its header makes no sense") from error


def _header(path: Path, data: bytes) -> Header:
    flags = struct.unpack("<I", data[4:8])[0] if len(data) >= 8 else 0
    for flag, what in (
        (_MULTIPART, "it has several parts"),
        (_DEEP, "it holds deep samples"),
        (_TILED, "it is stored in tiles"),
    ):
        if flags & flag:
            raise refused(path, what)
    attributes, end = _attributes(path, data)
    needed = ("channels", "compression", "dataWindow", "displayWindow")
    lacking = [name for name in needed if name not in attributes]
    if lacking:
        raise damaged(path, f"its header has no {lacking[0]}")
    compression = attributes["compression"][1][0]
    if compression >= len(COMPRESSION):
        raise refused(path, f"its compression {compression} is not known")
    data_window = struct.unpack("<4i", attributes["dataWindow"][1])
    display = struct.unpack("<4i", attributes["displayWindow"][1])
    for x0, y0, x1, y1 in (data_window, display):
        check_raster(path, x1 - x0 + 1, y1 - y0 + 1)
    names, types = _channels(path, attributes["channels"][1])
    if "multiView" in attributes:
        raise refused(path, "it holds the pictures of two eyes")
    return Header(attributes, end, names, types, compression, data_window, display)


def _attributes(path: Path, data: bytes) -> tuple[dict[str, tuple[str, bytes, int]], int]:
    """Every attribute as (type, value, offset of the value), and the end of the header."""
    found: dict[str, tuple[str, bytes, int]] = {}
    at = 8
    while True:
        name_end = data.find(b"\0", at)
        if name_end == at:
            return found, at + 1
        type_end = data.find(b"\0", name_end + 1)
        value = type_end + 5
        size = int.from_bytes(data[type_end + 1 : value], "little")
        if name_end < 0 or type_end < 0 or value + size >= len(data):
            if len(data) == HEAD:
                return _attributes(path, read_bytes(path, _MOST_HEAD))
            raise damaged(path, "its header is cut short")
        name = data[at:name_end].decode("latin-1")
        kind = data[name_end + 1 : type_end].decode("latin-1")
        found[name] = (kind, data[value : value + size], value)
        at = value + size


def _channels(path: Path, listed: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names and types of the channels."""
    names, types, at = [], [], 0
    while at < len(listed) - 1:
        end = listed.index(b"\0", at)
        name = listed[at:end].decode("latin-1")
        kind, _, x, y = struct.unpack_from("<iIii", listed, end + 1)
        if (x, y) != (1, 1):
            raise refused(path, f"its channel {name} is subsampled")
        if _TYPES[kind] == "uint":
            raise refused(path, f"its channel {name} holds whole numbers")
        names.append(name)
        types.append(_TYPES[kind])
        at = end + 17
    if not {"R", "G", "B"} <= set(names):
        raise refused(path, f"it has no R, G and B, only {' '.join(names)}")
    return tuple(names), tuple(types)


def chunks_of(path: Path, data: bytes) -> dict[int, bytes]:
    """Every chunk by its first line.

    Raises:
        MediaError: one lies outside of the file: it was never finished.
    """
    header = read_header(path, data)
    try:
        chunks = dict(_listed(path, data, header))
    except struct.error as error:
        raise damaged(path, "lines of it are missing") from error
    if len(chunks) != header.chunks:
        raise damaged(path, "lines of it are stored twice")
    return chunks


def _listed(path: Path, data: bytes, header: Header) -> Iterator[tuple[int, bytes]]:
    for place in struct.unpack_from(f"<{header.chunks}Q", data, header.end):
        line, size = struct.unpack_from("<iI", data, place) if place + 8 <= len(data) else (0, -1)
        if not header.end < place or size < 0 or place + 8 + size > len(data):
            raise damaged(path, "lines of it are missing")
        yield line, data[place : place + 8 + size]


def joined(head: bytes, chunks: Mapping[int, bytes]) -> bytes:
    """Header, table and chunks from the top line down, as readers go through them."""
    ordered = [chunks[line] for line in sorted(chunks)]
    place, table = len(head) + 8 * len(ordered), []
    for chunk in ordered:
        table.append(place)
        place += len(chunk)
    return b"".join([head, struct.pack(f"<{len(table)}Q", *table), *ordered])


def with_mark(data: bytes, header: Header, mark: str) -> bytes:
    """The header's bytes with our attribute put last; one of an earlier run is left as it is."""
    head = data[: header.end]
    if _MARK in header.attributes:
        return head
    text = mark.encode()
    entry = _MARK.encode() + b"\0string\0" + struct.pack("<i", len(text)) + text
    return head[:-1] + entry + b"\0"
