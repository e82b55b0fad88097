"""ProRes pictures by their slices: re-code only those that a change touches (SMPTE RDD 36).

A ProRes picture is a grid of slices, one macroblock row high, each coded alone with its own
quantiser. Where plate and encode agree on what the frame header says (raster, chroma format,
quantisation matrices, slice grid), slices of one can stand in the other, so that outside the
touched slices even a changed picture decodes to the plate's very codes. Alpha is coded apart and
without loss at a slice's end; it is the plate's everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .pixels import Box

_MACROBLOCK = 16
_FLAT_MATRIX = bytes([4]) * 64


@dataclass(frozen=True)
class _Frame:
    """One parsed frame: ``header`` and ``picture_header`` verbatim, ``slices`` coded.

    ``terms`` is all that must be equal for slices to be exchanged.
    """

    header: bytes
    picture_header: bytes
    slices: list[bytes]
    width: int
    height: int
    slice_width: int
    alpha: bool
    terms: tuple[object, ...]


def splice_slices(plate: bytes, encoded: bytes, box: Box) -> bytes | None:
    """The plate's coded frame with the slices under ``box`` taken from ``encoded``.

    Args:
        plate: a coded progressive ProRes frame.
        encoded: the changed picture, coded with the same profile.
        box: luma pixels that may have changed.

    Returns:
        The new coded frame; None where the two frames' headers do not allow it.
    """
    old, new = _parse(plate), _parse(encoded)
    if old is None or new is None or old.terms != new.terms:
        return None
    cells = list(_grid(old))
    if not len(cells) == len(old.slices) == len(new.slices):
        return None
    slices = [
        _new_slice(changed, kept, old.alpha) if _touches(cell, box) else kept
        for cell, kept, changed in zip(cells, old.slices, new.slices, strict=True)
    ]
    table = b"".join(len(data).to_bytes(2, "big") for data in slices)
    body = table + b"".join(slices)
    size = len(old.picture_header) + len(body)
    head = old.picture_header
    picture = head[:1] + size.to_bytes(4, "big") + head[5:] + body
    frame = b"icpf" + old.header + picture
    return (len(frame) + 4).to_bytes(4, "big") + frame


def _parse(data: bytes) -> _Frame | None:
    """A progressive frame in its parts; None for anything else or damaged."""
    if len(data) < 36 or data[4:8] != b"icpf":
        return None
    header = data[8 : 8 + int.from_bytes(data[8:10], "big")]
    if len(header) < 20 or header[12] >> 2 & 3:
        return None
    at = 8 + len(header)
    picture_header = data[at : at + (int.from_bytes(data[at : at + 1], "big") >> 3)]
    if len(picture_header) < 8:
        return None
    count = int.from_bytes(picture_header[5:7], "big")
    at += len(picture_header)
    table = data[at : at + 2 * count]
    at += 2 * count
    slices = []
    for number in range(0, 2 * count, 2):
        length = int.from_bytes(table[number : number + 2], "big")
        slices.append(data[at : at + length])
        at += length
    if len(table) < 2 * count or at > len(data):
        return None
    chroma_format, alpha = header[12] >> 6, header[17] & 15
    return _Frame(
        header,
        picture_header,
        slices,
        int.from_bytes(header[8:10], "big"),
        int.from_bytes(header[10:12], "big"),
        1 << (picture_header[7] >> 4),
        alpha != 0,
        (header[8:12], chroma_format, alpha, picture_header[7], *_matrices(header)),
    )


def _new_slice(encoded: bytes, plate: bytes, alpha: bool) -> bytes:
    """The encoded slice, with the plate's alpha behind its colour."""
    if not alpha:
        return encoded
    return encoded[: _colour_end(encoded)] + plate[_colour_end(plate) :]


def _colour_end(data: bytes) -> int:
    """Where a slice's luma and chroma end: its header gives their sizes."""
    return (data[0] >> 3) + sum(int.from_bytes(data[at : at + 2], "big") for at in (2, 4, 6))


def _matrices(header: bytes) -> tuple[bytes, bytes]:
    """Luma and chroma quantisation matrix in force; chroma falls back to luma's."""
    flags, at = header[19], 20
    luma = _FLAT_MATRIX
    if flags & 2:
        luma, at = header[at : at + 64], at + 64
    return luma, header[at : at + 64] if flags & 1 else luma


def _grid(frame: _Frame) -> Iterator[Box]:
    """Luma pixels of each slice in coded order; a row's rest is cut into halving slices."""
    columns, rows = -(-frame.width // _MACROBLOCK), -(-frame.height // _MACROBLOCK)
    for row in range(rows):
        column, wide = 0, frame.slice_width
        while column < columns:
            while columns - column < wide:
                wide //= 2
            left, top = column * _MACROBLOCK, row * _MACROBLOCK
            yield Box(left, top, left + wide * _MACROBLOCK, top + _MACROBLOCK)
            column += wide


def _touches(a: Box, b: Box) -> bool:
    return a.x0 < b.x1 and b.x0 < a.x1 and a.y0 < b.y1 and b.y0 < a.y1
