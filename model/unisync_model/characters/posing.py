"""What is known of a face's place without its lips: the pose drawing, landmarks, the head's box.

The drawing has the product's lines and colours (contour white, brows orange, eyes cyan and green,
nose magenta, lips red) and, like the product's, the jaw and the lips at rest: it is equal for every
speech.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from .figures.eyes import iris_place, lid_lines
from .figures.figure import Figure
from .figures.jaw import Jaw
from .figures.mouth import MouthShape, mouth_lines
from .figures.relief import turning_relief
from .motion import Pose
from .warp import View, project

Points = NDArray[np.float64]

LANDMARKS = (
    "left_eye_outer", "left_eye_inner", "right_eye_inner", "right_eye_outer", "nose_tip",
    "mouth_left", "mouth_right", "upper_lip_top", "upper_lip_inner", "lower_lip_inner",
    "lower_lip_low", "chin",
)  # fmt: skip
"""Names of the rows of :func:`landmarks`; left and right as seen in the picture."""

_CONTOUR, _NOSE, _MOUTH = (255, 255, 255), (255, 0, 255), (255, 64, 64)
_BROWS = {-1: (255, 128, 0), 1: (255, 200, 0)}
_EYES = {-1: (0, 200, 255), 1: (0, 255, 128)}
_FRACTION_BITS = 4
_LINES = 256
_REST = MouthShape(0, 0.5, 0, 0, 0, 0)


def placed(figure: Figure, points: Points, pose: Pose, view: View) -> Points:
    """(N, 2) points of the head in pixels."""
    x, y = (points[:, k].astype(np.float32) for k in (0, 1))
    return project(points, turning_relief(figure, x, y).astype(np.float64), pose, view)


def draw_pose(figure: Figure, pose: Pose, view: View) -> NDArray[np.uint8]:
    """(S, S, 3) uint8 coloured lines on black, one pixel wide up to 384 pixels."""
    picture = np.zeros((view.size, view.size, 3), np.uint8)
    width = max(1, round(view.size / _LINES))
    for points, colour, closed in _lines(figure, pose):
        fixed = _fixed(placed(figure, points, pose, view))
        cv2.polylines(picture, [fixed], closed, colour, width, cv2.LINE_AA, _FRACTION_BITS)
    for side, colour in _EYES.items():
        x, y, radius = iris_place(figure, side, pose.gaze)
        (middle,) = _fixed(placed(figure, np.array([[x, y]]), pose, view))
        reach = round(radius * view.scale * (1 << _FRACTION_BITS))
        centre = (int(middle[0]), int(middle[1]))
        cv2.circle(picture, centre, reach, colour, -1, cv2.LINE_AA, _FRACTION_BITS)
    return picture


def _fixed(points: Points) -> NDArray[np.int32]:
    return np.rint(points * (1 << _FRACTION_BITS)).astype(np.int32)


def _lines(figure: Figure, pose: Pose) -> Iterator[tuple[Points, tuple[int, int, int], bool]]:
    shape = figure.shape
    heights = np.linspace(-0.72 * shape.skull, shape.chin_y, 25).astype(np.float32)
    half = shape.outline(heights)
    sides = np.stack([half, heights], 1), np.stack([-half, heights], 1)[::-1]
    yield np.concatenate(sides).astype(np.float64), _CONTOUR, True
    u = np.linspace(-0.9, 0.9, 5)
    for side in (-1, 1):
        x = side * (shape.eye_x + u * (0.24 + 0.35 * (shape.eye_size - 0.17)))
        y = shape.brow_y + 0.05 * u**2 - (0.02 + shape.brow_slope) * u
        yield np.stack([x, y], 1), _BROWS[side], False
        upper, lower = lid_lines(figure, side, pose.lid)
        yield np.concatenate([upper, lower[::-1]]), _EYES[side], True
    yield np.array([[0, -0.1], [0, 0.5 * shape.nose_y], [0, shape.nose_y - 0.05]]), _NOSE, False
    t = np.linspace(-1, 1, 7)
    base = np.stack([shape.nose_width * t, shape.nose_y + 0.06 * (1 - t**2)], 1)
    yield base, _NOSE, False
    yield mouth_lines(shape, _REST).inner_top, _MOUTH, False


def landmarks(figure: Figure, pose: Pose, view: View, mouth: MouthShape) -> NDArray[np.float32]:
    """(12, 2) float32 pixels, the points named in :data:`LANDMARKS`, lips as they speak."""
    shape, lines = figure.shape, mouth_lines(figure.shape, mouth)
    corners = [lid_lines(figure, side, 0.0)[0][[0, -1]] for side in (-1, 1)]
    chin = Jaw(shape).moved(np.array([[0.0, shape.chin_y]]), mouth)
    points = np.concatenate(
        [
            corners[0],
            corners[1][::-1] if corners[1][0, 0] > corners[1][1, 0] else corners[1],
            [[0.0, shape.nose_y - 0.05]],
            lines.top[[0, -1]],
            lines.top[[16]],
            lines.inner_top[[16]],
            lines.inner_low[[16]],
            lines.low[[16]],
            chin,
        ]
    )
    return placed(figure, points, pose, view).astype(np.float32)


def head_box(figure: Figure, pose: Pose, view: View) -> NDArray[np.float32]:
    """(4,) float32 x0, y0, x1, y1 pixels round skull, cheeks and resting chin."""
    heights = np.linspace(-figure.shape.skull, figure.shape.chin_y, 25).astype(np.float32)
    half = figure.shape.outline(heights)
    rim = np.concatenate([np.stack([s * half, heights], 1) for s in (-1, 1)]).astype(np.float64)
    pixels = placed(figure, rim, pose, view)
    return np.concatenate([pixels.min(0), pixels.max(0)]).astype(np.float32)
