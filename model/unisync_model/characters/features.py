"""The parts that move: eyes that blink, and the mouth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .canvas import Canvas, Picture, bump, paint
from .character import Character

JAW_DROP = 0.26
"""How far the chin sinks with the mouth fully open, in half head widths."""

Points = NDArray[np.float64]


def _closed(upper: Points, lower: Points) -> Points:
    return np.concatenate([upper, lower[::-1]])


def draw_eyes(
    character: Character, canvas: Canvas, picture: Picture, lid: float, gaze: tuple[float, float]
) -> None:
    """Both eyes, in place.

    Args:
        lid: 0 open .. 1 shut.
        gaze: where they look, -1..1 to the right and down.
    """
    for side in (-1, 1):
        x, reach = side * character.eye_x, 2.2 * character.eye_size
        window, view = canvas.part(picture, x - reach, -reach, x + reach, reach)
        _draw_eye(character, window, view, side, lid, gaze)


def _draw_eye(
    character: Character,
    canvas: Canvas,
    picture: Picture,
    side: int,
    lid: float,
    gaze: tuple[float, float],
) -> None:
    size, t = character.eye_size, np.linspace(-1, 1, 25)
    cx, cy = side * character.eye_x, 0.0
    arc = np.clip(1 - np.abs(t) ** 2.2, 0, 1)
    rise = 0.44 * (1 - lid) - 0.30 * lid
    # the outer corner sits a little higher
    tilt = -0.06 * size * t * side
    upper = np.stack([cx + size * t, cy - rise * size * arc + tilt], 1)
    lower = np.stack([cx + size * t, cy + 0.32 * size * arc + tilt], 1)
    x, y = canvas.grid
    lid_skin = character.skin * 0.80
    paint(picture, 0.55 * bump(x, y, cx, cy - 0.02, size * 1.25, size * 0.75), lid_skin)
    opening = canvas.polygon(_closed(upper, lower), 0.006)
    white = 0.90 - 0.30 * bump(x, y, cx, cy - 0.5 * size, 2 * size, 0.35 * size)
    paint(picture, opening, white[..., None] * np.array([0.98, 0.96, 0.94], np.float32))
    ix, iy = cx + 0.25 * size * gaze[0], cy - 0.03 * size + 0.12 * size * gaze[1]
    distance = np.hypot(x - ix, y - iy) / (0.47 * size)
    softness = 1.5 / (0.47 * size * canvas.scale)
    paint(picture, opening * np.clip((1 - distance) / softness, 0, 1), character.iris * 0.55)
    paint(picture, opening * np.clip((0.86 - distance) / softness, 0, 1), character.iris)
    paint(picture, opening * np.clip((0.45 - distance) / softness, 0, 1), (0.03, 0.03, 0.03))
    shine = bump(x, y, ix - 0.16 * size, iy - 0.16 * size, 0.10 * size, 0.10 * size)
    paint(picture, opening * shine, (1.0, 1.0, 1.0))
    lash = canvas.line(upper, 0.035, 0.006)
    paint(picture, 0.85 * lash, character.hair * 0.4)
    crease = upper - np.array([0, 0.30 * size * (1 - 0.5 * lid)])
    paint(picture, 0.35 * canvas.line(crease, 0.02, 0.012), character.skin * 0.45)
    paint(picture, 0.30 * canvas.line(lower, 0.02, 0.010), character.skin * 0.45)


def draw_mouth(
    character: Character, canvas: Canvas, picture: Picture, mouth: NDArray[np.float32]
) -> None:
    """Lips, teeth, tongue and the dark behind them, in place.

    Args:
        mouth: (3,) open, width, bite, as :func:`.speech.mouth_curve` gives them.
    """
    reach = 2.2 * character.mouth_half
    middle_y = character.mouth_y
    canvas, picture = canvas.part(picture, -reach, middle_y - 0.4, reach, middle_y + 0.9)
    wide, bite = float(mouth[1]), float(mouth[2])
    gap = float(np.clip(mouth[0], 0, 1)) * (1 - 0.8 * bite) + 0.12 * bite
    half = character.mouth_half * (0.66 + 0.62 * wide) * (1 - 0.10 * gap)
    thick = character.lip_height * (1.25 - 0.45 * wide)
    t = np.linspace(-1, 1, 41)
    arc = 1 - t**2
    seam = character.mouth_y + 0.012 * np.cos(np.pi * t) - 0.015 * t**2
    bow = 1 - 0.22 * np.exp(-((t / 0.16) ** 2))
    inner_top = seam - 0.05 * gap * arc
    inner_low = seam + (0.36 * gap * (1 - np.abs(t) ** 2.4)) - 0.03 * bite * arc
    upper = np.stack([half * t, inner_top - thick * 1.05 * arc**0.7 * bow], 1)
    lower = np.stack([half * t, inner_low + thick * (1 - 0.25 * bite) * arc**0.65], 1)
    top = np.stack([0.93 * half * t, inner_top], 1)
    low = np.stack([0.93 * half * t, inner_low], 1)
    lips = canvas.polygon(_closed(upper, lower), 0.012)
    inside = canvas.polygon(_closed(top, low), 0.008) * min(1.0, gap / 0.05)
    _draw_lips(character, canvas, picture, lips, seam, inner_low, thick)
    _draw_inside(canvas, picture, inside, half, float(inner_top[20]), float(inner_low[20]), gap)
    line = canvas.line(top, 0.022, 0.010)
    paint(picture, (0.75 - 0.4 * min(1.0, gap * 4)) * line, character.lips * 0.30)
    if bite > 0.05:
        middle = np.abs(t) < 0.72
        teeth = _closed(top[middle], top[middle] + np.array([0.0, 0.055]))
        paint(picture, canvas.polygon(teeth, 0.008) * min(1.0, bite), (0.88, 0.85, 0.80))


def _draw_lips(
    character: Character,
    canvas: Canvas,
    picture: Picture,
    lips: Picture,
    seam: NDArray[np.float64],
    inner_low: NDArray[np.float64],
    thick: float,
) -> None:
    """The upper lip lies in its own shade, the lower one catches the light."""
    x, y = canvas.grid
    low = float(inner_low[len(inner_low) // 2])
    tone = 0.80 + 0.16 * np.clip((y - float(seam.mean())) / (thick + 0.01), -0.6, 1.0)
    tone = tone + 0.22 * bump(x, y, -0.06, low + 0.45 * thick, 0.20, 0.30 * thick)
    below = bump(x, y, 0, low + 1.35 * thick, 0.24, 0.05)
    paint(picture, 0.22 * below * picture[..., 3], character.skin * 0.35)
    paint(picture, 0.92 * lips, np.clip(character.lips * tone[..., None], 0, 1))


def _draw_inside(
    canvas: Canvas,
    picture: Picture,
    inside: Picture,
    half: float,
    top: float,
    low: float,
    gap: float,
) -> None:
    x, y = canvas.grid
    paint(picture, inside, (0.13, 0.035, 0.04))
    tongue = bump(x, y, 0, low + 0.02, 0.62 * half, 0.30 * (low - top) + 0.01)
    paint(picture, inside * np.clip(1.6 * tongue - 0.25, 0, 1), (0.62, 0.27, 0.28))
    row = 0.055 + 0.05 * min(1.0, gap * 2)
    teeth = np.clip((top + row - 0.10 * x**2 - y) / 0.02, 0, 1) * np.clip(
        (0.80 * half - np.abs(x)) / 0.03, 0, 1
    )
    # faint gaps between the teeth, darker towards the corners
    gaps = 1 - 0.10 * (np.cos(2 * np.pi * x / 0.095) > 0.93)
    shade = (gaps * (1 - 0.9 * x**2))[..., None]
    paint(picture, inside * teeth, np.clip(shade * np.array([0.93, 0.90, 0.84]), 0, 1))
    if gap > 0.55:
        bottom = np.clip((y - (low - 0.05)) / 0.02, 0, 1) * np.clip(
            (0.55 * half - np.abs(x)) / 0.03, 0, 1
        )
        paint(picture, inside * bottom * min(1.0, (gap - 0.55) * 4), (0.70, 0.66, 0.61))
