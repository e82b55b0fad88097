"""The sound on audio tracks of an edit, in record time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import opentimelineio as otio

from unisync_adapters.cutlist import UNCHANGED, Clip, Nest, Transition
from unisync_adapters.document import Document

from ..errors import PlanError, UniSyncError
from ..media.audio import AudioFileInfo, audio_info
from .exact import Moment, Seconds, seconds
from .media import MediaFinder
from .reference import Reference
from .rules import speakers
from .shots import DubClip
from .tracks import AudioTrack

Fault = tuple[Moment, Moment, str]
"""Record seconds from and to, and why the sound there cannot be used."""


def sound_of(
    tracks: Sequence[AudioTrack], document: Document, media: MediaFinder
) -> tuple[tuple[DubClip, ...], tuple[Fault, ...]]:
    """The pieces on these tracks in record order, through-edits joined, and what is unusable.

    A clip that is switched off is silent; one that is offline, retimed or nested is a fault.
    """
    names = speakers({track.number: track.label.rest for track in tracks})
    reader = _Reader(document, media)
    for track in tracks:
        reader.track(track, names[track.number])
    return tuple(reader.pieces()), tuple(reader.faults)


class _Place(NamedTuple):
    """What sounds from where to where, all its channels.

    Attributes:
        at, length: record frames.
        source: seconds into the file, as a ratio (fractions hash slowly).
    """

    at: Moment
    path: Path
    stream: int
    length: Moment
    source: tuple[int, int]
    speaker: str | None


class _Reader:
    """Collects what sounds on tracks; every file is opened once."""

    def __init__(self, document: Document, media: MediaFinder) -> None:
        self._seconds = Seconds(document.rate)
        self._media = media
        self._files: dict[Path, AudioFileInfo] = {}
        self._references: dict[otio.core.MediaReference, Reference] = {}
        self._places: defaultdict[_Place, dict[int | None, None]] = defaultdict(dict)
        self.faults: list[Fault] = []

    def track(self, track: AudioTrack, speaker: str | None) -> None:
        whole = (track.track.channels or 1) > 1
        for item in track.track.items:
            if isinstance(item, Transition) or not item.enabled:
                continue
            try:
                place, channel = self._place(item, speaker, whole)
                self._places[place][channel] = None
            except UniSyncError as error:
                sentence = f"The sound on {track.name} cannot be used: {error}"
                end = self._seconds[item.at + item.length]
                self.faults.append((self._seconds[item.at], end, sentence))

    def pieces(self) -> Iterator[DubClip]:
        """In record order; pieces with through-edits (a cut where the sound runs on) are whole."""
        whole: list[tuple[_Place, int | None]] = []
        last: dict[tuple[object, ...], int] = {}
        for place, channel in self._mixed():
            voice = (place.path, place.stream, channel, place.speaker)
            index = last.get(voice)
            if index is not None and self._runs_on(before := whole[index][0], place):
                whole[index] = before._replace(length=before.length + place.length), channel
                continue
            last[voice] = len(whole)
            whole.append((place, channel))
        for place, channel in whole:
            record, duration = self._seconds[place.at], self._seconds[place.length]
            source = Fraction(*place.source)
            yield DubClip(
                place.path, record, source, duration, place.stream, channel, place.speaker
            )

    def _runs_on(self, before: _Place, after: _Place) -> bool:
        if before.at + before.length != after.at:
            return False
        return Fraction(*after.source) - Fraction(*before.source) == self._seconds[before.length]

    def _mixed(self) -> Iterator[tuple[_Place, int | None]]:
        """The channels; where all of a stream lie side by side, they are one mix."""
        mixed: list[tuple[_Place, int | None]] = []
        for place, channels in self._places.items():
            every = self._files[place.path].streams[place.stream].channels
            if None in channels or len(channels) == every:
                mixed.append((place, None))
            else:
                mixed += [(place, channel) for channel in channels]
        mixed.sort(key=lambda m: (m[0].at, str(m[0].path), m[0].stream, m[1] or 0))
        return iter(mixed)

    def _place(
        self, item: Clip | Nest, speaker: str | None, whole: bool
    ) -> tuple[_Place, int | None]:
        if isinstance(item, Nest):
            raise PlanError("it lies in a nest", clip=item.name, remedy="Decompose the nest")
        if item.ramped or (item.speed is not UNCHANGED and item.speed != 1):
            raise PlanError(
                "its speed is changed", clip=item.name, remedy="Render the sound in the NLE"
            )
        path = self._media.sound(item)
        stream, channel = self._channel(item, path, whole)
        source = _source_seconds(item, self._reference(item.media)).as_integer_ratio()
        return _Place(item.at, path, stream, item.length, source, speaker), channel

    def _reference(self, media: otio.core.MediaReference) -> Reference:
        known = self._references.get(media)
        if known is None:
            known = self._references[media] = Reference.of(media)
        return known

    def _channel(self, clip: Clip, path: Path, whole: bool) -> tuple[int, int | None]:
        """Stream and channel of the file that this clip plays; None = all of the stream.

        xmeml counts the channels of all streams together, and gives a stereo track, which plays
        the ``whole`` stream, its first.
        """
        number = clip.channel
        info = self._files.get(path)
        if info is None:
            info = self._files[path] = audio_info(path)
        if number is None:
            return 0, None
        for stream in info.streams:
            if number <= stream.channels:
                return stream.index, None if whole or stream.channels == 1 else number - 1
            number -= stream.channels
        raise PlanError("it plays a channel that its file does not have", clip=clip.name, file=path)


def _source_seconds(clip: Clip, media: Reference) -> Fraction:
    """Seconds into the file at which the clip begins."""
    if media.first is None:
        return seconds(clip.start, clip.clock)
    zero, clock = media.first
    if clock is clip.clock:
        return seconds(clip.start - zero, clock)
    return seconds(clip.start, clip.clock) - seconds(zero, clock)
