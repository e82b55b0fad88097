"""PNG and TIFF frames: encoded again as they were, with everything else that they hold.

Both are lossless, so what the matte leaves alone decodes to the same codes. Of a PNG only the
compressed pixels are new: its other chunks (profile, gamma, text) are copied. A TIFF is written by
OpenImageIO with all tags that it knows; where one would be lost the frame is refused by name.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from av.video.frame import VideoFrame

from .info import ColourTags
from .open import open_picture
from .pixels import Box
from .sequences_frame import FrameFacts, aspect_of, damaged, encode, read_bytes, refused
from .sequences_pixels import FLOATS, Samples, format_for, picture_of, put_box

if TYPE_CHECKING:
    from OpenImageIO import ImageSpec

PNG = b"\x89PNG\r\n\x1a\n"
TIFFS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_TRUECOLOUR = {2: 3, 6: 4}
"""PNG's colour types with R'G'B': channels."""
_BITS = {"uint8": 8, "uint16": 16, "float": 32}
"""Of OpenImageIO's types of samples."""
_LOSSLESS = frozenset({"none", "lzw", "zip", "ccittrle", "packbits"})
_WRITER_S_OWN = frozenset({"DateTime", "Software", "oiio:subimages", "tiff:RowsPerStrip"})
"""Attributes that may differ: who wrote the file, and how its lines are grouped."""


def facts(path: Path) -> FrameFacts:
    """What the header says.

    Raises:
        MediaError: damaged, or of a kind that cannot be written back as it is, by name.
    """
    name = "png" if read_bytes(path, 8) == PNG else "tiff"
    with open_picture(path, name) as source:
        spec = source.spec()
        kind = str(spec.format)
        _refuse(path, name, spec)
        if source.seek_subimage(1, 0):
            raise refused(path, "it has several pages")
        bits = _BITS[kind]
        stored = spec.get_int_attribute("oiio:BitsPerSample", bits)
        if stored != bits:
            raise refused(path, f"it stores {stored} bits a sample")
        floats = bits == 32
        shape = spec.get_float_attribute("PixelAspectRatio", 1.0)
        return FrameFacts(
            codec=name,
            profile=f"{bits}-bit {spec.get_string_attribute('compression') or 'deflate'}",
            pixel_format=FLOATS if floats else format_for(bits),
            width=spec.width,
            height=spec.height,
            bits=bits,
            channels=tuple(f"{channel}:{kind}" for channel in spec.channelnames),
            colour=ColourTags(1 if floats else 2, 8 if floats else 2, 0, 2),
            aspect=aspect_of(shape),
        )


def _refuse(path: Path, name: str, spec: ImageSpec) -> None:
    if str(spec.format) not in _BITS:
        raise refused(path, f"its samples are {spec.format}")
    if spec.nchannels < 3 or tuple(spec.channelnames[:3]) != ("R", "G", "B"):
        raise refused(path, f"it has no R, G and B, only {' '.join(spec.channelnames)}")
    if name == "png":
        kind, interlaced = read_bytes(path, 29)[25], read_bytes(path, 29)[28]
        if _TRUECOLOUR.get(kind) != spec.nchannels:
            raise refused(path, "it has a palette or a transparent colour")
        if interlaced:
            raise refused(path, "it is interlaced")
        return
    compression = spec.get_string_attribute("compression")
    if compression not in _LOSSLESS:
        raise refused(path, f"its compression {compression} is lossy or unknown")
    if spec.tile_width:
        raise refused(path, "it is stored in tiles")


def read(path: Path) -> VideoFrame:
    """The picture in its own codes.

    Raises:
        MediaError: as :func:`facts`, or a picture that does not decode.
    """
    found = facts(path)
    samples, _ = _samples(path, found)
    return picture_of(samples, found.pixel_format, found.colour)


def changed(path: Path, picture: VideoFrame, box: Box, scratch: Path, mark: str) -> bytes:
    """The source's picture with a box of the new one, written as the source was.

    Args:
        scratch: where it is encoded.
        mark: provenance, kept as a text chunk of a PNG; a TIFF has no tag to spare.
    """
    found = facts(path)
    samples, spec = _samples(path, found)
    put_box(samples, picture, box)
    encode(scratch, found.codec, spec, samples)
    if found.codec == "png":
        return _repacked(read_bytes(path), read_bytes(scratch), path, mark)
    _refuse_lost(path, spec, scratch)
    return read_bytes(scratch)


def stamped(data: bytes, path: Path, word: int) -> bytes:
    """The file itself: neither format has a time address."""
    del path, word
    return data


def _samples(path: Path, found: FrameFacts) -> tuple[Samples, ImageSpec]:
    """(H, W, C) in stored codes, and the file's whole description."""
    with open_picture(path, found.codec) as source:
        spec = source.spec()
        samples = source.read_image(0, 0, 0, spec.nchannels, spec.format)
        if samples is None:
            raise damaged(path, source.geterror() or "it does not decode")
        stored: Samples = np.ascontiguousarray(samples).reshape(
            spec.height, spec.width, spec.nchannels
        )
        spec.attribute("oiio:UnassociatedAlpha", 1)
        return stored, spec


def _refuse_lost(path: Path, spec: ImageSpec, scratch: Path) -> None:
    """Compare every attribute that was read with those of the new file."""
    with open_picture(scratch, "tiff") as new:
        kept = {item.name: item.value for item in new.spec().extra_attribs}
    lost = [
        item.name
        for item in spec.extra_attribs
        if item.name not in _WRITER_S_OWN and not _same(kept.get(item.name), item.value)
    ]
    lost = [name for name in lost if name != "oiio:UnassociatedAlpha"]
    if lost:
        raise refused(path, f"its tag {lost[0]} would be lost")


def _same(new: object, old: object) -> bool:
    if isinstance(old, np.ndarray) or isinstance(new, np.ndarray):
        return np.array_equal(np.asarray(new), np.asarray(old))
    return new == old


def _repacked(source: bytes, encoded: bytes, path: Path, mark: str) -> bytes:
    """The source's PNG with the other one's compressed pixels."""
    old, new = list(_png_chunks(source)), list(_png_chunks(encoded))
    if not old or not new or old[0] != new[0]:
        raise refused(path, "it would not be written as it is")
    pixels = [chunk for chunk in new if chunk[0] == b"IDAT"]
    before = old[: _at(old, b"IDAT")]
    after = [chunk for chunk in old[_at(old, b"IDAT") :] if chunk[0] != b"IDAT"]
    text = (b"tEXt", b"Comment\0" + mark.encode("latin-1", "replace"))
    return PNG + b"".join(map(_chunk, [*before, text, *pixels, *after]))


def _at(chunks: list[tuple[bytes, bytes]], kind: bytes) -> int:
    return next(n for n, chunk in enumerate(chunks) if chunk[0] == kind)


def _chunk(chunk: tuple[bytes, bytes]) -> bytes:
    kind, data = chunk
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of each chunk (PNG specification, 5.3)."""
    at = len(PNG)
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        at += 12 + size
