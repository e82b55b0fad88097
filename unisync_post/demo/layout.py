"""The demo's cut: which camera file plays when. All times are frames at 24000/1001."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from unisync_adapters.timebase import Rate, Timecode
from unisync_model.characters.figures.figure import random_character
from unisync_model.characters.film import Scene, Seat

from .script import LANGUAGES, recording

RATE = Rate.of(Fraction(24000, 1001))
SAMPLE_RATE = 48_000
SAMPLES_PER_FRAME = 2002
"""Exactly: 48000 x 1001 / 24000."""
WIDTH, HEIGHT = 960, 540

SEQUENCE_START = Timecode.parse("01:00:00:00", RATE)
TITLE = 36
HANDLE = 24
LEAD, TAIL = 10, 9
DISSOLVE = 12
DUB_BEGINS = 24
"""The dub file begins here, not with the sequence: its time stamp places it."""

ANNA = random_character(9130, "film")
BRUNO = random_character(17397, "film")
"""Of the test split: nothing that we train has seen them."""


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera file.

    Attributes:
        line: what is said in it.
        speaker: index of the seat that speaks; None when the voice is off screen.
        codec: ``prores`` or ``h264``.
        marker: text of a marker on the clip, if any.
    """

    name: str
    reel: str
    timecode: str
    line: str
    scene: Scene
    speaker: int | None = 0
    codec: str = "prores"
    marker: str | None = None

    @property
    def file(self) -> str:
        return f"{self.name}.mov"

    @property
    def start(self) -> Timecode:
        return Timecode.parse(self.timecode, RATE)

    @property
    def length(self) -> int:
        """Frames cut into the sequence: room for the line in every language."""
        longest = max(
            Fraction(len(u.samples), u.sample_rate)
            for u in (recording(self.line, language) for language in LANGUAGES)
        )
        return LEAD + RATE.frame_at(longest) + 1 + TAIL

    @property
    def frames(self) -> int:
        """Frames in the file."""
        return self.length + 2 * HANDLE


def _scene(*seats: Seat, seed: int, outdoors: bool = False) -> Scene:
    return Scene(seats, WIDTH, HEIGHT, seed, RATE.fps, outdoors=outdoors)


CAMERAS = (
    Camera(
        "A001C003_anna",
        "A001C003",
        "01:12:30:00",
        "met",
        _scene(Seat(ANNA, 0.5, 0.48, 0.23, turn=0.35), seed=22),
    ),
    Camera(
        "A002C001_bruno",
        "A002C001",
        "02:03:11:14",
        "memory",
        _scene(Seat(BRUNO, 0.52, 0.47, 0.23, turn=-0.45), seed=33),
    ),
    Camera(
        "A001C007_two",
        "A001C007",
        "01:20:05:06",
        "help",
        _scene(
            Seat(ANNA, 0.29, 0.49, 0.18, turn=0.7),
            Seat(BRUNO, 0.71, 0.47, 0.18, turn=-0.7),
            seed=22,
        ),
        codec="h264",
        marker="unisync:face=left",
    ),
    Camera(
        "A003C002_valley",
        "A003C002",
        "04:45:00:00",
        "valley",
        _scene(seed=5, outdoors=True),
        speaker=None,
    ),
)


@dataclass(frozen=True, slots=True)
class Placed:
    """A camera file in the cut, from record frame ``start`` to ``end``, cut to cut."""

    camera: Camera
    start: int
    end: int

    @property
    def speech(self) -> int:
        """Record frame at which the line begins."""
        return self.start + LEAD


def cut() -> tuple[Placed, ...]:
    """Every clip of V1 after the title."""
    placed: list[Placed] = []
    now = TITLE
    for camera in CAMERAS:
        placed.append(Placed(camera, now, now + camera.length))
        now += camera.length
    return tuple(placed)


def duration() -> int:
    """Frames of the whole sequence."""
    return cut()[-1].end
