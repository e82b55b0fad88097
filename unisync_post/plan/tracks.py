"""The audio tracks of an edit: what their names say, and the sound on them in record time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, partial
from pathlib import Path

import opentimelineio as otio

from unisync_adapters.cutlist import (
    PICTURE,
    SOUND,
    UNCHANGED,
    Clip,
    CutList,
    Nest,
    Track,
    Transition,
)
from unisync_adapters.document import Document

from ..errors import PlanError, UniSyncError
from ..media.audio import AudioFileInfo, audio_info
from .exact import Moment, seconds
from .media import MediaFinder, all_written
from .reference import Reference
from .rules import Label, speakers, track_rules
from .shots import DubClip

Fault = tuple[Moment, Moment, str]
"""Record seconds from and to, and why the sound there cannot be used."""


@dataclass(frozen=True)
class AudioTrack:
    """One audio track of the sequence.

    Attributes:
        number: 1 for A1.
        name: ``A3`` or ``A3 FR DX``, as an editor calls it.
        track: the track itself.
        label: what its name, or else its files' names, say.
    """

    number: int
    name: str
    track: Track
    label: Label

    def described(self) -> str:
        """For lists of candidates: ``A3 FR DX (dialogue, fr)``."""
        said = [text for text in (self.label.stem, self.label.language, self.label.role) if text]
        return self.name + (f" ({', '.join(said)})" if said else "")


def audio_tracks(document: Document) -> tuple[AudioTrack, ...]:
    """Every audio track, in the sequence's order."""
    cuts = document.cut_list
    tracks = [track for track in cuts.tracks if track.kind == SOUND]
    names = [track.name for track in tracks]
    pictures = cache(partial(_picture_media, cuts))
    return tuple(
        AudioTrack(number, _track_name(number, track.name), track, _label(track, names, pictures))
        for number, track in enumerate(tracks, 1)
    )


def find_track(tracks: Sequence[AudioTrack], wanted: str, option: str) -> AudioTrack:
    """The track called ``A3``, ``3`` or by its name.

    Raises:
        PlanError: none or several; it lists the tracks there are.
    """
    folded = wanted.strip().casefold()
    exact = [t for t in tracks if folded in (t.track.name.casefold(), t.name.casefold())]
    numbered = [t for t in tracks if folded in (str(t.number), f"a{t.number}")]
    found = exact if len(exact) == 1 else numbered or exact
    if len(found) == 1:
        return found[0]
    count = "no" if not found else "more than one"
    raise PlanError(
        f"{option} {wanted!r} names {count} audio track of this edit",
        remedy=f"Its audio tracks are: {listed(tracks)}.",
    )


def listed(tracks: Iterable[AudioTrack]) -> str:
    """Tracks as a sentence lists them."""
    return ", ".join(track.described() for track in tracks) or "none"


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
    pieces = sorted(reader.mixed(), key=lambda p: (p.record, str(p.path), p.stream, p.channel or 0))
    return tuple(joined(pieces)), tuple(reader.faults)


def joined(pieces: Iterable[DubClip]) -> list[DubClip]:
    """Pieces with through-edits (a cut where the sound runs on) made whole again."""
    whole: list[DubClip] = []
    last: dict[tuple[object, ...], int] = {}
    for piece in pieces:
        voice = (piece.path, piece.stream, piece.channel, piece.speaker)
        index = last.get(voice)
        if index is not None and _runs_on(whole[index], piece):
            before = whole[index]
            whole[index] = replace(before, duration=before.duration + piece.duration)
            continue
        last[voice] = len(whole)
        whole.append(piece)
    return whole


def _runs_on(before: DubClip, after: DubClip) -> bool:
    gap = after.record - before.record
    return gap == before.duration and after.source - before.source == gap


def _place(piece: DubClip) -> tuple[object, ...]:
    """All but the channel: what sounds there, from where to where (fractions hash slowly)."""
    times = (piece.record, piece.source, piece.duration)
    return piece.path, piece.stream, piece.speaker, *(t.as_integer_ratio() for t in times)


class _Reader:
    """Collects the pieces of tracks; every file is opened once."""

    def __init__(self, document: Document, media: MediaFinder) -> None:
        self._document = document
        self._media = media
        self._files: dict[Path, AudioFileInfo] = {}
        self._references: dict[otio.core.MediaReference, Reference] = {}
        self.pieces: list[DubClip] = []
        self.faults: list[Fault] = []

    def track(self, track: AudioTrack, speaker: str | None) -> None:
        rate = self._document.rate
        whole = (track.track.channels or 1) > 1
        for item in track.track.items:
            if isinstance(item, Transition) or not item.enabled:
                continue
            try:
                record, duration = seconds(item.at, rate), seconds(item.length, rate)
                self.pieces.append(self._piece(item, speaker, record, duration, whole))
            except UniSyncError as error:
                sentence = f"The sound on {track.name} cannot be used: {error}"
                end = seconds(item.at + item.length, rate)
                self.faults.append((seconds(item.at, rate), end, sentence))

    def mixed(self) -> list[DubClip]:
        """The pieces; where all channels of a stream lie side by side, they are one mix."""
        stacks: defaultdict[tuple[object, ...], dict[int | None, DubClip]] = defaultdict(dict)
        for piece in self.pieces:
            stacks[_place(piece)].setdefault(piece.channel, piece)
        mixed = []
        for stack in stacks.values():
            piece = next(iter(stack.values()))
            whole = self._files[piece.path].streams[piece.stream].channels
            if None in stack:
                mixed.append(stack[None])
            elif len(stack) == whole:
                mixed.append(replace(piece, channel=None))
            else:
                mixed += stack.values()
        return mixed

    def _piece(
        self,
        item: Clip | Nest,
        speaker: str | None,
        record: Fraction,
        duration: Fraction,
        whole: bool,
    ) -> DubClip:
        if isinstance(item, Nest):
            raise PlanError("it lies in a nest", clip=item.name, remedy="Decompose the nest")
        if item.ramped or (item.speed is not UNCHANGED and item.speed != 1):
            raise PlanError(
                "its speed is changed", clip=item.name, remedy="Render the sound in the NLE"
            )
        path = self._media.sound(item)
        stream, channel = self._channel(item, path, whole)
        source = _source_seconds(item, self._reference(item.media))
        return DubClip(path, record, source, duration, stream, channel, speaker)

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
        if path not in self._files:
            self._files[path] = audio_info(path)
        if number is None:
            return 0, None
        for stream in self._files[path].streams:
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


def _label(track: Track, siblings: Sequence[str], pictures: Callable[[], frozenset[str]]) -> Label:
    """What the document says, else the track's name, else the one thing all its files say.

    A track of nothing but the pictures' own sound, if not named as anything else, is the original.
    """
    rules = track_rules()
    label = rules.read(track.name, siblings)
    tag = rules.language_tag(track.language) if track.language is not None else None
    label = Label(language=tag).over(label)
    if label.stem and label.language:
        return label
    media = all_written(item for item in track.items if isinstance(item, Clip))
    if media and media <= pictures() and not (label.role or label.language):
        return Label(role="original").over(label)
    names = {_stem(name) for name in media}
    read = [rules.read(name) for name in sorted(names)]
    agreed = Label(
        stem=_agreed([r.stem for r in read]),
        language=_agreed([r.language for r in read]),
        role=_agreed([r.role for r in read]),
        rest=read[0].rest if len(read) == 1 else (),
    )
    return label.over(agreed)


def _picture_media(cuts: CutList) -> frozenset[str]:
    """Media of the picture tracks, as the edit writes them."""
    return all_written(_clips(track for track in cuts.tracks if track.kind == PICTURE))


def _clips(tracks: Iterable[Track]) -> Iterator[Clip]:
    """Every clip of these tracks and of the nests on them."""
    for track in tracks:
        for item in track.items:
            if isinstance(item, Clip):
                yield item
            elif isinstance(item, Nest):
                yield from _clips(item.cuts.tracks)


def _agreed(values: Sequence[str | None]) -> str | None:
    return values[0] if values and len(set(values)) == 1 else None


def _stem(media: str) -> str:
    name = media.replace("\\", "/").rpartition("/")[2]
    return name.rpartition(".")[0] or name


def _track_name(number: int, name: str) -> str:
    position = f"A{number}"
    if not name or name.casefold() in (position.casefold(), f"audio {number}"):
        return position
    return name if name.casefold().startswith(position.casefold()) else f"{position} {name}"
