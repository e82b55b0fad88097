"""Drawing in a person's own units on a small float picture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]
Values = NDArray[np.floating[Any]]
_SUBPIXEL_BITS = 4


@dataclass(frozen=True)
class Canvas:
    """A window on a person: ``left..right`` by ``top..bottom`` half head widths.

    Attributes:
        scale: pixels a half head width.
    """

    scale: float
    left: float
    top: float
    right: float
    bottom: float

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return (
            round((self.bottom - self.top) * self.scale),
            round((self.right - self.left) * self.scale),
        )

    @cached_property
    def grid(self) -> tuple[Picture, Picture]:
        """(H, W) x and y of every pixel, in half head widths."""
        height, width = self.shape
        x = np.arange(width, dtype=np.float32) / np.float32(self.scale) + np.float32(self.left)
        y = np.arange(height, dtype=np.float32) / np.float32(self.scale) + np.float32(self.top)
        return np.broadcast_to(x, (height, width)), np.broadcast_to(y[:, None], (height, width))

    def part(
        self, picture: Picture, left: float, top: float, right: float, bottom: float
    ) -> tuple[Canvas, Picture]:
        """A smaller window on the same pixel grid, and the view of ``picture`` that it shows."""
        height, width = self.shape
        x0, x1 = (int(np.clip((v - self.left) * self.scale, 0, width)) for v in (left, right))
        y0, y1 = (int(np.clip((v - self.top) * self.scale, 0, height)) for v in (top, bottom))
        edges = (x0, y0, x1, y1)
        offsets = (self.left, self.top, self.left, self.top)
        bounds = (edge / self.scale + off for edge, off in zip(edges, offsets, strict=True))
        return Canvas(self.scale, *bounds), picture[y0:y1, x0:x1]

    def _pixels(self, points: NDArray[np.float64]) -> NDArray[np.int32]:
        offset = points - np.array([self.left, self.top])
        return np.asarray(np.round(offset * self.scale * (1 << _SUBPIXEL_BITS)), np.int32)

    def polygon(self, points: NDArray[np.float64], soft: float = 0.0) -> Picture:
        """(H, W) coverage 0..1 of a polygon (N, 2), blurred by ``soft`` half head widths."""
        mask = np.zeros(self.shape, np.uint8)
        cv2.fillPoly(mask, [self._pixels(points)], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
        return self._finish(mask, soft)

    def line(self, points: NDArray[np.float64], width: float, soft: float = 0.0) -> Picture:
        """(H, W) coverage 0..1 of an open line through (N, 2)."""
        mask = np.zeros(self.shape, np.uint8)
        thick = max(1, round(width * self.scale))
        cv2.polylines(mask, [self._pixels(points)], False, 255, thick, cv2.LINE_AA, _SUBPIXEL_BITS)
        return self._finish(mask, soft)

    def blur(self, picture: Picture, sigma: float) -> Picture:
        """Gaussian blur by ``sigma`` half head widths."""
        pixels = sigma * self.scale
        if pixels < 0.2:
            return picture
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), pixels), np.float32)

    def _finish(self, mask: NDArray[np.uint8], soft: float) -> Picture:
        return self.blur(np.asarray(mask / 255, np.float32), soft)


def paint(picture: Picture, mask: Picture, colour: object) -> None:
    """Lay a colour ((3,) or (H, W, 3), 0..1) over (H, W, 3+) where ``mask`` says, in place."""
    colours = np.asarray(colour, np.float32)
    # plane by plane: numpy broadcasts a short last axis far more slowly than it multiplies
    for k in range(3):
        plane = picture[..., k]
        plane += mask * (colours[..., k] - plane)


def bump(x: Values, y: Values, cx: float, cy: float, rx: float, ry: float) -> Picture:
    """A Gaussian hill of height 1."""
    return np.asarray(np.exp(-(((x - cx) / rx) ** 2) - ((y - cy) / ry) ** 2), np.float32)


def smoothstep(value: Values, low: float | Values, high: float | Values) -> Picture:
    """0 below ``low``, 1 above ``high``, smooth between."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)
