"""Elements as spans of the text, opened only when somebody looks inside.

A feature film's sequence has a million elements, of which a relink concerns a few thousand. A tree
of all of them costs more than everything else together, so an :class:`Element` lists its children
when asked, and steps over those nobody opens with a plain substring search. That is exact because
:class:`~.text.XmlText` has proved the document well-formed and ``masked`` holds no ``<`` that is
not a tag's (attribute values cannot hold one either; they can hold ``>``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..errors import EditError
from ..limits import MAX_DIGITS, MAX_NUMBER, whole_number
from .text import XmlText, unescape

_ATTRIBUTES = r"([^>\"']*(?:(?:\"[^\"]*\"|'[^']*')[^>\"']*)*)"
_CHILD = re.compile(
    r"[^<]*<(?:/|([^\s/>]+)(?:>(?:([^<]*)</\1>)?|" + _ATTRIBUTES.replace("*", "+", 1) + ">))"
)
_OPEN = re.compile(r"<([^\s/>]+)" + _ATTRIBUTES + ">")
_ATTRIBUTE = re.compile(r"([^\s=\"'/<>]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_WALKED = frozenset(
    {"xmeml", "project", "bin", "children", "sequence", "media", "video", "audio", "track"}
)
"""Elements whose inside is read anyway: their end is learnt on the way, without a search."""


MAX_DEPTH = 200
"""Elements of one name in one another; real edits nest sequences fifty deep at most."""

Span = tuple[str, int, int, int, int]
"""Tag, start, inner, inner_end, end of an element: cheaper than the element itself."""


class Element:
    """One element: ``<tag …>`` at ``start``, content ``inner`` to ``inner_end``, ``end``.

    All are character positions in :attr:`XmlText.text`. An empty-element tag (``<a/>``) has
    ``inner == inner_end == end``.
    """

    __slots__ = ("_first", "_made", "_spans", "end", "inner", "inner_end", "source", "start", "tag")

    def __init__(self, source: XmlText, span: Span) -> None:
        self.source = source
        self.tag, self.start, self.inner, self.inner_end, self.end = span
        self._spans: list[Span] | None = None
        self._first: dict[str, Span] | None = None
        self._made: dict[int, Element] | None = None

    @classmethod
    def root(cls, source: XmlText) -> Element:
        """The document element."""
        masked = source.masked
        start = masked.find("<")
        while masked.startswith(("<?", "<!"), start):
            start = masked.find("<", _end_of_declaration(masked, start))
        return cls.at(source, start)

    @classmethod
    def at(cls, source: XmlText, start: int) -> Element:
        """The element whose start tag begins at ``start``."""
        match = _OPEN.match(source.masked, start)
        assert match is not None, "a start tag begins here in a well-formed document"
        if match[2].endswith("/"):
            return cls(source, (match[1], start, match.end(), match.end(), match.end()))
        return cls(source, _container(source, match[1], start, match.end()))

    @property
    def is_empty_tag(self) -> bool:
        return self.inner == self.end

    def spans(self) -> list[Span]:
        """Direct children in document order, as spans."""
        if self._spans is None:
            known = self.source.walked.get(self.inner)
            if known is not None:
                self._spans = known
            elif self.is_empty_tag:
                self._spans = []
            else:
                self._spans = _read_children(self.source, self.inner)[0]
        return self._spans

    def children(self) -> list[Element]:
        """Direct children in document order."""
        return [self._element(span) for span in self.spans()]

    def _element(self, span: Span) -> Element:
        """The one element of this span, so that what is read of it is read once."""
        if self._made is None:
            self._made = {}
        made = self._made.get(span[1])
        if made is None:
            made = self._made[span[1]] = Element(self.source, span)
        return made

    def _first_span(self, tag: str) -> Span | None:
        if self._first is None:
            # reversed, so that of several the first one stays
            self._first = {span[0]: span for span in reversed(self.spans())}
        return self._first.get(tag)

    def first(self, *path: str) -> Element | None:
        """The first child of this tag; with more tags, its first child of the next, and so on."""
        element = self
        for tag in path:
            span = element._first_span(tag)
            if span is None:
                return None
            element = element._element(span)
        return element

    def all(self, tag: str) -> list[Element]:
        if self._first_span(tag) is None:
            return []
        return [self._element(span) for span in self.spans() if span[0] == tag]

    def below(self, tag: str) -> Iterator[Element]:
        """Every element of this tag inside, at any depth, in document order."""
        masked, needle = self.source.masked, "<" + tag
        position = _find_tag(masked, needle, self.inner, self.inner_end)
        while position != -1:
            yield Element.at(self.source, position)
            position = _find_tag(masked, needle, position + 1, self.inner_end)

    @property
    def text(self) -> str:
        """Character data of a leaf, stripped."""
        return self.source.plain(self.inner, self.inner_end).strip()

    @property
    def raw(self) -> str:
        """The element as the document has it."""
        return self.source.text[self.start : self.end]

    def text_of(self, *path: str) -> str | None:
        """Text of the element at this path; None when it is missing or blank."""
        parent = self if len(path) == 1 else self.first(*path[:-1])
        span = parent._first_span(path[-1]) if parent is not None else None
        if span is None:
            return None
        text = self.source.text[span[2] : span[3]]
        if "&" in text or "<" in text:
            text = self.source.plain(span[2], span[3])
        return text.strip() or None

    def int_of(self, *path: str) -> int | None:
        """Whole number at this path; None when missing, blank or no number.

        Raises:
            EditError: larger than times are.
        """
        if len(path) == 1:
            span = self._first_span(path[0])
            if span is None:
                return None
            digits = self.source.text[span[2] : span[3]]
            # nearly always: a few digits, which need no character data to be made of them
            if len(digits) < 16 and digits.isdecimal():
                return int(digits)
        text = self.text_of(*path)
        try:
            return None if text is None else whole_number(text, _most(path[-1]))
        except ValueError:
            return None
        except EditError as error:
            raise (self.first(*path) or self).located(error) from None

    def located(self, error: EditError) -> EditError:
        """The error, saying in which line this element begins."""
        error.what += f" (<{self.tag}> in line {_line(self.source, self.start)})"
        return error

    def is_false(self, *path: str) -> bool:
        """Whether the element at this path says FALSE (in any case)."""
        return (self.text_of(*path) or "").casefold() == "false"

    def is_true(self, *path: str) -> bool:
        return (self.text_of(*path) or "").casefold() == "true"

    def attributes(self) -> dict[str, str]:
        opening = _OPEN.match(self.source.masked, self.start)
        assert opening is not None, "the element begins with its start tag"
        return {
            name: unescape(double or single)
            for name, double, single in _ATTRIBUTE.findall(opening[2])
        }

    @property
    def id(self) -> str | None:
        return is_definition(self.source, self.start)[0]


def _line(source: XmlText, position: int) -> int:
    return source.text.count("\n", 0, position) + 1


def _most(tag: str) -> int:
    """Below what the numbers of this element lie: ticks are finer than frames."""
    return 10**MAX_DIGITS if "Ticks" in tag else MAX_NUMBER


def positions(source: XmlText, tag: str) -> Iterator[int]:
    """Where every start tag of this name begins, in document order."""
    masked, needle = source.masked, "<" + tag
    position = _find_tag(masked, needle, 0, len(masked))
    while position != -1:
        yield position
        position = _find_tag(masked, needle, position + 1, len(masked))


def count(source: XmlText, tag: str) -> int:
    """How many elements of this name the document has."""
    return sum(1 for _ in positions(source, tag))


def is_definition(source: XmlText, start: int) -> tuple[str | None, bool]:
    """Id of the element at ``start``, and whether it has children of its own."""
    match = _OPEN.match(source.masked, start)
    assert match is not None, "a start tag begins here in a well-formed document"
    identity = None
    for attribute in _ATTRIBUTE.finditer(match[2]):
        if attribute[1] == "id":
            identity = unescape(attribute[2] or attribute[3] or "")
            break
    if match[2].endswith("/"):
        return identity, False
    following = source.masked.index("<", match.end())
    return identity, source.masked[following + 1] != "/"


def _find_tag(masked: str, needle: str, start: int, end: int) -> int:
    """Like ``str.find`` for ``<tag`` or ``</tag``, passing over longer names."""
    length = len(needle)
    position = masked.find(needle, start, end)
    while position != -1 and masked[position + length] not in " \t\r\n/>":
        position = masked.find(needle, position + length, end)
    return position


def _read_children(source: XmlText, position: int) -> tuple[list[Span], int]:
    """Children from ``position`` on, and where the end tag of their parent begins."""
    masked, match = source.masked, _CHILD.match
    found: list[Span] = []
    while True:
        hit = match(masked, position)
        assert hit is not None, "an end tag follows in a well-formed document"
        tag, leaf, attributes = hit.groups()
        inner = position = hit.end()
        if tag is None:
            return found, position - 2
        start = hit.start(1) - 1
        if leaf is not None:
            inner_end = position - len(tag) - 3
            found.append((tag, start, inner_end - len(leaf), inner_end, position))
            continue
        if attributes is not None and attributes[-1] == "/":
            found.append((tag, start, position, position, position))
            continue
        span = _container(source, tag, start, inner)
        found.append(span)
        position = span[4]


def _container(source: XmlText, tag: str, start: int, inner: int) -> Span:
    """The span of an element that is neither a leaf nor an empty tag."""
    masked = source.masked
    if tag in _WALKED:
        source.walked[inner], inner_end = _read_children(source, inner)
    else:
        # nearly always the nearest end tag is it, because nothing of its kind is nested
        inner_end = masked.find("</" + tag, inner)
        end = inner_end + len(tag) + 3
        if masked[end - 1] == ">" and masked.find("<" + tag, inner, inner_end) == -1:
            return tag, start, inner, inner_end, end
        inner_end = _matching_end(source, tag, inner)
    return tag, start, inner, inner_end, masked.index(">", inner_end) + 1


def _matching_end(source: XmlText, tag: str, inner: int) -> int:
    """Start of the end tag that closes an element whose content begins at ``inner``."""
    masked = source.masked
    opening, closing = "<" + tag, "</" + tag
    depth, position = 1, inner
    while True:
        end = _find_tag(masked, closing, position, len(masked))
        nested = _find_tag(masked, opening, position, end)
        while nested != -1:
            match = _OPEN.match(masked, nested)
            assert match is not None, "a start tag begins here in a well-formed document"
            depth += not match[2].endswith("/")
            if depth > MAX_DEPTH:
                line = _line(source, nested)
                raise EditError(f"<{tag}> is nested more than {MAX_DEPTH} deep in line {line}")
            nested = _find_tag(masked, opening, match.end(), end)
        depth -= 1
        if depth == 0:
            return end
        position = end + 1


def _end_of_declaration(masked: str, start: int) -> int:
    """Past ``<?xml …?>`` or ``<!DOCTYPE …>``, its internal subset included."""
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
