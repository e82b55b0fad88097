"""The audio tracks of an edit, and what their names say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial

from unisync_adapters.cutlist import PICTURE, SOUND, Clip, CutList, Nest, Track
from unisync_adapters.document import Document

from ..errors import PlanError
from .media import all_written
from .rules import Label, track_rules


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
