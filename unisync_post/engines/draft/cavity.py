"""A shaded mouth drawn from nothing: for shots that never show the inside of this one."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .mesh import LOWER_INNER, UPPER_INNER
from .warp import Region, grid_of


@dataclass(frozen=True)
class Palette:
    """Colours of one person's mouth, R'G'B' 0..255: lips, teeth, tongue, throat."""

    lips: NDArray[np.float32]
    teeth: NDArray[np.float32]
    tongue: NDArray[np.float32]
    throat: NDArray[np.float32]


def palette_from(lips: NDArray[np.float32], skin: NDArray[np.float32]) -> Palette:
    """Colours that fit this light: teeth follow the skin's brightness, the rest the lips.

    Args:
        lips, skin: mean (3,) colours of the lips and of the skin around them.
    """
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    bright = float(skin @ weights)
    cast = skin / max(bright, 1.0)
    # teeth in the shade of the lips are about as bright as the skin and far less coloured
    teeth = 0.95 * bright * (0.55 + 0.45 * cast)
    tongue = 0.62 * lips * np.array([1.02, 0.88, 0.9], np.float32)
    throat = 0.2 * lips * np.array([1.1, 0.8, 0.8], np.float32)
    return Palette(lips, teeth.astype(np.float32), tongue, throat)


def opening_coordinates(
    points: NDArray[np.float64], region: Region
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Coordinates of the opening between the inner lips.

    Args:
        points: (478, >=2) crop pixels.
        region: of the crop.

    Returns:
        (h, w) each: across (-1 left corner .. 1 right), depth in pixels below the upper lip,
        gap in pixels between the lips in this column, and soft coverage 0..1 of the opening.
    """
    upper, lower = points[list(UPPER_INNER), :2], points[list(LOWER_INNER), :2]
    axis = upper[-1] - upper[0]
    length = float(np.linalg.norm(axis)) + 1e-6
    right = axis / length
    down = np.array([-right[1], right[0]])
    xs, ys = grid_of(region)
    along = (xs - upper[0, 0]) * right[0] + (ys - upper[0, 1]) * right[1]
    below = (xs - upper[0, 0]) * down[0] + (ys - upper[0, 1]) * down[1]
    top = _line(along, (upper - upper[0]) @ right, (upper - upper[0]) @ down)
    bottom = _line(along, (lower - upper[0]) @ right, (lower - upper[0]) @ down)
    gap = np.maximum(bottom - top, 0)
    depth = below - top
    inside = np.clip(depth + 0.5, 0, 1) * np.clip(bottom - below + 0.5, 0, 1)
    inside *= (along > 0) & (along < length) & (gap > 0.2)
    across = 2 * along / length - 1
    return (
        across.astype(np.float32),
        depth.astype(np.float32),
        gap.astype(np.float32),
        inside.astype(np.float32),
    )


def _line(
    along: NDArray[np.float32], x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    order = np.argsort(x)
    return np.interp(along, x[order], y[order])


def draw_cavity(
    points: NDArray[np.float64], region: Region, palette: Palette, nose: float
) -> NDArray[np.float32]:
    """The inside of the mouth: throat, tongue, upper teeth, shaded by the lips.

    Args:
        points: (478, >=2) the wanted mesh, crop pixels.
        region: of the crop to draw.
        palette: colours.
        nose: nose length in pixels; teeth have a size of their own, whatever the opening.

    Returns:
        (h, w, 3) float32 0..255; meaningful inside the opening only.
    """
    across, depth, gap, _ = opening_coordinates(points, region)
    round_off = np.sqrt(np.clip(1 - across**2, 0, 1))
    v = depth / np.maximum(gap, 1e-3)
    picture = np.broadcast_to(palette.throat, (*region.shape, 3)).astype(np.float32).copy()
    tongue_top = np.maximum(gap - 0.16 * nose * round_off, 0.52 * gap)
    tongue = _soft((depth - tongue_top) / (0.06 * nose)) * round_off
    tongue_light = 0.55 + 0.45 * np.clip(v, 0, 1) - 0.12 * np.exp(-((across / 0.08) ** 2))
    picture = _over(picture, palette.tongue * tongue_light[..., None], tongue)
    length = 0.135 * nose * np.sqrt(np.clip(1 - (across / 0.86) ** 2, 0, 1))
    teeth = _soft((length - depth) / (0.022 * nose)) * (np.abs(across) < 0.86)
    light = (0.80 + 0.2 * np.clip(depth / (0.10 * nose), 0, 1)) * (0.35 + 0.65 * round_off**1.5)
    seams = 1 - 0.10 * np.exp(-((np.sin(np.pi * across / 0.17) / 0.16) ** 2))
    picture = _over(picture, palette.teeth * (light * seams)[..., None], teeth)
    # the upper lip's shadow and the corners' darkness
    # little light gets in between lips that are hardly apart
    lit = float(np.clip(gap.max(initial=0) / (0.18 * nose), 0.15, 1))
    shade = (0.62 + 0.38 * np.clip(depth / (0.05 * nose), 0, 1)) * (0.35 + 0.65 * round_off)
    picture = 0.4 * palette.lips + lit * (picture * shade[..., None] - 0.4 * palette.lips)
    drawn: NDArray[np.float32] = cv2.GaussianBlur(picture, (0, 0), 0.8)
    return drawn


def _soft(x: NDArray[np.float32]) -> NDArray[np.float32]:
    t = np.clip(x + 0.5, 0, 1)
    eased: NDArray[np.float32] = t * t * (3 - 2 * t)
    return eased


def _over(
    under: NDArray[np.float32], over: NDArray[np.float32], alpha: NDArray[np.float32]
) -> NDArray[np.float32]:
    mixed: NDArray[np.float32] = under + (over - under) * alpha[..., None]
    return mixed
