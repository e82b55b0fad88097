"""Which frame of the take lends its mouth to which: a smooth path, found exactly in a band."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class PathConfig:
    """Costs of the path.

    Attributes:
        jump: of leaving the running texture for another.
        hold: fewest frames of one running texture.
        band: frames to either side from which a texture may come; bounds the work.
    """

    jump: float = 1.5
    hold: int = 3
    band: int = 160


def cheapest_path(
    fit: NDArray[np.float64], change: NDArray[np.float64], config: PathConfig
) -> NDArray[np.int64]:
    """The path with the least total cost.

    A texture runs: after frame k comes k + 1 for nothing. Any other successor is a jump, which
    costs ``config.jump`` and the visible change, and is held for ``config.hold`` frames (or to the
    end of the take or of the library).

    Args:
        fit: (T, K) how badly library frame k serves frame t; inf = never.
        change: (K, K) how different two library frames look.
        config: costs and limits.

    Returns:
        (T,) library indices.

    Raises:
        ValueError: some frame has no usable texture within the band.
    """
    frames, library = fit.shape
    near = np.abs(np.arange(library) - np.arange(frames)[:, None]) <= config.band
    fit = np.where(near | ~np.isfinite(fit).any(1, keepdims=True), fit, np.inf)
    if np.isinf(fit).all(axis=1).any():
        raise ValueError("a frame has no texture to take")
    ages = config.hold
    # cost[a, k]: best path that shows k now and has run for a + 1 frames (the last age is "more")
    cost = np.full((ages, library), np.inf)
    cost[-1] = fit[0]
    origins: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    ahead = np.concatenate([change[1:], np.zeros((1, library))])
    for t in range(1, frames):
        cost, origin = _step(cost, fit[t], ahead, config.jump)
        origins.append(origin)
    return _walk_back(cost, origins)


def _step(
    cost: NDArray[np.float64],
    fit: NDArray[np.float64],
    ahead: NDArray[np.float64],
    jump: float,
) -> tuple[NDArray[np.float64], tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """One frame further: new costs, and for each state the (age, texture) it came from."""
    ages, library = cost.shape
    came_age = np.zeros((ages, library), np.int64)
    came_from = np.tile(np.arange(library) - 1, (ages, 1))
    nxt = np.full((ages, library), np.inf)
    for age in range(1, ages):
        nxt[age, 1:] = cost[age - 1, :-1]
        came_age[age] = age - 1
    running = np.full(library, np.inf)
    running[1:] = cost[-1, :-1]
    longer = running <= nxt[-1]
    nxt[-1] = np.where(longer, running, nxt[-1])
    came_age[-1] = np.where(longer, ages - 1, came_age[-1])
    free = cost[-1].copy()
    # the library's last frame cannot run on, so it may be left at any age
    last = int(np.argmin(cost[:, -1]))
    free[-1] = cost[last, -1]
    totals = free[:, None] + ahead
    best = totals.argmin(axis=0)
    jumped = totals[best, np.arange(library)] + jump
    better = jumped < nxt[0]
    nxt[0] = np.where(better, jumped, nxt[0])
    came_from[0] = np.where(better, best, came_from[0])
    came_age[0] = np.where(better, np.where(best == library - 1, last, ages - 1), came_age[0])
    return nxt + fit, (came_age, came_from)


def _walk_back(
    cost: NDArray[np.float64], origins: list[tuple[NDArray[np.int64], NDArray[np.int64]]]
) -> NDArray[np.int64]:
    age, texture = np.unravel_index(int(cost.argmin()), cost.shape)
    path = [int(texture)]
    for came_age, came_from in reversed(origins):
        age, texture = came_age[age, texture], came_from[age, texture]
        path.append(int(texture))
    return np.array(path[::-1], np.int64)
