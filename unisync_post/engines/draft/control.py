"""From what the speech asks for to what this person's mouth does."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from unisync_adapters.timebase import Rate

from ...faces.smooth import gaussian
from ..base import Driver
from .mel import HOP, log_mel
from .speech import SpeechModel

_SMOOTH_FRAMES = 0.6
_SILENCE = -46.0
_CLOSED = 0.004
"""Lips that touch, in nose lengths: the mesh never measures quite 0."""


@dataclass(frozen=True)
class MouthRange:
    """What this person's mouth does in this shot, in nose lengths.

    Attributes:
        widest: opening for the most open sounds: the shot's 92nd percentile (beyond it lie laughs
            and yawns), within what talking mouths do.
        width: mean mouth width.
        width_spread: deviation of the width.
        speed: largest opening or closing a frame.
    """

    widest: float
    width: float
    width_spread: float
    speed: float


def mouth_range(controls: NDArray[np.float64], fps: float) -> MouthRange:
    """Measure it from (F, 2) opening and width, NaN where unseen."""
    seen = controls[np.isfinite(controls[:, 0])]
    opening, width = seen[:, 0], seen[:, 1]
    high = float(np.percentile(opening, 92))
    steps = np.abs(np.diff(opening)) if len(opening) > 1 else np.zeros(1)
    # a take that hardly moves says nothing about how fast this mouth can be: 0.9 noses a second
    speed = max(float(np.percentile(steps, 98)), 0.9 / fps)
    return MouthRange(
        widest=float(np.clip(high, 0.13, 0.32)),
        width=float(width.mean()),
        width_spread=float(np.clip(width.std(), 0.02, 0.08)),
        speed=speed,
    )


def voiced(driver: Driver, rate: Rate, count: int) -> NDArray[np.float64]:
    """How much is being said at each picture, 0 silent .. 1 speech, with soft edges.

    A gate on the level between about 100 Hz and 5 kHz against the driver's own loud passages: 32 dB
    below them is silence, and so is anything as quiet as white noise at -56 dB of full scale.
    """
    margin = 24
    columns = int(Fraction(count) / rate.fps / HOP) + 2 * margin + 2
    mel = log_mel(driver.samples, driver.sample_rate, driver.start, -margin * HOP, columns)
    level = 10 * np.log10((10 ** (2 * (mel[3:70] - 1))).mean(axis=0))
    threshold = max(float(np.percentile(level, 95)) - 32, _SILENCE)
    open_gate = _smooth((level > threshold).astype(np.float64))
    times = np.array([float(Fraction(k) / rate.fps) for k in range(count)])
    at = times / float(HOP) + margin
    heard: NDArray[np.float64] = np.interp(at, np.arange(columns), open_gate)
    return heard


def _smooth(gate: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bridge gaps of up to 0.2 s (stops are silent too), grow by 40 ms, then soften the edges."""
    wide = np.convolve(gate, np.ones(21), "same") > 0
    kept = np.convolve((~wide).astype(np.float64), np.ones(13), "same") == 0
    weights = np.exp(-0.5 * (np.arange(-8, 9) / 3.0) ** 2)
    soft = np.convolve(kept.astype(np.float64), weights / weights.sum(), "same")
    clipped: NDArray[np.float64] = np.clip(soft, 0, 1)
    return clipped


def wanted_mouth(
    curves: NDArray[np.float32],
    heard: NDArray[np.float64],
    mouth: MouthRange,
    model: SpeechModel,
) -> NDArray[np.float64]:
    """The opening and width the dub asks of this person, (F, 2) in nose lengths.

    Args:
        curves: (F, 3) of :func:`unisync_post.engines.draft.speech.mouth_curves`.
        heard: (F,) of :func:`voiced`.
        mouth: the person's range.
        model: for the distribution of its own output.
    """
    openness = model.openness(curves[:, 0])
    opening = _CLOSED + (mouth.widest - _CLOSED) * openness
    spread = np.clip(curves[:, 1] / model.width_deviation, -2, 2)
    width = mouth.width + 0.8 * mouth.width_spread * spread * heard
    shut = np.clip((1 / (1 + np.exp(-curves[:, 2].astype(np.float64))) - 0.5) / 0.35, 0, 1)
    opening = gaussian(opening * heard, _SMOOTH_FRAMES)
    # closures come after smoothing: a 60 ms P is only two frames and must not be averaged away
    opening = np.maximum(opening * (1 - shut), _CLOSED)
    opening = limited(opening, mouth.speed)
    return np.stack([opening, gaussian(width, 1.5 * _SMOOTH_FRAMES)], 1)


def limited(curve: NDArray[np.float64], speed: float) -> NDArray[np.float64]:
    """The highest curve below this one that never moves faster than ``speed`` a frame.

    Peaks give way, closures stay.
    """
    slow: NDArray[np.float64] = curve.copy()
    for k in range(1, len(slow)):
        slow[k] = min(slow[k], slow[k - 1] + speed)
    for k in range(len(slow) - 2, -1, -1):
        slow[k] = min(slow[k], slow[k + 1] + speed)
    return slow
