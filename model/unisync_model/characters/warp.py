"""Where a point of a painted head lies in a picture, and the other way round.

A head is a height field over its frontal drawing. Forwards, a point (x, y, z) is turned, rolled,
scaled and shifted; backwards, a fixed point is sought on a coarse grid, for the height is smooth,
and the map is interpolated.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .canvas import Canvas, Picture
from .motion import Pose

_TURN_STEPS = 7


@dataclass(frozen=True)
class View:
    """A square picture of a head.

    Attributes:
        size: side S in pixels.
        scale: pixels a half head width.
        centre: the point of the resting head, in half head widths, in the picture's middle.
    """

    size: int
    scale: float
    centre: tuple[float, float]

    def matrix(self, pose: Pose, follow: float = 1.0) -> NDArray[np.float64]:
        """(2, 3) head plane -> pixels; ``follow`` 0..1 is how much of the head's motion counts."""
        zoom = self.scale * (1 + (pose.zoom - 1) * follow)
        roll = pose.roll * follow
        turn = zoom * np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
        # heads roll about the middle of the face: the crop follows the rest
        pivot = np.array([0.0, 0.5])
        moved = pivot + follow * np.array([pose.x, pose.y]) - np.array(self.centre)
        shift = (self.size - 1) / 2 + self.scale * moved - turn @ pivot
        return np.column_stack([turn, shift])


def project(
    points: NDArray[np.float64], heights: NDArray[np.float64], pose: Pose, view: View
) -> NDArray[np.float64]:
    """(N, 2) points of the head, with (N,) heights, in pixels."""
    plane = np.stack(
        [
            points[:, 0] * np.cos(pose.yaw) + heights * np.sin(pose.yaw),
            points[:, 1] * np.cos(pose.pitch) + heights * np.sin(pose.pitch),
        ],
        1,
    )
    matrix = view.matrix(pose)
    return np.asarray(plane @ matrix[:, :2].T + matrix[:, 2])


@dataclass(frozen=True)
class Unwarp:
    """For a coarse grid over the picture, the point of the resting head seen there.

    Attributes:
        step: pixels between grid points.
        x, y: (h, w) float32, half head widths; one grid point of margin on every side.
    """

    size: int
    step: int
    x: Picture
    y: Picture

    @classmethod
    def of(cls, pose: Pose, view: View, relief: tuple[Canvas, Picture]) -> Unwarp:
        """Invert :func:`project` for every grid point."""
        step = max(1, round(view.scale * 0.034))
        count = -(-view.size // step) + 2
        axis = (np.arange(count) - 1) * step + (step - 1) / 2
        inverse = np.linalg.inv(np.vstack([view.matrix(pose), [0, 0, 1]]))
        columns, rows = np.meshgrid(axis, axis)
        plane_x = (inverse[0, 0] * columns + inverse[0, 1] * rows + inverse[0, 2]).astype(
            np.float32
        )
        plane_y = (inverse[1, 0] * columns + inverse[1, 1] * rows + inverse[1, 2]).astype(
            np.float32
        )
        canvas, height = relief
        cos_x, sin_x = np.float32(np.cos(pose.yaw)), np.float32(np.sin(pose.yaw))
        cos_y, sin_y = np.float32(np.cos(pose.pitch)), np.float32(np.sin(pose.pitch))
        x, y = plane_x / cos_x, plane_y / cos_y
        for _ in range(_TURN_STEPS):
            z = look_up(canvas, height, x, y)
            x, y = (plane_x - z * sin_x) / cos_x, (plane_y - z * sin_y) / cos_y
        return cls(view.size, step, x, y)

    def full(self, coarse: Picture) -> Picture:
        """(S, S) a map of the grid, at every pixel."""
        side, step = len(coarse) * self.step, self.step
        big = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_LINEAR)
        return np.ascontiguousarray(big[step : step + self.size, step : step + self.size])


def look_up(canvas: Canvas, values: Picture, x: Picture, y: Picture) -> Picture:
    """``values`` of a canvas at these points, the nearest at its edge beyond it."""
    columns = (x - np.float32(canvas.left)) * np.float32(canvas.scale)
    rows = (y - np.float32(canvas.top)) * np.float32(canvas.scale)
    border = cv2.BORDER_REPLICATE
    found: Picture = cv2.remap(values, columns, rows, cv2.INTER_LINEAR, borderMode=border)
    return found
