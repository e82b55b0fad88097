"""The still parts of a person: a shaded head without eyes and mouth, and the body."""

from __future__ import annotations

import cv2
import numpy as np

from .canvas import Canvas, Picture, bump, paint, smoothstep
from .character import Character

_LIGHT = np.array([-0.45, -0.50, 0.74], np.float32)


def head_canvas(scale: float) -> Canvas:
    """Room for a head with its hair and an open jaw."""
    return Canvas(scale, -1.7, -1.9, 1.7, 2.1)


def body_canvas(scale: float) -> Canvas:
    """Room for neck and shoulders."""
    return Canvas(scale, -3.2, 0.2, 3.2, 5.5)


def draw_head(character: Character, canvas: Canvas) -> Picture:
    """The head at rest.

    Returns:
        (H, W, 4) float32 R'G'B' times coverage, and coverage.
    """
    x, y = canvas.grid
    rng = np.random.default_rng([character.seed, 2])
    face = canvas.blur((np.abs(x) < character.outline(y)).astype(np.float32), 0.015)
    ears = np.maximum(_ear(x, y, -1), _ear(x, y, 1)) * (1 - face)
    skin = _skin(character, canvas, rng)
    picture = np.zeros((*canvas.shape, 3), np.float32)
    strands = _strands(character, canvas, rng)
    behind = _hair_behind(character, canvas)
    paint(picture, behind, strands * 0.72)
    paint(
        picture, ears, skin * (0.86 - 0.25 * bump(np.abs(x), y, 1.03, 0.12, 0.05, 0.14))[..., None]
    )
    paint(picture, face, skin)
    _draw_face_hair(character, canvas, picture, face, strands, rng)
    front = _hair_front(character, canvas)
    paint(picture, canvas.blur(front, 0.06) * face * 0.25, (0.1, 0.07, 0.05))
    paint(picture, front, strands)
    alpha = np.maximum.reduce([face, ears, behind, front])
    return np.dstack([picture * alpha[..., None], alpha])


def _ear(x: Picture, y: Picture, side: int) -> Picture:
    distance = ((x - side * 1.0) / 0.13) ** 2 + ((y - 0.12) / 0.28) ** 2
    return 1 - smoothstep(distance, 0.85, 1.15)


def _relief(character: Character, x: Picture, y: Picture) -> Picture:
    """Height of the face towards the camera: skull, sockets, nose, cheeks, lips, chin."""
    half = np.maximum(character.outline(y), 0.05)
    round_side = np.sqrt(np.clip(1 - (x / (1.06 * half)) ** 2, 0, 1))
    height = 0.75 * round_side * np.sqrt(np.clip(1 - (y / 1.62) ** 2, 0, 1))
    wide, tip = character.nose_width, character.nose_y - 0.05
    side = np.abs(x)
    height += 0.24 * bump(x, y, 0, tip, wide * 0.72, 0.13)
    height += 0.15 * bump(x, y, 0, 0.12, 0.11, 0.36)
    height += 0.10 * bump(side, y, wide * 0.72, tip + 0.05, 0.09, 0.08)
    height -= 0.13 * bump(side, y, character.eye_x, -0.03, 0.26, 0.17)
    height += 0.07 * bump(side, y, character.eye_x, character.brow_y + 0.03, 0.32, 0.11)
    height += 0.07 * bump(side, y, 0.55, 0.38, 0.25, 0.22)
    height += 0.07 * bump(x, y, 0, character.mouth_y, 0.42, 0.17)
    height -= 0.05 * bump(x, y, 0, character.mouth_y + 0.24, 0.24, 0.06)
    height += 0.10 * bump(x, y, 0, character.chin_y - 0.17, 0.26, 0.16)
    return np.asarray(height, np.float32)


def _skin(character: Character, canvas: Canvas, rng: np.random.Generator) -> Picture:
    """(H, W, 3) lit skin: diffuse and a little gloss, ruddy cheeks and nose, pores."""
    x, y = canvas.grid
    relief = canvas.blur(_relief(character, x, y), 0.02) * canvas.scale
    normal = np.dstack([-cv2.Sobel(relief, cv2.CV_32F, 1, 0, scale=1 / 8),
                        -cv2.Sobel(relief, cv2.CV_32F, 0, 1, scale=1 / 8),
                        np.ones_like(relief)])  # fmt: skip
    normal /= np.linalg.norm(normal, axis=2, keepdims=True)
    light = np.clip(normal @ _LIGHT, 0, 1)
    half_way = _LIGHT + np.array([0, 0, 1], np.float32)
    gloss = np.clip(normal @ (half_way / np.linalg.norm(half_way)), 0, 1) ** 28
    colour = np.broadcast_to(character.skin, (*canvas.shape, 3)).copy()
    side = np.abs(x)
    red = 0.5 * bump(side, y, 0.55, 0.42, 0.26, 0.22) + 0.4 * bump(x, y, 0, 0.40, 0.2, 0.14)
    colour *= 1 - red[..., None] * np.array([0.0, 0.13, 0.13], np.float32)
    noise = rng.standard_normal(canvas.shape, np.float32)
    pores = canvas.blur(noise, 0.012) * 0.05 + canvas.blur(noise, 0.10) * 0.35
    colour *= (0.40 + 0.72 * light + pores)[..., None]
    colour += 0.13 * gloss[..., None]
    wide = character.nose_width
    holes = bump(side, y, wide * 0.50, character.nose_y + 0.045, 0.060, 0.030)
    under = bump(x, y, 0, character.nose_y + 0.07, wide * 0.95, 0.035)
    wing = bump(side, y, wide * 1.08, character.nose_y - 0.01, 0.025, 0.07)
    fold = bump(side - 0.20 * (y - character.nose_y), y, wide * 1.45, 0.64, 0.03, 0.12)
    shade = 1 - 0.75 * holes - 0.25 * under - 0.22 * wing - 0.12 * fold
    return np.asarray(np.clip(colour * shade[..., None], 0, 1), np.float32)


def _strands(character: Character, canvas: Canvas, rng: np.random.Generator) -> Picture:
    """(H, W, 3) hair: noise drawn out downwards, with a sheen."""
    x, y = canvas.grid
    noise = rng.standard_normal(canvas.shape, np.float32)
    kernel = np.ones((max(3, round(0.35 * canvas.scale)), 1), np.float32)
    drawn = cv2.filter2D(noise, -1, kernel / np.sqrt(kernel.size))
    sheen = bump(x, y, -0.35, -1.05, 0.6, 0.22)
    value = 0.85 + 0.16 * drawn + 0.55 * sheen - 0.25 * smoothstep(np.abs(x), 0.7, 1.3)
    lit = character.hair * value[..., None] + 0.03 * sheen[..., None]
    return np.asarray(np.clip(lit, 0, 1), np.float32)


def _hair_behind(character: Character, canvas: Canvas) -> Picture:
    x, y = canvas.grid
    cap = (x / 1.13) ** 2 + ((y + 0.12) / 1.42) ** 2
    shape = 1 - smoothstep(cap, 0.94, 1.06)
    if not character.long_hair:
        return np.asarray(shape * (1 - smoothstep(y, -0.1, 0.15)), np.float32)
    fall = np.clip((y + 0.2) / 1.9, 0, 1)
    sides = 1 - smoothstep(np.abs(x) - 0.15 * fall, 1.10, 1.18)
    # open below the chin, where the neck is
    sides = sides * smoothstep(np.abs(x) + 0.6 * (1 - smoothstep(y, 0.6, 1.1)), 0.60, 0.72)
    falling = sides * smoothstep(y, -0.2, 0.1) * (1 - smoothstep(y, 1.35, 1.75))
    return np.asarray(np.maximum(shape, falling), np.float32)


def _hair_front(character: Character, canvas: Canvas) -> Picture:
    """The part that lies over the forehead and the temples."""
    x, y = canvas.grid
    cap = (x / 1.12) ** 2 + ((y + 0.12) / 1.42) ** 2
    parting = 0.10 * np.sin(2.2 * x + character.seed) + 0.62 * np.abs(x) ** 2.6
    line = -0.92 + parting
    front = (1 - smoothstep(cap, 0.94, 1.06)) * (1 - smoothstep(y, line - 0.05, line + 0.05))
    if character.long_hair:
        curtain = smoothstep(np.abs(x), 0.86, 0.96) * (1 - smoothstep(np.abs(x), 1.08, 1.16))
        front = np.maximum(
            front, curtain * smoothstep(y, -0.7, -0.5) * (1 - smoothstep(y, 1.0, 1.5))
        )
    return np.asarray(front, np.float32)


def _draw_face_hair(
    character: Character,
    canvas: Canvas,
    picture: Picture,
    face: Picture,
    strands: Picture,
    rng: np.random.Generator,
) -> None:
    """Brows, and the beard of those who wear one."""
    x, y = canvas.grid
    noise = canvas.blur(rng.standard_normal(canvas.shape, np.float32), 0.012)
    noise /= noise.std() + 1e-6
    for side in (-1, 1):
        u = (side * x - character.eye_x) / 0.27
        arch = character.brow_y + 0.05 * u**2 - 0.02 * u
        thick = 0.050 * np.clip(1.15 - 0.35 * u, 0.4, 1.3)
        brow = bump(u, y - arch, 0, 0, 0.95, 1e3) ** 2 * np.exp(-(((y - arch) / thick) ** 2))
        paint(picture, np.clip(brow * (1.05 + 0.2 * noise), 0, 0.94), character.hair * 0.6)
    if not character.beard:
        return
    side_x = np.abs(x)
    edge = 0.62 + 0.05 * noise - 0.75 * smoothstep(side_x, 0.45, 0.95)
    cover = smoothstep(y - edge, 0.0, 0.12) * face
    around_mouth = bump(x, y, 0, character.mouth_y + 0.03, 0.42, 0.13)
    cover *= np.clip(1 - 1.15 * around_mouth, 0, 1)
    moustache = bump(side_x, y, 0.17, character.nose_y + 0.17, 0.22, 0.055)
    cover = np.maximum(cover, moustache * face) * np.clip(0.86 + 0.10 * noise, 0, 1)
    paint(picture, np.asarray(cover, np.float32), strands * 0.95)


def draw_body(character: Character, canvas: Canvas) -> Picture:
    """Neck, shoulders and a shirt: (H, W, 4) like :func:`draw_head`."""
    x, y = canvas.grid
    rng = np.random.default_rng([character.seed, 3])
    neck = (1 - smoothstep(np.abs(x), 0.64, 0.70)) * (1 - smoothstep(y, 2.3, 2.5))
    slope = 1.60 + 0.32 * np.abs(x) ** 1.6 - 0.1 * np.abs(x)
    shirt = smoothstep(y - slope, -0.03, 0.03) * (1 - smoothstep(np.abs(x), 2.45, 2.6))
    ring = np.asarray(np.hypot(x / 0.80, (y - 1.60) / 0.42), np.float32)
    collar = 1 - smoothstep(ring, 0.97, 1.03)
    weave = rng.standard_normal(canvas.shape, np.float32)
    weave = canvas.blur(weave, 0.008) * 0.04 + canvas.blur(weave, 0.2) * 0.8
    picture = np.zeros((*canvas.shape, 3), np.float32)
    # the head shades the neck
    shade = 0.62 + 0.25 * smoothstep(y, 1.35, 2.2) - 0.22 * smoothstep(x, -0.2, 0.7)
    paint(picture, np.ones(canvas.shape, np.float32), character.skin * shade[..., None])
    light = 0.85 - 0.16 * x + weave - 0.25 * bump(np.abs(x), y, 1.5, 4.2, 0.3, 1.8)
    paint(picture, shirt * (1 - collar), np.clip(character.cloth * light[..., None], 0, 1))
    alpha = np.maximum(neck, shirt)
    return np.dstack([np.clip(picture, 0, 1) * alpha[..., None], alpha])
