"""The footage the engine learns from: which clips, who is seen, and their measured lips.

Only the recipe uses this; nothing here runs when a shot is dubbed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import MediaError
from ...faces.speaker import mouth_opening, mouth_width
from ...faces.track import track_faces
from ...media.audio import read_mono
from ...media.frames import read_frames, rgb8
from ...media.probe import probe
from .lessons import Lesson, lip_lesson
from .mel import SAMPLE_RATE

TALKING: dict[str, str] = {
    "address_a": "a",
    "face3": "a",
    "address_b": "b",
    "demo1_video": "c",
    "demo2_video": "d",
    "face2": "e",
    "face4": "f",
    "green_screen_glasses": "g",
    "portrait_d20": "h",
    "pose_ref_video": "i",
    "studio_woman_22fps": "j",
}
"""Clips in which one person talks in their own voice -> who; by file name in the footage's
``faces`` folder."""


@dataclass(frozen=True)
class Clip:
    """One talking clip, measured.

    Attributes:
        name, person: as in :data:`TALKING`.
        landmarks: (F, 478, 3) float32 pixels, NaN where unseen.
        fps: exact frame rate.
        samples: (N,) float32 mono from picture 0 at 16 kHz.
    """

    name: str
    person: str
    landmarks: NDArray[np.float32]
    fps: Fraction
    samples: NDArray[np.float32]

    def lesson(self) -> Lesson:
        """The clip on the network's grid."""
        times = np.array([float(Fraction(k) / self.fps) for k in range(len(self.landmarks))])
        lips = np.stack([mouth_opening(self.landmarks), mouth_width(self.landmarks)])
        return lip_lesson(
            self.name, self.person, (self.samples, SAMPLE_RATE), times, lips.astype(np.float64)
        )


def load_clips(footage: Path, cache: Path) -> list[Clip]:
    """Measure every talking clip of a footage folder, or take the measurement from the cache.

    Args:
        footage: holds a ``faces`` folder with the clips of :data:`TALKING`.
        cache: folder for measurements, made if missing; keyed by name and content.

    Raises:
        MediaError: a clip is missing.
    """
    cache.mkdir(parents=True, exist_ok=True)
    clips = []
    for name, person in TALKING.items():
        found = sorted((footage / "faces").glob(f"{name}.*"))
        if not found:
            raise MediaError(
                f"the training clip {name!r} is missing",
                file=footage / "faces",
                remedy="Set UNISYNC_FOOTAGE to the folder that holds faces and audio.",
            )
        clips.append(_load(found[0], name, person, cache))
    return clips


def _load(path: Path, name: str, person: str, cache: Path) -> Clip:
    info = probe(path)
    digest = hashlib.sha256(info.identity.encode()).hexdigest()[:12]
    kept = cache / f"{name}-{digest}.npz"
    if kept.exists():
        with np.load(kept) as held:
            return Clip(name, person, held["landmarks"], info.rate.fps, held["samples"])
    pictures = (rgb8(frame) for _, frame in read_frames(info, 0, info.frames))
    tracks = track_faces(pictures, info.rate)
    if not tracks:
        raise MediaError("no face was found in a training clip", file=path)
    landmarks = max(tracks, key=lambda track: track.width).landmarks
    duration = Fraction(info.frames) / info.rate.fps
    samples = read_mono(path, Fraction(0), duration, sample_rate=SAMPLE_RATE)
    np.savez(kept, landmarks=landmarks, samples=samples)
    return Clip(name, person, landmarks, info.rate.fps, samples)


def folds(lessons: list[Lesson], count: int) -> list[list[str]]:
    """Names of the people left out of each fold; nobody is in two."""
    people = sorted({lesson.person for lesson in lessons})
    return [people[k::count] for k in range(count)]
