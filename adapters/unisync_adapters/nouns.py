"""What is said of an edit, whatever its format: where a clip stands, what it plays from now on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .timebase import Rate


class Origin(NamedTuple):
    """Where a clip stands in its document.

    Attributes:
        key: stable within the document: a JSON pointer, or ``sequence/V1/clipitem-id``.
        name: the clip's name as the editor sees it.
        track: the name an editor would call its track by, such as ``V1`` or ``A3 FR DX``.
        uses: how many places in the edit show this one clip (a nest used twice: 2).
    """

    key: str
    name: str
    track: str
    uses: int = 1


@dataclass(frozen=True, slots=True)
class Relink:
    """ "This clip now plays this media."

    The new media has its own first frame; ``source_in`` says which of its frames the clip starts
    on (the head handle's length). Everything the NLE compares is stated, nothing is probed here.

    Attributes:
        origin: key of the clip.
        path: the new media file, as this machine sees it (absolute). It is written in the same
            form as the old URL; path maps are undone on the way out. An image sequence is named in
            Resolve's form (:mod:`.image_sequence`) and written in the form that the old one has.
        source_in: frame of the new media shown at the clip's first record frame.
        duration: length of the new media in frames.
        rate: the new media's rate: the old media's, or the timeline's where a retime was baked.
        start_frame: frame number of the new media's start timecode, at ``rate``.
        drop: whether that timecode is drop-frame.
        reel: reel/tape name, or None to keep whatever the old definition says.
        baked: True when the clip's retime is rendered into the media and must leave the document.
        old_path: the old media as the edit wrote it; kept in metadata where the format has a place.
        language: language of the dub, for the media name in the edit.
    """

    origin: str
    path: Path
    source_in: int
    duration: int
    rate: Rate
    start_frame: int
    drop: bool = False
    reel: str | None = None
    baked: bool = False
    old_path: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Lay:
    """ "This sound now lies here, on an audio track of its own."

    All times are frames at the record rate, the finest that every format can say.

    Attributes:
        path: the sound file, as this machine sees it (absolute).
        track: name of the new track.
        language: its language (BCP-47).
        start: record frame, counted from the sequence start, at which it begins.
        duration: record frames that it lasts.
        source_in: frame of the file that is heard first.
        media_duration: length of the file.
        start_frame: frame number of the file's own time stamp; 0 if it has none.
        channels, sample_rate: of the file's first stream, all of which is laid.
    """

    path: Path
    track: str
    language: str
    start: int
    duration: int
    source_in: int
    media_duration: int
    start_frame: int
    channels: int
    sample_rate: int


@dataclass(frozen=True, slots=True)
class PathMap:
    """``A=B`` pairs: a path the edit writes, and the path this machine sees it at."""

    pairs: tuple[tuple[str, str], ...] = ()
