"""Which composition is the edit, what its clock is, and which segments are its tracks."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from aaf2 import components, mobs, mobslots

from ..errors import EditError
from ..timebase import Rate
from .mobs import Code, MobTable, edit_rate, identity, kind_of, timecode_of, value_of

_PICTURE = ("picture", "legacypicture", "picturewithmatte")
_SOUND = ("sound", "legacysound")


def choose(table: MobTable, pick: str | bytes | None, path: Path) -> Any:
    """The one top-level composition, or the one of this name or id.

    Of several, one that no other plays is the edit if there is only one such.

    Raises:
        EditError: none, several, or none of that name.
    """
    every = [mob for mob in table if isinstance(mob, mobs.CompositionMob) and _has_tracks(mob)]
    if isinstance(pick, bytes):
        every = [mob for mob in every if identity(mob) == pick]
    if not every:
        raise EditError(
            "This AAF holds clips, but no sequence with picture or sound",
            file=path,
            remedy="Export the sequence itself as AAF",
        )
    top = [mob for mob in every if mob.usage == "Usage_TopLevel"] or every
    if isinstance(pick, str):
        found = [mob for mob in top if _name(mob) == pick]
        found = found or [mob for mob in every if _name(mob) == pick]
        found = found or [mob for mob in every if str(mob.mob_id) == pick]
    else:
        found = top if len(top) == 1 else _not_played(top) or top
    if len(found) == 1:
        return found[0]
    names = ", ".join(f"{_name(mob)!r} (id {mob.mob_id})" for mob in top[:20])
    what = f"There is no one sequence {pick!r}" if pick is not None else "Several sequences"
    raise EditError(f"{what} in this AAF: {names}", file=path, remedy="Name one by --sequence")


def _name(mob: Any) -> str:
    return str(value_of(mob, "Name", ""))


def _has_tracks(mob: Any) -> bool:
    return any(picture_or_sound(slot) for slot in mob.slots)


def _not_played(top: list[Any]) -> list[Any]:
    """Those that no other of them plays."""
    played = set()
    for mob in top:
        for thing, _ in mob.walk_references():
            if isinstance(thing, components.SourceClip) and value_of(thing, "SourceID"):
                played.add(bytes(value_of(thing, "SourceID").bytes_le))
    return [mob for mob in top if identity(mob) not in played]


def picture_or_sound(slot: Any) -> str | None:
    """``Video``, ``Audio``, or None for timecode, edge code, events and master tracks."""
    if not isinstance(slot, mobslots.TimelineMobSlot):
        return None
    kind = kind_of(slot)
    if kind in _PICTURE:
        return "Video"
    return "Audio" if kind in _SOUND else None


@dataclass(frozen=True, slots=True)
class TrackHead:
    """A track of the edit.

    Attributes:
        position: ``V1``, ``A3``.
        name: its own name, or empty.
        slot: id of its slot; ``number`` its place among the tracks nested in that slot, from 1.
        segment: what it plays.
        rate: edit units a second.
    """

    kind: str
    position: str
    name: str
    slot: int
    number: int
    segment: Any
    rate: Fraction

    @property
    def label(self) -> str:
        """As an editor would say it: ``A3 FR DX``."""
        return f"{self.position} {self.name}".strip()


def tracks_of(composition: Any) -> list[TrackHead]:
    """Picture tracks, bottom first, then sound tracks."""
    heads: list[TrackHead] = []
    for kind in ("Video", "Audio"):
        slots = [slot for slot in composition.slots if picture_or_sound(slot) == kind]
        numbers = [int(value_of(slot, "PhysicalTrackNumber", 0)) for slot in slots]
        if len(set(numbers)) == len(numbers):
            slots = [slot for _, slot in sorted(zip(numbers, slots, strict=True), key=_first)]
        count = 0
        for slot in slots:
            for number, segment in enumerate(nested_tracks(slot.segment), 1):
                count += 1
                heads.append(
                    TrackHead(
                        kind=kind,
                        position=f"{kind[0]}{count}",
                        name=str(value_of(slot, "SlotName", "")).strip(),
                        slot=int(value_of(slot, "SlotID", 0)),
                        number=number,
                        segment=segment,
                        rate=edit_rate(slot),
                    )
                )
    return heads


def _first(pair: tuple[int, Any]) -> int:
    return pair[0]


def nested_tracks(segment: Any) -> list[Any]:
    """The segments of a scope, bottom first; of anything else, itself."""
    if isinstance(segment, components.NestedScope):
        return list(value_of(segment, "Slots", ()))
    return [segment]


def start_of(composition: Any, heads: list[TrackHead]) -> tuple[Rate, Code | None]:
    """The record rate, and the timecode of the first record frame.

    The rate is the picture's; of an edit of sound alone, whose tracks may count samples, it is
    that of its timecode.
    """
    pictures = [head.rate for head in heads if head.kind == "Video"]
    rates = pictures or [head.rate for head in heads]
    code = timecode_of(composition, Fraction(0), rates[0])
    rate = Rate(rates[0])
    if not pictures and rate.fps > 1000 and code is not None:
        rate = _timecode_rate(composition, code)
    return rate, code


def _timecode_rate(composition: Any, code: Code) -> Rate:
    for slot in composition.slots:
        segment = value_of(slot, "Segment")
        if isinstance(segment, components.Timecode) and "EditRate" in slot:
            rate = Rate(edit_rate(slot))
            if rate.nominal == code.fps:
                return rate
    return Rate(Fraction(code.fps))
