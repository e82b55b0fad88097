"""The height of a face towards the camera: what light falls on, and what turns with the head."""

from __future__ import annotations

import numpy as np

from ..canvas import Canvas, Picture, bump, smoothstep
from .figure import Figure


def dome(x: Picture, y: Picture) -> Picture:
    """The head without its features, beyond its outline too: what a turn moves by."""
    far = np.asarray((x / 1.22) ** 2 + ((y - 0.1) / 1.65) ** 2, np.float32)
    # the logarithm goes on with the parabola's slope and flattens behind the ears
    return np.where(far < 1, 0.85 * (1 - far), -0.85 * np.log(np.maximum(far, 1))).astype(
        np.float32
    )


def turning_relief(figure: Figure, x: Picture, y: Picture) -> Picture:
    """The height that a turn moves by: the dome and, smoothly, the nose."""
    nose = 0.20 * bump(x, y, 0, figure.shape.nose_y - 0.05, 0.24, 0.28)
    return np.asarray(dome(x, y) + nose, np.float32)


def lighting_relief(figure: Figure, canvas: Canvas) -> Picture:
    """(H, W) the height that light falls on: skull, sockets, nose, cheeks, lips, chin."""
    x, y = canvas.grid
    shape, side = figure.shape, np.abs(x)
    # a little below the chin, so that the edge itself catches no light
    half = np.maximum(shape.outline(np.where(y > 0, 0.95 * y, y)), 0.05)
    power = 2 + 3 * shape.box
    round_side = np.clip(1 - np.abs(x / (1.06 * half)) ** power, 0, 1) ** (1 / power)
    height = 0.75 * round_side * np.sqrt(np.clip(1 - (y / 1.72) ** 2, 0, 1))
    deep = {"film": 1.0, "robot": 0.5}.get(figure.look, 0.55)
    height += _nose(figure, x, y) * (0.3 if figure.drawn else 1.0)
    socket = 0.8 * shape.eye_size + 0.10
    height -= 0.13 * deep * bump(side, y, shape.eye_x, -0.03, socket + 0.04, 0.17)
    height += 0.07 * deep * bump(side, y, shape.eye_x, shape.brow_y + 0.03, 0.32, 0.11)
    height += 0.07 * bump(side, y, 0.55, 0.38, 0.25, 0.22)
    muzzle = 0.20 if figure.look == "animal" else 0.07
    height += muzzle * bump(x, y, 0, shape.mouth_y - muzzle + 0.07, 0.42, 0.10 + muzzle)
    height -= 0.05 * bump(x, y, 0, shape.mouth_y + 0.24, 0.24, 0.06)
    height += 0.10 * bump(x, y, 0, shape.chin_y - 0.17, 0.26, 0.16)
    return canvas.blur(np.asarray(height, np.float32), 0.02)


def _nose(figure: Figure, x: Picture, y: Picture) -> Picture:
    wide, tip = figure.shape.nose_width, figure.shape.nose_y - 0.05
    ridge = 0.15 * bump(x, y, 0, 0.5 * tip - 0.06, 0.11, 0.34)
    wings = 0.10 * bump(np.abs(x), y, wide * 0.72, tip + 0.05, 0.09, 0.08)
    return np.asarray(0.24 * bump(x, y, 0, tip, wide * 0.72, 0.13) + ridge + wings, np.float32)


def face_cover(figure: Figure, canvas: Canvas) -> Picture:
    """(H, W) 0..1 where the face is, ears left out."""
    x, y = canvas.grid
    edge = (figure.shape.outline(y) - np.abs(x)) * canvas.scale
    # the outline is shallow at skull and chin: those edges are cut straight, blur softens them
    ends = np.minimum(y + figure.shape.skull, figure.shape.chin_y - y) * canvas.scale
    cover = np.clip(np.minimum(edge, ends) + 0.5, 0, 1)
    return canvas.blur(cover.astype(np.float32), 0.008)


def ear_cover(canvas: Canvas, side: int) -> Picture:
    """(H, W) 0..1 of a human ear; ``side`` is -1 or 1."""
    x, y = canvas.grid
    distance = ((x - side * 0.99) / 0.14) ** 2 + ((y - 0.14) / 0.28) ** 2
    return 1 - smoothstep(distance, 0.85, 1.15)
