"""The pieces of a track: how much of each is shown, and what OTIO calls it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import opentimelineio as otio
from aaf2 import components

from ..otiotime import otio_range, otio_time
from ..timebase import Rate
from .mobs import length_of, rate_of, value_of
from .retime import Retime


@dataclass(frozen=True, slots=True)
class Place:
    """The track that is being read, and what lies over the clip that is being read.

    Attributes:
        rate: edit units a second in which ``StartTime`` counts; ``record``: lengths.
        nest: ids of the compositions it is inside of.
        retime: the speed change over it, and ``group`` the storage of that.
        refuse: why nothing below can be processed.
    """

    kind: str
    label: str
    rate: Fraction
    record: Fraction
    nest: tuple[bytes, ...] = ()
    retime: Retime | None = None
    group: str | None = None
    refuse: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A component and how much of it the track shows.

    Attributes:
        head: record units under the transition before it.
        length: record units from the cut before to the cut after it.
    """

    component: Any
    head: int
    length: int


def lay_out(parts: list[Any]) -> list[Part | Any]:
    """Components with the overlap of their transitions taken off, and the transitions.

    A transition overlaps both its neighbours, whose lengths include it; ``CutPoint`` divides it.
    """
    found: list[Part | Any] = []
    head = debt = 0
    for index, component in enumerate(parts):
        if isinstance(component, components.Transition):
            found.append(component)
            head = max(0, min(int(value_of(component, "CutPoint", 0)), length_of(component)))
            continue
        follower = parts[index + 1] if index + 1 < len(parts) else None
        tail = 0
        if isinstance(follower, components.Transition):
            cut = max(0, min(int(value_of(follower, "CutPoint", 0)), length_of(follower)))
            tail = length_of(follower) - cut
        length = length_of(component) - head - tail - debt
        found.append(Part(component, head + debt, length))
        head, debt = 0, max(0, -length)
    return found


def only(sequence: Any) -> Any | None:
    """The one component of a sequence that has one."""
    parts = value_of(sequence, "Components", ())
    return parts[0] if len(parts) == 1 else None


def mixed_rate(inner: Any) -> Fraction | None:
    """The rate that Avid states where it mixes material of another rate into the edit."""
    tags = {
        str(value_of(tag, "Name", "")): value_of(tag, "Value")
        for tag in value_of(inner, "ComponentAttributeList", ())
    }
    over, under = tags.get("_MIXMATCH_RATE_NUM"), tags.get("_MIXMATCH_RATE_DENOM")
    if not isinstance(over, int) or not isinstance(under, int) or over <= 0 or under <= 0:
        return None
    return rate_of(Fraction(over, under)).fps


def span(part: Part, at: Place) -> otio.opentime.TimeRange:
    return otio_range(0, max(0, part.length), Rate(at.record))


def gap(part: Part, at: Place) -> otio.schema.Gap:
    return otio.schema.Gap(source_range=span(part, at))


def generated(name: str, part: Part, at: Place) -> otio.schema.Clip:
    """A title, a render, or whatever else the NLE makes itself."""
    media = otio.schema.GeneratorReference(name=name, generator_kind=name)
    return otio.schema.Clip(name, media, span(part, at))


def missing(part: Part, at: Place, why: str) -> otio.schema.Clip:
    """A clip of which the AAF does not say what it plays: it keeps its place."""
    clip = otio.schema.Clip("", otio.schema.MissingReference(), span(part, at))
    if at.kind == "Video":
        clip.metadata["unisync"] = {"refuse": at.refuse or why}
    return clip


def operation(group: Any) -> str:
    definition = value_of(group, "Operation")
    return str(definition.name or "") if definition is not None else ""


def effect(group: Any) -> otio.schema.Effect:
    name = operation(group)
    return otio.schema.Effect(name=name, effect_name=name)


def warp(speed: Fraction) -> otio.schema.LinearTimeWarp:
    facts = {"unisync": {"speed": str(speed)}}
    if speed == 0:
        freeze = otio.schema.FreezeFrame()
        freeze.metadata.update(facts)
        return freeze
    return otio.schema.LinearTimeWarp("speed", time_scalar=float(speed), metadata=facts)


def transition(component: Any, rate: Rate) -> otio.schema.Transition:
    group = value_of(component, "OperationGroup")
    name = operation(group) if group is not None else ""
    length = length_of(component)
    cut = max(0, min(int(value_of(component, "CutPoint", 0)), length))
    dissolve = "dissolve" in name.lower()
    return otio.schema.Transition(
        name=name,
        transition_type="SMPTE_Dissolve" if dissolve else "Custom_Transition",
        in_offset=otio_time(cut, rate),
        out_offset=otio_time(length - cut, rate),
    )
