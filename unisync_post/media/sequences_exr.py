"""OpenEXR frames: only the chunks under the matte are new.

A scanline file is a header, a table of offsets and chunks of lines, each compressed alone (OpenEXR
File Layout, openexr.com). OpenImageIO decodes and encodes the chunks that the matte touches; the
header and all other chunks of the new file are the source's own bytes, so every attribute that
anybody wrote survives, also those that no library knows. Other channels (alpha, depth, layers) are
decoded and encoded unchanged with the touched lines.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from .info import ColourTags
from .open import open_picture
from .pixels import Box, planes_of
from .sequences_exr_layout import (
    COMPRESSION,
    HEAD,
    ZIP,
    Header,
    chunks_of,
    joined,
    read_header,
    with_mark,
)
from .sequences_frame import FrameFacts, aspect_of, damaged, encode, read_bytes
from .sequences_pixels import FLOATS, blank, put_box

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


def facts(path: Path) -> FrameFacts:
    """What the header says.

    Raises:
        MediaError: damaged, or a kind of EXR that cannot be changed in place, by name.
    """
    header = read_header(path, read_bytes(path, HEAD))
    x0, y0, x1, y1 = header.display
    kinds = dict(zip(header.names, header.types, strict=True))
    colours = {kinds[name] for name in "RGB"}
    shape = _numbers(header, "pixelAspectRatio", "<f") or (1.0,)
    code = _numbers(header, "timeCode", "<2I")
    rate = _numbers(header, "framesPerSecond", "<iI")
    xy = _numbers(header, "chromaticities", "<8f")
    primaries = 1 if xy is None else _named(xy, _PRIMARIES) or 2
    reel = header.attributes.get("reelName")
    return FrameFacts(
        codec="exr",
        profile=f"{COMPRESSION[header.compression].upper()} {'/'.join(sorted(colours))}",
        pixel_format=FLOATS,
        width=x1 - x0 + 1,
        height=y1 - y0 + 1,
        bits=32 if "float" in colours else 16,
        channels=tuple(f"{n}:{t}" for n, t in kinds.items()),
        aspect=aspect_of(shape[0]),
        timecode=None if code is None else int(code[0]),
        rate=None if rate is None or not rate[1] else Fraction(int(rate[0]), int(rate[1])),
        reel=reel[1].decode("utf-8", "replace") if reel else None,
        colour=ColourTags(primaries, _LINEAR, 0, 2),
        encoding=None if xy is None else _named(xy, _ACES),
    )


def read(path: Path) -> VideoFrame:
    """The picture in its display window; black where there is no data.

    Raises:
        MediaError: as :func:`facts`, or a picture that does not decode.
    """
    header = read_header(path, read_bytes(path, HEAD))
    found = facts(path)
    frame = blank(found.width, found.height, FLOATS, found.colour)
    x, y = header.data[0] - header.display[0], header.data[1] - header.display[1]
    names, lines = _decoded(path, header.data[1], header.data[3] + 1, only_colour=True)
    rows = slice(max(0, y), max(0, min(found.height, y + lines.shape[0])))
    columns = slice(max(0, x), max(0, min(found.width, x + lines.shape[1])))
    inside = lines[rows.start - y : rows.stop - y, columns.start - x : columns.stop - x]
    for plane, name in zip(planes_of(frame), "GBR", strict=True):
        if inside.shape[:2] != plane.shape:
            plane[...] = 0
        plane[rows, columns] = inside[..., names.index(name)]
    return frame


def changed(path: Path, picture: VideoFrame, box: Box, scratch: Path, mark: str) -> bytes:
    """The source's file with the picture's samples in a box of its display window.

    Args:
        scratch: where the touched lines may be written while they are encoded.
        mark: provenance, kept as the attribute ``unisyncProvenance``.
    """
    source = read_bytes(path)
    header = read_header(path, source)
    top, bottom = (header.display[1] + y - header.data[1] for y in (box.y0, box.y1))
    low = max(0, top // header.lines)
    high = min(header.chunks, -(-bottom // header.lines))
    if low >= high:
        return source
    marked, written = with_mark(source, header, mark), header.compression
    if header.is_lossy:
        # its touched chunks would lose what the matte leaves alone: all are stored losslessly
        low, high, written = 0, header.chunks, ZIP
        place = header.attributes["compression"][2]
        marked = marked[:place] + bytes([ZIP]) + marked[place + 1 :]
    first = header.data[1] + low * header.lines
    last = min(header.data[3] + 1, header.data[1] + high * header.lines)
    names, lines = _decoded(path, first, last)
    colours = lines[..., [names.index(name) for name in "RGB"]]
    put_box(colours, picture, box, (header.data[0] - header.display[0], first - header.display[1]))
    for channel, name in zip(np.moveaxis(colours, -1, 0), "RGB", strict=True):
        if header.types[header.names.index(name)] == "half":
            # what was infinite stays so; what was made is not to become it
            finite = np.isfinite(channel)
            channel[finite] = channel[finite].clip(-_LARGEST_HALF, _LARGEST_HALF)
        lines[..., names.index(name)] = channel
    _encode(scratch, header, names, lines, first, written)
    new = chunks_of(scratch, scratch.read_bytes())
    old = {} if header.is_lossy else chunks_of(path, source)
    return joined(marked, {**old, **new})


def stamped(data: bytes, path: Path, word: int) -> bytes:
    """The file with another time address."""
    header = read_header(path, data)
    if "timeCode" not in header.attributes:
        return data
    place = header.attributes["timeCode"][2]
    return data[:place] + struct.pack("<I", word) + data[place + 4 :]


def _numbers(header: Header, name: str, form: str) -> tuple[float, ...] | None:
    """An attribute's numbers; None where there is none, or it holds something else."""
    found = header.attributes.get(name)
    if found is None or len(found[1]) != struct.calcsize(form):
        return None
    return struct.unpack(form, found[1])


def _named(xy: tuple[float, ...], known: Mapping[_Name, tuple[float, ...]]) -> _Name | None:
    """Which of these chromaticities they are; OpenEXR files without any have those of BT.709."""
    return next((name for name, its in known.items() if np.allclose(xy, its, atol=2e-3)), None)


def _decoded(
    path: Path, first: int, end: int, *, only_colour: bool = False
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Names of channels in OpenImageIO's order, and (lines, W, C) float32 of some lines."""
    with open_picture(path, "openexr") as source:
        names = tuple(source.spec().channelnames)
        # red, green and blue come first, whatever else there is
        count = max(map(names.index, "RGB")) + 1 if only_colour else len(names)
        lines = source.read_scanlines(first, end, 0, 0, count, "float")
        if lines is None:
            raise damaged(path, source.geterror() or "it does not decode")
        return names[:count], lines.reshape(end - first, -1, count)


def _encode(
    scratch: Path,
    header: Header,
    names: tuple[str, ...],
    lines: NDArray[np.float32],
    first: int,
    compression: int,
) -> None:
    """Write these lines, from a chunk's edge, as a file of their own."""
    from OpenImageIO import ImageSpec

    # channel formats are heeded only where they are not all alike
    kind = "half" if set(header.types) == {"half"} else "float"
    spec = ImageSpec(lines.shape[1], lines.shape[0], lines.shape[2], kind)
    spec.x, spec.y = header.data[0], first
    kinds = dict(zip(header.names, header.types, strict=True))
    spec.channelnames = names
    spec.channelformats = tuple(kinds[name] for name in names)
    spec.attribute("compression", COMPRESSION[compression])
    encode(scratch, "openexr", spec, lines)
