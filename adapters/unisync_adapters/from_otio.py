"""The cut list of an OpenTimelineIO timeline, and what our readers noted on its objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sized
from fractions import Fraction
from functools import lru_cache
from itertools import islice
from typing import Protocol, TypeVar

import opentimelineio as otio
from opentimelineio._otio import AnyDictionary, AnyVector

from .cutlist import (
    PICTURE,
    UNCHANGED,
    Clip,
    CutList,
    Item,
    Mark,
    Moment,
    Nest,
    Track,
    Transition,
    length_of,
)
from .otiotime import exact_frames
from .ramp import ramp_of
from .timebase import Rate

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


def _plain(value: object) -> object:
    return tuple(each(value)) if isinstance(value, AnyVector) else value


@lru_cache(maxsize=256)
def rate_of(value: float | str) -> Rate:
    """A rate of OTIO's, or as our readers note it, snapped."""
    return Rate.of(value)


def frames(time: otio.opentime.RationalTime, rate: Rate) -> Moment:
    """An OTIO time in frames of ``rate``, as :func:`.otiotime.exact_frames`."""
    value, fps = time.value, rate.fps
    # the same double, so the same rate: no need to snap it first
    same = time.rate == fps.numerator / fps.denominator or rate_of(time.rate).fps == fps
    return int(value) if same and value.is_integer() else exact_frames(time, rate)


def cuts_of(timeline: otio.schema.Timeline, rate: Rate) -> CutList:
    """The cut list of a timeline that follows the contract of :mod:`.document`.

    All its times, in nests too, are frames of ``rate``.
    """
    start = timeline.global_start_time
    cuts = _Reader(rate).stack(timeline.tracks)
    return cuts._replace(
        name=timeline.name or "",
        start=None if start is None else frames(start, rate),
        drop=facts(timeline).get("drop") is True,
    )


class _Reader:
    """Turns OTIO's objects into records, in frames of one rate."""

    def __init__(self, rate: Rate) -> None:
        self.rate = rate

    def frames(self, time: otio.opentime.RationalTime) -> Moment:
        return frames(time, self.rate)

    def stack(self, stack: otio.schema.Stack) -> CutList:
        tracks = [
            self.track(child) if isinstance(child, otio.schema.Track) else self._alone(child)
            for child in stack
        ]
        return CutList(
            name=stack.name,
            rate=self.rate,
            tracks=tuple(tracks),
            length=self.frames(stack.available_range().duration),
            trim=self._trim(stack),
            marks=marks_of(stack.markers, self.rate),
        )

    def track(self, track: otio.schema.Track) -> Track:
        noted = facts(track)
        locked, language, channels = map(noted.get, ("locked", "language", "channels"))
        return Track(
            name=track.name or "",
            kind=track.kind,
            items=tuple(self._items(track)),
            length=self.frames(track.available_range().duration),
            enabled=track.enabled,
            trim=self._trim(track),
            marks=marks_of(track.markers, self.rate),
            locked=locked if isinstance(locked, bool) else None,
            language=language if isinstance(language, str) else None,
            channels=channels if isinstance(channels, int) else None,
        )

    def _alone(self, child: otio.core.Composable) -> Track:
        """What lies in a stack without a track of its own."""
        items = tuple(self._items([child]))
        return Track("", PICTURE, items, length_of(items))

    def _items(self, children: Iterable[otio.core.Composable]) -> Iterator[Item]:
        at: Moment = 0
        for child in children:
            if isinstance(child, otio.schema.Transition):
                before, after = self.frames(child.in_offset), self.frames(child.out_offset)
                yield Transition(child.name, child.transition_type, at, before, after)
            elif isinstance(child, otio.core.Item):
                length = self.frames(child.duration())
                if isinstance(child, otio.schema.Clip):
                    yield self._clip(child, at, length)
                elif isinstance(child, otio.core.Composition):
                    yield self._nest(child, at, length)
                at += length

    def _clip(self, clip: otio.schema.Clip, at: Moment, length: Moment) -> Clip:
        noted = facts(clip)
        channel = noted.get("source_track")
        start = (clip.source_range or clip.trimmed_range()).start_time
        clock = rate_of(start.rate)
        effects = tuple(each(clip.effects))
        return Clip(
            name=clip.name,
            media=clip.media_reference,
            at=at,
            length=length,
            start=frames(start, clock),
            clock=clock,
            origin=str(noted.get("origin", "")),
            refuse=str(noted["refuse"]) if noted.get("refuse") else None,
            enabled=clip.enabled,
            speed=speed_of(effects),
            ramped=any(type(effect) is otio.schema.TimeEffect for effect in effects),
            ramp=ramp_of(effects),
            uncovers=any(map(_shrinks, effects)),
            channel=channel if isinstance(channel, int) else None,
            marks=marks_of(clip.markers, clock),
        )

    def _nest(self, nest: otio.core.Composition, at: Moment, length: Moment) -> Nest:
        if isinstance(nest, otio.schema.Track):
            track = self.track(nest)._replace(kind=PICTURE)
            cuts = CutList(nest.name, self.rate, (track,), track.length)
        else:
            cuts = self.stack(nest)
        refuse = facts(nest).get("refuse")
        return Nest(
            name=nest.name,
            at=at,
            length=length,
            cuts=cuts,
            refuse=str(refuse) if refuse else None,
            enabled=nest.enabled,
            uncovers=any(map(_shrinks, each(nest.effects))),
            retimed=any(isinstance(effect, otio.schema.TimeEffect) for effect in nest.effects),
        )

    def _trim(self, item: otio.core.Composition) -> tuple[Moment, Moment] | None:
        trim = item.source_range
        return None if trim is None else (self.frames(trim.start_time), self.frames(trim.duration))


def marks_of(markers: Listed[otio.schema.Marker], rate: Rate) -> tuple[Mark, ...]:
    """Markers as records, their times in frames of ``rate``."""
    return tuple(
        Mark(
            marker.name or "",
            marker.comment or "",
            frames(marker.marked_range.start_time, rate),
            frames(marker.marked_range.duration, rate),
            tuple(_elsewhere(marker)),
        )
        for marker in each(markers)
    )


def _elsewhere(marker: otio.schema.Marker) -> Iterator[str]:
    """What other programs' OTIO adapters keep of a marker's text."""
    for key, field in (("Resolve_OTIO", "Note"), ("fcp_xml", "comment")):
        holder = marker.metadata.get(key) if marker.metadata else None
        if isinstance(holder, Mapping) and isinstance(holder.get(field), str):
            yield holder[field]


def speed_of(effects: Iterable[otio.schema.Effect]) -> Fraction:
    """Media seconds per record second with these effects; 0 for a freeze frame."""
    speed = UNCHANGED
    for effect in effects:
        if isinstance(effect, otio.schema.LinearTimeWarp):
            # a double that stands for a percentage: 0.3333333 is 1/3, 1.12 is 28/25
            speed *= Fraction(effect.time_scalar).limit_denominator(100_000)
    return speed


def _shrinks(effect: otio.schema.Effect) -> bool:
    """Whether what lies below may be seen past it: its reader says so, or Resolve's or Premiere's
    scale or opacity is below 100 %. A filter that we cannot read counts as opaque."""
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
