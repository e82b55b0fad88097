"""What face finders and engines see of a plate: an 8-bit picture as a display shows it."""

from __future__ import annotations

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from ..faces.resample import crop_frame
from .frames import rgb8
from .pixels import Box, region_rgb
from .viewing import Encoding, to_view

_REACH = 8
"""Pixels around the window, of the crop and of the plate, that its interpolation may read."""


def seen(frame: VideoFrame, tags: Encoding | None) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 R'G'B' of the whole picture; ``tags`` None: it is one as it is.

    Raises:
        MediaError: pixel format or matrix not supported.
    """
    if tags is None:
        return rgb8(frame)
    return to_view(region_rgb(frame, Box(0, 0, frame.width, frame.height)), tags)


def seen_crop(
    frame: VideoFrame, matrix: NDArray[np.float64], size: int, tags: Encoding | None
) -> NDArray[np.uint8]:
    """(S, S, 3) uint8: the window ``matrix`` (plate -> crop) of the picture, only it being viewed.

    Raises:
        MediaError: pixel format or matrix not supported.
    """
    if tags is None:
        return crop_frame(rgb8(frame), matrix, size)
    box = _under(frame, matrix, size)
    picture = np.zeros((frame.height, frame.width, 3), np.uint8)
    picture[box.y0 : box.y1, box.x0 : box.x1] = to_view(region_rgb(frame, box), tags)
    return crop_frame(picture, matrix, size)


def _under(frame: VideoFrame, matrix: NDArray[np.float64], size: int) -> Box:
    """Plate pixels that the window's interpolation may read; some even where it lies outside."""
    edges = (-_REACH, size - 1 + _REACH)
    corners = np.array([[x, y] for x in edges for y in edges], np.float64)
    points = (corners - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    limit = np.array([frame.width, frame.height])
    low = np.clip(np.floor(points.min(0)) - _REACH, 0, np.maximum(limit - _REACH, 0)).astype(int)
    high = np.clip(np.ceil(points.max(0)) + _REACH, np.minimum(limit, _REACH), limit).astype(int)
    return Box(int(low[0]), int(low[1]), int(high[0]), int(high[1]))
