"""Speed changes: Avid's Motion Control, and the Video Speed Control of the AAF specification.

Both are an ``OperationGroup`` whose input is the clip at its own speed. ``SpeedRatio`` is output
length to input length, a rounded number in Avid's case; what Avid plays is ``PARAM_SPEED_MAP_U``
(input frames an output frame, keyframed) and its integral ``PARAM_SPEED_OFFSET_MAP_U``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from aaf2 import misc

from .mobs import exact, length_of, value_of

_NINE_DIGITS = Fraction(1, 10**8)
"""Avid's: 0.333333333 is a third."""
_SIX_DIGITS = Fraction(6, 10**7)
"""Premiere's: a ratio of 1.111111 is 90 %."""
UNPLACED = "Its speed change does not say which frame it begins with; render it in the NLE"
RAMP = "Its speed changes while it plays; render the effect in the NLE, or flatten it"


@dataclass(frozen=True, slots=True)
class Retime:
    """A constant speed, or why there is none.

    Attributes:
        speed: input frames an output frame; negative plays backwards, 0 holds one.
        offset: input frames from the input's start to the picture that is shown first.
        refuse: why it cannot be processed, as a sentence.
    """

    speed: Fraction = Fraction(1)
    offset: Fraction = Fraction(0)
    refuse: str | None = None


def retime_of(group: Any) -> Retime | None:
    """The speed change that an OperationGroup makes; None if it makes none."""
    values = _parameters(group)
    inputs = value_of(group, "InputSegments", ())
    held = length_of(inputs[0]) if inputs else 0
    if "paramspeedmapu" in values:
        return _placed(_avid(values), length_of(group), held)
    if "speedratio" in values:
        return _standard(values["speedratio"], held)
    operation = value_of(group, "Operation")
    if operation is not None and value_of(operation, "IsTimeWarp", False):
        return Retime(refuse=f"It is retimed by {operation.name!r}; render it in the NLE")
    return None


def _parameters(group: Any) -> dict[str, Any]:
    """Parameters by name, in lower case without blanks and underscores."""
    found = {}
    for parameter in value_of(group, "Parameters", ()):
        definition = parameter.parameterdef if hasattr(parameter, "parameterdef") else None
        name = str(definition.name) if definition is not None else ""
        found[re.sub(r"[\s_]", "", name).lower()] = parameter
    return found


def _avid(values: dict[str, Any]) -> Retime:
    points = _points(values["paramspeedmapu"])
    speeds = {_unrounded(value) for _, value in points}
    if len(speeds) != 1:
        return Retime(refuse=RAMP)
    offset = Fraction(0)
    if "paramspeedoffsetmapu" in values:
        offsets = _points(values["paramspeedoffsetmapu"])
        offset = next((_unrounded(v) for t, v in offsets if t == 0), Fraction(0))
    return Retime(speed=speeds.pop(), offset=offset)


def _placed(retime: Retime, length: int, held: int) -> Retime:
    """The retime, if what it shows lies in its input: how Avid anchors a map is not documented."""
    last = retime.offset + retime.speed * max(0, length - 1)
    plain = retime.speed >= 0 and retime.offset == 0
    if (
        retime.refuse
        or plain
        or (min(retime.offset, last) > -1 and max(retime.offset, last) < held)
    ):
        return retime
    return Retime(refuse=UNPLACED)


def _standard(parameter: Any, held: int) -> Retime:
    """Backwards, the input is played from its last frame."""
    ratios = {value for _, value in _points(parameter)}
    if len(ratios) != 1:
        return Retime(refuse=RAMP)
    ratio = ratios.pop()
    speed = _unrounded(1 / ratio, _SIX_DIGITS) if ratio else Fraction(0)
    return Retime(speed, Fraction(held - 1 if speed < 0 else 0))


def _points(parameter: Any) -> list[tuple[Fraction, Fraction]]:
    """Time and value of every keyframe; a constant is one keyframe at 0."""
    if isinstance(parameter, misc.VaryingValue):
        points = value_of(parameter, "PointList", ())
        return [(exact(p["Time"].value), exact(p["Value"].value)) for p in points]
    return [(Fraction(0), exact(value_of(parameter, "Value")))]


def _unrounded(value: Fraction, rounding: Fraction = _NINE_DIGITS) -> Fraction:
    """The simple fraction that a decimal is a rounding of: 1.33333333 is 4/3."""
    for most in (100, 1000, 10_000):
        simple = value.limit_denominator(most)
        if abs(simple - value) <= rounding * max(Fraction(1), abs(value)):
            return simple
    return value
