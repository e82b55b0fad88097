"""Spans: change a document where it must change, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from typing import Any, AnyStr, NamedTuple

from .errors import EditError


class Edit(NamedTuple):
    """Bytes ``start`` (inclusive) to ``end`` (exclusive) become ``text``.

    ``start == end`` inserts before the byte at ``start``; an empty ``text`` deletes.
    """

    start: int
    end: int
    text: bytes


class TextEdit(NamedTuple):
    """As an :class:`Edit`, of characters."""

    start: int
    end: int
    text: str


def splice(data: AnyStr, edits: Iterable[tuple[int, int, AnyStr]]) -> AnyStr:
    """``data`` with every edit applied; spans count in the original.

    Insertions at one point keep the order in which they are given. Without edits the very same
    object comes back.

    Raises:
        EditError: a span outside the data, or two edits that touch the same place.
    """
    # by start, then by end; numbers are compared quicker than pairs of them
    ordered = sorted(sorted(edits, key=itemgetter(1)), key=itemgetter(0))
    if not ordered:
        return data
    # parts of bytes need no copy
    whole: Any = memoryview(data) if isinstance(data, bytes) else data
    pieces: list[Any] = []
    position, last = 0, len(data)
    for start, end, text in ordered:
        if not 0 <= start <= end <= last:
            raise EditError(
                f"A change of {start} to {end} lies outside the document, which ends at {last}"
            )
        if start < position:
            raise EditError(f"Two changes overlap at {start}")
        pieces += (whole[position:start], text)
        position = end
    pieces.append(whole[position:])
    return data[:0].join(pieces)
