"""Attributes of elements: read once, exact times, and changed where they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from ..errors import EditError
from ..fcp7.scan import Element
from ..fcp7.text import escape
from ..limits import MAX_DIGITS
from ..splice import TextEdit

STORY = frozenset(
    (
        *("clip", "asset-clip", "video", "audio", "ref-clip", "sync-clip", "mc-clip"),
        *("audition", "gap", "title", "live-drawing", "spine"),
    )
)
"""Elements that take time in the timeline; captions, which show no picture, aside."""

_TIME = re.compile(r"\s*(-?)(\d+)(?:\.(\d+)|/(\d+))?s\s*")
_LONGEST = 10**9
"""Seconds: thirty years. No edit is longer."""
EXPORT_AGAIN = "Export it again"


class Tag:
    """An element with its attributes, read once."""

    __slots__ = ("_attributes", "_children", "element")

    def __init__(self, element: Element) -> None:
        self.element = element
        self._attributes: dict[str, str] | None = None
        self._children: list[Tag] | None = None

    @property
    def name(self) -> str:
        return self.element.tag

    @property
    def row(self) -> int:
        return self.element.row

    @property
    def attributes(self) -> dict[str, str]:
        if self._attributes is None:
            self._attributes = self.element.attributes()
        return self._attributes

    def get(self, name: str) -> str | None:
        return self.attributes.get(name)

    def children(self) -> list[Tag]:
        if self._children is None:
            self._children = [Tag(child) for child in self.element.children()]
        return self._children

    def first(self, name: str) -> Tag | None:
        return next((child for child in self.children() if child.name == name), None)

    def all(self, name: str) -> list[Tag]:
        return [child for child in self.children() if child.name == name]

    def story(self) -> list[Tag]:
        """Children that take time."""
        return [child for child in self.children() if child.name in STORY]

    def own(self) -> Iterator[Tag]:
        """Every element inside that belongs to this one alone, not to an item in or on it."""
        for child in self.children():
            if child.name not in STORY and child.name != "caption":
                yield child
                yield from child.own()

    def time(self, name: str) -> Fraction | None:
        """A time in exact seconds; None when it is not stated.

        Raises:
            EditError: no rational time, or one that no edit has.
        """
        text = self.get(name)
        if text is None:
            return None
        value = parse_time(text)
        if value is None or abs(value) > _LONGEST:
            shown = text if len(text) < 40 else f"{text[:30]}…"
            raise self.located(EditError(f"{name} {shown!r} is no time", remedy=EXPORT_AGAIN))
        return value

    def length(self, name: str = "duration") -> Fraction | None:
        """A duration in exact seconds; None when it is not stated.

        Raises:
            EditError: no time, or a negative one.
        """
        value = self.time(name)
        if value is not None and value < 0:
            what = f"{name} {self.get(name)!r} is negative"
            raise self.located(EditError(what, remedy=EXPORT_AGAIN))
        return value

    @property
    def lane(self) -> int:
        text = (self.get("lane") or "0").strip()
        if not re.fullmatch(r"-?\d{1,6}", text):
            raise self.located(EditError(f"lane {text[:30]!r} is no number", remedy=EXPORT_AGAIN))
        return int(text)

    def is_off(self, name: str) -> bool:
        """Whether this attribute says 0."""
        return self.get(name) == "0"

    def located(self, error: EditError) -> EditError:
        """The error, saying where this element stands."""
        return self.element.located(error)


def contents(tag: Tag) -> list[Tag]:
    """What a clip itself consists of, beside what is connected to it."""
    return [child for child in tag.story() if child.get("lane") is None or child.lane == 0]


def connected(tag: Tag) -> list[Tag]:
    """What is connected to an element; in a clip or sync clip, that which has a lane."""
    if tag.name in ("clip", "sync-clip"):
        return [child for child in tag.story() if child.lane != 0]
    return tag.story()


def parse_time(text: str) -> Fraction | None:
    """``1001/24000s``, ``5s`` or ``2.5s`` in exact seconds; None for anything else."""
    match = _TIME.fullmatch(text)
    if match is None or max(len(group or "") for group in match.groups()) > MAX_DIGITS:
        return None
    sign, whole, decimals, divisor = match.groups()
    if divisor is not None:
        if not int(divisor):
            return None
        value = Fraction(int(whole), int(divisor))
    else:
        value = Fraction(f"{whole}.{decimals or 0}")
    return -value if sign else value


def set_attribute(element: Element, name: str, value: str, after: str = "") -> TextEdit:
    """One attribute of a start tag gets this value; a new one follows ``after``, or the name."""
    opening = element.source.text[element.start : element.inner]
    found = _attribute(opening, name)
    if found is not None:
        start, end = found.span("value")
        quote = opening[start - 1]
        return _edit(element, start, end, quoted(value, quote))
    before = _attribute(opening, after) if after else None
    place = before.end() if before is not None else len(element.tag) + 1
    return _edit(element, place, place, f' {name}="{quoted(value)}"')


def drop_attribute(element: Element, name: str) -> list[TextEdit]:
    """One attribute leaves a start tag, if it is there."""
    opening = element.source.text[element.start : element.inner]
    found = _attribute(opening, name)
    return [] if found is None else [_edit(element, found.start(), found.end(), "")]


def _attribute(opening: str, name: str) -> re.Match[str] | None:
    """The attribute with the white space before it; ``value`` is what stands in quotes."""
    pattern = r"\s+([^\s=\"'/<>]+)\s*=\s*(\"|')(?P<value>.*?)\2"
    found = re.finditer(pattern, opening, re.DOTALL)
    return next((match for match in found if match[1] == name), None)


def quoted(value: str, quote: str = '"') -> str:
    """Text as an attribute's value in these quotes."""
    return escape(value).replace(quote, "&quot;" if quote == '"' else "&apos;")


def _edit(element: Element, start: int, end: int, text: str) -> TextEdit:
    return TextEdit(element.start + start, element.start + end, text)
