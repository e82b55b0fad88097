"""Pictures of the review page: scaling, the DRAFT label, posters."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ..records import write_atomic

LABEL = "DRAFT"

Picture = NDArray[np.uint8]
"""(H, W, 3) uint8 R'G'B'."""


def proxy_size(
    width: int, height: int, limit: int, pixel_aspect: Fraction = Fraction(1)
) -> tuple[int, int]:
    """Width and height, even, at most ``limit`` lines, square pixels, the plate's shape."""
    lines = min(height, limit)
    columns = round(Fraction(width, height) * pixel_aspect * lines)
    return max(2, columns // 2 * 2), max(2, lines // 2 * 2)


def scaled(picture: Picture, size: tuple[int, int]) -> Picture:
    """The picture at ``size`` (width, height)."""
    height, width = picture.shape[:2]
    if (width, height) == size:
        return picture
    smaller = size[1] <= height
    resized: Picture = cv2.resize(
        picture, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    )
    return resized


class DraftLabel:
    """The word DRAFT for the top right corner of proxies of one size: drawn once."""

    def __init__(self, size: tuple[int, int]) -> None:
        width, height = size
        points = max(9, height // 26)
        font = ImageFont.load_default(points)
        left, top, right, bottom = (round(v) for v in font.getbbox(LABEL))
        pad = points // 2
        box = (right - left + 2 * pad, bottom - top + 2 * pad)
        tile = Image.new("RGB", box, (0, 0, 0))
        ImageDraw.Draw(tile).text((pad - left, pad - top), LABEL, (255, 196, 64), font=font)
        x = max(0, width - box[0] - pad)
        y = min(pad, max(0, height - box[1]))
        rows, columns = min(box[1], height), min(box[0], width)
        self._where = np.s_[y : y + rows, x : x + columns]
        self._tile: NDArray[np.float32] = np.asarray(tile, np.float32)[:rows, :columns]

    def on(self, picture: Picture) -> Picture:
        """A copy of the picture with the label, on a half transparent ground."""
        labelled: Picture = picture.copy()
        under = labelled[self._where].astype(np.float32)
        ink = self._tile.max(axis=2, keepdims=True) / 255
        ground = under * np.float32(0.35)
        labelled[self._where] = np.rint(ground * (1 - ink) + self._tile * ink).astype(np.uint8)
        return labelled


def save_jpeg(path: Path, picture: Picture) -> None:
    """Write the picture as a JPEG, atomically."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=86)
    write_atomic(path, buffer.getvalue())
