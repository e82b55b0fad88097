"""What an EDL is made of: lines, events, remarks, and the blocks that they form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\n|\r")


class Span(NamedTuple):
    """Bytes ``start`` to ``end`` (exclusive) of the document."""

    start: int
    end: int


NOWHERE = Span(0, 0)


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its place, its text (spans into it count bytes) and its 1-based number.

    ``stop`` is where the next line begins: after ``\\r\\n``, ``\\n`` or ``\\r``.
    """

    number: int
    start: int
    end: int
    stop: int
    text: str

    def span(self, match: re.Match[str], group: str) -> Span:
        first, last = match.span(group)
        return Span(self.start + first, self.start + last)


@dataclass(frozen=True, slots=True)
class Remark:
    """A line that says something about the event above it.

    Attributes:
        kind: a key of the table above, ``m2?`` for a speed that cannot be read, or ``other``.
        value: what it says; ``span``: where that stands.
        side: FROM, TO or KEY; a marker's colour; empty where nothing is said.
        reel, at: of an ``M2``, its reel and entry timecode; ``at`` of a marker, where it stands.
    """

    line: Line
    kind: str
    value: str = ""
    span: Span = NOWHERE
    side: str = ""
    reel: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One event line.

    Attributes:
        ordinal: 0-based count of event lines; a patch neither adds nor removes any.
        number, reel: as written; empty where missing.
        channels: ``V``, ``AA/V`` … in capitals.
        kind: ``C``, ``D``, ``W001``, ``K``, ``KB`` or ``KO``.
        frames: length of the transition.
        times: source in and out, record in and out, as written; ``spans``: where.
        drop: the frame code mode (FCM) in force for its source is drop-frame.
    """

    line: Line
    ordinal: int
    number: str
    reel: str
    channels: str
    kind: str
    frames: int
    times: tuple[str, str, str, str]
    spans: tuple[Span, Span, Span, Span]
    drop: bool

    @property
    def is_stub(self) -> bool:
        """No record time of its own: the outgoing side of a transition."""
        return self.times[2] == self.times[3]

    @property
    def picture(self) -> str:
        """Its channels, with picture and sound (``B``) as picture."""
        return "" if self.channels == "NONE" else self.channels.replace("B", "V")

    @property
    def is_cut(self) -> bool:
        return self.kind == "C"

    @property
    def label(self) -> str:
        """As people say it."""
        return f"event {self.number}" if self.number else f"the event at {self.times[2]}"


@dataclass(slots=True)
class Block:
    """Event lines that share their remarks: one cut, or the two sides of a transition."""

    events: list[Event]
    remarks: list[Remark] = field(default_factory=list)
    order: list[Event | Remark] = field(default_factory=list)
    """Both, as they stand."""

    @property
    def has_transition(self) -> bool:
        return any(not event.is_cut for event in self.events)

    def of(self, kind: str) -> list[Remark]:
        return [remark for remark in self.remarks if remark.kind == kind]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A whole EDL.

    Attributes:
        data: its bytes.
        header: what stands before the first event.
        blocks: the events with their remarks, as they stand.
        drop: the record timecode is drop-frame.
    """

    data: bytes
    header: tuple[Remark, ...]
    blocks: tuple[Block, ...]
    drop: bool

    @property
    def events(self) -> Iterator[Event]:
        for block in self.blocks:
            yield from block.events

    @property
    def title(self) -> Remark | None:
        return next((r for r in self.header if r.kind == "title"), None)

    @property
    def newline(self) -> bytes:
        """How this author ends a line."""
        end = _LINE_END.search(self.data)
        return end[0] if end else b"\r\n"


def text_of(raw: str) -> str:
    """A field as people read it: UTF-8 where it is that, else Windows' Latin 1."""
    data = raw.encode("latin-1")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")
