"""Prove that two readings of an edit differ only in tracks of sound that were laid in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import opentimelineio as otio

from .compare import compare_timelines
from .document import Document, Lay
from .errors import EditError
from .otiotime import exact_frames
from .timebase import Rate
from .urls import map_to_local


@dataclass(frozen=True, slots=True)
class NewTrack:
    """A track that is to be there: its name, what lies on it, and which channel, if it is one."""

    name: str
    lay: Lay
    channel: int | None = None


def compare_laid(
    before: otio.schema.Timeline,
    after: otio.schema.Timeline,
    new: Sequence[NewTrack],
    document: Document,
) -> None:
    """Raise unless ``after`` is ``before`` and exactly these tracks.

    Args:
        before, after: two readings; ``after`` loses the new tracks here.
        new: the tracks, in the order in which they were laid.
        document: for its rate, path map and file.

    Raises:
        EditError: naming the first thing that differs.
    """
    for track in reversed(new):
        found = _last(after, track.name)
        if found is None:
            raise EditError(f"No track {track.name!r} was read back", file=document.path)
        _check(after.tracks[found], track, document)
        del after.tracks[found]
    compare_timelines(before, after, [], name=None, file=document.path)


def _last(timeline: otio.schema.Timeline, name: str) -> int | None:
    """Place of the last audio track of this name."""
    found = [
        index
        for index, track in enumerate(timeline.tracks)
        if getattr(track, "kind", "") == otio.schema.TrackKind.Audio and track.name == name
    ]
    return found[-1] if found else None


def _check(track: otio.schema.Track, new: NewTrack, document: Document) -> None:
    """One clip lies on the track, where it should, and plays what it should."""
    lay, rate = new.lay, document.rate
    items = list(track)
    at = Fraction(0)
    while items and isinstance(items[0], otio.schema.Gap):
        at += exact_frames(items.pop(0).duration(), rate)
    if len(items) != 1 or not isinstance(items[0], otio.schema.Clip):
        raise EditError(f"The track {new.name!r} would not hold one clip", file=document.path)
    clip = items[0]
    media = clip.media_reference
    url = getattr(media, "target_url", "")
    whole, played = media.available_range, clip.trimmed_range()
    if not url or whole is None:
        raise EditError("The dub would have no media", file=document.path, clip=clip.name)
    clock = Rate.of(whole.start_time.rate)
    says = {
        "file": (lay.path, map_to_local(url, document.path_map, document.path.parent)),
        "place": (lay.start, at),
        "length": (lay.duration, exact_frames(played.duration, rate)),
        "length of its file": (lay.media_duration, exact_frames(whole.duration, rate)),
        "time stamp": (lay.start_frame, exact_frames(whole.start_time, rate)),
        "first frame": (
            lay.source_in,
            exact_frames(played.start_time, rate) - exact_frames(whole.start_time, rate),
        ),
        "rate": (rate, clock),
        "channel": (new.channel, clip.metadata.get("unisync", {}).get("source_track")),
        "switch": (True, bool(clip.enabled and track.enabled)),
    }
    for what, (wanted, found) in says.items():
        if wanted != found:
            raise EditError(
                f"The {what} of the dub would be {found}, not {wanted}",
                file=document.path,
                clip=clip.name,
            )
