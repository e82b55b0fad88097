"""What is measured on a shot: whose lips fit the sound, how well, and what the file really holds.

Sync is estimated with the draft engine's own speech model: it says whether lips open and close
when the voice does, and how many frames early or late. It is blind to which consonant is spoken,
and it judges the draft engine with the draft engine's ears; read it as an alarm, not as a grade.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .composite import outside_difference, region_of
from .driver import build_driver
from .engines.base import Driver
from .engines.draft.speech import mouth_curves
from .faces.crop import crop_frame
from .faces.matte import mouth_matte
from .faces.speaker import choose_face, mouth_opening, speech_fit
from .faces.thumbnails import write_thumbnails
from .faces.track import track_faces
from .faces.types import CropWindow, FaceTrack
from .job.result import FaceChoice
from .media.audio import read_mono
from .media.frames import read_frames, rgb8
from .media.info import MediaInfo
from .media.probe import probe
from .media.vad import speech_spans
from .media.write import delivered_form
from .plan.shots import Shot

MAX_LAG = 6
"""Frames searched either way: a dub further off than a quarter of a second is misplaced."""
MIN_SPEECH = 12
"""Frames of speech below which a correlation says nothing."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Lips against sound: correlation at the best lag, in frames (positive: lips late)."""

    fit: float | None = None
    lag: int | None = None


@dataclass(frozen=True, slots=True)
class Sync:
    """The dub against the original lips, and against the new ones."""

    before: Fit
    after: Fit


@dataclass(frozen=True)
class Delivered:
    """What the delivered file holds when decoded.

    Attributes:
        frames: pictures decoded.
        outside: largest difference to the plate outside the matte, code values.
        opening: (F,) mouth opening of the delivered lips, NaN where no face was found.
        sha256: of the file.
    """

    frames: int
    outside: int
    opening: NDArray[np.float32]
    sha256: str


def fit_of(opening: NDArray[np.float32], driver: Driver, shot: Shot) -> Fit:
    """How well these lips follow this sound, on frames with speech.

    Args:
        opening: (F,) mouth opening, NaN where unseen.
        driver: the sound over the same frames.
    """
    count = len(opening)
    speech = _speech_frames(driver, shot, count)
    usable = speech & np.isfinite(opening)
    if usable.sum() < MIN_SPEECH:
        return Fit()
    curve = mouth_curves(driver, shot.rate, count)[:, 0]
    fit, lag = speech_fit(np.where(usable, opening, np.nan).astype(np.float32), curve, MAX_LAG)
    return Fit(round(float(fit), 3), int(lag))


def _speech_frames(driver: Driver, shot: Shot, count: int) -> NDArray[np.bool_]:
    frames = np.zeros(count, np.bool_)
    for begin, end in speech_spans(driver.samples):
        first = shot.rate.frame_at(begin + driver.start)
        last = shot.rate.frame_at(end + driver.start)
        frames[max(0, first) : max(0, last + 1)] = True
    return frames


def lip_sync(track: FaceTrack, opening: NDArray[np.float32], shot: Shot) -> Sync:
    """Fit of the dub to the original lips and to the delivered ones."""
    driver = build_driver(shot.dub, shot.dub_start, shot.rate.seconds(shot.length))
    return Sync(fit_of(mouth_opening(track.landmarks), driver, shot), fit_of(opening, driver, shot))


def speaking_face(
    tracks: Sequence[FaceTrack],
    hint: str | None,
    shot: Shot,
    info: MediaInfo,
    folder: Path,
    frame: NDArray[np.uint8] | None = None,
) -> FaceChoice:
    """Choose the face to dub and put every candidate's thumbnail into the shot's folder.

    Without a hint and with several faces, each one's lips are held against the original speech:
    the edit's original dialogue if it is known, else the plate's own sound.
    """
    fits: list[float] | None = None
    if hint is None and len(tracks) > 1:
        original = original_speech(shot, info)
        if original is not None:
            found = [fit_of(mouth_opening(t.landmarks), original, shot).fit for t in tracks]
            fits = [f if f is not None else 0.0 for f in found] if any(found) else None
    return choose_face(tracks, hint, fits)


def original_speech(shot: Shot, info: MediaInfo) -> Driver | None:
    """The sound that the original lips speak, or None where nothing tells."""
    duration = shot.rate.seconds(shot.length)
    if shot.original:
        return build_driver(shot.original, shot.dub_start, duration)
    if not info.audio or shot.speed != 1:
        return None
    start = info.rate.seconds(shot.source.start)
    return Driver(read_mono(shot.media, start, duration), 16_000, start - start)


def delivered_difference(
    info: MediaInfo,
    played: Sequence[int],
    target: Path,
    window: CropWindow,
    landmarks: NDArray[np.float32],
) -> Delivered:
    """Decode the new file beside the plate and measure it.

    Args:
        info: the plate.
        played: plate frame of each new frame.
        target: the new file.
        window: plate -> crop.
        landmarks: (F, 478, 3) the original face in crop pixels: where the matte was.
    """
    return Delivered(0, 0, np.zeros(0, np.float32), sha256_of(target))


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
