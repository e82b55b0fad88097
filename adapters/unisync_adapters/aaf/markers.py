"""Markers: Avid's locators, which are events in slots of their own."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import opentimelineio as otio
from aaf2 import components, mobslots

from ..limits import check_number
from ..otiotime import otio_range
from ..timebase import Rate
from .mobs import edit_rate, value_of

_COLORS = {
    "RED": (65535, 0, 0),
    "GREEN": (0, 65535, 0),
    "BLUE": (0, 0, 65535),
    "CYAN": (0, 65535, 65535),
    "MAGENTA": (65535, 0, 65535),
    "YELLOW": (65535, 65535, 0),
    "ORANGE": (65535, 32768, 0),
    "PINK": (65535, 32768, 49152),
    "PURPLE": (32768, 0, 32768),
    "WHITE": (65535, 65535, 65535),
    "BLACK": (0, 0, 0),
}


@dataclass(frozen=True, slots=True)
class Mark:
    """A marker and where it belongs.

    Attributes:
        slots: ids of the slots it describes; empty for the whole edit.
        track: physical track number of its event slot: which of a slot's nested tracks.
    """

    marker: otio.schema.Marker
    slots: tuple[int, ...]
    track: int


def marks_of(mob: Any) -> list[Mark]:
    """Every marker in a composition's event slots, in the order of the AAF."""
    found = []
    for slot in mob.slots:
        if not isinstance(slot, mobslots.EventMobSlot):
            continue
        rate = Rate(edit_rate(slot))
        segment = value_of(slot, "Segment")
        events = value_of(segment, "Components", ()) if "Components" in segment else (segment,)
        for event in events:
            if isinstance(event, components.CommentMarker):
                described = tuple(int(n) for n in value_of(event, "DescribedSlots", ()))
                track = int(value_of(slot, "PhysicalTrackNumber", 1))
                found.append(Mark(_marker(event, rate), described, track))
    return found


def _marker(event: Any, rate: Rate) -> otio.schema.Marker:
    attributes = {
        str(value_of(tag, "Name", "")): value_of(tag, "Value")
        for tag in value_of(event, "CommentMarkerAttributeList", ())
    }
    length = attributes.get("_ATN_CRM_LENGTH", value_of(event, "Length", 0))
    length = length if isinstance(length, int) and length > 1 else 0
    start = int(check_number(int(value_of(event, "Position", 0))))
    return otio.schema.Marker(
        name=str(value_of(event, "CommentMarkerUser", "") or value_of(event, "UserName", "")),
        marked_range=otio_range(Fraction(start), Fraction(int(check_number(length))), rate),
        color=_color(value_of(event, "CommentMarkerColor"), attributes.get("_ATN_CRM_COLOR")),
        comment=str(value_of(event, "Comment", "")),
    )


def _color(rgb: Any, name: Any) -> str:
    """OTIO's name for Avid's colour: by the name that Avid gives it, else the nearest."""
    if isinstance(name, str) and name.upper() in _COLORS:
        return name.upper()
    if not isinstance(rgb, dict):
        return "RED"
    have = [int(rgb.get(part, 0)) for part in ("red", "green", "blue")]
    # Avid's own are darkened (13107 for 0, 52428 for full): compare what is left of them
    low, high = min(have), max(have)
    if high > low:
        have = [(value - low) * 65535 // (high - low) for value in have]

    def distance(known: str) -> int:
        return sum((a - b) ** 2 for a, b in zip(have, _COLORS[known], strict=True))

    return min(_COLORS, key=distance)
