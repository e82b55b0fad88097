"""Why an event cannot be processed, in words that say what to do instead."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING

from ..image_sequence import SequenceName
from .clock import Clock
from .sheet import Block
from .sides import PICTURE, sides_of, sound_channels

if TYPE_CHECKING:
    from .cuts import Cut

_PICTURES = re.compile(r"\[\d+\s*(?:-|\.\.)\s*\d+\]")


def refusal(cut: Cut, clock: Clock) -> str | None:
    """Why it cannot be processed; None if it can."""
    side, block = cut.side, cut.side.block
    event = side.event
    claimed = [remark for other in sides_of(block) for remark in other.speeds]
    if any(e.kind.startswith("K") for e in block.events):
        return "It is part of a key; render the key in the NLE and cut that in"
    if broken := block.of("m2?"):
        return f"Its speed cannot be read: {broken[0].line.text.strip()[:60]!r}"
    if any(remark not in claimed for remark in block.of("m2")):
        return "A speed (M2) beside it names a reel that it does not play; correct the list"
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
    for name in (side.name, side.source):
        # Resolve's form says which frames there are; others have their frames in no standard place
        if _PICTURES.search(name) and SequenceName.parse(name.strip()) is None:
            return "It plays a sequence of pictures, and its name does not say which"
    return _mismatch(cut)


def _shares_name(block: Block) -> bool:
    """A split edit: relinking its picture would take its sound along."""
    heard = [e for e in block.events if any(sound_channels(e.channels))]
    return any(not PICTURE.search(e.picture) for e in heard)


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
    slack = Fraction(record, 400) + max(abs(speed), Fraction(1)) + 1
    if abs(source - wanted) <= slack:
        return None
    return (
        f"Its source has {source} frames and its record {record}, which its speed (M2) of "
        f"{float(speed * 100):g} % does not explain; render the clip in the NLE and cut that in"
    )
