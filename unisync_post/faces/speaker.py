"""Which face speaks: lip curves from landmarks, their fit to speech, and the choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import FaceError
from ..job.result import FaceChoice
from .types import FaceState, FaceTrack

_LEAST_FRAMES = 8
"""Fewer frames with speech than this tell nothing."""
_LEAST_FIT = 0.2
_MARGIN = 0.15
"""Best fit over second best that counts as clear: on real footage the right sound fits by 0.5-0.6,
a wrong one by 0.13 with a spread of 0.2."""


def mouth_opening(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gap between the inner lips over the length of the nose, |13-14| / |168-2|.

    Args:
        landmarks: (F, 478, 3), any scale.

    Returns:
        (F,) float32, NaN where unseen.
    """
    return _ratio(landmarks, 13, 14)


def mouth_width(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Distance of the lip corners over the length of the nose, |61-291| / |168-2|; as above."""
    return _ratio(landmarks, 61, 291)


def _ratio(landmarks: NDArray[np.float32], a: int, b: int) -> NDArray[np.float32]:
    # in the picture plane: z is the mesh's guess and noisier than x and y
    flat = landmarks[:, :, :2].astype(np.float64)
    across = np.linalg.norm(flat[:, a] - flat[:, b], axis=1)
    nose = np.linalg.norm(flat[:, 168] - flat[:, 2], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: NDArray[np.float32] = np.where(nose > 0, across / nose, np.nan).astype(np.float32)
    return ratio


def speech_fit(
    opening: NDArray[np.floating], curve: NDArray[np.floating], max_lag: int
) -> tuple[float, int]:
    """How well lips follow what speech predicts: the best correlation over shifts in time.

    Args:
        opening: (F,) measured mouth opening; NaN in frames that do not count (unseen, no speech).
        curve: (F,) opening predicted from the sound; NaN likewise.
        max_lag: largest shift tried, frames, to either side.

    Returns:
        Pearson correlation and lag in frames; a positive lag means that the lips are late. (0, 0)
        where nothing can be told: too few frames, or nothing moves. Of equal fits the smallest
        shift wins.

    Raises:
        ValueError: the curves differ in length.
    """
    if opening.shape != curve.shape or opening.ndim != 1:
        raise ValueError(f"curves of shapes {opening.shape} and {curve.shape} cannot be compared")
    best, at = 0.0, 0
    for lag in sorted(range(-max_lag, max_lag + 1), key=lambda n: (abs(n), n)):
        lips = opening[max(lag, 0) : len(opening) + min(lag, 0)]
        sound = curve[max(-lag, 0) : len(curve) + min(-lag, 0)]
        fit = _correlation(lips, sound)
        if fit > best + 1e-9:
            best, at = fit, lag
    return best, at


def _correlation(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < _LEAST_FRAMES:
        return 0.0
    x = a[both].astype(np.float64) - a[both].mean()
    y = b[both].astype(np.float64) - b[both].mean()
    power = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / power if power > 1e-9 else 0.0


def choose_face(
    tracks: Sequence[FaceTrack],
    hint: str | None = None,
    fits: Sequence[float] | None = None,
    thumbnails: Mapping[int, str] | None = None,
) -> FaceChoice:
    """Choose the face to dub, and say why.

    Args:
        tracks: the shot's faces.
        hint: ``left`` or ``right`` (of the image, by median position), ``largest``, or a track's
            id as listed; None or empty to choose by speech, then size.
        fits: per track, how well its lips follow the original speech (:func:`speech_fit`).
        thumbnails: per track id, a picture's path for the record.

    Returns:
        The choice; its track is None when there is no face at all.

    Raises:
        FaceError: the hint names no face of this shot.
    """
    candidates = tuple(
        {
            "id": track.id,
            "thumbnail": (thumbnails or {}).get(track.id),
            "frames": int(track.seen.sum()),
            "width": round(track.width, 1),
            "score": None if fits is None else round(float(fits[k]), 3),
        }
        for k, track in enumerate(tracks)
    )
    if not tracks:
        return FaceChoice(None, "no face was found", candidates)
    if hint and hint.strip():
        chosen, reason = _by_hint(tracks, hint.strip().lower())
    else:
        chosen, reason = _by_evidence(tracks, fits)
    return FaceChoice(chosen.id, reason, candidates)


def asked(tracks: Sequence[FaceTrack], wishes: Mapping[str, str]) -> dict[str, int]:
    """The face of each character, as asked for.

    Args:
        wishes: a hint as for :func:`choose_face`, by character.

    Returns:
        A track's id by character; empty where only one face is there for all of them.

    Raises:
        FaceError: a hint names no face of this shot, or two hints name the same one.
    """
    cast = {name: _by_hint(tracks, hint)[0].id for name, hint in wishes.items()}
    if len(set(cast.values())) == len(cast):
        return cast
    if len(tracks) == 1:
        return {}
    told = ", ".join(f"{name}:{hint} is face {cast[name]}" for name, hint in wishes.items())
    raise FaceError(
        f"two characters were given one face: {told}",
        remedy="Give each of them a face of its own, by number if need be.",
    )


def evident(fits: Mapping[str, Sequence[float]]) -> dict[str, int]:
    """The characters of whom it is clear which face is theirs.

    Clear is: that face follows this character's original lines clearly better than any other face
    does, and better than it follows any other character.

    Args:
        fits: of each character, how well the lips of each face follow the original lines
            (:func:`speech_fit`).

    Returns:
        The place of the face in that order, by character.
    """
    found = {}
    for name, row in fits.items():
        best = max(range(len(row)), key=row.__getitem__)
        others = [fit for face, fit in enumerate(row) if face != best]
        others += [other[best] for who, other in fits.items() if who != name]
        if row[best] >= _LEAST_FIT and row[best] - max(others, default=0.0) >= _MARGIN:
            found[name] = best
    return found


def _by_hint(tracks: Sequence[FaceTrack], hint: str) -> tuple[FaceTrack, str]:
    if hint in ("left", "right"):
        ends = sorted(tracks, key=_middle)
        return ends[0 if hint == "left" else -1], f"asked for the {hint} face"
    if hint == "largest":
        return max(tracks, key=_presence), "asked for the largest face"
    for track in tracks:
        if hint == str(track.id):
            return track, f"asked for face {track.id}"
    listed = ", ".join(f"{t.id} (x {_middle(t):.0f}, {t.width:.0f} px wide)" for t in tracks)
    raise FaceError(
        f"the shot has no face {hint!r}; its faces are {listed}",
        remedy="Ask for left, right, largest or one of these numbers.",
    )


def _by_evidence(
    tracks: Sequence[FaceTrack], fits: Sequence[float] | None
) -> tuple[FaceTrack, str]:
    if len(tracks) == 1:
        return tracks[0], "the only face"
    if fits is not None:
        first, second = sorted(range(len(tracks)), key=lambda k: -fits[k])[:2]
        if fits[first] >= _LEAST_FIT and fits[first] - fits[second] >= _MARGIN:
            return tracks[first], (
                f"its lips follow the original speech ({fits[first]:.2f}, next best "
                f"{fits[second]:.2f})"
            )
        why = "the original speech fits no face clearly better"
    else:
        why = "there is no original speech to go by"
    return max(tracks, key=_presence), f"the largest of {len(tracks)} faces; {why}"


def _middle(track: FaceTrack) -> float:
    return float(np.nanmedian(track.boxes[:, [0, 2]].mean(axis=1)))


def _presence(track: FaceTrack) -> tuple[float, float]:
    """Mean area over the whole shot of what can be generated, then of all that is seen."""
    sides = track.boxes[:, 2:] - track.boxes[:, :2]
    areas = np.nan_to_num(sides[:, 0] * sides[:, 1])
    usable = np.array([state is not FaceState.PASS for state in track.states])
    return float((areas * usable).mean()), float(areas.mean())
