"""What the items of a track state of themselves, read from the whole track at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .scan import Element

ITEMS = frozenset({"clipitem", "generatoritem", "transitionitem"})


class Stated(NamedTuple):
    """An item of a track, in its own words; None (or empty) where it has none.

    Attributes:
        start, end: record frames; -1 where the edge lies inside a transition.
        entry, exit, duration: ``in``, ``out`` and ``duration``, in the item's own clock.
        ticks_in: Premiere's ``pproTicksIn``.
        composite: how it is laid over what is below.
        file, rate, source_track: these elements as the document has them.
        filters: the same, from the first filter to the last.
        nests: it holds a ``sequence``.
        multicam: it holds a ``multiclip``.
        marked: it holds a ``marker``.
    """

    element: Element
    name: str | None
    enabled: str | None
    start: int | None
    end: int | None
    entry: int | None
    exit: int | None
    duration: int | None
    ticks_in: int | None
    still: str | None
    composite: str | None
    file: str | None
    rate: str | None
    source_track: str | None
    filters: str
    nests: bool
    multicam: bool
    marked: bool

    @property
    def is_on(self) -> bool:
        """It is not switched off."""
        return self.enabled is None or self.enabled.casefold() != "false"

    @property
    def is_still(self) -> bool:
        """It holds one frame."""
        return self.still is not None and self.still.casefold() == "true"


def stated_in(track: Element) -> list[Stated]:
    """The items of a track, in document order."""
    children = track.children()
    asked = Columns(children)
    rows = zip(
        children,
        asked.texts("name"),
        asked.texts("enabled"),
        asked.numbers("start"),
        asked.numbers("end"),
        asked.numbers("in"),
        asked.numbers("out"),
        asked.numbers("duration"),
        asked.numbers("pproTicksIn"),
        asked.texts("stillframe"),
        asked.texts("compositemode"),
        asked.raws("file"),
        asked.raws("rate"),
        asked.raws("sourcetrack"),
        asked.spans("filter"),
        asked.has("sequence"),
        asked.has("multiclip"),
        asked.has("marker"),
        strict=True,
    )
    return [Stated._make(row) for row in rows if row[0].tag in ITEMS]


class Columns:
    """What is asked of some children of one element, all of them at once."""

    def __init__(self, elements: Sequence[Element]) -> None:
        self._elements = elements
        self._siblings = elements[0].siblings if elements else None

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
