"""Pose pictures: the head's place and turn, drawn without a trace of the old lips.

Everything below the nose tip (jaw line, nose base, mouth) is the face at rest placed by the rigid
upper face, so two frames that differ only in the mouth give the same drawing.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .canonical import LIP_LINE, NOSE_BASE, OVAL, RIGID, rest
from .pose3d import HeadPose, head_pose

_BROWS = ((70, 63, 105, 66, 107), (336, 296, 334, 293, 300))
_EYES = (
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    (362, 382, 381, 380, 374, 373, 390, 249, 263, 466, 388, 387, 386, 385, 384, 398),
)
_IRISES = ((468, 469, 470, 471, 472), (473, 474, 475, 476, 477))
_RIDGE = (168, 6, 197, 195, 5, 4)

_CONTOUR_COLOUR = (255, 255, 255)
_BROW_COLOURS = ((255, 128, 0), (255, 200, 0))
_EYE_COLOURS = ((0, 200, 255), (0, 255, 128))
_NOSE_COLOUR = (255, 0, 255)
_MOUTH_COLOUR = (255, 64, 64)
_FRACTION_BITS = 4
_LINES = 256
"""Side of the crop at which lines are one pixel wide."""


def draw_pose(landmarks: NDArray[np.float32], size: int) -> NDArray[np.uint8]:
    """The pose picture of one frame, coloured lines on black; left and right differ in colour.

    Args:
        landmarks: (478, 3) crop pixels; NaN where the face is not seen (the picture is black then).
        size: side S of the crop.

    Returns:
        (S, S, 3) uint8 R'G'B'.
    """
    picture = np.zeros((size, size, 3), np.uint8)
    if not np.isfinite(landmarks).all():
        return picture
    pose = head_pose(landmarks)
    flat = landmarks[:, :2].astype(np.float64)
    _line(picture, _contour(flat, pose), _CONTOUR_COLOUR, closed=True)
    for points, colour in zip(_BROWS, _BROW_COLOURS, strict=True):
        _line(picture, flat[list(points)], colour)
    for eye, iris, colour in zip(_EYES, _IRISES, _EYE_COLOURS, strict=True):
        _line(picture, flat[list(eye)], colour, closed=True)
        _disc(picture, flat[list(iris)], colour)
    _line(picture, flat[list(_RIDGE)], _NOSE_COLOUR)
    _line(picture, _at_rest(NOSE_BASE, pose), _NOSE_COLOUR)
    _line(picture, _at_rest(LIP_LINE, pose), _MOUTH_COLOUR)
    return picture


def _at_rest(indices: tuple[int, ...], pose: HeadPose) -> NDArray[np.float64]:
    return pose.place(rest(indices))[:, :2]


def _contour(flat: NDArray[np.float64], pose: HeadPose) -> NDArray[np.float64]:
    """The outline: as seen down to the temples, the resting jaw below them."""
    contour = _at_rest(OVAL, pose)
    rigid = [k for k, index in enumerate(OVAL) if index in RIGID]
    contour[rigid] = flat[[OVAL[k] for k in rigid]]
    return contour


def _fixed(points: NDArray[np.float64]) -> NDArray[np.int32]:
    return np.rint(points * (1 << _FRACTION_BITS)).astype(np.int32)


def _line(
    picture: NDArray[np.uint8],
    points: NDArray[np.float64],
    colour: tuple[int, int, int],
    closed: bool = False,
) -> None:
    width = max(1, round(len(picture) / _LINES))
    cv2.polylines(
        picture, [_fixed(points)], closed, colour, width, cv2.LINE_AA, shift=_FRACTION_BITS
    )


def _disc(
    picture: NDArray[np.uint8], iris: NDArray[np.float64], colour: tuple[int, int, int]
) -> None:
    """An iris: its centre, then four points of its rim."""
    radius = float(np.linalg.norm(iris[1:] - iris[0], axis=1).mean())
    x, y = (int(v) for v in _fixed(iris[0]))
    cv2.circle(
        picture,
        (x, y),
        round(radius * (1 << _FRACTION_BITS)),
        colour,
        -1,
        cv2.LINE_AA,
        _FRACTION_BITS,
    )
