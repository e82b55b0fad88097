"""Where every element of a document begins and ends.

A feature film's sequence has a million elements, of which a relink concerns a few thousand. A tree
of them all costs more than everything else together; an outline is a handful of numpy operations
on the document's characters, and whoever needs an element then goes straight to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import EditError

MAX_DEPTH = 2000
"""Elements in one another; real edits nest sequences fifty deep at most, six elements each."""

_PART = 1 << 20
"""Characters looked at in one go."""

_AFTER_NAME = np.zeros(256, np.bool_)
_AFTER_NAME[list(b" \t\r\n/>")] = True
_TAG = re.compile(r"<[^>\"']*(?:(?:\"[^\"]*\"|'[^']*')[^>\"']*)*>")


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """One row an element, in the order of their start tags.

    Attributes:
        start, inner, inner_end, end: where its start tag, its content, its end tag begin, and
            where it ends; all three last are the same for an empty-element tag (``<a/>``).
        after: the first row that is not inside it; without children, the next.
        depth: how many elements it lies in, itself included.
        initials: the first character of its name.
        codes: the document's characters, one byte each; what is not Latin-1 is ``?``.
    """

    start: memoryview
    inner: memoryview
    inner_end: memoryview
    end: memoryview
    after: memoryview
    depth: NDArray[np.int16]
    initials: NDArray[np.uint8]
    codes: NDArray[np.uint8]

    @classmethod
    def of(cls, masked: str, latin: bytes) -> Outline:
        """The outline of a well-formed document.

        Args:
            masked: the document, with comments, CDATA sections and processing instructions behind
                its prolog blanked out, so that every ``<`` begins a tag.
            latin: the same, one byte a character.

        Raises:
            EditError: elements lie deeper in one another than MAX_DEPTH.
        """
        codes = np.frombuffer(latin, np.uint8)
        begin, end = _tags(masked, codes)
        initials = codes[begin + 1]
        closing = initials == ord("/")
        empty = codes[end - 2] == ord("/")
        step = np.int8(1) - 2 * closing.view(np.int8) - empty.view(np.int8)
        depth = np.cumsum(step, dtype=np.int32)
        if (deepest := int(depth.max())) > MAX_DEPTH:
            line = masked.count("\n", 0, begin[depth.argmax()]) + 1
            raise EditError(f"Elements are nested {deepest} deep in line {line}")
        level = (depth + closing).astype(np.int16)
        rows = np.flatnonzero(~closing)
        bare = empty[rows]
        close = _closing(closing, empty, level)[rows]
        after = np.cumsum(~closing, dtype=np.int32)[close]
        ends = end[close]
        inner_end = begin[close]
        inner_end[bare] = ends[bare]
        return cls(
            start=begin[rows].data,
            inner=end[rows].data,
            inner_end=inner_end.data,
            end=ends.data,
            after=after.data,
            depth=level[rows] + bare,
            initials=initials[rows],
            codes=codes,
        )

    def rows(self, tag: str) -> list[int]:
        """Every element of this name."""
        rows: list[int] = self._all(tag).tolist()
        return rows

    def holding(self, tag: str) -> list[int]:
        """Every element of this name that has children."""
        rows = self._all(tag)
        holding: list[int] = rows.compress(np.asarray(self.after)[rows] > rows + 1).tolist()
        return holding

    def _all(self, tag: str) -> NDArray[np.intp]:
        return self.named(tag, np.flatnonzero(self.initials == ord(tag[0])))

    def named(self, tag: str, among: NDArray[np.intp]) -> NDArray[np.intp]:
        """Those of the elements ``among`` (of the same initial) that have this name."""
        starts = np.asarray(self.start)
        # what follows a name tells more of them apart than what it begins with
        following = self.codes.take(starts[among] + len(tag) + 1, mode="clip")
        found = among.compress(_AFTER_NAME[following])
        for offset, character in enumerate(tag[1:].encode("ascii"), 2):
            found = found.compress(self.codes[starts[found] + offset] == character)
        return found


def _closing(
    closing: NDArray[np.bool_], empty: NDArray[np.bool_], level: NDArray[np.int16]
) -> NDArray[np.int32]:
    """For every start tag the place of its end tag; for every other tag its own."""
    close = np.arange(len(closing), dtype=np.int32)
    # most elements hold no others: their end tag comes next
    leaf = ~(closing | empty)[:-1] & closing[1:]
    close[:-1] += leaf
    others = ~empty
    others[:-1] &= ~leaf
    others[1:] &= ~leaf
    # on every level, start tags and their end tags take turns
    paired = np.flatnonzero(others)
    pairs = paired[np.argsort(level[paired], kind="stable")]
    close[pairs[::2]] = pairs[1::2]
    return close


def _tags(masked: str, codes: NDArray[np.uint8]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Where every tag from the root's on begins and ends."""
    root = _root(masked)
    begin, end = _places(codes, "<"), _places(codes, ">") + np.int32(1)
    begin = begin[np.searchsorted(begin, root) :]
    end = end[np.searchsorted(end, root, "right") :]
    if len(begin) == len(end):
        return begin, end
    # somewhere a > stands in text or in an attribute: look at tags that more than one follows
    first = np.searchsorted(end, begin, "right")
    several = np.flatnonzero(np.diff(first, append=len(end)) > 1)
    end = end[first]
    for index in several:
        match = _TAG.match(masked, begin[index])
        assert match is not None, "a tag begins here in a well-formed document"
        end[index] = match.end()
    return begin, end


def _places(codes: NDArray[np.uint8], character: str) -> NDArray[np.int32]:
    """Where a character stands; sought in parts, because fresh memory costs more than looking."""
    return np.concatenate(
        [
            np.flatnonzero(codes[at : at + _PART] == ord(character)).astype(np.int32) + np.int32(at)
            for at in range(0, len(codes), _PART)
        ]
    )


def _root(masked: str) -> int:
    """Where the document element begins: past the prolog, in which nothing need be blanked out."""
    start = masked.find("<")
    while masked.startswith(("<?", "<!"), start):
        if masked.startswith("<?", start):
            end = masked.index("?>", start)
        elif masked.startswith("<!--", start):
            end = masked.index("-->", start)
        else:
            end = _end_of_declaration(masked, start)
        start = masked.find("<", end)
    return start


def _end_of_declaration(masked: str, start: int) -> int:
    """Past ``<!DOCTYPE …>``, its internal subset included."""
    depth, position, quote = 0, start, ""
    while True:
        char = masked[position]
        position += 1
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char in "[<":
            depth += 1
        elif char in "]>":
            depth -= 1
            if depth == 0:
                return position
