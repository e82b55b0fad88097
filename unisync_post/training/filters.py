"""Is it worth learning from: sound and lips together, and a picture that shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unisync_adapters.timebase import Rate

from ..engines.base import Driver
from ..engines.draft.speech import mouth_curves
from ..faces.speaker import mouth_opening, speech_fit
from ..faces.types import CropWindow
from ..media.info import MediaInfo
from ..media.vad import speech_spans
from .kinds import (
    EDGE,
    LIGHT,
    LITTLE_SPEECH,
    NO_FIT,
    NO_SPEECH,
    OUT_OF_SYNC,
    RIVAL,
    SMALL,
    SOFT,
    Measures,
)
from .settings import Limits

_LEAST = 12
"""Frames of speech below which a correlation says nothing."""
_REACH = 6
"""Frames searched for the lag, either way."""


@dataclass(frozen=True)
class Verdict:
    """A filter's word: why not (empty: good), and what it measured."""

    reason: str
    detail: str
    measures: Measures


def judge_size(
    landmarks: NDArray[np.float32], window: CropWindow, info: MediaInfo, limits: Limits
) -> Verdict:
    """Large enough, and all in the picture.

    Args:
        landmarks: (F, 478, 3) plate pixels, all seen; ``window``: of the same frames.
    """
    zoom = float(np.median(np.hypot(window.matrices[:, 0, 0], window.matrices[:, 0, 1])))
    low, high = landmarks[:, :, :2].min((0, 1)), landmarks[:, :, :2].max((0, 1))
    inside = bool((low >= 0).all() and (high <= (info.width - 1, info.height - 1)).all())
    measures = {"zoom": round(zoom, 3)}
    if zoom > limits.zoom:
        return Verdict(SMALL, f"enlarged {zoom:.1f} times to fill the crop", measures)
    return Verdict("" if inside else EDGE, "", measures)


def judge_pictures(
    crops: Sequence[NDArray[np.uint8]], landmarks: NDArray[np.float32], limits: Limits
) -> Verdict:
    """Lit and sharp, by a few of the clip's pictures.

    Args:
        crops: (S, S, 3) uint8 R'G'B'; ``landmarks``: (n, 478, 3) crop pixels, of the same pictures.
    """
    lumas, details = [], []
    for crop, points in zip(crops, landmarks, strict=True):
        face = _face(crop, points)
        lumas.append(float(face.mean()))
        details.append(detail(face))
    luma, sharp = float(np.median(lumas)), float(np.median(details))
    measures = {"luma": round(luma, 1), "detail": round(sharp, 4)}
    if not limits.dark <= luma <= limits.bright:
        return Verdict(LIGHT, f"mean luma {luma:.0f} of 255", measures)
    if sharp < limits.sharp:
        return Verdict(SOFT, f"detail {sharp:.3f}", measures)
    return Verdict("", "", measures)


def detail(luma: NDArray[np.uint8]) -> float:
    """Share of a picture's contrast that a blur of 1 % of its side takes away, 0..1.

    A share, so that it depends neither on light nor on make-up; relative to the side, so that a
    close-up and a wide shot are held to the same measure.
    """
    picture = luma.astype(np.float32)
    contrast = float(picture.std())
    if contrast < 1:
        return 0.0
    blurred = cv2.GaussianBlur(picture, (0, 0), max(0.5, 0.01 * max(luma.shape)))
    return float((picture - blurred).std()) / contrast


def judge_sound(driver: Driver, rate: Rate, frames: int, limits: Limits) -> Verdict:
    """Somebody speaks, for enough of the time."""
    share = float(spoken(driver, rate, frames).mean())
    measures = {"speech": round(share, 3)}
    if not share:
        return Verdict(NO_SPEECH, "", measures)
    few = share < limits.speech or share * frames < _LEAST
    return Verdict(LITTLE_SPEECH if few else "", f"under {share:.0%} of the frames", measures)


def judge_lips(
    landmarks: NDArray[np.float32],
    rivals: Sequence[NDArray[np.float32]],
    driver: Driver,
    rate: Rate,
    limits: Limits,
) -> Verdict:
    """The lips say what is heard, and no other face's do.

    The draft engine's speech model says how open a mouth should be; what is measured is the
    correlation with the lips at the best lag, on frames with speech. It knows open from closed and
    not one consonant from another.

    Args:
        landmarks: (F, 478, 3); ``rivals``: of the other faces in the same frames, NaN where unseen.
    """
    fit, lag = _fit(landmarks, driver, rate)
    measures = {"fit": round(fit, 3), "lag": float(lag)}
    if fit < limits.fit:
        return Verdict(NO_FIT, f"correlation {fit:.2f}", measures)
    if abs(lag) > limits.lag:
        return Verdict(OUT_OF_SYNC, f"lips {abs(lag)} frames {_when(lag)}", measures)
    for rival in rivals:
        other, _ = _fit(rival, driver, rate)
        if other > fit - limits.margin:
            return Verdict(RIVAL, f"correlations {fit:.2f} and {other:.2f}", measures)
    return Verdict("", "", measures)


def spoken(driver: Driver, rate: Rate, frames: int) -> NDArray[np.bool_]:
    """(F,) frames under which somebody speaks."""
    speech = np.zeros(frames, np.bool_)
    for begin, end in speech_spans(driver.samples):
        first, last = (rate.frame_at(at + driver.start) for at in (begin, end))
        speech[max(0, first) : max(0, last + 1)] = True
    return speech


def _fit(landmarks: NDArray[np.float32], driver: Driver, rate: Rate) -> tuple[float, int]:
    opening = mouth_opening(landmarks)
    heard = spoken(driver, rate, len(opening))
    curve = mouth_curves(driver, rate, len(opening))[:, 0]
    return speech_fit(np.where(heard, opening, np.nan).astype(np.float32), curve, _REACH)


def _when(lag: int) -> str:
    return "late" if lag > 0 else "early"


def _face(crop: NDArray[np.uint8], points: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The luma of the face's box in a crop."""
    size = len(crop)
    (x0, y0), (x1, y1) = (
        np.clip(edge, 0, size).astype(int) for edge in (points[:, :2].min(0), points[:, :2].max(0))
    )
    luma = cv2.cvtColor(crop[y0 : max(y1, y0 + 2), x0 : max(x1, x0 + 2)], cv2.COLOR_RGB2GRAY)
    return np.asarray(luma, np.uint8)
