"""What is measured on a shot: whose lips fit the sound, how well, and what the file really holds.

Sync is estimated with the draft engine's own speech model: it says whether lips open and close
when the voice does, and how many frames early or late. It is blind to which consonant is spoken,
and it judges the draft engine with the draft engine's ears; read it as an alarm, not as a grade.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .driver import SAMPLE_RATE, build_driver
from .engines.base import Driver
from .faces.speaker import asked, choose_face, evident, mouth_opening, speech_fit
from .faces.thumbnails import thumbnail_frame, write_thumbnails
from .faces.types import FaceTrack
from .job.result import FaceChoice
from .media.audio import read_mono
from .media.frames import read_played
from .media.info import MediaInfo
from .media.vad import speech_spans
from .media.viewed import seen
from .media.viewing import read_colour
from .plan.casting import cast_in, example
from .plan.rules import name_key
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
    from .engines.draft.speech import mouth_curves  # brings torch: two seconds a plan need not wait

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
    tracks: Sequence[FaceTrack], hint: str | None, shot: Shot, info: MediaInfo, folder: Path
) -> FaceChoice:
    """Choose the face to dub and put every candidate's thumbnail into the shot's folder.

    Without a hint and with several faces, each one's lips are held against the original speech:
    the edit's original dialogue if it is known, else the plate's own sound. Where several
    characters speak, each with a dub of their own, each may be given a face: as the hint says, or
    where their original lines make it clear.

    Raises:
        FaceError: the hint names no face of this shot.
    """
    wishes = cast_in(hint)
    if wishes:
        hint = None
    fits = _fits(tracks, original_speech(shot, info), shot) if _open(hint, tracks) else None
    choice = choose_face(tracks, hint, fits, _thumbnails(tracks, shot, info, folder))
    if not tracks or not shot.characters:
        return choice
    wishes = {name: wishes[name] for name in shot.characters if name in wishes}
    if wishes:
        cast, why = asked(tracks, wishes), "asked for"
    elif _open(hint, tracks) and len(shot.characters) > 1:
        cast, why = _evident(tracks, shot), "the lips follow the original lines"
    else:
        cast, why = {}, ""
    return _cast(choice, cast, why, shot.characters)


def _open(hint: str | None, tracks: Sequence[FaceTrack]) -> bool:
    """Whether there is a choice, and nobody made it."""
    return hint is None and len(tracks) > 1


def _cast(
    choice: FaceChoice, cast: Mapping[str, int], why: str, characters: Sequence[str]
) -> FaceChoice:
    """The choice with a face for each of these characters, or with the remark that one has all."""
    if cast:
        told = [f"{name} is face {face}" for name, face in cast.items()]
        reason = f"{why}: {', '.join(told)}"
        faceless = [name for name in characters if name not in cast]
        if faceless:
            reason += f"; no face is known of {' and '.join(faceless)}, heard here, too"
        return replace(choice, track=next(iter(cast.values())), reason=reason, characters=cast)
    if len(characters) < 2:
        return choice
    names = " and ".join(characters)
    remark = f"{len(characters)} characters speak here ({names}) and this face follows them all"
    if len(choice.candidates) > 1:
        remark += f"; say whose face is which: unisync:face={example(characters)}, or --face"
    return replace(choice, reason=f"{choice.reason}; {remark}")


def _evident(tracks: Sequence[FaceTrack], shot: Shot) -> dict[str, int]:
    """Faces that clearly spoke a character's original lines: track ids by character."""
    fits = {}
    for name in shot.characters:
        lines = [p for p in shot.original if p.speaker and name_key(p.speaker) == name_key(name)]
        if lines:
            spoken = build_driver(lines, shot.dub_start, shot.rate.seconds(shot.length))
            fits[name] = _fits(tracks, spoken, shot) or [0.0] * len(tracks)
    return {name: tracks[face].id for name, face in evident(fits).items()}


def _fits(tracks: Sequence[FaceTrack], original: Driver | None, shot: Shot) -> list[float] | None:
    """How well each face's lips follow this sound; None where nothing can be told."""
    if original is None:
        return None
    fits = [fit_of(mouth_opening(track.landmarks), original, shot).fit for track in tracks]
    if all(fit is None for fit in fits):
        return None
    return [fit if fit is not None else 0.0 for fit in fits]


def _thumbnails(
    tracks: Sequence[FaceTrack], shot: Shot, info: MediaInfo, folder: Path
) -> dict[int, str]:
    played = shot.played()
    wanted = sorted({thumbnail_frame(track) for track in tracks})
    pictures = read_played(info, [played[k] for k in wanted])
    tags = read_colour(info, shot.colour).encoding
    frames = {k: seen(picture, tags) for k, picture in zip(wanted, pictures, strict=True)}
    return write_thumbnails(tracks, frames, folder)


def original_speech(shot: Shot, info: MediaInfo) -> Driver | None:
    """The sound that the original lips speak, or None where nothing tells."""
    duration = shot.rate.seconds(shot.length)
    if shot.original:
        return build_driver(shot.original, shot.dub_start, duration)
    if not info.audio or shot.speed != 1:
        return None
    start = info.rate.seconds(shot.source.start)
    return Driver(read_mono(shot.media, start, duration), SAMPLE_RATE, Fraction(0))
