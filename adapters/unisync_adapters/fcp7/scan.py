"""Elements as spans of the text, opened only when somebody looks inside."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import EditError
from ..limits import MAX_DIGITS, MAX_NUMBER, whole_number
from .text import XmlText, unescape

_MANY = 50
"""Children of one element from which on asking all at once is quicker than asking each."""
_FEW = 16
"""Nearly every number has fewer digits, and fits into 64 bits."""
_ID = re.compile(r"<[^\s/>]+\s+id=\"([^&\"]*)\"")
_ATTRIBUTE = re.compile(r"([^\s=\"'/<>]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")


class Element:
    """One element: a row of the document's outline, and what was asked of it so far.

    ``<tag …>`` begins at ``start``, the content reaches from ``inner`` to ``inner_end``, the
    element to ``end``: character positions in :attr:`XmlText.text`. An empty-element tag
    (``<a/>``) has ``inner == inner_end == end``.
    """

    __slots__ = ("_first", "_made", "_place", "_siblings", "row", "source", "tag")

    def __init__(self, source: XmlText, row: int, tag: str | None = None) -> None:
        self.source = source
        self.row = row
        self.tag = tag or _tag(source, row)
        self._first: dict[str, int] | None = None
        self._made: dict[int, Element] | None = None
        self._siblings: Siblings | None = None
        self._place = 0

    @property
    def start(self) -> int:
        return self.source.outline.start[self.row]

    @property
    def inner(self) -> int:
        return self.source.outline.inner[self.row]

    @property
    def inner_end(self) -> int:
        return self.source.outline.inner_end[self.row]

    @property
    def end(self) -> int:
        return self.source.outline.end[self.row]

    @property
    def is_empty_tag(self) -> bool:
        return self.inner == self.end

    @property
    def has_children(self) -> bool:
        return self.source.outline.after[self.row] > self.row + 1

    def _rows(self, first: int) -> Iterator[tuple[str, int]]:
        """Tags and rows of the direct children from row ``first`` on, in document order."""
        text, outline = self.source.text, self.source.outline
        start, inner, after = outline.start, outline.inner, outline.after
        row, stop = first, after[self.row]
        while row < stop:
            yield _name(text[start[row] + 1 : inner[row] - 1]), row
            row = after[row]

    def children(self) -> list[Element]:
        """Direct children in document order."""
        children = [self._element(row, tag) for tag, row in self._rows(self.row + 1)]
        if len(children) > _MANY:
            siblings = Siblings(self.source, [child.row for child in children])
            for place, child in enumerate(children):
                child._siblings, child._place = siblings, place
        return children

    def _element(self, row: int, tag: str) -> Element:
        """The one element of this row, so that what is read of it is read once."""
        if self._made is None:
            self._made = {}
        made = self._made.get(row)
        if made is None:
            made = self._made[row] = Element(self.source, row, tag)
        return made

    def _first_row(self, tag: str) -> int | None:
        siblings = self._siblings
        if siblings is not None:
            column = siblings.firsts.get(tag)
            return (siblings.first(tag) if column is None else column)[self._place]
        first = self._first
        if first is None:
            first = self._first = {}
            for name, row in self._rows(self.row + 1):
                if name not in first:
                    first[name] = row
        return first.get(tag)

    def first(self, *path: str) -> Element | None:
        """The first child of this tag; with more tags, its first child of the next, and so on."""
        element = self
        for tag in path:
            row = element._first_row(tag)
            if row is None:
                return None
            element = element._element(row, tag)
        return element

    def content(self, tag: str) -> tuple[int, int] | None:
        """Where the content of the first child of this tag lies; None for ``<a/>`` or none."""
        row, outline = self._first_row(tag), self.source.outline
        if row is None or outline.inner[row] == outline.end[row]:
            return None
        return outline.inner[row], outline.inner_end[row]

    def all(self, tag: str) -> list[Element]:
        first = self._first_row(tag)
        if first is None:
            return []
        return [self._element(row, tag) for name, row in self._rows(first) if name == tag]

    def below(self, tag: str) -> Iterator[Element]:
        """Every element of this tag inside, at any depth, in document order."""
        for row in range(self.row + 1, self.source.outline.after[self.row]):
            if _tag(self.source, row) == tag:
                yield Element(self.source, row, tag)

    def raw_of(self, tag: str) -> str | None:
        """The first child of this tag as the document has it."""
        row, outline = self._first_row(tag), self.source.outline
        return None if row is None else self.source.text[outline.start[row] : outline.end[row]]

    def span(self, tag: str) -> str:
        """The text from the first child of this tag to the end of the last; empty without any."""
        first = self._first_row(tag)
        if first is None:
            return ""
        last = max(row for name, row in self._rows(first) if name == tag)
        outline = self.source.outline
        return self.source.text[outline.start[first] : outline.end[last]]

    @property
    def text(self) -> str:
        """Character data of a leaf, stripped."""
        return self.source.plain(self.inner, self.inner_end).strip()

    @property
    def raw(self) -> str:
        """The element as the document has it."""
        return self.source.text[self.start : self.end]

    def text_of(self, tag: str, *below: str) -> str | None:
        """Text of the element at this path; None when it is missing or blank."""
        if below:
            child = self.first(tag)
            return child.text_of(*below) if child is not None else None
        siblings = self._siblings
        if siblings is not None:
            column = siblings.written.get(tag) or siblings.texts(tag)
            return column[self._place]
        return _text(self.source, self._first_row(tag))

    def int_of(self, *path: str) -> int | None:
        """Whole number at this path; None when missing, blank or no number.

        Raises:
            EditError: larger than times are.
        """
        siblings = self._siblings
        if siblings is not None and len(path) == 1:
            numbers = siblings.numbered.get(path[0]) or siblings.numbers(path[0])
            number = numbers[self._place]
            if number is None or number >= 0:
                return number
        text = self.text_of(*path)
        if text is None:
            return None
        if _is_plain(text):
            return int(text)
        try:
            return whole_number(text, _most(path[-1]))
        except ValueError:
            return None
        except EditError as error:
            raise (self.first(*path) or self).located(error) from None

    def located(self, error: EditError) -> EditError:
        """The error, saying in which line this element begins."""
        line = self.source.text.count("\n", 0, self.start) + 1
        error.what += f" (<{self.tag}> in line {line})"
        return error

    def is_false(self, *path: str) -> bool:
        """Whether the element at this path says FALSE (in any case)."""
        return (self.text_of(*path) or "").casefold() == "false"

    def is_true(self, *path: str) -> bool:
        return (self.text_of(*path) or "").casefold() == "true"

    def attributes(self) -> dict[str, str]:
        opening = self.source.text[self.start : self.inner]
        return {
            name: unescape(double or single) for name, double, single in _ATTRIBUTE.findall(opening)
        }

    @property
    def id(self) -> str | None:
        return id_of(self.source, self.row)


class Columns:
    """What is asked of some children of one element, all of them at once."""

    def __init__(self, elements: Sequence[Element]) -> None:
        self._elements = elements
        self._siblings = elements[0]._siblings if elements else None

    def texts(self, tag: str) -> list[str | None]:
        """:meth:`Element.text_of` of each."""
        if self._siblings is None:
            return [element.text_of(tag) for element in self._elements]
        return self._siblings.texts(tag)

    def numbers(self, tag: str) -> list[int | None]:
        """:meth:`Element.int_of` of each."""
        if self._siblings is None:
            return [element.int_of(tag) for element in self._elements]
        numbers = self._siblings.numbers(tag)
        if -1 not in numbers:
            return numbers
        pairs = zip(self._elements, numbers, strict=True)
        return [element.int_of(tag) if number == -1 else number for element, number in pairs]

    def raws(self, tag: str) -> list[str | None]:
        """:meth:`Element.raw_of` of each."""
        if self._siblings is None:
            return [element.raw_of(tag) for element in self._elements]
        return self._siblings.raw(tag)

    def spans(self, tag: str) -> list[str]:
        """:meth:`Element.span` of each."""
        if self._siblings is None:
            return [element.span(tag) for element in self._elements]
        return self._siblings.spans(tag)

    def has(self, tag: str) -> list[bool]:
        """Whether each has such a child."""
        if self._siblings is None:
            return [element.first(tag) is not None for element in self._elements]
        return [row is not None for row in self._siblings.first(tag)]


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
                    plain[place] = _text(source, int(rows[place]))
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
    plain = end - start < _FEW
    for place in range(int((end - start)[plain].max(initial=0))):
        within = plain & (start + place < end)
        digit = codes[np.where(within, start + place, 0)] - np.uint8(ord("0"))
        plain &= ~within | (digit <= 9)
        numbers = np.where(within, numbers * 10 + digit, numbers)
    return np.where(plain, numbers, -1)


def _text(source: XmlText, row: int | None) -> str | None:
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


def _is_plain(digits: str) -> bool:
    return len(digits) < _FEW and digits.isdecimal()


def id_of(source: XmlText, row: int) -> str | None:
    """The ``id`` of an element."""
    # nearly always its first attribute
    match = _ID.match(source.text, source.outline.start[row])
    return match[1] if match is not None else Element(source, row).attributes().get("id")


def elements(source: XmlText, tag: str) -> Iterator[Element]:
    """Every element of this name, in document order."""
    return (Element(source, row, tag) for row in source.outline.rows(tag))


def _tag(source: XmlText, row: int) -> str:
    outline = source.outline
    return _name(source.text[outline.start[row] + 1 : outline.inner[row] - 1])


def _name(opening: str) -> str:
    """The name in an opening tag; mostly all of it, for few have attributes."""
    return opening if opening.isalnum() else opening.split(None, 1)[0].rstrip("/")


def _most(tag: str) -> int:
    """Below what the numbers of this element lie: ticks are finer than frames."""
    return 10**MAX_DIGITS if "Ticks" in tag else MAX_NUMBER
