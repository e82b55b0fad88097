"""Does the mouth follow the new voice, and does the old one leak through?

Opening curves in, numbers out; who reads the opening off pictures is the caller's choice. *Follow*
is the correlation of the output's curve with the new voice's, *leak* with the source's. The third
number, how far the two voices agree by themselves, is what an honest leak cannot fall below.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import InputError

Curve = npt.NDArray[np.floating]
"""(F,) the opening of a mouth, a number a frame; 0 is closed."""

Statistic = Callable[[Sequence[Curve], Sequence[Curve]], float]


@dataclass(frozen=True)
class Interval:
    """A number and where it lies with 95 % confidence, by the bootstrap."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True)
class Sync:
    """How a set of windows came out.

    Attributes:
        follow: pooled correlation with the new voice's curves.
        leak: with the source's.
        coupling: between the two, whatever the output does.
        follow_window: mean of the windows' own correlations; ``leak_window`` likewise.
        opening: mean opening.
    """

    follow: Interval
    leak: Interval
    coupling: float
    follow_window: float
    leak_window: float
    opening: float


def sync(
    outputs: Sequence[Curve],
    voices: Sequence[Curve],
    sources: Sequence[Curve],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> Sync:
    """Follow and leak over a set of windows.

    Args:
        outputs: of the generated windows; ``voices``: what the new voice's mouth does; ``sources``:
            what the source's did. One curve a window, equally long.

    Raises:
        InputError: no window, or curves that do not belong together.
    """
    return Sync(
        bootstrap(outputs, voices, resamples=resamples, seed=seed),
        bootstrap(outputs, sources, resamples=resamples, seed=seed),
        pearson(voices, sources),
        _mean(per_window(outputs, voices)),
        _mean(per_window(outputs, sources)),
        float(np.concatenate(outputs).mean()),
    )


def pearson(a: Sequence[Curve], b: Sequence[Curve]) -> float:
    """Correlation over all frames of all windows; 0 where one of them never moves.

    Pooled, so that a mouth which is always half open does not pass for one that follows.
    """
    _check(a, b)
    return _correlation(np.concatenate(a), np.concatenate(b))


def per_window(a: Sequence[Curve], b: Sequence[Curve]) -> npt.NDArray[np.float64]:
    """(windows,): each window's own correlation; 0 where one of the two never moves."""
    _check(a, b)
    return np.array([_correlation(x, y) for x, y in zip(a, b, strict=True)])


def bootstrap(
    a: Sequence[Curve],
    b: Sequence[Curve],
    statistic: Statistic = pearson,
    *,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """A statistic with its percentile interval, whole windows drawn with replacement.

    Windows, not frames: neighbouring frames are not independent, and would make it too narrow.
    """
    _check(a, b)
    draw = np.random.default_rng(seed)
    values = []
    for _ in range(resamples):
        chosen = draw.integers(0, len(a), len(a))
        values.append(statistic([a[i] for i in chosen], [b[i] for i in chosen]))
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(statistic(a, b), float(low), float(high))


def closed(curves: Sequence[Curve], below: float = 0.15) -> float:
    """Share of all frames whose mouth is as good as closed: what silence should do."""
    _check(curves, curves)
    return float((np.concatenate(curves) < below).mean())


def _correlation(a: Curve, b: Curve) -> float:
    x, y = a.astype(np.float64) - a.mean(), b.astype(np.float64) - b.mean()
    power = float(np.sqrt((x @ x) * (y @ y)))
    # rounding of a constant is no movement
    still = min(np.ptp(a), np.ptp(b)) <= 1e-7 * max(1.0, np.abs(a).max(), np.abs(b).max())
    return 0.0 if still or not power else float(x @ y) / power


def _mean(values: npt.NDArray[np.float64]) -> float:
    return float(values.mean())


def _check(a: Sequence[Curve], b: Sequence[Curve]) -> None:
    if not a or len(a) != len(b):
        raise InputError(f"{len(a)} curves with {len(b)}", remedy="Give one of each a window")
    for i, (x, y) in enumerate(zip(a, b, strict=True)):
        if x.ndim != 1 or x.shape != y.shape or not x.size:
            raise InputError(f"window {i}: curves of {x.shape} and {y.shape} frames")
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise InputError(f"window {i}: a curve holds NaN", remedy="Leave unread frames out")
