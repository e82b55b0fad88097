"""Prove that two readings of an edit differ only in the media of the relinked clips.

Both timelines must follow the metadata contract of :mod:`.document`. Things are matched by where
they stand (track by track, item by item); the relinks are found by the origin of the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio

from .document import Relink
from .errors import EditError
from .image_sequence import SequenceName, spelled_like
from .otiotime import exact_frames, exact_seconds, first_shown
from .timebase import Rate
from .urls import MediaUrl

_SAME_TIME = Fraction(1, 100_000)
"""Seconds. Doubles hold 24 h to the microsecond; a frame at 120 fps is 8 milliseconds."""


def compare_timelines(
    before: otio.schema.Timeline,
    after: otio.schema.Timeline,
    relinks: Sequence[Relink],
    *,
    name: str | None,
    file: Path,
) -> None:
    """Raise unless ``after`` is ``before`` with ``relinks`` done and ``name`` as its name.

    Raises:
        EditError: naming the first track, clip, transition or marker that differs.
    """
    _TimelineComparison(relinks, file).timelines(before, after, name)


class Comparison:
    """One comparison: carries the relinks, the file, and which relinks were met."""

    def __init__(self, relinks: Sequence[Relink], file: Path) -> None:
        self.relinks = {relink.origin: relink for relink in relinks}
        self.file = file
        self.met: set[str] = set()

    def all_met(self) -> None:
        """Raise unless every relink was met."""
        if missing := sorted(set(self.relinks) - self.met):
            raise EditError(f"No clip {missing[0]!r} was read back", file=self.file)

    def same(self, what: str, before: object, after: object, clip: str | None = None) -> None:
        if before != after:
            raise EditError(
                f"The patch would change the {what} from {_short(before)} to {_short(after)}",
                file=self.file,
                clip=clip,
                remedy="Nothing was written; keep the original edit and report this",
            )

    def new_media(
        self,
        relink: Relink,
        old: otio.core.MediaReference,
        new: otio.core.MediaReference,
        clip: str,
    ) -> Fraction:
        """The media is what the relink says; the frame that it starts with."""
        new_name = media_name(new)
        if not new_name:
            raise EditError("The relinked clip has no media file", file=self.file, clip=clip)
        self.same("media name", spelled_like(relink.path, media_name(old)).name, new_name, clip)
        available = new.available_range
        if available is None:
            raise EditError("The relinked media has no range", file=self.file, clip=clip)
        self.same("media rate", str(relink.rate), str(Rate.of(available.duration.rate)), clip)
        self.same("media duration", relink.duration, _whole(available.duration, relink.rate), clip)
        start = exact_frames(available.start_time, relink.rate)
        self.same("media start", relink.start_frame, int(start), clip)
        return start


class _TimelineComparison(Comparison):
    """A comparison of two timelines."""

    def timelines(
        self, before: otio.schema.Timeline, after: otio.schema.Timeline, name: str | None
    ) -> None:
        self.same("timeline name", before.name if name is None else name, after.name)
        self.same_time("global start time", before.global_start_time, after.global_start_time)
        self.same("timeline metadata", _plain(before.metadata), _plain(after.metadata))
        self.items(before.tracks, after.tracks, "the timeline")
        self.all_met()

    def same_time(self, what: str, before: Any, after: Any, clip: str | None = None) -> None:
        """Times or ranges, both possibly None."""
        if before is None or after is None:
            self.same(what, str(before), str(after), clip)
        elif isinstance(before, otio.opentime.TimeRange):
            self.same_time(f"{what} (start)", before.start_time, after.start_time, clip)
            self.same_time(f"{what} (duration)", before.duration, after.duration, clip)
        elif abs(exact_seconds(before) - exact_seconds(after)) > _SAME_TIME:
            self.same(what, before, after, clip)

    def items(self, before: Any, after: Any, where: str) -> None:
        """Two composables of whatever kind at the same place."""
        self.same(f"kind of {where}", before.schema_name(), after.schema_name())
        label = f"{before.schema_name()} {before.name!r}" if before.name else where
        self.same(f"name of {where}", before.name, after.name)
        if isinstance(before, otio.schema.Transition):
            for edge in ("transition_type", "in_offset", "out_offset"):
                self.same(f"{edge} of {label}", getattr(before, edge), getattr(after, edge))
            self.same(f"metadata of {label}", _plain(before.metadata), _plain(after.metadata))
            return
        self.same(f"enabled of {label}", before.enabled, after.enabled)
        if isinstance(before, otio.schema.Clip):
            self.clips(before, after)
            return
        self.same_time(f"source range of {label}", before.source_range, after.source_range)
        self.same(f"metadata of {label}", _plain(before.metadata), _plain(after.metadata))
        self.same(f"effects of {label}", _effects(before), _effects(after))
        self.same(f"markers of {label}", _markers(before), _markers(after))
        if isinstance(before, otio.schema.Track):
            self.same(f"kind of {label}", before.kind, after.kind)
        if isinstance(before, otio.core.Composition):
            self.same(f"number of items in {label}", len(before), len(after))
            for index, (a, b) in enumerate(zip(before, after, strict=True), 1):
                self.items(a, b, f"item {index} of {label}")

    def clips(self, before: otio.schema.Clip, after: otio.schema.Clip) -> None:
        relink = self.relinks.get(before.metadata.get("unisync", {}).get("origin", ""))
        self.same("metadata", _clip_metadata(before), _clip_metadata(after), before.name)
        if relink is None:
            self.same("effects", _effects(before), _effects(after), before.name)
            self.same("markers", _markers(before), _markers(after), before.name)
            self.same_time("source range", before.source_range, after.source_range, before.name)
            self.same("media", _media(before), _media(after), before.name)
            return
        active = before.active_media_reference_key
        self.same("other media", _media(before, active), _media(after, active), before.name)
        self.met.add(relink.origin)
        self.relinked(relink, before, after)

    def relinked(self, relink: Relink, before: otio.schema.Clip, after: otio.schema.Clip) -> None:
        """The clip plays exactly what the relink says, for as long as before."""
        clip = before.name
        start = self.new_media(relink, before.media_reference, after.media_reference, clip)
        first = exact_frames(after.trimmed_range().start_time, relink.rate) - start
        self.same("first frame of the new media", relink.source_in, int(first // 1), clip)
        old, new = before.trimmed_range(), after.trimmed_range()
        self.same_time("duration", old.duration, new.duration, clip)
        kept = [effect for effect in _effects(before) if not (relink.baked and _is_warp(effect))]
        self.same("effects", kept, _effects(after), clip)
        self.marks(relink, before, after)

    def marks(self, relink: Relink, before: otio.schema.Clip, after: otio.schema.Clip) -> None:
        """Markers hold their place in the record, which the clip's first frame anchors."""
        self.same("number of markers", len(before.markers), len(after.markers), before.name)
        speed = _speed(before) if relink.baked else Fraction(1)
        origin = relink.rate.seconds(first_shown(before.trimmed_range(), speed, relink.rate))
        moved = exact_seconds(after.trimmed_range().start_time) - origin
        for a, b in zip(before.markers, after.markers, strict=True):
            self.same("marker", _marker(a)[1:], _marker(b)[1:], before.name)
            if speed == 0:
                continue
            old = (exact_seconds(a.marked_range.start_time) - origin) / speed
            new = exact_seconds(b.marked_range.start_time) - origin - moved
            if abs(old - new) > _SAME_TIME:
                self.same("marker's place", float(old), float(new), before.name)


def media_name(media: otio.core.MediaReference) -> str:
    """The file name in a media reference, of an image sequence in Resolve's form; else empty."""
    if isinstance(media, otio.schema.ExternalReference):
        return MediaUrl.parse(media.target_url).name
    if not isinstance(media, otio.schema.ImageSequenceReference) or not media.available_range:
        return ""
    rate = Rate.of(media.available_range.duration.rate)
    count = int(exact_frames(media.available_range.duration, rate))
    first, padding = media.start_frame, media.frame_zero_padding
    last = first + count - 1
    return str(SequenceName(media.name_prefix, media.name_suffix, padding, first, last))


def _whole(time: otio.opentime.RationalTime, rate: Rate) -> int | Fraction:
    frames = exact_frames(time, rate)
    return int(frames) if frames.denominator == 1 else frames


def _short(value: object) -> str:
    """A value as an error message can bear it."""
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:60]} … {text[-50:]}"


def _plain(value: Any) -> str:
    """Metadata or an effect as JSON text, to compare."""
    text: str = otio.core.serialize_json_to_string(value)
    return text


def _clip_metadata(clip: otio.schema.Clip) -> str:
    """A clip's metadata without its key, which its place proves: names in keys may change."""
    metadata = dict(clip.metadata)
    ours = dict(metadata.pop("unisync", {}))
    ours.pop("origin", None)
    return _plain({**metadata, "unisync": ours})


def _speed(clip: otio.schema.Clip) -> Fraction:
    for effect in clip.effects:
        if isinstance(effect, otio.schema.LinearTimeWarp):
            return Fraction(effect.time_scalar)
    return Fraction(1)


def _effects(item: Any) -> list[str]:
    return [_plain(effect) for effect in item.effects]


def _is_warp(effect: str) -> bool:
    return any(f'"{kind}.1"' in effect for kind in ("LinearTimeWarp", "FreezeFrame", "TimeEffect"))


def _marker(marker: otio.schema.Marker) -> tuple[Any, ...]:
    span = marker.marked_range
    start, duration = exact_seconds(span.start_time), exact_seconds(span.duration)
    return start, duration, marker.name, marker.color, marker.comment, _plain(marker.metadata)


def _markers(item: Any) -> list[tuple[Any, ...]]:
    return [_marker(marker) for marker in item.markers]


def _media(clip: otio.schema.Clip, without: str | None = None) -> tuple[str, dict[str, str]]:
    """The key that plays, and every media reference but ``without``."""
    references = clip.media_references()
    texts = {key: _plain(media) for key, media in references.items() if key != without}
    return clip.active_media_reference_key, texts
