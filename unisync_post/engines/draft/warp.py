"""Warps: a smooth displacement for skin, triangles for lips."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_CELL = 8
"""Pixels of the coarse grid on which displacements are spread."""
_LEAST_AREA = 0.35
"""Square pixels; a triangle smaller than that, in either picture, has no inverse worth using."""


@dataclass(frozen=True)
class Region:
    """A rectangle of the crop: x0, y0 inclusive, x1, y1 exclusive."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    @property
    def shape(self) -> tuple[int, int]:
        return self.y1 - self.y0, self.x1 - self.x0

    def grown(self, margin: int, size: int) -> Region:
        """Larger on every side, inside a crop of this size."""
        return Region(
            max(0, self.x0 - margin),
            max(0, self.y0 - margin),
            min(size, self.x1 + margin),
            min(size, self.y1 + margin),
        )


def region_of(mask: NDArray[np.uint8]) -> Region:
    """The bounding rectangle of a mask's set pixels."""
    x, y, width, height = cv2.boundingRect(mask)
    return Region(x, y, x + width, y + height)


def grid_of(region: Region) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """x and y of every pixel of a region, (h, w) float32 each."""
    ys, xs = np.mgrid[region.y0 : region.y1, region.x0 : region.x1]
    return xs.astype(np.float32), ys.astype(np.float32)


def spread(
    at: NDArray[np.float64], moves: NDArray[np.float64], region: Region, sigma: float
) -> NDArray[np.float32]:
    """A smooth field from scattered displacements (normalised Gaussian convolution).

    Args:
        at: (N, 2) pixel positions in the crop; points without displacement anchor the field.
        moves: (N, 2) displacement of each, pixels.
        region: where the field is wanted.
        sigma: pixels of the Gaussian.

    Returns:
        (h, w, 2) float32; fades to 0 further than about two sigma from every point.
    """
    wide = Region(
        region.x0 - 4 * _CELL, region.y0 - 4 * _CELL, region.x1 + 4 * _CELL, region.y1 + 4 * _CELL
    )
    rows, columns = -(-wide.shape[0] // _CELL) + 1, -(-wide.shape[1] // _CELL) + 1
    # splat into a fine-enough grid with bilinear weights, so that sub-pixel moves stay smooth
    where = (at - (wide.x0, wide.y0)) / _CELL
    field = np.zeros((rows, columns, 3), np.float32)
    base = np.floor(where).astype(int)
    part = where - base
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        x, y = base[:, 0] + dx, base[:, 1] + dy
        share = np.abs(1 - dx - part[:, 0]) * np.abs(1 - dy - part[:, 1])
        inside = (x >= 0) & (y >= 0) & (x < columns) & (y < rows)
        values = np.concatenate([moves, np.ones((len(moves), 1))], 1) * share[:, None]
        np.add.at(field, (y[inside], x[inside]), values[inside].astype(np.float32))
    field = cv2.GaussianBlur(field, (0, 0), sigma / _CELL, borderType=cv2.BORDER_CONSTANT)
    coarse = field[..., :2] / (field[..., 2:] + 0.02)
    xs = (np.arange(region.x0, region.x1, dtype=np.float32) - wide.x0) / _CELL
    ys = (np.arange(region.y0, region.y1, dtype=np.float32) - wide.y0) / _CELL
    map_x, map_y = np.meshgrid(xs, ys)
    moved: NDArray[np.float32] = cv2.remap(
        np.ascontiguousarray(coarse), map_x, map_y, cv2.INTER_LINEAR
    )
    return moved


def triangle_map(
    source: NDArray[np.float64],
    target: NDArray[np.float64],
    triangles: NDArray[np.int64],
    region: Region,
    usable: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Where each pixel of the target mesh comes from, triangle by triangle.

    Triangles that are degenerate or turned over in either picture are left out (their inverse
    throws pixels anywhere: specks on closed lips); pixels they leave uncovered are taken by
    their nearest covered neighbours' map.

    Args:
        source, target: (N, 2) points of the mesh in the two pictures, crop pixels.
        triangles: (T, 3) indices of points.
        region: of the target picture.
        usable: (T,) triangles that may be drawn; the others' pixels go to their neighbours too.

    Returns:
        map_x, map_y (h, w) float32 source positions, and (h, w) where they hold.
    """
    height, width = region.shape
    a, b = target[triangles], source[triangles]
    fine = (np.abs(_area(a)) > _LEAST_AREA) & (_area(a) * _area(b) > 0)
    fine &= np.abs(_area(b)) > _LEAST_AREA
    if usable is not None:
        fine &= usable
    labels = np.zeros((height, width), np.uint8)
    whole = np.zeros((height, width), np.uint8)
    corners = np.rint((a - (region.x0, region.y0)) * 16).astype(np.int32)
    for index in range(len(triangles)):
        cv2.fillConvexPoly(whole, corners[index], 1, shift=4)
        if fine[index]:
            cv2.fillConvexPoly(labels, corners[index], index + 1, shift=4)
    labels = _fill_holes(labels, whole)
    affine = np.zeros((len(triangles) + 1, 2, 3), np.float32)
    if fine.any():
        affine[1:][fine] = _affine(a[fine], b[fine])
    xs, ys = grid_of(region)
    chosen = affine[labels]
    map_x = chosen[..., 0, 0] * xs + chosen[..., 0, 1] * ys + chosen[..., 0, 2]
    map_y = chosen[..., 1, 0] * xs + chosen[..., 1, 1] * ys + chosen[..., 1, 2]
    return map_x, map_y, labels > 0


def _area(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T,) signed areas of (T, 3, 2) triangles."""
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) / 2


def _affine(target: NDArray[np.float64], source: NDArray[np.float64]) -> NDArray[np.float32]:
    """(T, 2, 3) maps target -> source."""
    ones = np.ones((len(target), 3, 1))
    solved = np.linalg.solve(np.concatenate([target, ones], 2), source)
    affine: NDArray[np.float32] = solved.transpose(0, 2, 1).astype(np.float32)
    return affine


def _fill_holes(labels: NDArray[np.uint8], whole: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Give uncovered pixels of the mesh a neighbour's triangle; bounded, holes are slivers."""
    for _ in range(6):
        empty = (labels == 0) & (whole > 0)
        if not empty.any():
            break
        grown = cv2.dilate(labels, np.ones((3, 3), np.uint8))
        labels = np.where(empty, grown, labels)
    return labels
