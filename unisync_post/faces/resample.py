"""Cutting a turned, scaled square out of a frame, sub-pixel and without aliasing."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray


def crop_frame(rgb: NDArray[np.uint8], matrix: NDArray[np.float64], size: int) -> NDArray[np.uint8]:
    """One square crop of a frame.

    Only the part of the frame under the crop is touched. When the crop is smaller than what it
    shows, that part is area-averaged down to the crop's scale first. What lies outside the frame
    is the frame mirrored at its edge.

    Args:
        rgb: (H, W, 3) uint8.
        matrix: (2, 3) similarity, frame pixels -> crop pixels, pixel centres at integers.
        size: side S of the crop.

    Returns:
        (S, S, 3) uint8.
    """
    part, origin = _under(rgb, matrix, size)
    to_part = matrix.astype(np.float64).copy()
    to_part[:, 2] += to_part[:, :2] @ origin
    scale = math.sqrt(abs(float(np.linalg.det(matrix[:, :2]))))
    if scale < 1:
        height, width = part.shape[:2]
        small = (max(1, round(width * scale)), max(1, round(height * scale)))
        part = cv2.resize(part, small, interpolation=cv2.INTER_AREA)
        # pixel k of the shrunk part is centred at (k + 1/2) * step - 1/2
        step = np.array([width / small[0], height / small[1]])
        to_part[:, 2] += to_part[:, :2] @ (step / 2 - 0.5)
        to_part[:, :2] = to_part[:, :2] * step
    how = cv2.INTER_LINEAR if size <= 192 else cv2.INTER_CUBIC
    cropped: NDArray[np.uint8] = cv2.warpAffine(
        part, to_part, (size, size), flags=how, borderMode=cv2.BORDER_REFLECT_101
    )
    return cropped


def _under(
    rgb: NDArray[np.uint8], matrix: NDArray[np.float64], size: int
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The axis-parallel part of the frame under the crop with a small rim, and its origin."""
    height, width = rgb.shape[:2]
    corners = np.array([(-1, -1), (size, -1), (size, size), (-1, size)], np.float64)
    frame = (corners - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    rim = 3 + 2 / max(math.sqrt(abs(float(np.linalg.det(matrix[:, :2])))), 1e-6)
    low = np.floor(frame.min(axis=0) - rim)
    high = np.ceil(frame.max(axis=0) + rim) + 1
    # a crop wholly outside still needs some pixels to mirror
    x0, y0 = (int(v) for v in np.clip(low, 0, (max(width - 8, 0), max(height - 8, 0))))
    x1, y1 = (int(v) for v in np.clip(high, (min(8, width), min(8, height)), (width, height)))
    part = np.ascontiguousarray(rgb[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)])
    return part, np.array([x0, y0], np.float64)
