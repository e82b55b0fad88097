"""Byte spans: change a document where it must change, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from typing import NamedTuple

from .errors import EditError


class Edit(NamedTuple):
    """Bytes ``start`` (inclusive) to ``end`` (exclusive) become ``text``.

    ``start == end`` inserts before the byte at ``start``; an empty ``text`` deletes.
    """

    start: int
    end: int
    text: bytes


def splice(data: bytes, edits: Iterable[Edit]) -> bytes:
    """``data`` with every edit applied; spans count in the original bytes.

    Insertions at one point keep the order in which they are given. Without edits the very same
    object comes back.

    Raises:
        EditError: a span outside the data, or two edits that touch the same byte.
    """
    ordered = sorted(edits, key=itemgetter(0, 1))
    if not ordered:
        return data
    pieces: list[bytes] = []
    position = 0
    for start, end, text in ordered:
        if not 0 <= start <= end <= len(data):
            raise EditError(
                f"A change of bytes {start} to {end} lies outside the document's {len(data)} bytes"
            )
        if start < position:
            raise EditError(f"Two changes overlap at byte {start}")
        pieces += [data[position:start], text]
        position = end
    pieces.append(data[position:])
    return b"".join(pieces)
