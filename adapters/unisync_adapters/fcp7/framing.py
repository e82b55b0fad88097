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

Raster = tuple[int, int]


def shows_below(clip: Element, raster: Raster | None, sequence: Element) -> bool:
    """Whether this clipitem is blended, faded, cropped or scaled down at any moment.

    Args:
        clip: the ``clipitem``.
        raster: width and height of its media, where the document says.
        sequence: the sequence it lies in, whose frame it may fill.
    """
    if (clip.text_of("compositemode") or "normal").casefold() != "normal":
        return True
    text = clip.source.text
    # most clips have none of these, and a word is found faster than filters are opened
    if clip.content("filter") is None or all(
        text.find(word, clip.start, clip.end) == -1 for word in _WORDS
    ):
        return False
    effects = (f.first("effect") for f in clip.all("filter") if not f.is_false("enabled"))
    return any(_uncovers(effect, raster, sequence) for effect in effects if effect is not None)


def frame_of(sequence: Element) -> Raster | None:
    """Width and height of a sequence, where it says."""
    stated = sequence.first("media", "video", "format", "samplecharacteristics")
    if stated is None:
        return None
    width, height = stated.int_of("width"), stated.int_of("height")
    return (width, height) if width and height else None


def motion() -> otio.schema.Effect:
    """What stands in OTIO for motion that lets one see what lies below."""
    return otio.schema.Effect(effect_name="motion", metadata={"unisync": {"see_through": True}})


def _uncovers(effect: Element, raster: Raster | None, sequence: Element) -> bool:
    kind = effect.text_of("effectid")
    stated = {p.text_of("parameterid"): _values(p) for p in effect.all("parameter")}
    if kind == "opacity":
        return min(stated.get("opacity", ()), default=100) < 100
    if kind == "crop":
        return any(max(stated.get(side, ()), default=0) > 0 for side in _SIDES)
    least = min(stated.get("scale", ()), default=100)
    return kind == "basic" and least < 100 and not _fills(raster, sequence, least)


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
