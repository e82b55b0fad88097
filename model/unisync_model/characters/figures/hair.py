"""Hair, brows and beards."""

from __future__ import annotations

import cv2
import numpy as np

from ..canvas import Canvas, Picture, bump, paint, smoothstep
from ..light import Lit
from .figure import Figure
from .skin import under

_CURLED = ("curly", "afro")
_FALLING = {"long": (1.9, 0.20), "bob": (1.15, 0.12)}
"""How far down it falls and how much it spreads."""


def strands(figure: Figure, canvas: Canvas, light: Lit, rng: np.random.Generator) -> Picture:
    """(H, W, 3) hair everywhere: noise drawn out downwards or curled, with a sheen."""
    x, y = canvas.grid
    noise = rng.standard_normal(canvas.shape, np.float32)
    if figure.drawn:
        value = 1 - 0.18 * smoothstep(np.sin(9 * x + 2 * y + figure.seed % 5), 0.55, 0.75)
        return under(figure, light, np.asarray(figure.hair, np.float32) * value[..., None])
    if figure.hair_style in _CURLED:
        drawn = canvas.blur(noise, 0.035)
    else:
        kernel = np.ones((max(3, round(0.35 * canvas.scale)), 1), np.float32)
        drawn = canvas.blur(cv2.filter2D(noise, -1, kernel / kernel.size), 0.006)
    drawn /= drawn.std() + 1e-6
    sheen = bump(x, y, light_side(light), -0.95, 0.6, 0.25)
    value = 0.95 + 0.20 * drawn + 0.5 * sheen - 0.25 * smoothstep(np.abs(x), 0.7, 1.3)
    colour = np.asarray(figure.hair, np.float32) * np.clip(value, 0.2, 2)[..., None]
    tone = 0.35 * light.tone.reshape(-1, 3).mean(0) + 0.65 * light.tone
    return np.asarray(np.clip(colour * tone + 0.03 * sheen[..., None], 0, 1), np.float32)


def light_side(light: Lit) -> float:
    """Where the brighter half is: -0.35 or 0.35."""
    middle = light.diffuse.shape[1] // 2
    brighter_left = light.diffuse[:, :middle].mean() > light.diffuse[:, middle:].mean()
    return -0.35 if brighter_left else 0.35


def hair_behind(figure: Figure, canvas: Canvas, rng: np.random.Generator) -> Picture:
    """(H, W) 0..1 hair behind the head."""
    x, y = canvas.grid
    style, skull = figure.hair_style, figure.shape.skull
    if style in ("bald", "receding", "buzz"):
        return np.zeros(canvas.shape, np.float32)
    size = {"afro": 1.42, "curly": 1.16, "bun": 1.04}.get(style, 1.08)
    low = {"afro": 0.95, "curly": 0.75}.get(style, 0.45)
    tall = np.where(y < -0.10, skull + size - 0.98, low)
    cap = np.sqrt((x / size) ** 2 + ((y + 0.10) / tall) ** 2) + _ragged(figure, canvas, rng)
    cover = 1 - smoothstep(cap, 0.97, 1.01)
    if style == "bun":
        knot = np.hypot(x, y + skull + 0.22) / 0.36
        cover = np.maximum(cover, 1 - smoothstep(knot, 0.95, 1.05))
    if style in _FALLING:
        cover = np.maximum(cover, _falling(figure, x, y))
    return np.asarray(cover, np.float32)


def _falling(figure: Figure, x: Picture, y: Picture) -> Picture:
    """Hair to the shoulders or the jaw, open below the chin, where the neck is."""
    end, spread = _FALLING[figure.hair_style]
    fall = np.clip((y + 0.2) / 1.9, 0, 1)
    wave = 0.03 * np.sin(5 * y + figure.seed % 6)
    sides = 1 - smoothstep(np.abs(x) - spread * fall + wave, 1.10, 1.15)
    sides = sides * smoothstep(np.abs(x) + 0.6 * (1 - smoothstep(y, 0.6, 1.1)), 0.60, 0.70)
    tips = end + 0.05 * np.sin(31 * x)
    return np.asarray(sides * smoothstep(y, -0.2, 0.1) * (1 - smoothstep(y, tips - 0.12, tips)))


def _ragged(figure: Figure, canvas: Canvas, rng: np.random.Generator) -> Picture:
    """Edge of curls."""
    noise = canvas.blur(rng.standard_normal(canvas.shape, np.float32), 0.05)
    strength = 0.035 if figure.hair_style in _CURLED else 0.006
    return np.asarray(noise / (noise.std() + 1e-6) * strength, np.float32)


def hair_front(figure: Figure, canvas: Canvas, rng: np.random.Generator) -> Picture:
    """(H, W) 0..1 the part that lies over the forehead and the temples."""
    x, y = canvas.grid
    style, skull = figure.hair_style, figure.shape.skull
    if style == "bald":
        return np.zeros(canvas.shape, np.float32)
    size = {"buzz": 1.02, "receding": 1.03, "afro": 1.30}.get(style, 1.08)
    cap = np.sqrt((x / size) ** 2 + ((y + 0.10) / (skull + size - 0.98)) ** 2)
    ragged = _ragged(figure, canvas, rng)
    line = _hair_line(figure, x) + 1.5 * ragged
    soft = 0.07 if style in ("buzz", "receding") else 0.025
    front = (1 - smoothstep(cap + ragged, 0.97, 1.01)) * (1 - smoothstep(y - line, -soft, soft))
    if style == "buzz":
        front = 0.75 * front
    if style in _FALLING:
        curtain = smoothstep(np.abs(x), 0.87, 0.93) * (1 - smoothstep(np.abs(x), 1.08, 1.14))
        end = 1.0 if style == "long" else 0.9
        front = np.maximum(
            front, curtain * smoothstep(y, -0.7, -0.5) * (1 - smoothstep(y, end - 0.2, end))
        )
    return np.asarray(front, np.float32)


def _hair_line(figure: Figure, x: Picture) -> Picture:
    """Height at which the forehead begins, lower at the temples."""
    side, phase = np.abs(x), figure.seed % 6
    temples = 0.62 * side**2.6
    lines = {
        "receding": -1.22 + 0.9 * np.maximum(side - 0.55, 0) * 2.2 - 0.05 * x,
        "fringe": -0.56 + 0.03 * np.sin(26 * x + phase) + 0.12 * side**3,
        "side": -0.96 + 0.34 * np.exp(-(((x - 0.5) / 0.6) ** 2)) + 0.6 * side**3,
        "afro": -0.86 + 0.75 * side**3,
    }
    plain = -0.93 + 0.08 * np.sin(2.2 * x + phase) + temples
    return np.asarray(lines.get(figure.hair_style, plain), np.float32)


def draw_brows(figure: Figure, canvas: Canvas, picture: Picture, colour: object) -> None:
    """Both brows, in place."""
    x, y = canvas.grid
    shape = figure.shape
    for side in (-1, 1):
        u = (side * x - shape.eye_x) / (0.24 + 0.35 * (shape.eye_size - 0.17))
        arch = shape.brow_y + 0.05 * u**2 - (0.02 + shape.brow_slope) * u
        thick = shape.brow_thick * np.clip(1.05 - 0.55 * u, 0.3, 1.3)
        along = 1 - smoothstep(np.abs(u), 0.9, 1.1)
        across = smoothstep(1.25 - np.abs(y - arch) / thick, 0.0, 0.25 if figure.drawn else 0.8)
        paint(picture, np.asarray(0.92 * along * across, np.float32), colour)


def draw_beard(
    figure: Figure, canvas: Canvas, picture: Picture, face: Picture, hair: Picture,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Beard or moustache over the face, in place."""
    if figure.beard == "none":
        return
    x, y = canvas.grid
    noise = canvas.blur(rng.standard_normal(canvas.shape, np.float32), 0.014)
    noise /= noise.std() + 1e-6
    cover = _beard_cover(figure, x, y, noise) * face
    if figure.beard == "stubble":
        cover = cover * np.clip(0.38 + 0.16 * noise, 0, 0.7)
        tone = 0.55 * np.asarray(figure.hair) + 0.25 * np.asarray(figure.skin)
        paint(picture, np.asarray(cover, np.float32), tone * picture.mean(axis=2)[..., None] * 1.3)
        return
    if not figure.drawn:
        cover = cover * np.clip(0.90 + 0.08 * noise, 0, 1)
    paint(picture, np.asarray(cover, np.float32), hair * 0.92)


def _beard_cover(figure: Figure, x: Picture, y: Picture, noise: Picture) -> Picture:
    shape, side = figure.shape, np.abs(x)
    rough = (0.012 if figure.drawn else 0.035) * noise
    moustache = 1 - smoothstep(
        (side / (shape.mouth_half * 0.95)) ** 4
        + (np.abs(y - 0.5 * (shape.nose_y + shape.mouth_y) - 0.07 - 0.10 * side) / 0.085) ** 4
        + 4 * rough,
        0.8, 1.25,
    )  # fmt: skip
    if figure.beard == "moustache":
        return moustache
    if figure.beard == "goatee":
        round_chin = ((side / 0.36) ** 3 + (np.abs(y - shape.mouth_y - 0.33) / 0.30) ** 3) + rough
        return np.asarray(np.maximum(moustache * 0.9, 1 - smoothstep(round_chin, 0.85, 1.15)))
    edge = 0.66 + rough - 0.80 * smoothstep(side, 0.45, 0.95)
    cheeks = smoothstep(y - edge, 0.0, 0.10)
    lips = (side / (shape.mouth_half * 0.98)) ** 2 + (
        (y - shape.mouth_y - 0.02) / (shape.lip_height * 1.15)
    ) ** 2
    return np.asarray(np.maximum(cheeks * smoothstep(lips + 3 * rough, 0.8, 1.2), moustache))
