"""Byte spans: change a document where it must change, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .errors import EditError


@dataclass(frozen=True, slots=True)
class Edit:
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
    ordered = sorted(edits, key=lambda edit: (edit.start, edit.end))
    if not ordered:
        return data
    pieces: list[bytes] = []
    position = 0
    for edit in ordered:
        if not 0 <= edit.start <= edit.end <= len(data):
            raise EditError(
                f"A change of bytes {edit.start} to {edit.end} lies outside the document's "
                f"{len(data)} bytes"
            )
        if edit.start < position:
            raise EditError(f"Two changes overlap at byte {edit.start}")
        pieces += [data[position : edit.start], edit.text]
        position = edit.end
    pieces.append(data[position:])
    return b"".join(pieces)
