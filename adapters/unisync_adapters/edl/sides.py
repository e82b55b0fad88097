"""Event lines as sides of their blocks: which names, files, reels and speeds are theirs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .sheet import Block, Event, Remark, Sheet

_NO_REEL = frozenset(("AX", "BL", "BLK", "BLACK", "AUX", "NONE"))
_BLACK = frozenset(("BL", "BLK", "BLACK"))
PICTURE = re.compile(r"V\d*")
"""A picture track in :attr:`Event.picture`."""
_SOUND = re.compile(r"AA|A\d*")


@dataclass(frozen=True, slots=True)
class Side:
    """An event line as one side of its block.

    Attributes:
        incoming: it is what a transition leads to; its name then stands after ``TO``.
    """

    event: Event
    block: Block
    incoming: bool = False

    @property
    def names(self) -> list[Remark]:
        """Remarks with the clip's name."""
        wanted = ("TO",) if self.incoming else ("FROM", "")
        return [r for r in self.block.of("name") if r.side in wanted]

    @property
    def sources(self) -> list[Remark]:
        """Remarks with the source file; without a side of their own they follow name or reel."""
        found = self.block.of("source")
        if len(self.block.events) == 1 or not self.block.has_transition:
            return found
        side = "TO" if self.incoming else "FROM"
        plain = [r for r in found if not r.side]
        mine = [r for r in found if r.side == side]
        return mine + [r for i, r in enumerate(plain) if self._owns(r, i, len(plain))]

    def _owns(self, remark: Remark, index: int, count: int) -> bool:
        if count > 1:
            return (index > 0) == self.incoming
        file = remark.value.replace("\\", "/").rpartition("/")[2]
        named = [r.side for r in self.block.of("name") if r.value == file]
        if named:
            return self.incoming == ("TO" in named and "FROM" not in named)
        reels = [bare(event.reel) for event in self.block.events]
        outgoing, coming = (bare(remark.value).startswith(r) and r != "" for r in reels[-2:])
        return self.incoming == (coming and not outgoing)

    @property
    def name(self) -> str:
        return next((r.value for r in self.names if r.value), "")

    @property
    def source(self) -> str:
        named = (r.value for r in self.sources)
        return next((v for v in named if v and v.upper() != "(NULL)"), "")

    @property
    def is_still(self) -> bool:
        side = "TO" if self.incoming else "FROM"
        return any(r.side == side for r in self.block.of("still"))

    @property
    def speeds(self) -> list[Remark]:
        """The ``M2`` lines of this side: by reel and entry point, where there are two sides."""
        found = self.block.of("m2")
        if len(self.block.events) == 1:
            return found
        mine = [r for r in found if _same_reel(r.reel, self.event.reel)]
        others = [e for e in self.block.events if e is not self.event]
        if any(_same_reel(r.reel, e.reel) for r in mine for e in others):
            mine = [r for r in mine if r.at == self.event.times[0]]
        return mine

    @property
    def reel(self) -> str | None:
        """The reel, as fully as the EDL says it: the column may be cut to eight characters."""
        full = next((r.value for r in self.block.of("reel")), "") or self.source
        column = self.event.reel
        if column.upper() in _NO_REEL or not column:
            return None
        begun = bare(column) != "" and bare(full).startswith(bare(column))
        return full if begun and not _has_suffix(full) else column


def sounds(sheet: Sheet) -> Iterator[tuple[Side, list[int]]]:
    """Every event that is heard, and the channels that it is heard on."""
    for block in sheet.blocks:
        extra = [int(n) for r in block.of("aud") for n in r.value.split()]
        for side in sides_of(block):
            channels = list(sound_channels(side.event.channels))
            channels += [n for n in extra if n not in channels and side.event is block.events[-1]]
            if channels:
                yield side, channels


def sound_channels(channels: str) -> Iterator[int]:
    """1-based sound channels of a channel column: ``AA/V`` is 1 and 2, ``B`` is 1."""
    if "B" in channels:
        yield 1
    for label in () if channels == "NONE" else _SOUND.findall(channels):
        yield from (1, 2) if label == "AA" else (int(label[1:] or 1),)


def picture_sides(sheet: Sheet) -> Iterator[Side]:
    """Every event that is seen."""
    for block in sheet.blocks:
        for side in sides_of(block):
            if PICTURE.search(side.event.picture):
                yield side


def sides_of(block: Block) -> Iterator[Side]:
    """The event lines of a block, each as a side of it."""
    for event in block.events:
        yield Side(event, block, incoming=not event.is_cut)


def is_black(event: Event) -> bool:
    """It plays no media but black."""
    return event.reel.upper() in _BLACK


def bare(text: str) -> str:
    """Letters and digits alone: reels are cut short, and padded with dots and underscores."""
    return re.sub(r"[\W_]", "", text).upper()


def _same_reel(a: str, b: str) -> bool:
    a, b = bare(a), bare(b)
    return bool(a and b) and (a.startswith(b) or b.startswith(a))


def _has_suffix(name: str) -> bool:
    return re.search(r"\.[A-Za-z][A-Za-z0-9]{1,4}$", name) is not None
