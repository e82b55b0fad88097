"""Pose-free face shapes, what speech does to them, and the shape that is wanted.

A shape is the mesh in the frame of the resting head (face heights, see
:mod:`unisync_post.faces.canonical`): turning the head does not change it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...faces.pose3d import HeadPose, head_pose
from ...faces.smooth import gaussian
from ...faces.speaker import mouth_opening, mouth_width
from .mesh import (
    CHIN,
    LOWER_INNER,
    LOWER_OUTER,
    NOSE_BASE,
    NOSE_TOP,
    RING_LOWER,
    UPPER_INNER,
    UPPER_OUTER,
)

_STEADY = 0.5
"""Frames of smoothing that take the mesh's jitter out without dulling speech."""
_TRUST = 25.0
"""Frames of evidence that the generic table counts for in the regression."""
_EXPRESSION_SECONDS = 0.4
_UPPER_SHARE = 0.3
"""Of a change of the gap between the lips, what the upper lip does; the jaw does the rest."""


@dataclass(frozen=True)
class Shapes:
    """One face through a take.

    Attributes:
        points: (F, 478, 3) pose-free, NaN where unseen.
        poses: one head pose a frame, None where unseen.
        controls: (F, 2) lip opening and mouth width over the nose's length, NaN where unseen.
    """

    points: NDArray[np.float64]
    poses: tuple[HeadPose | None, ...]
    controls: NDArray[np.float64]

    @property
    def seen(self) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = np.isfinite(self.controls[:, 0])
        return found


def pose_free(landmarks: NDArray[np.float32]) -> Shapes:
    """Take the head's pose out of (F, 478, 3) landmarks."""
    seen: NDArray[np.bool_] = np.isfinite(landmarks.sum(axis=(1, 2)))
    points = np.full(landmarks.shape, np.nan)
    poses: list[HeadPose | None] = [None] * len(landmarks)
    for start, end in _runs(seen):
        points[start:end] = gaussian(landmarks[start:end].astype(np.float64), _STEADY)
    steady = points.astype(np.float32)
    for index in np.flatnonzero(seen):
        pose = head_pose(points[index])
        poses[index] = pose
        points[index] = (points[index] - pose.shift) @ pose.rotation / pose.scale
    controls = np.stack([mouth_opening(steady), mouth_width(steady)], 1).astype(np.float64)
    return Shapes(points, tuple(poses), controls)


def _runs(seen: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], seen.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def response(shapes: Shapes, generic: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """How the whole face moves with the mouth's two controls, (2, 478, 3) for one unit of each.

    Least squares over the shot, drawn towards the generic table as if that were 25 frames of
    average speech, so that a shot that never opens its mouth still gets a believable jaw.

    Args:
        generic: (2, 478, 3), or None to fit from the shot alone.
    """
    seen = shapes.seen
    moves = shapes.controls[seen] - shapes.controls[seen].mean(axis=0)
    points = shapes.points[seen] - shapes.points[seen].mean(axis=0)
    gram = moves.T @ moves
    cross = np.einsum("fc,fpx->cpx", moves, points)
    weight = _TRUST * np.diag([0.05**2, 0.05**2])
    if generic is None:
        weight = weight / 100
    else:
        cross = cross + np.einsum("cd,dpx->cpx", weight, generic)
    solved: NDArray[np.float64] = np.linalg.solve(gram + weight, cross.reshape(2, -1))
    table: NDArray[np.float64] = solved.reshape(cross.shape)
    return table


def target_shapes(
    shapes: Shapes, table: NDArray[np.float64], wanted: NDArray[np.float64], fps: float
) -> NDArray[np.float64]:
    """The face with the wanted mouth, (F, 478, 3) in crop pixels, NaN where unseen.

    Expression (what the controls do not explain, below about 1 Hz) stays; nose, eyes and ears do
    not move; the gap between the lips is made exactly the wanted one.

    Args:
        table: (2, 478, 3) of :func:`response`.
        wanted: (F, 2) opening and width.
        fps: pictures a second.
    """
    result = np.full(shapes.points.shape, np.nan)
    seen = shapes.seen
    centre = shapes.controls[seen].mean(axis=0)
    weight = _speech_weight(shapes.points[seen].mean(axis=0))[:, None]
    residual = shapes.points - np.einsum("fc,cpx->fpx", shapes.controls - centre, table)
    for start, end in _runs(seen):
        residual[start:end] = gaussian(residual[start:end], _EXPRESSION_SECONDS * fps)
    spoken = residual + np.einsum("fc,cpx->fpx", wanted - centre, table)
    points = shapes.points + weight * (spoken - shapes.points)
    for index in np.flatnonzero(seen):
        pose = shapes.poses[index]
        if pose is not None:
            placed = pose.place(points[index])
            result[index] = with_gap(placed, float(wanted[index, 0]))
    return result


def _speech_weight(mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """(478,) 1 where speech moves the mean face, 0 from the nose base up and at the ears."""
    base, chin = mean[NOSE_BASE, 1], mean[152, 1]
    side = np.abs(mean[[234, 454], 0]).mean()
    down = _smooth_step((mean[:, 1] - base) / (0.22 * (chin - base)))
    inward = _smooth_step((side - np.abs(mean[:, 0])) / (0.3 * side))
    weight: NDArray[np.float64] = down * inward
    return weight


def _smooth_step(x: NDArray[np.float64]) -> NDArray[np.float64]:
    t = np.clip(x, 0, 1)
    eased: NDArray[np.float64] = t * t * (3 - 2 * t)
    return eased


def with_gap(points: NDArray[np.float64], opening: float) -> NDArray[np.float64]:
    """Points (478, 3) whose inner lips stand ``opening`` nose lengths apart, in a parabola."""
    moved: NDArray[np.float64] = points.copy()
    nose = np.linalg.norm(points[NOSE_TOP, :2] - points[NOSE_BASE, :2])
    upper, lower = points[list(UPPER_INNER), :2], points[list(LOWER_INNER), :2]
    axis = upper[-1] - upper[0]
    length = float(np.linalg.norm(axis)) + 1e-9
    down = np.array([-axis[1], axis[0]]) / length
    middle = (upper + lower) / 2
    across = np.clip((middle - upper[0]) @ axis / length**2, 0, 1)
    gap = opening * nose * np.clip(1 - (2 * across - 1) ** 2, 0, 1)
    change = gap - (lower - upper) @ down
    up, drop = -_UPPER_SHARE * change, (1 - _UPPER_SHARE) * change
    for line, amount in (
        (UPPER_INNER, up),
        (UPPER_OUTER, 0.8 * up),
        (LOWER_INNER, drop),
        (LOWER_OUTER, 0.9 * drop),
        (RING_LOWER, 0.8 * drop),
        (CHIN, 0.5 * drop),
    ):
        inner = list(line[1:-1])
        moved[inner, :2] += amount[1:-1, None] * down
    return moved
