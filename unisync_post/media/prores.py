"""ProRes pictures by their slices: re-code only those that a change touches (SMPTE RDD 36).

A ProRes picture is a grid of slices, one macroblock row high, each coded alone with its own
quantiser. Where plate and encode agree on what the frame header says (raster, chroma format,
quantisation matrices, slice grid), slices of one can stand in the other, so that outside the
touched slices even a changed picture decodes to the plate's very codes. Alpha is coded apart and
without loss at a slice's end; it is the plate's everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .pixels import Box

_MACROBLOCK = 16
_FLAT_MATRIX = bytes([4]) * 64


@dataclass(frozen=True)
class _Frame:
    """One parsed frame: ``header`` and ``picture_header`` verbatim.

    Slice *k* is ``data[ends[k] - sizes[k] : ends[k]]``. ``terms`` is all that must be equal for
    slices to be exchanged.
    """

    data: bytes
    header: bytes
    picture_header: bytes
    sizes: NDArray[np.int64]
    ends: NDArray[np.int64]
    width: int
    height: int
    slice_width: int
    alpha: bool
    terms: tuple[object, ...]

    def coded(self, number: int) -> bytes:
        end = int(self.ends[number])
        return self.data[end - int(self.sizes[number]) : end]


def splice_slices(plate: bytes, encoded: bytes, *boxes: Box) -> bytes | None:
    """The plate's coded frame with the slices under these boxes taken from ``encoded``.

    Args:
        plate: a coded progressive ProRes frame.
        encoded: the changed picture, coded with the same profile.
        boxes: luma pixels that may have changed.

    Returns:
        The new coded frame; None where the two frames' headers do not allow it.
    """
    old, new = _parse(plate), _parse(encoded)
    if old is None or new is None or old.terms != new.terms:
        return None
    cells = _grid(old.width, old.height, old.slice_width)
    if not len(cells) == len(old.sizes) == len(new.sizes):
        return None
    touched = np.flatnonzero(np.any([_under(cells, box) for box in boxes], axis=0))
    sizes, parts, done = old.sizes.copy(), [], int(old.ends[0] - old.sizes[0])
    for number in touched.tolist():
        data = _new_slice(new.coded(number), old.coded(number), old.alpha)
        sizes[number] = len(data)
        parts += [old.data[done : int(old.ends[number] - old.sizes[number])], data]
        done = int(old.ends[number])
    parts.append(old.data[done : int(old.ends[-1])])
    return _joined(old, sizes, parts)


def _under(cells: NDArray[np.int64], box: Box) -> NDArray[np.bool_]:
    """(N,) which of these slices a box touches."""
    across: NDArray[np.bool_] = (cells[:, 0] < box.x1) & (box.x0 < cells[:, 2])
    return across & (cells[:, 1] < box.y1) & (box.y0 < cells[:, 3])


def _joined(frame: _Frame, sizes: NDArray[np.int64], slices: list[bytes]) -> bytes:
    """A coded frame with this frame's headers."""
    body = b"".join([sizes.astype(">u2").tobytes(), *slices])
    head = frame.picture_header
    size = len(head) + len(body)
    whole = b"".join([b"icpf", frame.header, head[:1], size.to_bytes(4, "big"), head[5:], body])
    return (len(whole) + 4).to_bytes(4, "big") + whole


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
    sizes = np.frombuffer(table[: len(table) // 2 * 2], ">u2").astype(np.int64)
    ends = at + 2 * count + np.cumsum(sizes)
    if not count or len(table) < 2 * count or int(ends[-1]) > len(data):
        return None
    chroma_format, alpha = header[12] >> 6, header[17] & 15
    return _Frame(
        data,
        header,
        picture_header,
        sizes,
        ends,
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


@lru_cache(maxsize=8)
def _grid(width: int, height: int, slice_width: int) -> NDArray[np.int64]:
    """(N, 4) x0, y0, x1, y1 in luma pixels of each slice in coded order.

    A row's rest is cut into halving slices.
    """
    columns, rows = -(-width // _MACROBLOCK), -(-height // _MACROBLOCK)
    edges, wide = [0], slice_width
    while edges[-1] < columns:
        while columns - edges[-1] < wide:
            wide //= 2
        edges.append(edges[-1] + wide)
    left, top = np.meshgrid(np.array(edges[:-1]), np.arange(rows))
    right = np.broadcast_to(np.array(edges[1:]), left.shape)
    return np.stack([left, top, right, top + 1], -1).reshape(-1, 4) * _MACROBLOCK
