"""DPX frames: the pixels under the matte are overwritten in the source's own bytes.

SMPTE ST 268-1: a header of 2048 bytes, then words of pixels, uncompressed. So the header, with its
timecode, film and user data, and every pixel that the matte leaves alone come back as they are.
Read and written are R'G'B' and R'G'B'A of 8, 10, 12 and 16 bits, each sample filled to a word or
byte; tightly packed 10 and 12 bits, run lengths, Y'CbCr and several image elements are refused.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from .info import ColourTags
from .pixels import Box
from .sequences_frame import (
    NO_TIMECODE,
    FrameFacts,
    aspect_of,
    check_raster,
    damaged,
    read_bytes,
    refused,
)
from .sequences_pixels import format_for, picture_of, put_box

MAGICS = (b"SDPX", b"XPDS")
_HEAD = 2048
_CHANNELS = {50: ("R", "G", "B"), 51: ("R", "G", "B", "A")}
_TIMECODE, _TV_RATE, _FILM_RATE, _ASPECT = 1920, 1940, 1724, 1628
_TRANSFERS = {2: 8, 5: 1, 6: 1, 7: 6, 8: 6}
"""DPX transfer characteristics that ISO/IEC 23091-2 has, too: linear, BT.709, BT.601."""
_PRIMARIES = {5: 1, 6: 1, 7: 5, 8: 6}


@dataclass(frozen=True)
class _Layout:
    """How the pixels lie in the file; ``row`` is bytes of a line, ``offset`` those before it."""

    order: Literal["<", ">"]
    width: int
    height: int
    channels: tuple[str, ...]
    bits: int
    packing: int
    offset: int
    row: int


def facts(path: Path) -> FrameFacts:
    """What the header says.

    Raises:
        MediaError: damaged, or a kind of DPX that cannot be changed in place, by name.
    """
    head = read_bytes(path, _HEAD)
    layout = _layout(path, head)
    transfer, colorimetric = head[801], head[802]
    code, rate, across, down = NO_TIMECODE, 0.0, 0, 0
    if layout.offset >= _HEAD:
        (code,) = struct.unpack_from(f"{layout.order}I", head, _TIMECODE)
        rates = [_float(layout, head, place) for place in (_TV_RATE, _FILM_RATE)]
        rate = next((value for value in rates if 1 <= value <= 1000), 0.0)
        across, down = struct.unpack_from(f"{layout.order}2I", head, _ASPECT)
    return FrameFacts(
        codec="dpx",
        profile=f"{layout.bits}-bit {''.join(layout.channels)}",
        pixel_format=format_for(layout.bits),
        width=layout.width,
        height=layout.height,
        bits=layout.bits,
        channels=tuple(f"{name}:{layout.bits}" for name in layout.channels),
        colour=ColourTags(_PRIMARIES.get(colorimetric, 2), _TRANSFERS.get(transfer, 2), 0, 2),
        aspect=aspect_of(across / down) if down else Fraction(1),
        timecode=None if code == NO_TIMECODE else code,
        rate=Fraction(rate).limit_denominator(1001) if rate else None,
    )


def read(path: Path) -> VideoFrame:
    """The picture in its own codes.

    Raises:
        MediaError: as :func:`facts`, or cut short.
    """
    found, data = facts(path), read_bytes(path)
    layout = _layout(path, data)
    return picture_of(_samples(path, data, layout), found.pixel_format, found.colour)


def changed(path: Path, picture: VideoFrame, box: Box, scratch: Path, mark: str) -> bytes:
    """The source's file with the picture's samples in a box.

    ``scratch`` and ``mark`` are not used: nothing is encoded, and the header has no free room.
    """
    del scratch, mark
    data = bytearray(read_bytes(path))
    layout = _layout(path, data)
    samples = _samples(path, bytes(data), layout)
    old = _packed(samples[box.y0 : box.y1], layout)
    put_box(samples, picture, box)
    new = _packed(samples[box.y0 : box.y1], layout)
    rows = np.frombuffer(data, np.uint8, layout.row * layout.height, layout.offset)
    stored = rows.reshape(layout.height, layout.row)[box.y0 : box.y1, : new.shape[1]]
    # bits that are no sample's, such as those that fill a word, stay as they are
    stored ^= old ^ new
    return bytes(data)


def stamped(data: bytes, path: Path, word: int) -> bytes:
    """The file with another time address."""
    layout = _layout(path, data)
    if layout.offset < _HEAD:
        return data
    code = struct.pack(f"{layout.order}I", word)
    return data[:_TIMECODE] + code + data[_TIMECODE + 4 :]


def _layout(path: Path, data: bytes | bytearray) -> _Layout:
    if len(data) < 1664:
        raise damaged(path, "its header is cut short")
    order: Literal["<", ">"] = ">" if data[:4] == MAGICS[0] else "<"
    orientation, elements, width, height = struct.unpack_from(f"{order}HHII", data, 768)
    descriptor, bits = data[800], data[803]
    packing, encoding, offset, line_pad = struct.unpack_from(f"{order}HHII", data, 804)
    offset = struct.unpack_from(f"{order}I", data, 4)[0] if offset in (0, NO_TIMECODE) else offset
    for wrong, what in (
        (elements != 1, f"it has {elements} image elements"),
        (descriptor not in _CHANNELS, f"its pixels are of kind {descriptor}, not RGB or RGBA"),
        (orientation not in (0, 0xFFFF), "it is stored turned or mirrored"),
        (encoding == 1, "it is run-length encoded"),
        (bits not in (8, 10, 12, 16), f"it has {bits} bits a sample"),
        (bits in (10, 12) and packing not in (1, 2), f"its {bits} bits are tightly packed"),
        (bits == 12 and packing == 2, "its 12 bits are filled by method B"),
        (bits == 10 and descriptor == 51, "it has alpha in 10 bits"),
    ):
        if wrong:
            raise refused(path, what)
    check_raster(path, width, height)
    channels = _CHANNELS[descriptor]
    plain = width * (4 if bits == 10 else len(channels) * (1 if bits == 8 else 2))
    pad = 0 if line_pad == NO_TIMECODE else line_pad
    size = len(data) if len(data) > _HEAD else path.stat().st_size
    # lines end on 32-bit words; some writers do not care
    aligned = -(-plain // 4) * 4 + pad
    row = aligned if offset + aligned * height <= size else plain + pad
    if offset + row * height > size:
        raise damaged(path, "it is cut short")
    return _Layout(order, width, height, channels, bits, packing, offset, row)


def _samples(path: Path, data: bytes, layout: _Layout) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """(H, W, C) codes."""
    if layout.offset + layout.row * layout.height > len(data):
        raise damaged(path, "it is cut short")
    rows = np.frombuffer(data, np.uint8, layout.row * layout.height, layout.offset)
    rows = rows.reshape(layout.height, layout.row)
    shape = (layout.height, layout.width, len(layout.channels))
    if layout.bits == 10:
        words = np.ascontiguousarray(rows[:, : layout.width * 4]).view(f"{layout.order}u4")
        fill = 2 if layout.packing == 1 else 0
        parts = np.stack([words >> (20 + fill), words >> (10 + fill), words >> fill], -1)
        tens: NDArray[np.uint16] = parts.astype(np.uint16) & np.uint16(1023)
        return tens
    if layout.bits == 8:
        bytes_: NDArray[np.uint8] = rows[:, : shape[1] * shape[2]].reshape(shape).copy()
        return bytes_
    wide = np.ascontiguousarray(rows[:, : shape[1] * shape[2] * 2]).view(f"{layout.order}u2")
    codes: NDArray[np.uint16] = wide.astype(np.uint16).reshape(shape)
    return codes >> np.uint16(4) if layout.bits == 12 else codes


def _packed(samples: NDArray[np.uint8] | NDArray[np.uint16], layout: _Layout) -> NDArray[np.uint8]:
    """Lines of codes as bytes of the file."""
    if layout.bits == 8:
        return samples.astype(np.uint8).reshape(len(samples), -1)
    if layout.bits == 10:
        wide = samples.astype(np.uint32)
        words = wide[..., 0] << 20 | wide[..., 1] << 10 | wide[..., 2]
        words = words << np.uint32(2 if layout.packing == 1 else 0)
        stored = words.astype(f"{layout.order}u4")
    else:
        codes = samples.astype(np.uint16) << np.uint16(4 if layout.bits == 12 else 0)
        stored = codes.astype(f"{layout.order}u2").reshape(len(samples), -1)
    packed: NDArray[np.uint8] = stored.view(np.uint8)
    return packed


def _float(layout: _Layout, head: bytes, place: int) -> float:
    value: float = struct.unpack_from(f"{layout.order}f", head, place)[0]
    return value
