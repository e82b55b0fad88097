"""OpenEXR frames: only the chunks under the matte are new.

A scanline file is a header, a table of offsets and chunks of lines, each compressed alone (OpenEXR
File Layout, openexr.com). OpenImageIO decodes and encodes the chunks that the matte touches; the
header and all other chunks of the new file are the source's own bytes, so every attribute that
anybody wrote survives, also those that no library knows. Other channels (alpha, depth, layers) are
decoded and encoded unchanged with the touched lines.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray
from OpenImageIO import FLOAT, HALF, ImageSpec

from .info import ColourTags
from .open import open_picture
from .pixels import Box
from .sequences_frame import FrameFacts, check_raster, damaged, encode, read_bytes, refused
from .sequences_pixels import FLOATS, picture_of, put_box

MAGIC = b"\x76\x2f\x31\x01"
_HEAD = 1 << 16
_MOST_HEAD = 1 << 24
_TILED, _DEEP, _MULTIPART = 0x200, 0x800, 0x1000
_COMPRESSION = ("none", "rle", "zips", "zip", "piz", "pxr24", "b44", "b44a", "dwaa", "dwab")
_LINES = (1, 1, 1, 16, 32, 16, 32, 32, 32, 256)
_ZIP = 3
_TYPES = ("uint", "half", "float")
_STORED = {"half": HALF, "float": FLOAT}
_LARGEST_HALF = 65504.0
_LINEAR = 8
_Name = TypeVar("_Name", int, str)
_PRIMARIES = {
    1: (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290),
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.314, 0.351),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290),
}
"""Chromaticities by their number in ISO/IEC 23091-2."""
_ACES = {
    "aces2065-1": (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767),
    "acescg": (0.713, 0.293, 0.165, 0.830, 0.128, 0.044, 0.32168, 0.33767),
}
"""Those of ACES AP0 and AP1 (SMPTE ST 2065-1, S-2014-004), which have no number there."""


@dataclass(frozen=True)
class _Header:
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
        return -(-(self.data[3] - self.data[1] + 1) // self.lines)

    @property
    def is_lossy(self) -> bool:
        """Whether decoding and encoding again changes what the matte leaves alone."""
        name = _COMPRESSION[self.compression]
        return name in ("b44", "b44a", "dwaa", "dwab") or (
            name == "pxr24" and "float" in self.types
        )


def facts(path: Path) -> FrameFacts:
    """What the header says.

    Raises:
        MediaError: damaged, or a kind of EXR that cannot be changed in place, by name.
    """
    header = _header(path, read_bytes(path, _HEAD))
    x0, y0, x1, y1 = header.display
    kinds = dict(zip(header.names, header.types, strict=True))
    colours = {kinds[name] for name in "RGB"}
    text = _value(header, "reelName")
    rate = _value(header, "framesPerSecond")
    code = _value(header, "timeCode")
    aspect = _value(header, "pixelAspectRatio")
    shape = Fraction(struct.unpack("<f", aspect)[0]) if aspect else Fraction(1)
    return FrameFacts(
        codec="exr",
        profile=f"{_COMPRESSION[header.compression].upper()} {'/'.join(sorted(colours))}",
        pixel_format=FLOATS,
        width=x1 - x0 + 1,
        height=y1 - y0 + 1,
        bits=32 if "float" in colours else 16,
        channels=tuple(f"{n}:{t}" for n, t in kinds.items()),
        aspect=shape.limit_denominator(1000) if shape > 0 else Fraction(1),
        timecode=struct.unpack("<I", code[:4])[0] if code else None,
        rate=Fraction(*struct.unpack("<iI", rate)) if rate and rate[4:] != bytes(4) else None,
        reel=text.decode("utf-8", "replace") if text else None,
        colour=ColourTags(_primaries(_value(header, "chromaticities")), _LINEAR, 0, 2),
        encoding=_named(_value(header, "chromaticities"), _ACES),
    )


def read(path: Path) -> VideoFrame:
    """The picture in its display window; black where there is no data.

    Raises:
        MediaError: as :func:`facts`, or a picture that does not decode.
    """
    header = _header(path, read_bytes(path, _HEAD))
    found = facts(path)
    rgb = np.zeros((found.height, found.width, 3), np.float32)
    x, y = header.data[0] - header.display[0], header.data[1] - header.display[1]
    lines = _decoded(path, header, header.data[1], header.data[3] + 1)
    rows = slice(max(0, y), max(0, min(found.height, y + lines.shape[0])))
    columns = slice(max(0, x), max(0, min(found.width, x + lines.shape[1])))
    inside = lines[rows.start - y : rows.stop - y, columns.start - x : columns.stop - x]
    rgb[rows, columns] = inside[..., [header.names.index(name) for name in "RGB"]]
    return picture_of(rgb, FLOATS, found.colour)


def changed(path: Path, picture: VideoFrame, box: Box, scratch: Path, mark: str) -> bytes:
    """The source's file with the picture's samples in a box of its display window.

    Args:
        scratch: where the touched lines may be written while they are encoded.
        mark: provenance, kept as the attribute ``unisyncProvenance``.
    """
    source = read_bytes(path)
    header = _header(path, source)
    top, bottom = (header.display[1] + y - header.data[1] for y in (box.y0, box.y1))
    low = max(0, top // header.lines)
    high = min(header.chunks, -(-bottom // header.lines))
    if low >= high:
        return source
    marked, written = _attributed(source, header, mark), header.compression
    if header.is_lossy:
        # its touched chunks would lose what the matte leaves alone: all are stored losslessly
        low, high, written = 0, header.chunks, _ZIP
        place = header.attributes["compression"][2]
        marked = marked[:place] + bytes([_ZIP]) + marked[place + 1 :]
    first = header.data[1] + low * header.lines
    last = min(header.data[3] + 1, header.data[1] + high * header.lines)
    lines = _decoded(path, header, first, last)
    order = [header.names.index(name) for name in "RGB"]
    samples = lines[..., order]
    at = header.data[0] - header.display[0], first - header.display[1]
    put_box(samples, picture, box, at)
    for place, name in zip(order, "RGB", strict=True):
        channel = samples[..., "RGB".index(name)]
        if header.types[place] == "half":
            channel = np.where(
                np.isfinite(channel), channel.clip(-_LARGEST_HALF, _LARGEST_HALF), channel
            )
        lines[..., place] = channel
    _encode(scratch, header, lines, first, written)
    new = _chunks(scratch, scratch.read_bytes())
    old = {} if header.is_lossy else _chunks(path, source)
    return _joined(marked, {**old, **new})


def stamped(data: bytes, path: Path, word: int) -> bytes:
    """The file with another time address."""
    header = _header(path, data)
    if "timeCode" not in header.attributes:
        return data
    place = header.attributes["timeCode"][2]
    return data[:place] + struct.pack("<I", word) + data[place + 4 :]


def _header(path: Path, data: bytes) -> _Header:
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
    if compression >= len(_COMPRESSION):
        raise refused(path, f"its compression {compression} is not known")
    data_window = struct.unpack("<4i", attributes["dataWindow"][1])
    display = struct.unpack("<4i", attributes["displayWindow"][1])
    for x0, y0, x1, y1 in (data_window, display):
        check_raster(path, x1 - x0 + 1, y1 - y0 + 1)
    names, types = _channels(path, attributes["channels"][1])
    if "multiView" in attributes:
        raise refused(path, "it holds the pictures of two eyes")
    return _Header(attributes, end, names, types, compression, data_window, display)


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
            if len(data) == _HEAD:
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


def _value(header: _Header, name: str) -> bytes | None:
    found = header.attributes.get(name)
    return None if found is None else found[1]


def _primaries(value: bytes | None) -> int:
    """The number of these chromaticities; BT.709's where the file states none (OpenEXR)."""
    return 1 if value is None else _named(value, _PRIMARIES) or 2


def _named(value: bytes | None, known: Mapping[_Name, tuple[float, ...]]) -> _Name | None:
    """Which of these chromaticities a value holds."""
    if value is None or len(value) != 32:
        return None
    stated = struct.unpack("<8f", value)
    fitting = (name for name, xy in known.items() if np.allclose(stated, xy, atol=2e-3))
    return next(fitting, None)


def _decoded(path: Path, header: _Header, first: int, end: int) -> NDArray[np.float32]:
    """(lines, W, C) float32: all channels, in stored order, of lines ``first`` to ``end``."""
    with open_picture(path, "openexr") as source:
        spec = source.spec()
        lines = source.read_scanlines(first, end, 0, 0, spec.nchannels, FLOAT)
        if lines is None:
            raise damaged(path, source.geterror() or "it does not decode")
        order = [spec.channelnames.index(name) for name in header.names]
        stored: NDArray[np.float32] = lines.reshape(end - first, -1, spec.nchannels)[..., order]
        return np.ascontiguousarray(stored)


def _encode(
    scratch: Path, header: _Header, lines: NDArray[np.float32], first: int, compression: int
) -> None:
    """Write these lines, from a chunk's edge, as a file of their own."""
    # channel formats are heeded only where they are not all alike
    kind = HALF if set(header.types) == {"half"} else FLOAT
    spec = ImageSpec(lines.shape[1], lines.shape[0], lines.shape[2], kind)
    spec.x, spec.y = header.data[0], first
    spec.channelnames = header.names
    spec.channelformats = tuple(_STORED[kind] for kind in header.types)
    spec.attribute("compression", _COMPRESSION[compression])
    encode(scratch, "openexr", spec, lines)


def _chunks(path: Path, data: bytes) -> dict[int, bytes]:
    """Every chunk by its first line.

    Raises:
        MediaError: one lies outside of the file: it was never finished.
    """
    return dict(_listed(path, data, _header(path, data)))


def _listed(path: Path, data: bytes, header: _Header) -> Iterator[tuple[int, bytes]]:
    for place in struct.unpack_from(f"<{header.chunks}Q", data, header.end):
        line, size = struct.unpack_from("<iI", data, place) if place + 8 <= len(data) else (0, -1)
        if not header.end < place or size < 0 or place + 8 + size > len(data):
            raise damaged(path, "lines of it are missing")
        yield line, data[place : place + 8 + size]


def _joined(head: bytes, chunks: Mapping[int, bytes]) -> bytes:
    """Header, table and chunks from the top line down, as readers go through them."""
    ordered = [chunks[line] for line in sorted(chunks)]
    place, table = len(head) + 8 * len(ordered), []
    for chunk in ordered:
        table.append(place)
        place += len(chunk)
    return b"".join([head, struct.pack(f"<{len(table)}Q", *table), *ordered])


def _attributed(data: bytes, header: _Header, mark: str) -> bytes:
    """The header's bytes with our attribute put last; one of an earlier run is left as it is."""
    head = data[: header.end]
    if "unisyncProvenance" in header.attributes:
        return head
    text = mark.encode()
    entry = b"unisyncProvenance\0string\0" + struct.pack("<i", len(text)) + text
    return head[:-1] + entry + b"\0"
