"""A cut list as an OpenTimelineIO timeline, by the contract of :mod:`.document`."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from json.encoder import encode_basestring_ascii
from typing import Any

import opentimelineio as otio

from .cutlist import UNCHANGED, Clip, CutList, Mark, Moment, Nest, Track, Transition
from .otiotime import otio_range, otio_time
from .timebase import Rate

_CLIP = (
    '{"OTIO_SCHEMA":"Clip.2","name":%s,"metadata":{"unisync":{%s}},"effects":[%s],'
    '"media_references":{},"active_media_reference_key":"DEFAULT_MEDIA"}'
)
_SPEED = (
    '{"OTIO_SCHEMA":"LinearTimeWarp.1","name":"speed","effect_name":"LinearTimeWarp",'
    '"time_scalar":%r,"metadata":{"unisync":{"speed":"%s"}}}'
)
_UNKNOWN_SPEED = '{"OTIO_SCHEMA":"TimeEffect.1","name":"ramp","effect_name":"TimeRamp"}'
_FREEZE = (
    '{"OTIO_SCHEMA":"FreezeFrame.1","effect_name":"FreezeFrame","time_scalar":0.0,'
    '"metadata":{"unisync":{"speed":"0"}}}'
)
_MOTION = (
    '{"OTIO_SCHEMA":"Effect.1","effect_name":"motion","metadata":{"unisync":{"see_through":true}}}'
)


def timeline_of(cuts: CutList) -> otio.schema.Timeline:
    """The timeline that says what this cut list says."""
    timeline = otio.schema.Timeline(
        name=cuts.name,
        global_start_time=None if cuts.start is None else otio_time(cuts.start, cuts.rate),
        metadata={"unisync": {"rate": str(cuts.rate), "drop": cuts.drop}},
    )
    timeline.tracks.markers.extend(_markers(cuts.marks, cuts.rate))
    timeline.tracks.extend(_tracks(cuts))
    return timeline


def _tracks(cuts: CutList) -> Iterator[otio.schema.Track]:
    for track in cuts.tracks:
        made = otio.schema.Track(
            name=track.name,
            children=list(_children(track, cuts.rate)),
            kind=track.kind,
            metadata={"unisync": _noted(track)},
        )
        made.enabled = track.enabled
        yield made


def _noted(track: Track) -> dict[str, Any]:
    noted = {"locked": track.locked, "language": track.language, "channels": track.channels}
    return {key: value for key, value in noted.items() if value is not None}


def _children(track: Track, rate: Rate) -> Iterator[otio.core.Composable]:
    end: Moment = 0
    for item in track.items:
        if item.at > end:
            yield otio.schema.Gap(source_range=otio_range(0, item.at - end, rate))
            end = item.at
        if isinstance(item, Transition):
            yield otio.schema.Transition(
                name=item.name,
                transition_type=item.kind,
                in_offset=otio_time(item.before, rate),
                out_offset=otio_time(item.after, rate),
            )
            continue
        yield _clip(item, rate) if isinstance(item, Clip) else _nest(item, rate)
        end = item.at + item.length


def _clip(clip: Clip, rate: Rate) -> otio.schema.Clip:
    """OTIO reads metadata from JSON in a fraction of the time it takes to convert a dictionary."""
    noted = {"origin": clip.origin, "refuse": clip.refuse}
    facts = [f'"{key}":{encode_basestring_ascii(text)}' for key, text in noted.items() if text]
    if clip.channel is not None:
        facts.append(f'"source_track":{clip.channel}')
    effects = [*_speed(clip), *([_MOTION] if clip.uncovers else [])]
    played = otio.opentime.TimeRange(
        otio_time(clip.start, clip.clock), otio_time(clip.length, rate)
    )
    if facts or effects:
        json = _CLIP % (encode_basestring_ascii(clip.name), ",".join(facts), ",".join(effects))
        made = otio.core.deserialize_json_from_string(json)
        assert isinstance(made, otio.schema.Clip), "its JSON says so"
        made.source_range, made.media_reference = played, clip.media
    else:
        made = otio.schema.Clip(clip.name, clip.media, played)
    made.enabled = clip.enabled
    made.markers.extend(_markers(clip.marks, clip.clock))
    return made


def _speed(clip: Clip) -> Iterator[str]:
    """The effect of a retime, as OTIO's JSON has it."""
    if clip.ramp is not None:
        yield str(clip.ramp.effect().to_json_string())
    elif clip.ramped:
        yield _UNKNOWN_SPEED
    elif not clip.speed:
        yield _FREEZE
    elif clip.speed is not UNCHANGED:
        yield _SPEED % (float(clip.speed), clip.speed)


def _nest(nest: Nest, rate: Rate) -> otio.schema.Stack:
    cuts = nest.cuts
    stack = otio.schema.Stack(nest.name)
    start = 0 if cuts.trim is None else cuts.trim[0]
    stack.source_range = otio.opentime.TimeRange(
        otio_time(start, cuts.rate), otio_time(nest.length, rate)
    )
    if nest.refuse:
        stack.metadata["unisync"] = {"refuse": nest.refuse}
    if nest.uncovers:
        motion = otio.core.deserialize_json_from_string(_MOTION)
        assert isinstance(motion, otio.schema.Effect), "its JSON says so"
        stack.effects.append(motion)
    stack.enabled = nest.enabled
    stack.markers.extend(_markers(cuts.marks, cuts.rate))
    stack.extend(_tracks(cuts))
    return stack


def _markers(marks: tuple[Mark, ...], rate: Rate) -> Iterator[otio.schema.Marker]:
    for mark in marks:
        yield otio.schema.Marker(
            name=mark.name,
            marked_range=otio_range(Fraction(mark.start), Fraction(mark.length), rate),
            comment=mark.comment,
        )
