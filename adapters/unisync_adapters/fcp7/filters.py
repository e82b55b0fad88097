"""What the filters of clipitems say: an NLE writes the same few into clip after clip."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .scan import Element
from .stated import Stated

WHOLE = 100.0
_SHRINKING = (">basic<", ">crop<", ">opacity<")
_SIDES = ("left", "right", "top", "bottom")


class Filters(NamedTuple):
    """All filters of one clipitem.

    Attributes:
        least: to how many percent of its size they take the picture at any moment; 0 where they
            crop it or fade it down.
        remap: one of them may change its speed.
        keyed: they have keyframes, which count in the clipitem's clock.
    """

    least: float = WHOLE
    remap: bool = False
    keyed: bool = False


_NONE = Filters()


class FilterTable:
    """The filters of a document's clipitems; those that read alike are opened once."""

    def __init__(self) -> None:
        self._known: dict[str, Filters] = {}

    def of(self, clip: Stated) -> Filters:
        """What the filters of this clipitem say."""
        text = clip.filters
        if not text:
            return _NONE
        known = self._known.get(text)
        if known is None:
            known = self._known[text] = Filters(
                # a word is found faster than a filter is opened
                _least(clip.element.all("filter"))
                if any(word in text for word in _SHRINKING)
                else WHOLE,
                "timeremap" in text,
                "<keyframe" in text,
            )
        return known


def _least(filters: Sequence[Element]) -> float:
    effects = (found.first("effect") for found in filters if not found.is_false("enabled"))
    return min((_left(effect) for effect in effects if effect is not None), default=WHOLE)


def _left(effect: Element) -> float:
    """Percent of the picture's size that one effect leaves: scale, crop or opacity."""
    kind = effect.text_of("effectid")
    stated = {p.text_of("parameterid"): _values(p) for p in effect.all("parameter")}
    if kind == "opacity":
        return 0 if min(stated.get("opacity", ()), default=WHOLE) < WHOLE else WHOLE
    if kind == "crop":
        cropped = any(max(stated.get(side, ()), default=0) > 0 for side in _SIDES)
        return 0 if cropped else WHOLE
    return min(stated.get("scale", ()), default=WHOLE) if kind == "basic" else WHOLE


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
