"""One frame: skin displaced, a borrowed mouth warped in, colours matched, nothing else touched."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .cavity import Palette, draw_cavity, opening_coordinates, palette_from
from .mesh import (
    CHIN,
    LIP_TRIANGLES,
    LOWER_INNER,
    LOWER_OUTER,
    NOSE_BASE,
    NOSE_TOP,
    OPENING_TRIANGLES,
    RING_LOWER,
    RING_UPPER,
    UPPER_INNER,
    UPPER_OUTER,
)
from .warp import Region, grid_of, region_of, spread, triangle_map

_STRETCH = 1.25
"""Most that teeth may be stretched; beyond it they keep their size and the mouth is drawn below."""
_THIN = 1.6
"""Pixels of opening below which lips are shown as touching."""
_LIGHT = 36.0
"""Levels by which skin in two frames of a shot differs through light alone."""
_TINT = 10.0
"""Levels by which it differs in redness: lips against skin differ by two to four times as much."""
_VIRTUAL = 478
"""First of the extra points: the line down to which the borrowed opening reaches."""


def _triangles() -> NDArray[np.int64]:
    """Lips, then the opening with its lower line replaced by the virtual one."""
    virtual = {point: _VIRTUAL + i for i, point in enumerate(LOWER_INNER)}
    lower_only = set(LOWER_INNER) - set(UPPER_INNER)
    opening = [[virtual[p] if p in lower_only else p for p in row] for row in OPENING_TRIANGLES]
    return np.concatenate([LIP_TRIANGLES, np.array(opening)])


_TRIANGLES = _triangles()
_SKIN = sorted(set(range(468)) - set(UPPER_INNER) - set(LOWER_INNER))
"""Points that skin follows: not the inner lips, whose opposite moves would cancel, nor the eyes'
irises."""


@dataclass(frozen=True)
class Plate:
    """What is there: one crop, its steady landmarks and the mask of what may change."""

    picture: NDArray[np.uint8]
    points: NDArray[np.float64]
    mask: NDArray[np.uint8]


@dataclass(frozen=True)
class Texture:
    """A mouth on loan: the frame it comes from, its landmarks and its share of the mix."""

    picture: NDArray[np.uint8]
    points: NDArray[np.float64]
    weight: float


def render(
    plate: Plate, target: NDArray[np.float64], textures: list[Texture]
) -> tuple[NDArray[np.uint8], float]:
    """The plate with the wanted mouth.

    Args:
        plate: the frame; its mask is not empty.
        target: (478, 3) wanted mesh, crop pixels.
        textures: mouths to mix; weights sum to 1.

    Returns:
        (S, S, 3) uint8, equal to the plate outside the mask, and the share of the opening that had
        to be drawn, 0..1.
    """
    region = region_of(plate.mask)
    nose = float(np.linalg.norm(plate.points[NOSE_TOP, :2] - plate.points[NOSE_BASE, :2]))
    inside = np.ascontiguousarray(plate.mask[region.slices])
    skin = _displaced(plate, target, region, inside, nose)
    mouth, drawn = _mouth(plate, target, textures, region, nose)
    reach = _reach(plate, target, nose)
    alpha = _mouth_alpha(target, region, nose, reach) * (inside > 0)
    matched = mouth + _ring_difference(skin, mouth, target, region, nose, reach)
    mixed = skin + (matched - skin) * alpha[..., None]
    cavity_alpha = drawn.alpha[..., None]
    mixed = mixed + (drawn.picture - mixed) * cavity_alpha
    mixed = _lip_line(mixed, plate, target, textures, region, nose)
    output = plate.picture.copy()
    part = output[region.slices]
    part[inside > 0] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)[inside > 0]
    return output, drawn.share


def _displaced(
    plate: Plate,
    target: NDArray[np.float64],
    region: Region,
    inside: NDArray[np.uint8],
    nose: float,
) -> NDArray[np.float32]:
    """Layer 1: the plate's own skin, moved so that jaw, chin and cheeks follow."""
    moves = plate.points[_SKIN, :2] - target[_SKIN, :2]
    field = spread(target[_SKIN, :2], moves, region, 0.09 * nose)
    room = cv2.distanceTransform(
        cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_CONSTANT), cv2.DIST_L2, 3
    )[1:-1, 1:-1]
    taper = np.clip(room / (0.16 * nose), 0, 1)
    field = field * (taper * taper * (3 - 2 * taper))[..., None]
    xs, ys = grid_of(region)
    return _sample(plate.picture, xs + field[..., 0], ys + field[..., 1])


def _sample(
    picture: NDArray[np.uint8], map_x: NDArray[np.float32], map_y: NDArray[np.float32]
) -> NDArray[np.float32]:
    moved = cv2.remap(picture, map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    pixels: NDArray[np.float32] = moved.astype(np.float32)
    return pixels


@dataclass(frozen=True)
class _Drawn:
    """The procedural part: its picture, where it shows, and its share of the opening."""

    picture: NDArray[np.float32]
    alpha: NDArray[np.float32]
    share: float


def _mouth(
    plate: Plate,
    target: NDArray[np.float64],
    textures: list[Texture],
    region: Region,
    nose: float,
) -> tuple[NDArray[np.float32], _Drawn]:
    """Layer 2: the borrowed mouths in the target's shape, and what none of them can show."""
    mouth = np.zeros((*region.shape, 3), np.float32)
    covered = np.zeros(region.shape, np.float32)
    # a strip of opening thinner than the pixel grid would be a dotted line
    usable = np.ones(len(_TRIANGLES), bool)
    usable[len(LIP_TRIANGLES) :] = _widest_gap(target) > _THIN
    for texture in textures:
        source, goal = _with_virtual_line(texture.points, target)
        map_x, map_y, held = triangle_map(source, goal, _TRIANGLES, region, usable)
        mouth += texture.weight * _sample(texture.picture, map_x, map_y)
        covered += texture.weight * held
    _, _, _, opening = opening_coordinates(target, region)
    total = float(opening.sum())
    lack = opening * (1 - np.clip(covered, 0, 1))
    share = float(lack.sum()) / total if total > 0.004 * nose * nose else 0.0
    if share < 0.02:
        return mouth, _Drawn(mouth, np.zeros(region.shape, np.float32), 0.0)
    soft = cv2.GaussianBlur(1 - np.clip(covered, 0, 1), (0, 0), max(0.6, 0.012 * nose))
    picture = draw_cavity(target, region, _palette(plate), nose)
    return mouth, _Drawn(picture, np.maximum(lack, soft * opening), share)


def _lip_line(
    picture: NDArray[np.float32],
    plate: Plate,
    target: NDArray[np.float64],
    textures: list[Texture],
    region: Region,
    nose: float,
) -> NDArray[np.float32]:
    """Shade the line between lips that were lent by an open mouth and are closing.

    Squeezed teeth would stay a bright line, and the mesh's inner lip always holds a pixel of them.
    """
    lent = sum(texture.weight * _widest_gap(texture.points) for texture in textures)
    gap_now = _widest_gap(target)
    amount = float(np.clip(1.15 - 2.2 * gap_now / max(lent, 1e-6), 0, 1))
    amount *= float(np.clip((lent - 0.03 * nose) / (0.03 * nose), 0, 1))
    if amount == 0:
        return picture
    across, depth, gap, _ = opening_coordinates(target, region)
    outside = np.maximum(np.maximum(-depth, depth - gap), 0)
    near = np.exp(-((outside / (0.022 * nose)) ** 2)) * (np.abs(across) < 1)
    alpha = 0.85 * amount * near * np.sqrt(np.clip(1.0 - across**2, 0, 1))
    lips = _lip_colour(plate)
    shaded: NDArray[np.float32] = picture + (0.42 * lips - picture) * alpha[..., None]
    return shaded


def _widest_gap(points: NDArray[np.float64]) -> float:
    """Pixels between the inner lips where they are furthest apart."""
    upper, lower = points[list(UPPER_INNER), :2], points[list(LOWER_INNER), :2]
    return float(np.linalg.norm(lower - upper, axis=1).max())


def _with_virtual_line(
    source: NDArray[np.float64], target: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both meshes with a second lower line for the opening.

    In the target it lies no deeper under the upper lip than the borrowed opening can be stretched.
    """
    upper, lower = target[list(UPPER_INNER), :2], target[list(LOWER_INNER), :2]
    reach = min(1.0, _STRETCH * _widest_gap(source) / max(_widest_gap(target), 1e-6))
    line = upper + (lower - upper) * reach
    return (
        np.concatenate([source[:, :2], source[list(LOWER_INNER), :2]]),
        np.concatenate([target[:, :2], line]),
    )


def _palette(plate: Plate) -> Palette:
    """Colours from the plate's own lips and the skin around them."""
    return palette_from(_lip_colour(plate), _mean_colour(plate, (RING_UPPER, UPPER_OUTER)))


def _lip_colour(plate: Plate) -> NDArray[np.float32]:
    lips = ((UPPER_OUTER, UPPER_INNER), (LOWER_INNER, LOWER_OUTER))
    mean: NDArray[np.float32] = np.mean([_mean_colour(plate, lip) for lip in lips], axis=0)
    return mean


def _mean_colour(plate: Plate, lines: tuple[tuple[int, ...], ...]) -> NDArray[np.float32]:
    middle = sum(plate.points[list(line), :2] for line in lines) / len(lines)
    xs, ys = np.asarray(middle, np.float32)[2:-2].T
    samples = _sample(plate.picture, xs[None].copy(), ys[None].copy())
    mean: NDArray[np.float32] = samples.reshape(-1, 3).mean(axis=0)
    return mean


def _outline(target: NDArray[np.float64], share: float, reach: float) -> NDArray[np.float64]:
    """The closed line between the outer lips (0) and the ring of skin around them (1).

    Below the mouth the ring lies ``reach`` of the way down to the chin.
    """
    upper = target[list(UPPER_OUTER), :2]
    upper = upper + share * (target[list(RING_UPPER), :2] - upper)
    lower = target[list(LOWER_OUTER), :2]
    ring = target[list(RING_LOWER), :2]
    ring = ring + reach * (target[list(CHIN), :2] - ring)
    lower = lower + share * (ring - lower)
    return np.concatenate([upper, lower[-2:0:-1]])


def _reach(plate: Plate, target: NDArray[np.float64], nose: float) -> float:
    """How far down the borrowed mouth must go to cover the plate's, which is more open, 0..1.

    The mesh leaves part of a wide-open mouth's lower lip out: moved by it alone, the rest would
    stay in sight under the new lips.
    """
    excess = (_widest_gap(plate.points) - _widest_gap(target)) / nose
    return float(np.clip((excess - 0.05) / 0.2, 0, 1))


def _filled(line: NDArray[np.float64], region: Region) -> NDArray[np.float32]:
    mask = np.zeros(region.shape, np.uint8)
    corners = np.rint((line - (region.x0, region.y0)) * 16).astype(np.int32)
    cv2.fillPoly(mask, [corners], 255, shift=4)
    filled: NDArray[np.float32] = np.divide(mask, 255, dtype=np.float32)
    return filled


def _mouth_alpha(
    target: NDArray[np.float64], region: Region, nose: float, reach: float
) -> NDArray[np.float32]:
    """Soft matte of the borrowed mouth: 1 on the lips, 0 where its mesh ends."""
    alpha = _filled(_outline(target, 0.75, reach), region)
    alpha = cv2.GaussianBlur(alpha, (0, 0), max(1.0, 0.035 * nose))
    # a pixel less: the rim's pixels are only partly covered by triangles
    within = cv2.erode(_filled(_outline(target, 0.97, reach), region), np.ones((3, 3)))
    soft: NDArray[np.float32] = alpha * cv2.GaussianBlur(within, (0, 0), 1.0) * within
    return soft


def _ring_difference(
    skin: NDArray[np.float32],
    mouth: NDArray[np.float32],
    target: NDArray[np.float64],
    region: Region,
    nose: float,
    reach: float,
) -> NDArray[np.float32]:
    """Low-pass colour difference on the skin around the lips, carried inwards as a membrane.

    Where the two differ by more than light does, one of them shows lip: that tells nothing of the
    skin and would tint the chin.
    """
    outer, inner = (_filled(_outline(target, share, reach), region) for share in (0.9, 0.35))
    between = skin - mouth
    redder = between[..., :1] - between[..., 1:]
    apart = np.square(between / _LIGHT).sum(axis=2) + np.square(redder / _TINT).sum(axis=2)
    ring = (np.clip(outer - inner, 0, 1) * np.exp(-apart))[..., None]
    height, width = region.shape
    small = (max(2, width // 4), max(2, height // 4))
    stacked = np.concatenate([between * ring, ring], axis=2)
    coarse = cv2.resize(stacked, small, interpolation=cv2.INTER_AREA)
    near = cv2.GaussianBlur(coarse, (0, 0), max(0.5, 0.08 * nose / 4))
    far = cv2.GaussianBlur(coarse, (0, 0), max(1.0, 0.35 * nose / 4))
    blend = near + 0.02 * far
    difference = blend[..., :3] / (blend[..., 3:] + 1e-4)
    smooth: NDArray[np.float32] = cv2.resize(difference, (width, height))
    return smooth
