"""Zero-phase smoothing over time, run by run."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def gaussian(values: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Smooth one unbroken run over its first axis.

    The run is continued beyond its ends by its own point reflection, so that a straight movement
    stays itself to the last frame. The kernel is symmetric: nothing leads or lags.

    Args:
        values: (F, ...) finite.
        sigma: frames; 0 returns a copy.
    """
    radius = min(math.ceil(3 * sigma), len(values) - 1)
    if radius < 1:
        untouched: NDArray[np.float64] = values.copy()
        return untouched
    head = 2 * values[:1] - values[radius:0:-1]
    tail = 2 * values[-1:] - values[-2 : -radius - 2 : -1]
    padded = np.concatenate([head, values, tail])
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    weights /= weights.sum()
    smooth: NDArray[np.float64] = np.zeros_like(values)
    for offset, weight in enumerate(weights):
        smooth += weight * padded[offset : offset + len(values)]
    return smooth


def without_outliers(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Replace each vector by the one of it and its two neighbours that lies nearest to the others.

    The median of three for vectors: drops single outliers, and turns with the picture (a median
    of x and one of y would not). Ends stay.

    Args:
        values: (F, D).
    """
    steady: NDArray[np.float64] = values.copy()
    if len(values) < 3:
        return steady
    three = np.stack([values[1:-1], values[:-2], values[2:]])
    apart = np.linalg.norm(three[:, None] - three[None], axis=3).sum(axis=1)
    nearest = apart.argmin(axis=0)
    steady[1:-1] = np.take_along_axis(three, nearest[None, :, None], axis=0)[0]
    return steady


def runs(held: NDArray[np.bool_], cuts: tuple[int, ...] = ()) -> list[tuple[int, int]]:
    """Unbroken stretches (start, end exclusive) of true frames, parted at cuts as well."""
    found: list[tuple[int, int]] = []
    start: int | None = None
    for k in range(len(held) + 1):
        here = k < len(held) and bool(held[k])
        if start is not None and (not here or k in cuts):
            found.append((start, k))
            start = None
        if here and start is None:
            start = k
    return found
