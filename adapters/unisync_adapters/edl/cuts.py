"""The picture events of an EDL as cuts: what is shown from where to where, and at what speed.

A transition is two lines: the outgoing side, mostly without a record time of its own, and the
incoming one, whose first frames are those of the transition. An outgoing side that goes on where
the cut before it ends is that cut's ``tail``: relinking the cut relinks it there too.

Reverse is written in two ways. Avid names the first frame shown and nothing more (out is in + 1):
that is the entry point of CMX's ``M2``. Others name the whole range that is played, which then ends
on its first frame. Anything else is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction

from ..timebase import Rate
from .clock import Clock
from .refuse import refusal
from .sheet import Sheet
from .sides import PICTURE, Side, bare, picture_sides

UNCHANGED = Fraction(1)


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
    sides = [(clock.record(s.event, 2), s) for s in picture_sides(sheet)]
    for _, side in sorted(sides, key=lambda found: (found[0], found[1].event.ordinal)):
        label = PICTURE.findall(side.event.picture)[0]
        number = label[1:].lstrip("0") or "1"
        _lay(tracks.setdefault(f"V{number}", []), f"V{number}", side, clock)
    return [layer for label in sorted(tracks, key=_number) for layer in tracks[label]]


def _number(label: str) -> int:
    return int(label[1:])


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
        or bare(before.event.reel) != bare(event.reel)
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
    return replace(cut, refuse=refusal(cut, clock))


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
