"""Elements as spans of the text, opened only when somebody looks inside."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..errors import EditError
from ..limits import MAX_DIGITS, MAX_NUMBER, whole_number
from .siblings import FEW, Siblings, leaf_text
from .text import XmlText, unescape

_MANY = 50
"""Children of one element from which on asking all at once is quicker than asking each."""
_ID = re.compile(r"<[^\s/>]+\s+id=\"([^&\"]*)\"")
_ATTRIBUTE = re.compile(r"([^\s=\"'/<>]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")


class Element:
    """One element: a row of the document's outline, and what was asked of it so far.

    ``<tag …>`` begins at ``start``, the content reaches from ``inner`` to ``inner_end``, the
    element to ``end``: character positions in :attr:`XmlText.text`. An empty-element tag
    (``<a/>``) has ``inner == inner_end == end``.

    Attributes:
        siblings: answers for all children of its parent, where there are many.
    """

    __slots__ = ("_first", "_made", "_place", "row", "siblings", "source", "tag")

    def __init__(self, source: XmlText, row: int, tag: str | None = None) -> None:
        self.source = source
        self.row = row
        self.tag = tag or _tag(source, row)
        self._first: dict[str, int] | None = None
        self._made: dict[int, Element] | None = None
        self.siblings: Siblings | None = None
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
                child.siblings, child._place = siblings, place
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
        siblings = self.siblings
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
        siblings = self.siblings
        if siblings is not None:
            column = siblings.written.get(tag) or siblings.texts(tag)
            return column[self._place]
        return leaf_text(self.source, self._first_row(tag))

    def int_of(self, *path: str) -> int | None:
        """Whole number at this path; None when missing, blank or no number.

        Raises:
            EditError: larger than times are.
        """
        siblings = self.siblings
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


def _is_plain(digits: str) -> bool:
    """Nearly every number is a few digits."""
    return len(digits) < FEW and digits.isdecimal()


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
