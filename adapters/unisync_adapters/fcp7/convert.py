"""The small parts of a clipitem as OTIO objects: where its source is, speed, marks, transitions."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from json.encoder import encode_basestring_ascii

import opentimelineio as otio

from ..otiotime import otio_range, otio_time
from ..ramp import Ramp
from ..timebase import PREMIERE_TICKS_PER_SECOND as _TICKS
from ..timebase import Rate, ticks_to_seconds
from .layout import Crossing, Placed
from .media import MediaFile
from .retime import PLAIN, Retime
from .scan import Element

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
MOTION = (
    '{"OTIO_SCHEMA":"Effect.1","effect_name":"motion","metadata":{"unisync":{"see_through":true}}}'
)
"""What stands in OTIO for motion that lets one see what lies below."""


def new_clip(
    name: str,
    media: otio.core.MediaReference,
    source_range: otio.opentime.TimeRange,
    noted: dict[str, str | int],
    effects: Sequence[str],
) -> otio.schema.Clip:
    """A clip with ``metadata["unisync"] = noted`` and these effects, as OTIO's JSON has them.

    OTIO reads metadata from JSON in a fraction of the time that it takes to convert a dictionary.
    """
    if not noted and not effects:
        return otio.schema.Clip(name, media, source_range)
    facts = ",".join([f'"{key}":{_json(value)}' for key, value in noted.items()])
    json = _CLIP % (encode_basestring_ascii(name), facts, ",".join(effects))
    clip = otio.core.deserialize_json_from_string(json)
    assert isinstance(clip, otio.schema.Clip), "its JSON says so"
    clip.source_range = source_range
    clip.media_reference = media
    return clip


def _json(value: str | int) -> str:
    return encode_basestring_ascii(value) if isinstance(value, str) else str(value)


def effect_of(json: str) -> otio.schema.Effect:
    """The effect that OTIO's JSON describes."""
    effect = otio.core.deserialize_json_from_string(json)
    assert isinstance(effect, otio.schema.Effect), "its JSON says so"
    return effect


def source_frame(
    element: Element, media: MediaFile | None, retime: Retime, clock: Rate, plate: Rate
) -> int | Fraction | None:
    """Frame of the file, at its own rate, that is shown where the clip's ``in`` stands.

    Premiere's ticks are the truth where it plays forward. What they mean in a clip that plays
    backwards is documented nowhere, so there the retimed ``in`` decides.
    """
    ticks = element.int_of("pproTicksIn")
    if ticks is not None and ticks >= 0 and (retime is PLAIN or retime.speed > 0):
        frames, rest = divmod(ticks * plate.fps.numerator, _TICKS * plate.fps.denominator)
        return frames if not rest else ticks_to_seconds(ticks) * plate.fps
    entry = element.int_of("in") or 0
    if retime is PLAIN and (clock is plate or clock == plate):
        return entry
    length = media.duration if media else None
    frame = retime.source_frame(
        Fraction(entry), None if length is None else int(length * clock.fps / plate.fps)
    )
    return None if frame is None else frame * plate.fps / clock.fps


def refusal(placed: Placed, media: MediaFile | None, clock: Rate, record: Rate) -> str | None:
    element = placed.element
    if element.first("multiclip") is not None:
        return "It is a multicam clip; flatten it to the angle in use"
    if placed.crossed:
        return "It overlaps its neighbour in the track"
    if media is None:
        return "It has no media file"
    entry, exit_ = element.int_of("in"), element.int_of("out")
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


def warp(retime: Retime, ramp: Ramp | None = None) -> str:
    """The effect of a retime, as OTIO's JSON has it; ``ramp`` is as :func:`ramp_shown` gave it."""
    if ramp is not None:
        return str(ramp.effect().to_json_string())
    if retime.refuse:
        return _UNKNOWN_SPEED
    return _SPEED % (float(retime.speed), retime.speed) if retime.speed else _FREEZE


def transition(item: Crossing, rate: Rate) -> otio.schema.Transition:
    effect = item.element.first("effect")
    dissolve = effect is not None and effect.text_of("effectcategory") == "Dissolve"
    return otio.schema.Transition(
        name=(effect.text_of("name") if effect is not None else None) or "",
        transition_type="SMPTE_Dissolve" if dissolve else "Custom_Transition",
        in_offset=otio_time(item.cut - item.start, rate),
        out_offset=otio_time(item.end - item.cut, rate),
    )


def sequence_markers(sequence: Element, rate: Rate) -> list[otio.schema.Marker]:
    return [marker(m, 0, 0, 1, rate) for m in sequence.all("marker")]


def marker(
    element: Element, entry: int, base: int | Fraction, scale: int | Fraction, rate: Rate
) -> otio.schema.Marker:
    """A marker whose ``in`` counts in a clock where frame ``entry`` is source frame ``base``."""
    start, end = element.int_of("in") or 0, element.int_of("out")
    length = max(0, end - start) if end is not None and end >= 0 else 0
    return otio.schema.Marker(
        name=element.text_of("name") or "",
        marked_range=otio_range(
            Fraction(base + (start - entry) * scale), length * abs(Fraction(scale)), rate
        ),
        comment=element.text_of("comment") or "",
    )
