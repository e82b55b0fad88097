"""Eyes that blink and look about."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..canvas import Canvas, Picture, bump, paint
from .figure import Figure

Points = NDArray[np.float64]

_REACH = 2.0
"""How far round an eye's middle it is drawn, in eye sizes."""


def lid_lines(figure: Figure, side: int, lid: float) -> tuple[Points, Points]:
    """(25, 2) upper and (25, 2) lower lid of the eye on this side (-1 left in the picture)."""
    shape, t = figure.shape, np.linspace(-1, 1, 25)
    size = shape.eye_size
    tall = {"film": 1.0, "toon": 1.5, "cel": 1.7, "flat": 1.6, "robot": 1.4, "animal": 1.5}
    arc = np.clip(1 - np.abs(t) ** 2.2, 0, 1)
    rise = (0.44 * (1 - lid) - 0.26 * lid) * tall[figure.look]
    tilt = -shape.eye_tilt * size * t * side
    x = side * shape.eye_x + size * t
    upper = np.stack([x, -rise * size * arc + tilt], 1)
    return upper, np.stack([x, 0.32 * tall[figure.look] * size * arc + tilt], 1)


def iris_place(figure: Figure, side: int, gaze: tuple[float, float]) -> tuple[float, float, float]:
    """x, y and radius of an iris; ``gaze`` -1..1 to the right and down."""
    size = figure.shape.eye_size
    radius = {"cel": 0.60, "toon": 0.56, "animal": 0.62}.get(figure.look, 0.47) * size
    return (
        side * figure.shape.eye_x + 0.25 * size * gaze[0],
        -0.03 * size + 0.12 * size * gaze[1],
        radius,
    )


def draw_eyes(
    figure: Figure,
    canvas: Canvas,
    picture: Picture,
    lit: Picture,
    lid: float,
    gaze: tuple[float, float],
) -> None:
    """Both eyes, in place.

    Args:
        lit: (H, W, 3) skin of the lids, already under its light.
        lid: 0 open .. 1 shut.
        gaze: where they look, -1..1 to the right and down.
    """
    reach = _REACH * figure.shape.eye_size
    for side in (-1, 1):
        x = side * figure.shape.eye_x
        bounds = (x - reach, -reach, x + reach, reach)
        window, view = canvas.part(picture, *bounds)
        _draw_eye(figure, window, view, canvas.part(lit, *bounds)[1], side, lid, gaze)


def _draw_eye(
    figure: Figure,
    canvas: Canvas,
    picture: Picture,
    lit: Picture,
    side: int,
    lid: float,
    gaze: tuple[float, float],
) -> None:
    size = figure.shape.eye_size
    upper, lower = lid_lines(figure, side, lid)
    x, y = canvas.grid
    bright = float(np.clip(lit.mean() / (np.mean(figure.skin) + 0.05), 0.25, 1.15))
    if not figure.drawn:
        paint(picture, 0.5 * bump(x, y, side * figure.shape.eye_x, -0.02, size * 1.25, size * 0.75),
              np.asarray(lit) * 0.80)  # fmt: skip
    opening = canvas.polygon(np.concatenate([upper, lower[::-1]]), 0.006)
    if lid < 0.9:
        _draw_ball(figure, canvas, picture, opening, iris_place(figure, side, gaze), bright)
    dark = np.asarray(figure.hair) * (0.35 if figure.look != "robot" else 0.2)
    thick = {"film": 0.030, "toon": 0.040, "cel": 0.055, "flat": 0.035}.get(figure.look, 0.035)
    thick *= 1 + 0.6 * (figure.lipstick > 0)
    paint(picture, 0.9 * canvas.line(upper, thick, 0.006), np.clip(dark, 0, 0.3) * bright)
    crease = upper - np.array([0, 0.28 * size * (1 - 0.5 * lid)])
    skin = np.asarray(figure.skin)
    paint(picture, 0.35 * canvas.line(crease, 0.02, 0.010), skin * 0.45 * bright)
    paint(picture, 0.35 * canvas.line(lower, 0.02, 0.008), skin * 0.40 * bright)


def _draw_ball(
    figure: Figure,
    canvas: Canvas,
    picture: Picture,
    opening: Picture,
    iris: tuple[float, float, float],
    bright: float,
) -> None:
    x, y = canvas.grid
    ix, iy, radius = iris
    size = figure.shape.eye_size
    ball = np.array([0.96, 0.95, 0.93]) if figure.look != "robot" else np.array([0.10, 0.12, 0.15])
    white = 0.95 - 0.28 * bump(x, y, ix, iy - 0.55 * size, 2 * size, 0.35 * size)
    paint(picture, opening, white[..., None] * (ball * bright).astype(np.float32))
    distance = np.hypot(x - ix, y - iy) / radius
    softness = 1.4 / (radius * canvas.scale)
    colour = np.asarray(figure.iris) * (1.6 if figure.look == "robot" else 1.0)
    light = bright if figure.look != "robot" else 1.0
    for reach, tone in ((1.0, colour * 0.5), (0.86, colour), (0.46, np.full(3, 0.03))):
        disc = np.clip((reach - distance) / softness + 0.5, 0, 1).astype(np.float32)
        paint(picture, opening * disc, np.clip(tone * light, 0, 1))
    spot = 0.20 * radius if figure.look == "film" else 0.28 * radius
    shine = bump(x, y, ix - 0.34 * radius, iy - 0.34 * radius, spot, spot)
    paint(picture, opening * shine, np.full(3, min(1.0, 0.4 + 0.6 * bright)))
