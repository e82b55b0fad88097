"""From a clip down to its file: the chain of mobs, each a step nearer to the tape.

A ``SourceClip`` names a mob, one of its slots, and a place in it. A clip in an edit names a
``MasterMob`` (the clip in the bin), that a file ``SourceMob`` (with a locator: the URL), that a
tape or import ``SourceMob`` (with a ``Timecode``: where the file's timecode comes from). Every slot
has an edit rate of its own; a place is counted in the edit units of the slot that holds the
``SourceClip`` (AAF Object Specification 1.1, SourceClip and MobSlot).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from aaf2 import components, essence, mobs

from ..errors import EditError
from ..limits import check_number, check_rate
from ..timebase import Rate

MAX_CHAIN = 64
"""Mobs from an edit to its tape; real chains have five."""


def value_of(thing: Any, name: str, default: Any = None) -> Any:
    """A property's value, or ``default`` where the object has no such property."""
    found = thing.get(name, None, allkeys=False)
    value = None if found is None else found.value
    return default if value is None else value


def identity(mob: Any) -> bytes:
    """A mob's id, as a key."""
    return bytes(mob.mob_id.bytes_le)


def edit_rate(slot: Any) -> Fraction:
    """Edit units a second.

    Raises:
        EditError: the slot has none, or one that cannot be.
    """
    rate = value_of(slot, "EditRate")
    if rate is None:
        raise EditError("A track of the AAF states no edit rate")
    return rate_of(rate).fps


def rate_of(value: Any) -> Rate:
    """An AAF rational as a rate that frames or samples can have, snapped, but not through a float.

    Raises:
        EditError: it cannot be one.
    """
    return _rate(value.numerator, value.denominator)


@lru_cache(maxsize=256)
def _rate(numerator: int, denominator: int) -> Rate:
    check_rate(numerator / denominator)
    return Rate.of(Fraction(numerator, denominator))


def exact(value: Any) -> Fraction:
    """AAF's rationals do not reduce; ours do."""
    return Fraction(value.numerator, value.denominator)


def length_of(component: Any) -> int:
    """Edit units; 0 where it is unknown (-1 in some files).

    Raises:
        EditError: it is negative otherwise, or larger than any.
    """
    length = int(check_number(int(value_of(component, "Length", 0))))
    if length < -1:
        raise EditError(f"A length of {length} edit units does not exist")
    return max(0, length)


@dataclass(frozen=True, slots=True)
class Link:
    """One step of a chain.

    Attributes:
        mob: the mob that was reached.
        slot: its slot.
        position: edit units of the slot, counted from the start of its segment.
        component: what stands there, seen through sequences and groups.
        offset: where the component begins, in the same units.
    """

    mob: Any
    slot: Any
    position: Fraction
    component: Any
    offset: Fraction

    @property
    def rate(self) -> Fraction:
        return edit_rate(self.slot)

    @property
    def end(self) -> Fraction:
        """Where the component ends, in the slot's edit units."""
        return self.offset + length_of(self.component)


@dataclass(frozen=True, slots=True)
class Code:
    """A start timecode: ``start`` frames at ``fps`` (which counts real time at ``rate``)."""

    start: Fraction
    fps: int
    drop: bool

    def at(self, rate: Rate) -> int:
        """The same clock reading as a frame number at ``rate``; a fraction is cut off."""
        return int(self.start * rate.nominal / self.fps // 1)


class MobTable:
    """The mobs of an AAF by id, and the slots of each by theirs."""

    def __init__(self, content: Any) -> None:
        self._mobs: dict[bytes, Any] = {identity(m): m for m in content.mobs}
        self._slots: dict[bytes, dict[int, Any]] = {}

    def __iter__(self) -> Iterator[Any]:
        return iter(self._mobs.values())

    def mob(self, clip: Any) -> Any | None:
        """What a SourceClip names; None if that is not in this AAF, or if it names nothing."""
        named = value_of(clip, "SourceID")
        return None if named is None else self._mobs.get(bytes(named.bytes_le))

    def by_id(self, key: bytes | None) -> Any | None:
        """The mob of this :func:`identity`."""
        return None if key is None else self._mobs.get(key)

    def slot(self, mob: Any, number: int) -> Any | None:
        key = identity(mob)
        if key not in self._slots:
            self._slots[key] = {value_of(s, "SlotID"): s for s in mob.slots}
        return self._slots[key].get(number)

    def link(self, clip: Any, start: Fraction, rate: Fraction) -> Link | None:
        """The mob that ``clip`` names, at ``start`` of its own clock (``rate`` units a second)."""
        mob = self.mob(clip)
        slot = None if mob is None else self.slot(mob, value_of(clip, "SourceMobSlotID", 0))
        if slot is None or value_of(slot, "Segment") is None:
            return None
        if value_of(slot, "EditRate") is None:
            return None
        position = start * edit_rate(slot) / rate + int(value_of(slot, "Origin", 0))
        component, offset = component_at(slot.segment, position)
        return Link(mob, slot, position, component, offset)

    def chain(self, clip: Any, start: Fraction, rate: Fraction) -> list[Link]:
        """Every step from ``clip`` at ``start`` to where the material began.

        Raises:
            EditError: the mobs refer to each other in a circle.
        """
        links: list[Link] = []
        while (link := self.link(clip, start, rate)) is not None:
            links.append(link)
            if len(links) > MAX_CHAIN:
                raise EditError("The mobs of the AAF refer to each other in a circle")
            if not isinstance(link.component, components.SourceClip):
                break
            clip, rate = link.component, link.rate
            start = value_of(clip, "StartTime", 0) + link.position - link.offset
        return links


def component_at(segment: Any, position: Fraction) -> tuple[Any, Fraction]:
    """What of ``segment`` is at ``position``, and where it begins; through all that only wraps.

    Of an EssenceGroup (one picture in several resolutions) the first choice, of a Selector what is
    selected, of an effect on a whole clip the clip.
    """
    offset = Fraction(0)
    for _ in range(MAX_CHAIN):
        inside: Any = None
        if isinstance(segment, components.Sequence):
            inside, begin = _of_sequence(segment, position - offset)
            offset += begin
        elif isinstance(segment, components.EssenceGroup):
            inside = next(iter(value_of(segment, "Choices", ())), None)
        elif isinstance(segment, components.Selector):
            inside = value_of(segment, "Selected")
        elif isinstance(segment, components.OperationGroup):
            inputs = value_of(segment, "InputSegments", ())
            inside = inputs[0] if len(inputs) == 1 else None
        elif isinstance(segment, components.Pulldown):
            inside = value_of(segment, "InputSegment")
        if inside is None:
            return segment, offset
        segment = inside
    raise EditError("The AAF is nested too deeply")


def _of_sequence(sequence: Any, position: Fraction) -> tuple[Any | None, Fraction]:
    found, begin, cursor = None, Fraction(0), 0
    for component in value_of(sequence, "Components", ()):
        if isinstance(component, components.Transition):
            cursor -= length_of(component)
            continue
        if found is not None and cursor > position:
            break
        found, begin = component, Fraction(cursor)
        cursor += length_of(component)
    return found, begin


def kind_of(slot: Any) -> str:
    """What a slot with an edit rate holds: ``picture``, ``timecode`` …"""
    segment = value_of(slot, "Segment")
    if segment is None or "EditRate" not in slot:
        return ""
    definition = value_of(segment, "DataDefinition")
    return str(definition.short_name if definition is not None else "").lower()


def timecode_of(mob: Any, at: Fraction, rate: Fraction) -> Code | None:
    """The timecode that ``mob`` states for its place ``at`` (``rate`` units a second).

    Of several timecode slots the first of the lowest physical track is the one that counts.
    """
    slots = [s for s in mob.slots if kind_of(s) in ("timecode", "legacytimecode")]
    slots.sort(key=lambda s: value_of(s, "PhysicalTrackNumber", 1))
    for slot in slots:
        seconds = at / rate
        position = seconds * edit_rate(slot) + int(value_of(slot, "Origin", 0))
        component, offset = component_at(slot.segment, position)
        if not isinstance(component, components.Timecode):
            continue
        fps = int(value_of(component, "FPS", 0))
        if not 0 < fps <= 1000:
            continue
        into = position - offset
        if isinstance(slot.segment, components.Pulldown):
            into = into * fps / Rate(edit_rate(slot)).nominal
        start = check_number(int(value_of(component, "Start", 0))) + into
        return Code(Fraction(start), fps, bool(value_of(component, "Drop", False)))
    return None


def is_file(mob: Any) -> bool:
    """A SourceMob that stands for a file (or essence in this AAF), not for a tape or import."""
    if not isinstance(mob, mobs.SourceMob):
        return False
    descriptor = value_of(mob, "EssenceDescription")
    known = isinstance(descriptor, essence.FileDescriptor)
    return known or (descriptor is not None and "SampleRate" in descriptor)


def picture_of(mob: Any) -> Any:
    """The descriptor of a file's picture, its own or that among its streams; else None."""
    descriptor = value_of(mob, "EssenceDescription")
    if descriptor is None:
        return None
    for each in (descriptor, *value_of(descriptor, "FileDescriptors", ())):
        if "StoredWidth" in each:
            return each
    return None


def is_tape(mob: Any) -> bool:
    descriptor = value_of(mob, "EssenceDescription")
    return isinstance(mob, mobs.SourceMob) and isinstance(descriptor, essence.TapeDescriptor)
