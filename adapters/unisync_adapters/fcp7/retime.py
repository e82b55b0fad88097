"""Speed changes of a clipitem: the ``timeremap`` filter, stills, and where the source really is.

In a retimed clipitem ``in``, ``out`` and ``duration`` count frames of the *retimed* media: at
200 % ``in`` 1957 shows source frame 3914. Premiere states the true place in ``pproTicksIn``; Final
Cut writes the map itself as keyframes (``graphdict``); both are taken before any arithmetic.

A ramp (``variablespeed``) is read where its keyframes are corners, between which the map is
straight. Handles on a keyframe (``inbez`` …) and Premiere's eased ones (``pproRampStart`` …) bend
it in a way that is documented nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from ..cutlist import UNCHANGED
from ..errors import TimeError
from ..ramp import Knot, Ramp
from .filters import Filters
from .scan import Element
from .stated import Stated


@dataclass(frozen=True, slots=True)
class Retime:
    """A clipitem's speed.

    Attributes:
        speed: source seconds per record second; negative plays backwards, 0 holds one frame.
            1 where it changes over time.
        filter: the ``timeremap`` filter, which leaves the document when the retime is baked.
        map: retimed frame and source frame of one point, where the document states one.
        ramp: of a speed that changes over time, retimed frames and source frames, both in the
            clipitem's clock.
        refuse: why it cannot be processed, as a sentence.
    """

    speed: Fraction = UNCHANGED
    filter: Element | None = None
    map: tuple[Fraction, Fraction] | None = None
    ramp: Ramp | None = None
    refuse: str | None = None

    @property
    def shown(self) -> Fraction:
        """The speed as a number that a double stands for: 33.3333 % is 1/3."""
        return self.speed if self is PLAIN else self.speed.limit_denominator(100_000)

    def source_frame(self, frame: Fraction, length: int | None) -> Fraction | None:
        """Source frame shown at ``frame`` of the retimed media, ``length`` source frames long.

        Without a stated map a backward clip is the media played from its last frame. None when
        that would be needed and the length is unknown.
        """
        if self.map is not None:
            return self.map[1] + (frame - self.map[0]) * self.speed
        if self.speed > 0:
            return frame * self.speed
        if self.speed == 0:
            return frame
        return None if length is None else length - 1 + frame * self.speed


PLAIN = Retime()


def retime_of(clip: Stated, filters: Filters) -> Retime:
    """The retime of a clipitem with these filters."""
    if clip.is_still:
        offset = clip.element.int_of("stillframeoffset")
        at = None if offset is None else (Fraction(0), Fraction(offset))
        return Retime(Fraction(0), None, at)
    if not filters.remap:
        return PLAIN
    remap = next(filter(_is_remap, clip.element.all("filter")), None)
    return PLAIN if remap is None else _read(remap)


def _is_remap(found: Element) -> bool:
    return found.text_of("effect", "effectid") == "timeremap" and not found.is_false("enabled")


def _read(found: Element) -> Retime:
    effect = found.first("effect")
    assert effect is not None, "_is_remap has seen it"
    by_id = {p.text_of("parameterid"): p for p in effect.all("parameter")}
    variable = by_id.get("variablespeed")
    if variable is not None and (variable.text_of("value") or "0").casefold() not in ("0", "false"):
        return _variable(found, by_id)
    speed = _percent(by_id.get("speed"))
    if speed is None:
        return Retime(filter=found, refuse="Its speed filter states no speed")
    reverse = by_id.get("reverse")
    if reverse is not None and reverse.is_true("value"):
        speed = -abs(speed)
    if speed == 1:
        return PLAIN
    return Retime(speed, found, _graph(by_id.get("graphdict"), speed))


_EXPORT = "export the clip as rendered media and relink it to that"
_CORNER = frozenset(
    ("when", "value", "speedvirtualkf", "speedkfstart", "speedkfin", "speedkfout", "speedkfend")
)
"""What a keyframe holds that is a corner; the names in ``speedkf`` say why it is there."""

_STRAIGHT = (None, "FCPCurve", "linear")
_NUMBER = re.compile(r"\s*-?\d{1,12}(\.\d{1,12})?\s*")


def _variable(found: Element, by_id: dict[str | None, Element]) -> Retime:
    """A ramp, if its keyframes say exactly what is shown when."""
    graph, reverse = by_id.get("graphdict"), by_id.get("reverse")
    keys = [] if graph is None else list(graph.below("keyframe"))
    if graph is None or len(keys) < 2:
        why = f"Its speed changes over time (a ramp), and the edit does not say how; {_EXPORT}"
        return Retime(filter=found, refuse=why)
    names = {child.tag for key in keys for child in key.children()}
    if names - _CORNER or graph.text_of("interpolation", "name") not in _STRAIGHT:
        why = (
            "Its speed ramp is smooth between its keyframes, by a curve that is documented "
            f"nowhere; make them corners, or {_EXPORT}"
        )
        return Retime(filter=found, refuse=why)
    try:
        ramp = _corners(keys)
    except TimeError as error:
        return Retime(filter=found, refuse=f"{error.what}; {_EXPORT}")
    if ramp.falls or (reverse is not None and reverse.is_true("value")):
        why = (
            "Its speed ramp plays backwards in part, and the format does not say from which "
            f"frame; {_EXPORT}"
        )
        return Retime(filter=found, refuse=why)
    return Retime(filter=found, ramp=ramp)


def _corners(keys: Sequence[Element]) -> Ramp:
    """The map through the keyframes that an editor set, and beyond them through virtual ones.

    Programs add virtual keyframes on the curve, rounded, where the clip and its media begin and
    end; Premiere is known to write a negative frame into one.

    Raises:
        TimeError: no number, two keyframes at one time, or a virtual one that is off the line.
    """
    points = [(_knot(key), key.is_true("speedvirtualkf")) for key in keys]
    virtual = {knot for knot, added in points if added and knot[1] >= 0}
    real = {knot for knot, added in points if not added}
    if len(real) < 2:
        return Ramp(tuple(sorted(real | virtual)))
    inner = Ramp(tuple(sorted(real)))
    begin, end = inner.knots[0][0], inner.knots[-1][0]
    if any(begin <= w <= end and abs(inner.at(w) - shown) > 1 for w, shown in virtual):
        raise TimeError("The points of its speed ramp do not lie on straight lines")
    return Ramp(tuple(sorted(real | {knot for knot in virtual if not begin <= knot[0] <= end})))


def _knot(key: Element) -> Knot:
    texts = key.text_of("when") or "", key.text_of("value") or ""
    if not all(map(_NUMBER.fullmatch, texts)):
        raise TimeError("A point of its speed ramp is no number")
    return Fraction(texts[0]), Fraction(texts[1])


def _percent(parameter: Element | None) -> Fraction | None:
    text = parameter.text_of("value") if parameter is not None else None
    try:
        return None if text is None else Fraction(text) / 100
    except ValueError:
        return None


def _graph(parameter: Element | None, speed: Fraction) -> tuple[Fraction, Fraction] | None:
    """A point of the map, if its keyframes lie on one line of this speed (to half a frame)."""
    if parameter is None:
        return None
    try:
        points = [
            (Fraction(k.text_of("when") or ""), Fraction(k.text_of("value") or ""))
            for k in parameter.below("keyframe")
        ]
    except ValueError:
        return None
    if len(points) < 2:
        return None
    (first, at), *rest = points
    if any(abs(value - at - (when - first) * speed) > 1 for when, value in rest):
        return None
    return first, at
