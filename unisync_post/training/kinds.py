"""The records of a preparation: what was found, what was left out and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

Measures = dict[str, float]
Array = NDArray[Any]

BROKEN = "the file cannot be read"
UNUSABLE = "the file cannot be used as it is"
SILENT_FILE = "there is no sound"
FAILED = "something went wrong"
SHORT = "too short"
NO_FACE = "no face"
SMALL = "the face is too small"
EDGE = "the face is cut off by the picture"
LIGHT = "too dark or too bright"
SOFT = "out of focus"
NO_SPEECH = "nobody speaks"
LITTLE_SPEECH = "too little speech"
NO_FIT = "the lips do not follow the sound"
OUT_OF_SYNC = "lips and sound lie apart"
RIVAL = "another face may be speaking"
NO_VOICE = "no other lips: there is no other voice"
NO_RELIP = "no other lips: the engine could not make them"


@dataclass(frozen=True)
class Rejected:
    """A stretch of a source that is not trained on, or (``lost``) only lacks its other lips.

    Attributes:
        start, frames: pictures of the file; 0 and 0 where it could not even be counted.
        reason: one of this module's, or the face track's own; ``detail`` says it for this stretch.
        face: number of the face's track in its shot, where there was one.
    """

    source: str
    reason: str
    detail: str = ""
    start: int = 0
    frames: int = 0
    rate: Fraction | None = None
    face: int | None = None
    lost: bool = True

    @property
    def seconds(self) -> float:
        return float(self.frames / self.rate) if self.rate else 0.0


@dataclass(frozen=True)
class Source:
    """A film or clip, cut into shots.

    Attributes:
        identity: fingerprint of its content.
        shots: first picture and the one after the last of each; empty where it cannot be used.
        rejected: why not.
    """

    path: Path
    identity: str
    shots: tuple[tuple[int, int], ...] = ()
    rejected: tuple[Rejected, ...] = ()


@dataclass(frozen=True)
class Clip:
    """One face through a stretch of a shot, good enough to learn from.

    Attributes:
        key: of its records and shard.
        start: first picture in the file: ``aside`` portraits, then ``frames`` to train on.
        face: number of the face's track in its shot.
        measures: what the filters found.
    """

    key: str
    source: Path
    identity: str
    start: int
    aside: int
    frames: int
    rate: Fraction
    face: int
    measures: Measures

    @property
    def first(self) -> int:
        """The first picture to train on."""
        return self.start + self.aside

    @property
    def seconds(self) -> Fraction:
        return self.frames / self.rate


@dataclass(frozen=True)
class Looked:
    """What a shot came to."""

    source: Path
    identity: str
    clips: tuple[Clip, ...] = ()
    rejected: tuple[Rejected, ...] = ()


@dataclass(frozen=True)
class Made:
    """What a clip came to: rows of the manifest, all out of one shard.

    Attributes:
        rows: as :class:`unisync_model.training.samples.Row` takes them, without shard and labels.
        rejected: what could not be made of it.
    """

    clip: Clip
    rows: tuple[Mapping[str, Any], ...] = ()
    rejected: tuple[Rejected, ...] = ()


@dataclass(frozen=True)
class Counted:
    """One line of the table of reasons."""

    reason: str
    count: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Report:
    """What a data set came to, earlier calls with the same settings included.

    Attributes:
        rows: of the manifest; ``held_out``: of the list beside it.
        clips, seconds: kept.
        reasons: what was left out, most time first.
        unlicensed: rows whose licence nobody stated.
        elsewhere: clips in the folder that were made with other settings.
    """

    manifest: Path
    rows: int = 0
    held_out: int = 0
    clips: int = 0
    seconds: float = 0.0
    reasons: tuple[Counted, ...] = ()
    unlicensed: int = 0
    elsewhere: int = 0
    domains: Mapping[str, int] = field(default_factory=dict)
