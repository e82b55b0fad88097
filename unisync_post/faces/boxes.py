"""Boxes x0, y0, x1, y1 in pixels."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]

_SAME = 0.35
_WITHIN = 0.7


def box_of(points: NDArray[np.floating]) -> Box:
    """The box around points, (N, 2 or more)."""
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def width(box: Box) -> float:
    return box[2] - box[0]


def distance(a: Box, b: Box) -> float:
    """Between the middles."""
    return math.hypot((a[0] + a[2] - b[0] - b[2]) / 2, (a[1] + a[3] - b[1] - b[3]) / 2)


def iou(a: Box, b: Box) -> float:
    """Intersection over union."""
    common = _common(a, b)
    union = _area(a) + _area(b) - common
    return common / union if union > 0 else 0.0


def is_same_face(a: Box, b: Box) -> bool:
    """Whether two boxes in one frame are one face: they overlap, or one lies in the other.

    The second: nostrils over an open mouth look like a small face to a detector.
    """
    smaller = min(_area(a), _area(b))
    return iou(a, b) > _SAME or (smaller > 0 and _common(a, b) > _WITHIN * smaller)


def _common(a: Box, b: Box) -> float:
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
