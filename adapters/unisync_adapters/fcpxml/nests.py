"""What nests in a timeline: clips of several things, compounds, multicams."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import opentimelineio as otio

from ..errors import EditError
from ..otiotime import otio_time
from .angles import keyed
from .convert import effects, markers, warp
from .item import shift_in
from .multicam import Angle, active_angle
from .retime import Retime, retime_of
from .tags import EXPORT_AGAIN, Tag, contents

if TYPE_CHECKING:
    from .pictures import Pictures, Place


def container(around: Pictures, tag: Tag, place: Place) -> otio.schema.Stack:
    """A clip of several things: its contents lie in the clock that its time map leads to."""
    format_ = around.reader.resources.format(tag.get("format"), tag)
    rate = (format_.rate if format_ is not None else None) or around.rate
    inner = around.inside(rate, around.nest, _inside(around, tag, place.retime))
    zero = place.media
    for child in contents(tag):
        inner.connect(child, (child.time("offset") or Fraction(0)) - zero, 0)
    return _stack(around, tag, place, inner, zero)


def compound(around: Pictures, tag: Tag, place: Place) -> otio.schema.Stack:
    """A compound clip."""
    media = around.reader.resources.of(tag, "media")
    around.reader.enter(media, around.nest, tag)
    sequence = media.first("sequence")
    if sequence is None:
        raise tag.located(EditError("<ref-clip> refers to a multicam", remedy=EXPORT_AGAIN))
    inside = _inside(around, tag, place.retime)
    inner = around.inside(around.reader.rate(sequence), (*around.nest, media), inside)
    zero = sequence.time("tcStart") or Fraction(0)
    for spine in sequence.all("spine"):
        inner.spine(spine, zero, Fraction(0), 0, primary=True)
    return _stack(around, tag, place, inner, zero)


def _stack(
    around: Pictures, tag: Tag, place: Place, inner: Pictures, zero: Fraction
) -> otio.schema.Stack:
    """A nest whose tracks begin at time ``zero`` of what it shows."""
    tracks, first = inner.tracks()
    stack = otio.schema.Stack(tag.get("name") or "")
    stack.source_range = otio.opentime.TimeRange(
        otio_time((place.media - zero - first) * inner.rate.fps, inner.rate),
        otio_time(place.length * around.rate.fps, around.rate),
    )
    if place.retime.speed != 1:
        stack.effects.append(warp(place.retime.speed))
    stack.effects.extend(effects(tag))
    if inner.refuse:
        stack.metadata["unisync"] = {"refuse": inner.refuse}
    base = place.media - zero - first
    slope = place.retime.slope
    stack.markers.extend(markers(tag, place.start, base, slope, inner.rate, around.rate))
    stack.extend(tracks)
    return stack


def _inside(around: Pictures, tag: Tag, retime: Retime) -> str | None:
    """Why nothing inside this nest can be processed."""
    if around.refuse or retime.is_plain:
        return around.refuse
    name = tag.get("name") or tag.name
    return f"It lies in the nest {name!r}, whose speed is changed"


def multicam(around: Pictures, tag: Tag, place: Place) -> tuple[otio.core.Item, str | None] | None:
    """A multicam clip: the clip under its angle, or else all that the angle shows there."""
    angle = active_angle(around.reader.resources, tag, place.media, place.length)
    around.reader.enter(angle.media, around.nest, tag)
    if angle.item is not None:
        made = _angle_clip(around, tag, place, angle, angle.item)
        if made is not None:
            return made
    why = angle.refuse or (
        "Its multicam angle shows more than one plain clip there; "
        "cut it where the angle is cut, or flatten it"
    )
    inner = around.inside(angle.rate(around.rate, around.reader), (), why)
    if angle.tag is not None:
        inner.nest = (*around.nest, angle.media)
        inner.spine(angle.tag, angle.zero, Fraction(0), 0)
    return _stack(around, tag, place, inner, angle.zero), None


def _angle_clip(
    around: Pictures, tag: Tag, place: Place, angle: Angle, shown: Tag
) -> tuple[otio.core.Item, str | None] | None:
    """A multicam clip whose angle shows one clip all along is that clip."""
    inside = contents(shown) if shown.name == "clip" else [shown]
    source = inside[0] if len(inside) == 1 and not keyed(shown) else None
    if source is None or source.name not in ("asset-clip", "video") or angle.source is None:
        return None
    resource = around.reader.resources.of(source, "asset", "effect")
    if resource.name == "effect" or any(around.reader.shows(c) for c in source.story()):
        return None
    asset = around.reader.resources.asset(resource)
    if not asset.has_video or not retime_of(shown, angle.rate(around.rate, around.reader)).is_plain:
        return None
    shift = shift_in(shown, source, asset) + angle.shift(around.reader, shown)
    sound = tag.get("srcEnable") != "video"
    item = around.new(tag, source, asset, place, sound)
    return around.leaf(replace(item, angle=angle, shift=shift), tag, place)
