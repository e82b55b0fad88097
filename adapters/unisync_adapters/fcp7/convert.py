"""The small parts of a clipitem: where its source is, why it is refused, marks, transitions."""

from __future__ import annotations

from fractions import Fraction

from ..cutlist import Mark, Moment, Transition
from ..otiotime import settled
from ..ramp import Ramp
from ..timebase import PREMIERE_TICKS_PER_SECOND as _TICKS
from ..timebase import Rate, ticks_to_seconds
from .layout import Crossing, Placed
from .media import MediaFile
from .retime import PLAIN, Retime
from .scan import Element
from .stated import Stated


def source_frame(
    stated: Stated, media: MediaFile | None, retime: Retime, clock: Rate, plate: Rate
) -> int | Fraction | None:
    """Frame of the file, at its own rate, that is shown where the clip's ``in`` stands.

    Premiere's ticks are the truth where it plays forward. What they mean in a clip that plays
    backwards is documented nowhere, so there the retimed ``in`` decides.
    """
    ticks = stated.ticks_in
    if ticks is not None and ticks >= 0 and (retime is PLAIN or retime.speed > 0):
        over, under = plate.fps.as_integer_ratio()
        frames, rest = divmod(ticks * over, _TICKS * under)
        return frames if not rest else ticks_to_seconds(ticks) * plate.fps
    entry = stated.entry or 0
    if retime is PLAIN and (clock is plate or clock == plate):
        return entry
    length = media.duration if media else None
    frame = retime.source_frame(
        Fraction(entry), None if length is None else int(length * clock.fps / plate.fps)
    )
    return None if frame is None else frame * plate.fps / clock.fps


def refusal(placed: Placed, media: MediaFile | None, clock: Rate, record: Rate) -> str | None:
    stated = placed.stated
    if stated.multicam:
        return "It is a multicam clip; flatten it to the angle in use"
    if placed.crossed:
        return "It overlaps its neighbour in the track"
    if media is None:
        return "It has no media file"
    entry, exit_ = stated.entry, stated.exit
    if entry is None or exit_ is None or media.kind not in ("", "sequence"):
        return None
    visible = placed.end + placed.tail - placed.start + placed.head
    # a frame's difference is how NLEs round; more is a speed change that nothing states
    length: int | Fraction = exit_ - entry
    if clock is not record:
        length = length * record.fps / clock.fps
    if not -2 <= length - visible <= 2:
        return "Its source and its record length differ, and no speed filter says why"
    return None


def ramp_shown(
    ramp: Ramp, zero: int | Fraction, clock: Rate, plate: Rate, record: Rate
) -> tuple[int, Ramp]:
    """The frame of the file that a ramped clip begins with, and its ramp as OTIO holds it.

    Args:
        ramp: of its retime.
        zero: where the clip begins in its own clock, the leading transition left out.
        clock, plate, record: rates of that clock, of the file and of the edit.
    """
    to_record, to_plate = record.fps / clock.fps, plate.fps / clock.fps
    shown = ramp.mapped(lambda when: (when - zero) * to_record, lambda frame: frame * to_plate)
    return shown.anchored(plate)


def transition(item: Crossing) -> Transition:
    effect = item.element.first("effect")
    dissolve = effect is not None and effect.text_of("effectcategory") == "Dissolve"
    return Transition(
        name=(effect.text_of("name") if effect is not None else None) or "",
        kind="SMPTE_Dissolve" if dissolve else "Custom_Transition",
        at=item.cut,
        before=item.cut - item.start,
        after=item.end - item.cut,
    )


def sequence_marks(sequence: Element) -> tuple[Mark, ...]:
    return tuple(mark(found, 0, 0, 1) for found in sequence.all("marker"))


def mark(element: Element, entry: int, base: Moment, scale: Moment) -> Mark:
    """A marker whose ``in`` counts in a clock where frame ``entry`` is source frame ``base``."""
    start, end = marked(element)
    length = 0 if end is None else max(0, end - start)
    return Mark(
        name=element.text_of("name") or "",
        comment=element.text_of("comment") or "",
        start=settled(base + (start - entry) * scale),
        length=settled(length * (scale if scale > 0 else -scale)),
    )


def marked(element: Element) -> tuple[int, int | None]:
    """``in`` and ``out`` of a marker; None where it has no ``out`` (-1).

    Both are negative where it lies before its media, as on a relinked clip whose old media was
    longer.
    """
    start, end = element.int_of("in") or 0, element.int_of("out")
    if end is None or end == -1 or (end < 0 and end < start):
        return start, None
    return start, end
