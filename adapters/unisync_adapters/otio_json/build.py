"""Scanned OTIO JSON made into OpenTimelineIO objects, one schema at a time.

The library's own reader refuses a whole file for one schema or version it does not know. Here
every object is made by hand from the members that it has: newer versions are read as the version
the installed library knows, and what is unknown becomes the nearest neutral object.
"""

from __future__ import annotations

import opentimelineio as otio

from ..errors import EditError
from .fields import (
    count_of,
    held,
    number_of,
    read_metadata,
    read_range,
    read_time,
    schema_of,
    text_of,
)
from .scan import Node

_ZERO = otio.opentime.RationalTime(0, 24)


def build_item(node: Node) -> otio.core.Composable:
    """Whatever stands in a track or a stack.

    Raises:
        EditError: something whose length in its track cannot be told.
    """
    try:
        return _build_item(node)
    except EditError as error:
        error.clip = error.clip or text_of(node, "name") or None
        raise


def _build_item(node: Node) -> otio.core.Composable:
    schema = schema_of(node)
    if schema == "Transition" or node.get("in_offset") is not None:
        return _build_transition(node)
    if schema == "Clip" or node.get("media_references") or node.get("media_reference"):
        return build_clip(node)
    if schema == "Timeline" and (tracks := node.get("tracks")):
        return build_item(tracks)
    if (children := node.get("children")) is not None:
        return _build_composition(node, children)
    if schema in ("Gap", "Filler"):
        gap = otio.schema.Gap()
        _fill(gap, node)
        return gap
    item = otio.core.Item()
    _fill(item, node)
    if item.source_range is None:
        raise EditError(
            f"An object of the unknown kind {schema!r} has no length in its track",
            clip=item.name or None,
            remedy="Replace it in the edit and export again",
        )
    return item


def _fill(item: otio.core.Item, node: Node) -> None:
    """What every item has: name, range, effects, markers, enabled, metadata."""
    item.name = held(text_of(node, "name"))
    item.metadata.update(read_metadata(node.get("metadata")))
    source_range = node.get("source_range")
    if source_range is not None and source_range.value is not None:
        item.source_range = read_range(source_range)
        if item.source_range is None:
            raise EditError("The source range is no time", clip=item.name or None)
    for key, target, build in (
        ("effects", item.effects, build_effect),
        ("markers", item.markers, build_marker),
    ):
        member = node.get(key)
        target.extend([build(n) for n in member.items if n.members] if member else [])
    enabled = node.get("enabled")
    item.enabled = enabled is None or enabled.value is not False


def _build_composition(node: Node, children: Node) -> otio.core.Composition:
    """A track, or anything else with children as a stack."""
    composition: otio.core.Composition
    if schema_of(node) in ("Track", "Sequence"):
        kind = held(text_of(node, "kind")) or otio.schema.TrackKind.Video
        composition = otio.schema.Track(kind=kind)
    else:
        composition = otio.schema.Stack()
    _fill(composition, node)
    composition.extend([build_item(child) for child in children.items])
    return composition


def _build_transition(node: Node) -> otio.schema.Transition:
    return otio.schema.Transition(
        name=held(text_of(node, "name")),
        transition_type=held(text_of(node, "transition_type")),
        in_offset=read_time(node.get("in_offset")) or _ZERO,
        out_offset=read_time(node.get("out_offset")) or _ZERO,
        metadata=read_metadata(node.get("metadata")),
    )


def build_effect(node: Node) -> otio.schema.Effect:
    """A speed effect as such; any other effect, known or not, as a neutral ``Effect``."""
    schema = schema_of(node)
    effect: otio.schema.Effect
    if schema == "FreezeFrame":
        effect = otio.schema.FreezeFrame()
    elif schema == "LinearTimeWarp":
        effect = otio.schema.LinearTimeWarp(time_scalar=number_of(node.get("time_scalar"), 1.0))
    elif schema == "TimeEffect":
        effect = otio.schema.TimeEffect()
    else:
        effect = otio.schema.Effect()
    effect.name = held(text_of(node, "name"))
    effect.effect_name = held(text_of(node, "effect_name")) or schema
    effect.metadata.update(read_metadata(node.get("metadata")))
    return effect


def build_marker(node: Node) -> otio.schema.Marker:
    """A marker; ``Marker.3`` has its colour's name inside a ``Color``."""
    colour = node.get("color")
    label = (colour.text or text_of(colour, "name")) if colour else None
    return otio.schema.Marker(
        name=held(text_of(node, "name")),
        marked_range=read_range(node.get("marked_range")) or otio.opentime.TimeRange(_ZERO, _ZERO),
        color=held(label or otio.schema.MarkerColor.RED).upper(),
        metadata=read_metadata(node.get("metadata")),
        comment=held(text_of(node, "comment")),
    )


def build_clip(node: Node) -> otio.schema.Clip:
    """A clip with all its media references, ``Clip.1`` or later."""
    clip = otio.schema.Clip()
    _fill(clip, node)
    active = active_key(node)
    references = {
        held(key): build_reference(member)
        for key, member in reference_nodes(node).items()
        if key and member.members
    }
    references.setdefault(held(active), otio.schema.MissingReference())
    clip.set_media_references(references, held(active))
    return clip


def reference_nodes(clip: Node) -> dict[str, Node]:
    """A clip's media references by key; ``Clip.1`` has one, without a key."""
    references = clip.get("media_references")
    if references is not None:
        return references.members
    single = clip.get("media_reference")
    return {} if single is None else {active_key(clip): single}


def active_key(clip: Node) -> str:
    """Key of the media reference that plays."""
    return text_of(clip, "active_media_reference_key") or otio.schema.Clip.DEFAULT_MEDIA_KEY


def build_reference(node: Node) -> otio.core.MediaReference:
    """A media reference; an unknown kind is external if it has a URL, else missing."""
    schema = schema_of(node)
    reference: otio.core.MediaReference
    if schema == "ImageSequenceReference":
        reference = _build_sequence(node)
    elif schema == "GeneratorReference":
        reference = otio.schema.GeneratorReference(
            generator_kind=held(text_of(node, "generator_kind")),
            parameters=read_metadata(node.get("parameters")),
        )
    elif schema != "MissingReference" and text_of(node, "target_url"):
        reference = otio.schema.ExternalReference(target_url=held(text_of(node, "target_url")))
    else:
        reference = otio.schema.MissingReference()
    reference.name = held(text_of(node, "name"))
    reference.available_range = read_range(node.get("available_range"))
    reference.metadata.update(read_metadata(node.get("metadata")))
    return reference


def _build_sequence(node: Node) -> otio.schema.ImageSequenceReference:
    return otio.schema.ImageSequenceReference(
        target_url_base=held(text_of(node, "target_url_base")),
        name_prefix=held(text_of(node, "name_prefix")),
        name_suffix=held(text_of(node, "name_suffix")),
        start_frame=count_of(node.get("start_frame"), 1),
        frame_step=count_of(node.get("frame_step"), 1),
        rate=number_of(node.get("rate"), 1.0),
        frame_zero_padding=count_of(node.get("frame_zero_padding"), 0),
    )
