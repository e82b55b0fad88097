"""Head pose of a mesh: a rigid fit of the points that speech does not move.

Angles are as seen in the picture: yaw > 0 looks to the image's right, pitch > 0 looks up,
roll > 0 leans clockwise. All 0 for a face at rest that looks into the camera.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .canonical import RIGID, rest


@dataclass(frozen=True)
class HeadPose:
    """Similarity from the face at rest (face heights) to frame pixels: ``scale * R x + shift``.

    Attributes:
        rotation: (3, 3).
        scale: pixels for one face height, whatever the turn of the head.
        shift: (3,) pixels; the point between the outer corners of the eyes.
    """

    rotation: NDArray[np.float64]
    scale: float
    shift: NDArray[np.float64]

    def place(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, 3) points of the face at rest -> (N, 3) pixels."""
        placed: NDArray[np.float64] = self.scale * points @ self.rotation.T + self.shift
        return placed

    @property
    def yaw(self) -> float:
        return math.degrees(math.atan2(-self.rotation[0, 2], self.rotation[2, 2]))

    @property
    def pitch(self) -> float:
        return math.degrees(math.asin(float(np.clip(self.rotation[1, 2], -1, 1))))

    @property
    def roll(self) -> float:
        return math.degrees(math.atan2(-self.rotation[0, 1], self.rotation[1, 1]))


def similarity(source: NDArray[np.float64], target: NDArray[np.float64]) -> HeadPose:
    """Least-squares similarity ``source -> target``, both (N, 3) (Umeyama, PAMI 13(4), 1991)."""
    from_mean, to_mean = source.mean(axis=0), target.mean(axis=0)
    a, b = source - from_mean, target - to_mean
    u, stretch, vt = np.linalg.svd(b.T @ a)
    sign = np.array([1.0, 1.0, float(np.sign(np.linalg.det(u @ vt)))])
    rotation = (u * sign) @ vt
    scale = float((stretch * sign).sum() / (a * a).sum())
    return HeadPose(rotation, scale, to_mean - scale * rotation @ from_mean)


_RIGID = list(RIGID)
_RIGID_AT_REST = rest(RIGID)


def head_pose(landmarks: NDArray[np.floating]) -> HeadPose:
    """The pose of one mesh, (478, 3) pixels."""
    return similarity(_RIGID_AT_REST, landmarks[_RIGID].astype(np.float64))
