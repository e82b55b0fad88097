"""Motion of a clipitem: whether one may see past it what lies below.

Final Cut's fixed effects, as Premiere and Resolve write them too: ``basic`` (scale), ``crop`` and
``opacity``. A scale is of the media's own size, so what is larger than the frame may be scaled down
and still fill it. What moves or turns a picture is taken to leave it in place.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import opentimelineio as otio

from .scan import Element

_WORDS = (">basic<", ">crop<", ">opacity<")
_SIDES = ("left", "right", "top", "bottom")
_WHOLE = 100.0

_MOTION = (
    '{"OTIO_SCHEMA":"Effect.1","effect_name":"motion","metadata":{"unisync":{"see_through":true}}}'
)
"""OTIO reads metadata from JSON in a fraction of the time that it takes to convert a dictionary."""

Raster = tuple[int, int]


class Framing:
    """How the clipitems of a document lie in their frames.

    An NLE writes the same few filters into clip after clip: those that read alike are opened once.
    """

    def __init__(self) -> None:
        self._read: dict[str, float] = {}

    def shows_below(self, clip: Element, raster: Raster | None, sequence: Element) -> bool:
        """Whether this clipitem is blended, faded, cropped or scaled down at any moment.

        Args:
            clip: the ``clipitem``.
            raster: width and height of its media, where the document says.
            sequence: the sequence it lies in, whose frame it may fill.
        """
        if (clip.text_of("compositemode") or "normal").casefold() != "normal":
            return True
        least = min(map(self._least, clip.all("filter")), default=_WHOLE)
        return least < _WHOLE and not _fills(raster, sequence, least)

    def _least(self, found: Element) -> float:
        """To how many percent of its size a filter takes a picture; 0 where one sees through it."""
        text = found.raw
        known = self._read.get(text)
        if known is None:
            known = self._read[text] = _least(found) if _may_shrink(text) else _WHOLE
        return known


def frame_of(sequence: Element) -> Raster | None:
    """Width and height of a sequence, where it says."""
    stated = sequence.first("media", "video", "format", "samplecharacteristics")
    if stated is None:
        return None
    width, height = stated.int_of("width"), stated.int_of("height")
    return (width, height) if width and height else None


def motion() -> otio.schema.Effect:
    """What stands in OTIO for motion that lets one see what lies below."""
    effect = otio.core.deserialize_json_from_string(_MOTION)
    assert isinstance(effect, otio.schema.Effect), "its JSON says so"
    return effect


def _may_shrink(text: str) -> bool:
    """A word is found faster than a filter is opened."""
    return any(word in text for word in _WORDS)


def _least(found: Element) -> float:
    effect = found.first("effect")
    if effect is None or found.is_false("enabled"):
        return _WHOLE
    kind = effect.text_of("effectid")
    stated = {p.text_of("parameterid"): _values(p) for p in effect.all("parameter")}
    if kind == "opacity":
        return 0 if min(stated.get("opacity", ()), default=_WHOLE) < _WHOLE else _WHOLE
    if kind == "crop":
        cropped = any(max(stated.get(side, ()), default=0) > 0 for side in _SIDES)
        return 0 if cropped else _WHOLE
    return min(stated.get("scale", ()), default=_WHOLE) if kind == "basic" else _WHOLE


def _fills(raster: Raster | None, sequence: Element, percent: float) -> bool:
    frame = frame_of(sequence)
    if raster is None or frame is None:
        return False
    # a percentage is rounded; a line missing at the edge is no picture in picture
    return all(whole - side * percent / 100 < 2 for side, whole in zip(raster, frame, strict=True))


def _values(parameter: Element) -> list[float]:
    """What it is at its keyframes, or else throughout."""
    keys = [key.text_of("value") for key in parameter.below("keyframe")]
    return list(_numbers(keys or [parameter.text_of("value")]))


def _numbers(texts: Iterable[str | None]) -> Iterable[float]:
    for text in texts:
        try:
            number = float(text or "")
        except ValueError:
            continue  # a point, a colour, or nothing
        if math.isfinite(number):
            yield number
