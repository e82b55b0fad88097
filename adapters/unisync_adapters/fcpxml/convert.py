"""The small parts of a story element as OTIO objects: media, markers, effects, speed."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import opentimelineio as otio

from ..otiotime import otio_range, otio_time
from ..timebase import Rate
from .resources import Asset
from .tags import Tag

_MARKERS = frozenset(("marker", "chapter-marker"))
_ADJUSTED = frozenset(("adjust-transform", "adjust-blend", "adjust-crop", "adjust-corners"))
_STILL = {"position": (0.0, 0.0), "rotation": (0.0,)}


def reference(asset: Asset, drop: bool, reel: str | None, rate: Rate) -> otio.core.MediaReference:
    """An asset as OTIO holds it, at this rate where the document states none."""
    plate = asset.rate or rate
    facts: dict[str, Any] = {"rate": str(plate), "drop": drop}
    if asset.reel or reel:
        facts["reel"] = asset.reel or reel
    if asset.format is not None and asset.format.raster is not None:
        facts["raster"] = list(asset.format.raster)
    if asset.kind == "still":
        facts["still"] = True
    if asset.kind == "sequence":
        facts["sequence"] = True
    whole = None
    if asset.duration:
        whole = otio_range(asset.start * plate.fps, asset.duration * plate.fps, plate)
    if not asset.url:
        facts["offline"] = True
        return otio.schema.MissingReference(asset.name, whole, {"unisync": facts})
    media = otio.schema.ExternalReference(asset.url, whole, {"unisync": facts})
    media.name = asset.name
    return media


def generator(tag: Tag, name: str, seconds: Fraction, rate: Rate, kind: str) -> otio.schema.Clip:
    """A title or generator."""
    return otio.schema.Clip(
        name,
        otio.schema.GeneratorReference(name=name, generator_kind=kind),
        otio_range(0, seconds * rate.fps, rate),
    )


def warp(speed: Fraction) -> otio.schema.LinearTimeWarp:
    """A constant speed: media seconds per record second."""
    facts = {"unisync": {"speed": str(speed)}}
    if speed == 0:
        freeze = otio.schema.FreezeFrame()
        freeze.metadata.update(facts)
        return freeze
    return otio.schema.LinearTimeWarp("speed", time_scalar=float(speed), metadata=facts)


def markers(
    tag: Tag, zero: Fraction, base: Fraction, slope: Fraction, rate: Rate, record: Rate
) -> list[otio.schema.Marker]:
    """The markers on an element whose clock, at ``zero``, is at second ``base`` there.

    Args:
        slope: seconds there per second of the clock.
        rate: in which they are counted there; their lengths are counted in ``record``.
    """
    found = []
    for mark in tag.children():
        if mark.name not in _MARKERS:
            continue
        start = mark.time("start") or Fraction(0)
        length = mark.length() or Fraction(0)
        found.append(
            otio.schema.Marker(
                name=mark.get("value") or "",
                marked_range=otio.opentime.TimeRange(
                    otio_time((base + (start - zero) * slope) * rate.fps, rate),
                    otio_time(length * record.fps, record),
                ),
                comment=mark.get("note") or "",
            )
        )
    return found


def effects(tag: Tag) -> list[otio.schema.Effect]:
    """Filters by name, and what is adjusted; whether one can see past it is said of each."""
    found = []
    for child in tag.children():
        if child.is_off("enabled"):
            continue
        if child.name in ("filter-video", "filter-video-mask"):
            found.append(otio.schema.Effect(child.get("name") or "", effect_name=child.name))
        elif child.name in _ADJUSTED:
            facts = {"unisync": {"see_through": _shows_below(child)}}
            found.append(otio.schema.Effect(effect_name=child.name, metadata=facts))
    return found


def _shows_below(adjust: Tag) -> bool:
    """Whether this adjustment may let one see what lies below, at any moment."""
    if adjust.first("param") is not None:
        return True
    if adjust.name == "adjust-blend":
        faded = any(value != 1 for value in _numbers(adjust.get("amount")))
        return faded or (adjust.get("mode") or "0") != "0"
    if adjust.name == "adjust-crop":
        # pan and crop fill the frame again, trim does not
        return adjust.get("mode") == "trim"
    if adjust.name == "adjust-corners":
        return True
    moved = any(
        tuple(_numbers(adjust.get(name))) not in ((), still) for name, still in _STILL.items()
    )
    return moved or any(value < 1 for value in _numbers(adjust.get("scale")))


def _numbers(text: str | None) -> list[float]:
    try:
        return [float(part) for part in (text or "").split()]
    except ValueError:
        return []
