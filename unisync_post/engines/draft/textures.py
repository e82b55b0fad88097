"""The take as a library of mouths: what each frame offers, and which one each frame takes."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .mesh import FOLDS, LIPS, NOSE_BASE, NOSE_TOP
from .retrieve import PathConfig, cheapest_path
from .shapes import Shapes

_ALIKE = 0.04
"""Nose lengths of opening by which two mouths may differ to be dissolved into each other."""


@dataclass(frozen=True)
class Library:
    """What the frames of a take offer, one row a frame.

    Attributes:
        frames: (K,) indices into the take of frames whose mouth may be lent.
        controls: (K, 2) opening and width.
        angles: (K, 2) yaw and pitch, degrees.
        folds: (K, N) shape of the cheeks and nasolabial folds, nose lengths.
        lips: (K, M) shape of the lips, nose lengths.
        sharpness: (K,) log of the mean gradient around the mouth.
    """

    frames: NDArray[np.int64]
    controls: NDArray[np.float64]
    angles: NDArray[np.float64]
    folds: NDArray[np.float64]
    lips: NDArray[np.float64]
    sharpness: NDArray[np.float64]


def describe(
    pictures: NDArray[np.uint8], landmarks: NDArray[np.float32], shapes: Shapes
) -> Library:
    """Measure every frame in which the face is seen.

    Args:
        pictures: (F, S, S, 3) uint8 crops.
        landmarks: (F, 478, 3) crop pixels.
        shapes: of the same frames.
    """
    frames = np.flatnonzero(shapes.seen)
    points = shapes.points[frames]
    nose = np.linalg.norm(points[:, NOSE_TOP, :2] - points[:, NOSE_BASE, :2], axis=1)
    scale = nose[:, None, None]
    poses = [pose for pose in shapes.poses if pose is not None]
    return Library(
        frames=frames,
        controls=shapes.controls[frames],
        angles=np.array([[pose.yaw, pose.pitch] for pose in poses]),
        folds=(points[:, list(FOLDS)] / scale).reshape(len(frames), -1),
        lips=(points[:, list(LIPS)] / scale).reshape(len(frames), -1),
        sharpness=np.array([_sharpness(pictures[k], landmarks[k]) for k in frames]),
    )


def _sharpness(picture: NDArray[np.uint8], points: NDArray[np.float32]) -> float:
    """Log of the mean absolute gradient in the mouth's box."""
    size = picture.shape[0]
    lips = points[list(LIPS), :2]
    low = np.clip(lips.min(axis=0).astype(int) - 8, 0, size - 4)
    high = np.clip(lips.max(axis=0).astype(int) + 8, low + 4, size)
    grey = cv2.cvtColor(picture[low[1] : high[1], low[0] : high[0]], cv2.COLOR_RGB2GRAY)
    return float(np.log(np.abs(cv2.Laplacian(grey, cv2.CV_32F)).mean() + 0.5))


def choose(
    library: Library,
    wanted: NDArray[np.float64],
    still: NDArray[np.float64],
    config: PathConfig,
) -> NDArray[np.int64]:
    """For each library row (frame that is seen), the row whose mouth it takes.

    Args:
        library: K rows.
        wanted: (K, 2) opening and width of the same frames.
        still: (K,) 1 where the picture may simply stay as it is.
        config: of the path.
    """
    opening, width = library.controls.T
    gap = wanted[:, 0, None] - opening
    # an opening that is too small can be widened by a quarter; teeth squeezed into closed lips
    # look worse than anything
    fit = np.where(gap > 0, gap / 0.04, -gap / 0.035)
    # what a stretch by a quarter cannot reach has to be drawn, and drawn teeth look drawn
    fit += 4.0 * np.clip(1 - 1.25 * opening / np.maximum(wanted[:, 0, None], 0.02), 0, 1)
    fit = fit + np.abs(wanted[:, 1, None] - width) / 0.10
    squeezed = 1 - 2 * np.maximum(wanted[:, 0, None], 0.01) / np.maximum(opening, 0.02)
    fit += 2.5 * np.clip(squeezed, 0, 1)
    turn = np.abs(library.angles[:, None] - library.angles).sum(-1)
    fit += (turn / 9.0) ** 2 + 0.03 * turn
    fit += 6.0 * _distance(library.folds, library.folds)
    # only a texture that is softer than its surroundings shows
    fit += 0.8 * np.maximum(library.sharpness[:, None] - library.sharpness, 0)
    own = np.eye(len(fit), dtype=bool)
    fit[own] -= 0.15 + 1.5 * still
    change = 8.0 * _distance(library.lips, library.lips)
    change += np.abs(library.angles[:, None] - library.angles).sum(-1) / 20.0
    return cheapest_path(fit, change, config)


def _distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """(A, B) root-mean-square differences of rows."""
    squares = (a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * a @ b.T
    distance: NDArray[np.float64] = np.sqrt(np.maximum(squares, 0) / a.shape[1])
    return distance


def taps(path: NDArray[np.int64], openings: NDArray[np.float64]) -> list[list[tuple[int, float]]]:
    """For each frame the library rows to mix and their weights: a short dissolve at each jump.

    Mouths that are not about equally open are cut, not dissolved: a mix of both is neither.

    Args:
        path: (T,) rows of :func:`choose`.
        openings: (K,) lip opening of every row.
    """
    last = len(openings) - 1
    mixes: list[list[tuple[int, float]]] = [[(int(k), 1.0)] for k in path]
    for t in np.flatnonzero(np.diff(path) != 1) + 1:
        after, before = min(int(path[t - 1]) + 1, last), max(int(path[t]) - 1, 0)
        for at, other in ((t, after), (t - 1, before)):
            alike = abs(openings[other] - openings[path[at]]) < _ALIKE
            if alike and len(mixes[at]) == 1:
                mixes[at] = [(int(path[at]), 0.7), (other, 0.3)]
    return mixes
