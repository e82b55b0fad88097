"""What a picture clip shows: media, a still, a generator; and whether one can see through it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sized
from fractions import Fraction
from itertools import islice
from pathlib import PurePosixPath
from typing import Protocol, TypeVar

import opentimelineio as otio
from opentimelineio._otio import AnyDictionary, AnyVector

MEDIA_SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in ("mov", "mp4", "m4v", "mxf", "avi", "mkv", "mts", "m2ts", "mpg", "ts", "dv")
)
"""Picture files worth opening in a search for offline media."""

_ALPHA_STILLS = frozenset((".png", ".psd", ".tif", ".tiff", ".tga", ".gif", ".webp", ".exr"))
_GENERATED = "A title, generator or adjustment layer has no media."
_STILL = "A still picture does not speak."
_NO_MEDIA = "The edit names no media for it: a title, a generator or a compound clip."


UNCHANGED = Fraction(1)
"""The speed of a clip without a retime."""

_T = TypeVar("_T", covariant=True)


class Listed(Iterable[_T], Sized, Protocol[_T]):
    """What OTIO lists things in."""


def each(listed: Listed[_T]) -> Iterable[_T]:
    """What OTIO lists, counted: its own end of an iteration costs more than a clip does."""
    count = len(listed)
    return islice(listed, count) if count else ()


def facts(item: otio.core.SerializableObjectWithMetadata) -> Mapping[str, object]:
    """What our readers noted on an object; lists are tuples."""
    try:
        noted = item.metadata["unisync"]
    except KeyError:
        return {}
    if not isinstance(noted, AnyDictionary):
        return {}
    return {key: _plain(noted[key]) for key in each(noted)}


def fact(item: otio.core.SerializableObjectWithMetadata, key: str) -> object:
    """One of the :func:`facts` of an object; None where it is not noted."""
    try:
        noted = item.metadata["unisync"]
        return _plain(noted[key]) if isinstance(noted, AnyDictionary) else None
    except KeyError:
        return None


def _plain(value: object) -> object:
    return tuple(each(value)) if isinstance(value, AnyVector) else value


def leave_reason(
    clip: otio.schema.Clip, media: otio.core.MediaReference, noted: Mapping[str, object]
) -> str | None:
    """Why there is no moving picture to work on; None when there is media (offline or not).

    Args:
        clip: the clip.
        media: what it plays.
        noted: the :func:`facts` of its media.
    """
    if isinstance(media, otio.schema.GeneratorReference):
        return _GENERATED
    if isinstance(media, otio.schema.MissingReference):
        named = {_suffix(media.name), _suffix(clip.name)} & MEDIA_SUFFIXES
        return None if named or "reel" in noted else _NO_MEDIA
    if noted.get("still"):
        return _STILL
    return None


def speed_of(effects: Iterable[otio.schema.Effect]) -> Fraction:
    """Media seconds per record second with these effects; 0 for a freeze frame."""
    speed = UNCHANGED
    for effect in effects:
        if isinstance(effect, otio.schema.LinearTimeWarp):
            # a double that stands for a percentage: 0.3333333 is 1/3, 1.12 is 28/25
            speed *= Fraction(effect.time_scalar).limit_denominator(100_000)
    return speed


def is_ramped(effects: Iterable[otio.schema.Effect]) -> bool:
    """Whether the speed changes over time, by a curve that the edit states or not."""
    return any(type(effect) is otio.schema.TimeEffect for effect in effects)


def see_through(
    media: otio.core.MediaReference, effects: Iterable[otio.schema.Effect], idle: str | None
) -> bool:
    """Whether what lies below a clip may be seen: no media, an alpha channel, scaled, faded down.

    Only what the document states; a filter that we cannot read counts as opaque. ``idle`` is the
    clip's :func:`leave_reason`.
    """
    if idle in (_NO_MEDIA, _GENERATED):
        return True
    if idle == _STILL:
        return _suffix(getattr(media, "target_url", "")) in _ALPHA_STILLS
    return uncovers(effects)


def uncovers(effects: Iterable[otio.schema.Effect]) -> bool:
    """Whether what lies below may be seen past these effects: scaled or faded down."""
    return any(_shrinks(effect) for effect in effects)


def _shrinks(effect: otio.schema.Effect) -> bool:
    """What a reader says of it, or Resolve's and Premiere's scale or opacity below 100 %."""
    if facts(effect).get("see_through") is True:
        return True
    stated = effect.metadata
    known = set(each(stated))
    resolve = stated["Resolve_OTIO"] if "Resolve_OTIO" in known else None
    if isinstance(resolve, Mapping) and resolve.get("Enabled", True):
        for parameter in _mappings(resolve.get("Parameters")):
            whole = {"opacity": 100.0, "transformationZoomX": 1.0, "transformationZoomY": 1.0}
            limit = whole.get(str(parameter.get("Parameter ID")))
            if limit is not None and any(v < limit for v in _resolve_values(parameter)):
                return True
    premiere = stated["PremierePro_OTIO"] if "PremierePro_OTIO" in known else None
    if isinstance(premiere, Mapping):
        names = {"AE.ADBE Opacity": ("Opacity",), "AE.ADBE Motion": ("Scale", "Scale Height")}
        wanted = names.get(str(premiere.get("MatchName")), ())
        for parameter in _mappings(premiere.get("Parameters")):
            value = parameter.get("StartValue")
            if parameter.get("DisplayName") in wanted and isinstance(value, int | float):
                return value < 100
    return False


def _resolve_values(parameter: Mapping[str, object]) -> list[float]:
    values = [parameter.get("Parameter Value")]
    keys = parameter.get("Key Frames")
    if isinstance(keys, Mapping):
        values += [key.get("Value") for key in keys.values() if isinstance(key, Mapping)]
    return [float(v) for v in values if isinstance(v, int | float)]


def _mappings(value: object) -> list[Mapping[str, object]]:
    if isinstance(value, str | bytes | Mapping) or value is None:
        return []
    try:
        return [item for item in value if isinstance(item, Mapping)]  # type: ignore[attr-defined]
    except TypeError:
        return []


def _suffix(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).suffix.lower()
