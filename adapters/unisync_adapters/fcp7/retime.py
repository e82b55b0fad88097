"""Speed changes of a clipitem: the ``timeremap`` filter, stills, and where the source really is.

In a retimed clipitem ``in``, ``out`` and ``duration`` count frames of the *retimed* media: at
200 % ``in`` 1957 shows source frame 3914. Premiere states the true place in ``pproTicksIn``; Final
Cut writes the map itself as keyframes (``graphdict``); both are taken before any arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from .filters import Filters
from .scan import Element


@dataclass(frozen=True, slots=True)
class Retime:
    """A clipitem's speed.

    Attributes:
        speed: source seconds per record second; negative plays backwards, 0 holds one frame.
        filter: the ``timeremap`` filter, which leaves the document when the retime is baked.
        map: retimed frame and source frame of one point, where the document states one.
        refuse: why it cannot be processed, as a sentence.
    """

    speed: Fraction = Fraction(1)
    filter: Element | None = None
    map: tuple[Fraction, Fraction] | None = None
    refuse: str | None = None

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


def retime_of(clip: Element, filters: Filters) -> Retime:
    """The retime of a clipitem with these filters."""
    if clip.is_true("stillframe"):
        offset = clip.int_of("stillframeoffset")
        at = None if offset is None else (Fraction(0), Fraction(offset))
        return Retime(Fraction(0), None, at)
    if not filters.remap:
        return PLAIN
    remap = next(filter(_is_remap, clip.all("filter")), None)
    return PLAIN if remap is None else _read(remap)


def _is_remap(found: Element) -> bool:
    return found.text_of("effect", "effectid") == "timeremap" and not found.is_false("enabled")


def _read(found: Element) -> Retime:
    effect = found.first("effect")
    assert effect is not None, "_is_remap has seen it"
    by_id = {p.text_of("parameterid"): p for p in effect.all("parameter")}
    variable = by_id.get("variablespeed")
    if variable is not None and (variable.text_of("value") or "0").casefold() not in ("0", "false"):
        return Retime(filter=found, refuse="Its speed changes over time (a ramp)")
    speed = _percent(by_id.get("speed"))
    if speed is None:
        return Retime(filter=found, refuse="Its speed filter states no speed")
    reverse = by_id.get("reverse")
    if reverse is not None and reverse.is_true("value"):
        speed = -abs(speed)
    if speed == 1:
        return PLAIN
    return Retime(speed, found, _graph(by_id.get("graphdict"), speed))


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
