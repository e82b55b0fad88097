"""How many frames a second an EDL counts: it never says so, but what it says may leave one answer.

Drop-frame code exists at 29.97, 59.94 and 119.88 only, and then the lowest that has the frame
numbers is meant. A frame number shows that the rate is higher. And an
event whose source crosses a second where its record does not proves the rate: 1 s 5 f of source in
2 s less 19 f of record are equal at 24 and at no other. What no line can tell is 23.976 from 24.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ..errors import EditError, TimeError
from ..timebase import Rate
from .sheet import Event, Sheet

_KNOWN: dict[int, tuple[str, ...]] = {
    24: ("23.976", "24"),
    25: ("25",),
    30: ("29.97", "30"),
    48: ("47.952", "48"),
    50: ("50",),
    60: ("59.94", "60"),
    100: ("100",),
    120: ("119.88", "120"),
}
"""What timecode counts to, and the rates that count so."""
_DROPS = (30, 60, 120)
_FIELDS = re.compile(r"\d+")
_ENOUGH = 3
"""Events that must agree on a rate to prove it."""


def choose_rate(sheet: Sheet, asked: Rate | None, path: Path) -> Rate:
    """The record rate: what was asked for if it can be, else the only one that can be.

    Raises:
        EditError: the rate asked for cannot be, or several can and none was asked for.
    """
    stated = _stated(sheet)
    if asked is not None:
        _check(sheet, asked, path)
        return asked
    if stated is not None:
        _check(sheet, stated, path)
        return stated
    labels = [label for nominal in possible(sheet) for label in _labels(nominal, sheet.drop)]
    if not labels:
        raise EditError("Its timecodes fit no frame rate", file=path, remedy="Export it again")
    highest, counted = _highest(sheet)[0], _counted(sheet)
    alone = len(labels) == 1 and highest == Rate.of(labels[0]).nominal - 1
    if alone or sheet.drop:
        return Rate.of(labels[0])
    if counted:
        what = f"its timecodes count {counted} frames a second"
        remedy = "Add --rate " + " or --rate ".join(labels)
    else:
        what = f"its frame numbers go up to {highest}"
        remedy = f"Add --rate with that of the sequence: {', '.join(labels)}"
    raise EditError(f"An EDL does not state its frame rate, and {what}", file=path, remedy=remedy)


def possible(sheet: Sheet) -> list[int]:
    """What its timecodes may count to, the lowest first."""
    counted = _counted(sheet)
    highest, _ = _highest(sheet)
    return [
        nominal
        for nominal in _KNOWN
        if nominal > highest
        and counted in (None, nominal)
        and (not sheet.drop or nominal in _DROPS)
    ]


def _labels(nominal: int, drop: bool) -> tuple[str, ...]:
    return _KNOWN[nominal][:1] if drop else _KNOWN[nominal]


def _stated(sheet: Sheet) -> Rate | None:
    """A remark such as ``* FRAME RATE: 25`` before the first event."""
    for remark in sheet.header:
        if remark.kind == "rate":
            try:
                return Rate.of(remark.value)
            except TimeError:
                return None
    return None


def _check(sheet: Sheet, rate: Rate, path: Path) -> None:
    highest, event = _highest(sheet)
    remedy = "Add --rate with the rate of the sequence that it was exported from"
    if highest >= rate.nominal:
        raise EditError(
            f"There is no frame {highest} at {rate.label} fps (line {event.line.number})",
            file=path,
            remedy=remedy,
        )
    if sheet.drop and not rate.can_drop:
        raise EditError(
            f"The EDL counts drop-frame timecode, which does not exist at {rate.label} fps",
            file=path,
            remedy="Add --rate 29.97 or --rate 59.94, or correct the FCM line",
        )
    counted = _counted(sheet)
    if counted is not None and counted != rate.nominal:
        raise EditError(
            f"The EDL's timecodes count {counted} frames a second, not {rate.nominal}",
            file=path,
            remedy="Add --rate " + " or --rate ".join(_labels(counted, sheet.drop)),
        )


def _highest(sheet: Sheet) -> tuple[int, Event]:
    """The largest frame number of the record timecodes; a source may count in a rate of its own."""
    return max(
        ((int(_FIELDS.findall(time)[3]), e) for e in sheet.events for time in e.times[2:]),
        key=lambda found: found[0],
    )


def _counted(sheet: Sheet) -> int | None:
    """Frames a second, where events prove it and none proves another."""
    if sheet.drop:
        return None
    votes = list(_votes(sheet))
    return votes[0] if len(votes) >= _ENOUGH and len(set(votes)) == 1 else None


def _votes(sheet: Sheet) -> Iterator[int]:
    for block in sheet.blocks:
        if block.of("m2"):
            continue
        for event in block.events:
            fields = [[int(n) for n in _FIELDS.findall(time)] for time in event.times]
            # sound often has a timecode of another rate
            if not event.picture.count("V") or event.drop or any(len(f) != 4 for f in fields):
                continue
            seconds = [(h * 60 + m) * 60 + s for h, m, s, _ in fields]
            more = (seconds[1] - seconds[0]) - (seconds[3] - seconds[2])
            frames = (fields[3][3] - fields[2][3]) - (fields[1][3] - fields[0][3])
            if more and frames % more == 0 and frames // more in _KNOWN:
                yield frames // more
