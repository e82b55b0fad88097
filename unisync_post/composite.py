"""Putting the generated face back: eq. 12, in place, only under the matte.

``x = (1 - m) * plate + m * generated`` (UniSync, eq. 12), blended in the plate's own code values by
:mod:`.media.pixels`, so that every sample the matte does not touch is the plate's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from .media.pixels import (
    Box,
    Plane,
    around,
    blend_region,
    chroma_alpha,
    layout_of,
    planes_of,
    region_rgb,
)
from .media.viewing import Encoding, carry_back, to_view

_SAMPLES = 200_000
_MOST_GAIN = 1.25
_FEWEST = 256
_CODE = 255.0


@dataclass(frozen=True)
class ColourMatch:
    """What brings the generated picture onto the plate: ``gain * generated + offset``.

    Both are (3,) float32 for R', G' and B', in display-referred values 0..1, not in linear light:
    engines err in the 8-bit R'G'B' they are given, and a shot has one transfer.
    """

    gain: NDArray[np.float32]
    offset: NDArray[np.float32]

    @classmethod
    def identity(cls) -> ColourMatch:
        return cls(np.ones(3, np.float32), np.zeros(3, np.float32))


@dataclass(frozen=True)
class Region:
    """Where a frame was changed.

    Attributes:
        box: luma pixels of the plate.
        alpha: (h, w) float32 matte over the box; outside the box it is 0.
    """

    box: Box
    alpha: NDArray[np.float32]


def measure_colour(
    crops: NDArray[np.uint8], generated: NDArray[np.uint8], mouth: NDArray[np.uint8]
) -> ColourMatch:
    """The shot's colour match, from pixels that both pictures should show alike.

    Per channel a straight line is fitted to (generated, plate) pairs outside the mouth masks; pairs
    further off than three median deviations are dropped and it is fitted again, so that neither
    moving hair nor a badly drawn cheek pulls it. Equal pictures give exactly the identity.

    Args:
        crops: (F, S, S, 3) uint8 plate crops.
        generated: (F, S, S, 3) uint8, same frames.
        mouth: (F, S, S) uint8, non-zero where the picture is meant to change.
    """
    outside = np.flatnonzero(mouth.reshape(-1) == 0)
    if len(outside) < _FEWEST:
        return ColourMatch.identity()
    outside = outside[:: max(1, len(outside) // _SAMPLES)]
    plate = crops.reshape(-1, 3)[outside].astype(np.float64) / _CODE
    other = generated.reshape(-1, 3)[outside].astype(np.float64) / _CODE
    if np.array_equal(plate, other):
        return ColourMatch.identity()
    lines = np.array([_robust_line(other[:, c], plate[:, c]) for c in range(3)], np.float32)
    return ColourMatch(lines[:, 0].copy(), lines[:, 1].copy())


def composite(
    frame: VideoFrame,
    generated: NDArray[np.uint8],
    matrix: NDArray[np.float64],
    soft: NDArray[np.float32],
    match: ColourMatch,
    tags: Encoding | None = None,
) -> tuple[VideoFrame, Region]:
    """Blend a generated crop into the plate.

    Args:
        frame: the plate; it is not changed.
        generated: (S, S, 3) uint8 R'G'B'.
        matrix: (2, 3) similarity, plate pixels -> crop pixels, pixel centres at integers.
        soft: (S, S) float32 matte in crop pixels, 0..1.
        match: the shot's colour match.
        tags: what the plate's values mean where they are no picture as a display shows it; the
            change of its view is then carried back (:mod:`.media.viewing`).

    Returns:
        The new frame, and where it may differ from the plate. An empty matte returns the plate.

    Raises:
        MediaError: a pixel format or colour matrix that is not supported.
    """
    region = region_of(frame, matrix, soft)
    box = region.box
    if not region.alpha.size:
        return frame, region
    picture = cv2.warpAffine(
        _band_limited(generated, soft, matrix),
        _into(box, matrix),
        (box.x1 - box.x0, box.y1 - box.y0),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    rgb = picture.astype(np.float32)
    rgb *= match.gain / np.float32(_CODE)
    rgb += match.offset
    if tags is not None:
        rgb = _carried(frame, region, rgb, tags)
    return blend_region(frame, box, rgb, region.alpha), region


def _carried(
    frame: VideoFrame, region: Region, seen: NDArray[np.float32], tags: Encoding
) -> NDArray[np.float32]:
    """What the plate's own R'G'B' becomes where its view becomes ``seen`` (0..1)."""
    plate = region_rgb(frame, region.box)
    under = (region.alpha > 0).astype(np.float32)
    return carry_back(plate, to_view(plate, tags), seen * np.float32(_CODE), under, tags)


def region_of(frame: VideoFrame, matrix: NDArray[np.float64], soft: NDArray[np.float32]) -> Region:
    """Where a matte lies in the plate: its box and its alpha there; empty where it covers nothing.

    Args:
        frame: the plate, for its raster.
        matrix: (2, 3) similarity, plate pixels -> crop pixels; NaN where there is no face.
        soft: (S, S) float32 matte in crop pixels, 0..1.
    """
    box = _plate_box(frame, matrix, soft) if np.isfinite(matrix).all() else None
    if box is None:
        return Region(Box(0, 0, 0, 0), np.zeros((0, 0), np.float32))
    size = (box.x1 - box.x0, box.y1 - box.y0)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return Region(box, cv2.warpAffine(soft, _into(box, matrix), size, flags=flags))


def union(regions: Sequence[Region]) -> Region:
    """One region for all: the box around them, and where they overlap the larger alpha."""
    box = around(region.box for region in regions)
    alpha = np.zeros((box.y1 - box.y0, box.x1 - box.x0), np.float32)
    for (x0, y0, x1, y1), own in ((r.box, r.alpha) for r in regions if r.alpha.size):
        under = alpha[y0 - box.y0 : y1 - box.y0, x0 - box.x0 : x1 - box.x0]
        np.maximum(under, own, out=under)
    return Region(box, alpha)


def _into(box: Box, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The similarity from pixels of the box to pixels of the crop."""
    shift = np.array([[1, 0, box.x0], [0, 1, box.y0], [0, 0, 1]], np.float64)
    local: NDArray[np.float64] = matrix @ shift
    return local


def outside_difference(plate: VideoFrame, other: VideoFrame, region: Region | None) -> int:
    """Largest difference outside the matte, in code values of the plate, over all planes.

    With ``region`` None the whole frame counts. Chroma samples are inside where their share of the
    matte is positive. Floats differ by 1 where they are not the same, bit for bit.
    """
    layout = layout_of(plate)
    worst = 0
    for number, (a, b) in enumerate(zip(planes_of(plate), planes_of(other), strict=True)):
        off = _differing(a, b) if layout.bits == 32 else cv2.absdiff(a, b)
        if region is not None and region.alpha.size and number < 3:
            box, alpha = region.box, region.alpha
            if number and layout.step_x * layout.step_y > 1:
                box, alpha = chroma_alpha(plate, box, alpha)
            off[box.y0 : box.y1, box.x0 : box.x1][alpha > 0] = 0
        worst = max(worst, int(off.max(initial=0)))
    return worst


def _differing(a: Plane, b: Plane) -> NDArray[np.uint8]:
    """1 where two planes of floats hold other bits."""
    differ: NDArray[np.uint8] = (a.view(np.uint32) != b.view(np.uint32)).astype(np.uint8)
    return differ


def _robust_line(source: NDArray[np.float64], target: NDArray[np.float64]) -> tuple[float, float]:
    """Gain and offset from ``source`` to ``target``; outliers are left out of the second fit."""
    keep = np.ones(len(source), bool)
    gain, offset = 1.0, float(np.median(target - source))
    for _ in range(3):
        off = np.abs(gain * source + offset - target)
        keep = off <= 3 * max(float(np.median(off)) * 1.4826, 1 / _CODE)
        x, y = source[keep], target[keep]
        variance = float(x.var())
        if variance > (4 / _CODE) ** 2:
            slope = float(((x - x.mean()) * (y - y.mean())).mean()) / variance
            gain = min(max(slope, 1 / _MOST_GAIN), _MOST_GAIN)
        offset = float(y.mean() - gain * x.mean())
    return gain, offset


def _plate_box(
    frame: VideoFrame, matrix: NDArray[np.float64], soft: NDArray[np.float32]
) -> Box | None:
    """Plate pixels that the matte can touch: the image of its support, grown by interpolation."""
    rows, columns = np.flatnonzero(soft.any(1)), np.flatnonzero(soft.any(0))
    if not len(rows):
        return None
    left, right = columns[0] - 1, columns[-1] + 1
    top, bottom = rows[0] - 1, rows[-1] + 1
    corners = np.array([[left, right, left, right], [top, top, bottom, bottom]], np.float64)
    turn = matrix[:, :2]
    points = np.linalg.solve(turn, corners - matrix[:, 2:])
    low, high = np.floor(points.min(1)).astype(int), np.ceil(points.max(1)).astype(int) + 1
    x0, y0 = max(0, int(low[0])), max(0, int(low[1]))
    x1, y1 = min(frame.width, int(high[0])), min(frame.height, int(high[1]))
    return Box(x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def _band_limited(
    generated: NDArray[np.uint8], soft: NDArray[np.float32], matrix: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """The crop without detail finer than the plate's pixels, where the matte shows it.

    When the plate's face is smaller than the crop, plain interpolation would alias; a Gaussian of
    half a plate pixel, measured in crop pixels, comes first.
    """
    shrink = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if shrink <= 1.05:
        return generated
    sigma = 0.5 * float(np.sqrt(shrink**2 - 1))
    margin = int(4 * sigma) + 4
    rows, columns = np.flatnonzero(soft.any(1)), np.flatnonzero(soft.any(0))
    y = slice(max(0, rows[0] - margin), rows[-1] + margin + 1)
    x = slice(max(0, columns[0] - margin), columns[-1] + margin + 1)
    smooth: NDArray[np.uint8] = generated.copy()
    smooth[y, x] = cv2.GaussianBlur(generated[y, x], (0, 0), sigma)
    return smooth
