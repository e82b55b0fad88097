"""The picture events of an EDL as cuts: what is shown from where to where, and at what speed.

A transition is two lines: the outgoing side, mostly without a record time of its own, and the
incoming one, whose first frames are those of the transition. An outgoing side that goes on where
the cut before it ends is that cut's ``tail``: relinking the cut relinks it there too.

Reverse is written in two ways. Avid names the first frame shown and nothing more (out is in + 1):
that is the entry point of CMX's ``M2``. Others name the whole range that is played, first frame
first. Anything else is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from ..errors import EditError, TimeError
from ..timebase import Rate, Timecode
from .lines import Block, Event, Remark, Sheet

_DAY = 24 * 3600
_NO_REEL = frozenset(("AX", "BL", "BLK", "BLACK", "AUX", "NONE"))
_BLACK = frozenset(("BL", "BLK", "BLACK"))
_PICTURES = re.compile(r"\[\d+\s*(?:-|\.\.)\s*\d+\]")
_PICTURE = re.compile(r"V\d*")
_SOUND = re.compile(r"AA|A\d*")
UNCHANGED = Fraction(1)


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
        reels = [_bare(event.reel) for event in self.block.events]
        outgoing, coming = (_bare(remark.value).startswith(r) and r != "" for r in reels[-2:])
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
        bare = _bare(column)
        return full if bare and _bare(full).startswith(bare) and not _has_suffix(full) else column


@dataclass(frozen=True, slots=True)
class Cut:
    """One picture range.

    Attributes:
        key: stable within the document: number and place of the event line.
        start, end: record frames as timecode counts them.
        source: frame number of the source in, or None where it is none at this rate.
        source_count: frames between source in and out.
        speed: source frames per record frame.
        transition: frames of the transition that it begins with; ``wipe`` its code, if it is one.
        tails: where it goes on as the outgoing side of a transition.
        refuse: why it cannot be processed, as a sentence.
    """

    key: str
    side: Side
    track: str
    start: int
    end: int
    source: int | None
    source_count: int
    speed: Fraction = UNCHANGED
    transition: int = 0
    wipe: str = ""
    tails: tuple[Side, ...] = ()
    refuse: str | None = None

    @property
    def count(self) -> int:
        return self.end - self.start

    @property
    def first_played(self) -> Fraction:
        """Source frame shown first, whatever the direction."""
        entry = Fraction(self.source or 0)
        if self.speed < 0 and self.source_count > 1:
            return entry - self.speed * (self.count - 1)
        return entry

    @property
    def lowest_played(self) -> Fraction:
        """The earliest source frame that is shown."""
        if self.speed < 0:
            return self.first_played + self.speed * (self.count - 1)
        return self.first_played


@dataclass(frozen=True, slots=True)
class Clock:
    """What the timecodes of one EDL mean."""

    rate: Rate
    drop: bool
    path: Path
    wraps: bool = False
    """It runs past midnight: times of the morning are the next day's."""

    @classmethod
    def of(cls, sheet: Sheet, rate: Rate, path: Path) -> Clock:
        clock = cls(rate, sheet.drop, path)
        noon = clock.day // 2
        wraps = any(clock.record(e, 3) < noon <= clock.record(e, 2) for e in sheet.events)
        return replace(clock, wraps=wraps)

    @property
    def day(self) -> int:
        """Frames from midnight to midnight."""
        return Timecode.parse("23:59:59:00", self.rate, self.drop).frame + self.rate.nominal

    def record(self, event: Event, column: int) -> int:
        """Record in (2) or out (3) of an event, in frames.

        Raises:
            EditError: a timecode that does not exist at this rate.
        """
        try:
            frame = Timecode.parse(event.times[column], self.rate, self.drop).frame
        except TimeError as error:
            raise EditError(
                f"Line {event.line.number}: {error.what}",
                file=self.path,
                timecode=event.times[column],
                remedy="Check the FCM line (drop-frame or not) and --rate",
            ) from error
        return frame + self.day if self.wraps and frame < self.day // 2 else frame

    def end(self, event: Event) -> int:
        """The record out, in frames. Final Cut closes its list with black that ends before it
        begins; that lasts no time.

        Raises:
            EditError: an event that ends before it begins, or a timecode that does not exist.
        """
        start, end = self.record(event, 2), self.record(event, 3)
        if end >= start:
            return end
        if is_black(event):
            return start
        raise EditError(
            f"Line {event.line.number}: the record out lies before the record in",
            file=self.path,
            timecode=event.times[2],
            remedy="Correct the line, or export again",
        )

    def source(self, event: Event, column: int) -> int | None:
        """Source in (0) or out (1) of an event, in frames; None for what is none at this rate."""
        text = event.times[column]
        if text.isdigit():
            return int(text)
        drop = event.drop and self.rate.can_drop
        try:
            return Timecode.parse(text, self.rate, drop).frame
        except TimeError:
            return None


@dataclass(slots=True)
class Layer:
    """Cuts of one picture track that do not overlap."""

    label: str
    cuts: list[Cut] = field(default_factory=list)


def layers(sheet: Sheet, clock: Clock) -> list[Layer]:
    """The picture tracks, from below: one, unless events overlap or name several tracks.

    Raises:
        EditError: a record timecode that does not exist.
    """
    tracks: dict[str, list[Layer]] = {}
    sides = [(clock.record(s.event, 2), s) for s in _sides(sheet, _PICTURE)]
    for _, side in sorted(sides, key=lambda found: (found[0], found[1].event.ordinal)):
        for label in _PICTURE.findall(side.event.picture):
            number = label[1:].lstrip("0") or "1"
            _lay(tracks.setdefault(f"V{number}", []), f"V{number}", side, clock)
    return [layer for label in sorted(tracks, key=_number) for layer in tracks[label]]


def _number(label: str) -> int:
    return int(label[1:])


def sounds(sheet: Sheet) -> Iterator[tuple[Side, list[int]]]:
    """Every event that is heard, and the channels that it is heard on."""
    for block in sheet.blocks:
        extra = [int(n) for r in block.of("aud") for n in r.value.split()]
        for side in _of_block(block):
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


def _sides(sheet: Sheet, wanted: re.Pattern[str]) -> Iterator[Side]:
    for block in sheet.blocks:
        for side in _of_block(block):
            if wanted.search(side.event.picture):
                yield side


def _of_block(block: Block) -> Iterator[Side]:
    for event in block.events:
        yield Side(event, block, incoming=not event.is_cut)


def _lay(found: list[Layer], label: str, side: Side, clock: Clock) -> None:
    """Add a cut, or the tail of the one before it."""
    start = clock.record(side.event, 2)
    previous = found[0].cuts[-1] if found and found[0].cuts else None
    if previous is not None and _goes_on(previous, side, start, clock):
        found[0].cuts[-1] = replace(previous, tails=(*previous.tails, side))
        return
    cut = _cut(side, label, clock)
    for layer in found:
        if not layer.cuts or layer.cuts[-1].end <= start:
            layer.cuts.append(cut)
            return
        layer.cuts[-1] = _overlapping(layer.cuts[-1], cut)
        cut = _overlapping(cut, layer.cuts[-1])
    found.append(Layer(label, [cut]))


def _goes_on(previous: Cut, side: Side, start: int, clock: Clock) -> bool:
    """Whether this is the outgoing side of a transition, which the cut before it plays on in."""
    before, event = previous.side, side.event
    if (
        not (event.is_stub and event.is_cut)
        or previous.end != start
        or _bare(before.event.reel) != _bare(event.reel)
    ):
        return False
    return previous.speed != 1 or clock.source(before.event, 1) == clock.source(event, 0)


def _overlapping(cut: Cut, other: Cut) -> Cut:
    why = (
        f"It plays at the same time as {other.side.event.label}, and an EDL does not say which is "
        "on top; export the tracks one by one, or as AAF or XML"
    )
    return replace(cut, refuse=cut.refuse or why)


def _cut(side: Side, track: str, clock: Clock) -> Cut:
    event = side.event
    start, end = clock.record(event, 2), clock.end(event)
    first, last = clock.source(event, 0), clock.source(event, 1)
    wipe = event.kind if event.kind.startswith("W") else ""
    cut = Cut(
        key=f"{event.number or 'line'}@{event.ordinal + 1}",
        side=side,
        track=track,
        start=start,
        end=end,
        source=first,
        source_count=(last or 0) - (first or 0),
        transition=0 if event.is_cut or event.kind.startswith("K") else event.frames,
        wipe=wipe,
    )
    cut = replace(cut, speed=_speed(cut, clock.rate))
    return replace(cut, refuse=_refusal(cut, clock))


def _speed(cut: Cut, rate: Rate) -> Fraction:
    speeds = cut.side.speeds
    if speeds:
        stated = Fraction(speeds[0].value)
        # full speed at 29.97 is written 030.0, and by some 029.97
        if abs(abs(stated) - rate.fps) < Fraction(3, 100):
            return UNCHANGED if stated > 0 else -UNCHANGED
        return stated / rate.nominal
    if cut.side.block.of("freeze") and cut.source_count <= 1 < cut.count:
        return Fraction(0)
    return UNCHANGED


def _refusal(cut: Cut, clock: Clock) -> str | None:
    """Why it cannot be processed; None if it can."""
    side, block = cut.side, cut.side.block
    event = side.event
    if any(e.kind.startswith("K") for e in block.events):
        return "It is part of a key; render the key in the NLE and cut that in"
    if broken := block.of("m2?"):
        return f"Line {broken[0].line.number} is a speed (M2) that cannot be read"
    if event.times[0].isdigit():
        return (
            f"Its source is counted in frames ({event.times[0]}), and no EDL says from where; "
            "export it with source timecode"
        )
    if cut.source is None or clock.source(event, 1) is None:
        return (
            f"Its source timecode {event.times[0]} does not exist at {clock.rate.label} fps; "
            "export it with timecode of the sequence's rate"
        )
    if _shares_name(block):
        return (
            f"Picture and sound of {event.label} are one edit with different times; "
            "export picture and sound as events of their own"
        )
    if _PICTURES.search(side.name) or _PICTURES.search(side.source):
        return "It plays a sequence of pictures"
    return _mismatch(cut)


def _shares_name(block: Block) -> bool:
    """A split edit: relinking its picture would take its sound along."""
    heard = [e for e in block.events if any(sound_channels(e.channels))]
    return any(not _PICTURE.search(e.picture) for e in heard)


def _mismatch(cut: Cut) -> str | None:
    """Source and record must be equally long, or as much apart as the speed says."""
    speed, record, source = cut.speed, cut.count, cut.source_count
    if not cut.side.speeds and speed == 1:
        if source == record:
            return None
        return (
            f"Its source has {source} frames and its record {record}, and no M2 line says why; "
            "correct the event, or render the clip in the NLE"
        )
    if len({r.value for r in cut.side.speeds}) > 1:
        return "It has several speeds (M2); render the clip in the NLE and cut that in"
    if speed == 0 or (speed < 0 and source <= 1):
        return None
    wanted = abs(speed) * record
    # the speed is rounded to a tenth of a frame, and either end to a frame
    slack = Fraction(record, 400) + max(abs(speed), 1) + 1
    if abs(source - wanted) <= slack:
        return None
    return (
        f"Its source has {source} frames and its record {record}, which its speed (M2) of "
        f"{float(speed * 100):g} % does not explain; render the clip in the NLE and cut that in"
    )


def is_black(event: Event) -> bool:
    """It plays no media but black."""
    return event.reel.upper() in _BLACK


def _bare(text: str) -> str:
    """Letters and digits alone: columns are cut short and padded with dots and underscores."""
    return re.sub(r"[\W_]", "", text).upper()


def _same_reel(a: str, b: str) -> bool:
    a, b = _bare(a), _bare(b)
    return bool(a and b) and (a.startswith(b) or b.startswith(a))


def _has_suffix(name: str) -> bool:
    return re.search(r"\.[A-Za-z][A-Za-z0-9]{1,4}$", name) is not None
