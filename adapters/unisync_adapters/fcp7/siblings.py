"""Many elements of one kind, of which much the same is asked: answered a column at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .text import XmlText

FEW = 16
"""Nearly every number has fewer digits, and fits into 64 bits."""


class Siblings:
    """The children of one element, of which much the same is asked: all are answered at once.

    A track has thousands of clipitems; a table of each one's children would be larger than they.

    Attributes:
        firsts, written, numbered: what :meth:`first`, :meth:`texts` and :meth:`numbers` answered
            so far, by tag.
    """

    def __init__(self, source: XmlText, rows: list[int]) -> None:
        self._source = source
        self._rows = np.array(rows)
        outline = source.outline
        first, after = rows[0], outline.after[rows[-1]]
        within = outline.depth[first:after] == outline.depth[first] + 1
        self._children = np.flatnonzero(within) + first
        self._initials = outline.initials[self._children]
        self._found: dict[str, NDArray[np.intp]] = {}
        self.firsts: dict[str, list[int | None]] = {}
        self.written: dict[str, list[str | None]] = {}
        self.numbered: dict[str, list[int | None]] = {}

    def first(self, tag: str) -> list[int | None]:
        """For each sibling the row of its first child of this tag."""
        column = self.firsts.get(tag)
        if column is None:
            column = self.firsts[tag] = _nullable(self._first(tag))
        return column

    def _first(self, tag: str) -> NDArray[np.intp]:
        """As :meth:`first`, with -1 for none."""
        found = self._found.get(tag)
        if found is None:
            found = self._found[tag] = self._last_of(self._named(tag)[::-1])
        return found

    def _named(self, tag: str) -> NDArray[np.intp]:
        """The rows of all their children of this tag."""
        return self._source.outline.named(tag, self._children[self._initials == ord(tag[0])])

    def _last_of(self, found: NDArray[np.intp]) -> NDArray[np.intp]:
        """For each sibling the last of these rows that lies in it; -1 for none."""
        rows = np.full(len(self._rows), -1)
        rows[np.searchsorted(self._rows, found, "right") - 1] = found
        return rows

    def raw(self, tag: str) -> list[str | None]:
        """For each sibling that child as the document has it."""
        outline, rows = self._source.outline, self._first(tag)
        return self._between(outline.start, rows, outline.end, rows)

    def spans(self, tag: str) -> list[str]:
        """For each sibling the text from the first child of this tag to the end of the last."""
        outline, last = self._source.outline, self._last_of(self._named(tag))
        texts = self._between(outline.start, self._first(tag), outline.end, last)
        return [text or "" for text in texts]

    def _between(
        self, start: memoryview, first: NDArray[np.intp], end: memoryview, last: NDArray[np.intp]
    ) -> list[str | None]:
        """The text from where one row starts to where another ends; None where there is none."""
        text, nothing = self._source.text, first < 0
        if nothing.all():
            return [None] * len(first)
        starts = np.where(nothing, -1, np.asarray(start)[first]).tolist()
        ends = np.asarray(end)[last].tolist()
        pairs = zip(starts, ends, strict=True)
        return [None if start < 0 else text[start:end] for start, end in pairs]

    def numbers(self, tag: str) -> list[int | None]:
        """For each sibling the number in that child; -1 where it is not a few plain digits."""
        outline, rows = self._source.outline, self._first(tag)
        start, end = (np.asarray(edge)[rows] for edge in (outline.inner, outline.inner_end))
        numbers = _numbers(outline.codes, start, end)
        column = self.numbered[tag] = _nullable(
            np.where((rows < 0) | (start == end), -2, numbers), -2
        )
        return column

    def texts(self, tag: str) -> list[str | None]:
        """For each sibling the text of that child; None where it is missing or blank."""
        column = self.written.get(tag)
        if column is None:
            source, rows = self._source, self._first(tag)
            raw = self._between(source.outline.inner, rows, source.outline.inner_end, rows)
            plain = [text if text is None else text.strip() or None for text in raw]
            for place, text in enumerate(plain):
                if text is not None and _is_marked(text):
                    plain[place] = leaf_text(source, int(rows[place]))
            column = self.written[tag] = plain
        return column


def _nullable(column: NDArray[np.int64], nothing: int = -1) -> list[int | None]:
    """The column, with None where it holds ``nothing``."""
    missing = column == nothing
    if missing.all():
        return [None] * len(column)
    values: list[int | None] = column.tolist()
    return [None if value == nothing else value for value in values] if missing.any() else values


def _numbers(
    codes: NDArray[np.uint8], start: NDArray[np.int32], end: NDArray[np.int32]
) -> NDArray[np.int64]:
    """The numbers that stand at these places; -1 where there are other characters than digits."""
    numbers = np.zeros(len(start), np.int64)
    plain = end - start < FEW
    for place in range(int((end - start)[plain].max(initial=0))):
        within = plain & (start + place < end)
        digit = codes[np.where(within, start + place, 0)] - np.uint8(ord("0"))
        plain &= ~within | (digit <= 9)
        numbers = np.where(within, numbers * 10 + digit, numbers)
    return np.where(plain, numbers, -1)


def leaf_text(source: XmlText, row: int | None) -> str | None:
    """Character data of a leaf, stripped; None for no element and for a blank one."""
    if row is None:
        return None
    start, end = source.outline.inner[row], source.outline.inner_end[row]
    text = source.text[start:end]
    if _is_marked(text):
        text = source.plain(start, end)
    return text.strip() or None


def _is_marked(text: str) -> bool:
    """It is not what it stands for: references, comments, CDATA sections."""
    return "&" in text or "<" in text
