"""What a figure wears on its head: glasses, hats, headphones; and ears of every kind."""

from __future__ import annotations

import numpy as np

from ..canvas import Canvas, Picture, bump, paint, smoothstep
from ..light import Lit
from .figure import Figure
from .relief import ear_cover
from .skin import under


def draw_ears(figure: Figure, canvas: Canvas, picture: Picture, light: Lit) -> Picture:
    """Ears, in place; returns their cover (H, W)."""
    x, y = canvas.grid
    side = np.abs(x)
    if figure.look == "robot":
        knob = (side - 1.04) ** 4 / 0.10**4 + (np.abs(y - 0.12) / 0.22) ** 4
        cover = np.asarray(1 - smoothstep(knob, 0.85, 1.1), np.float32)
        aerial = bump(side, y, 1.06, -0.45, 0.018, 9.0) * (1 - smoothstep(y, -0.05, 0.0))
        tip = np.hypot(side - 1.06, y + 0.85) / 0.07
        stalk = np.asarray(aerial * smoothstep(y, -0.86, -0.82) > 0.5, np.float32)
        cover = np.maximum(
            np.maximum(cover, canvas.blur(stalk, 0.006)), 1 - smoothstep(tip, 0.8, 1.1)
        )
        paint(picture, cover, under(figure, light, np.asarray(figure.skin, np.float32) * 0.7))
        return cover
    if figure.look == "animal":
        return _animal_ears(figure, canvas, picture, light)
    cover = np.maximum(ear_cover(canvas, -1), ear_cover(canvas, 1))
    shell = 0.92 - 0.35 * bump(side, y, 1.03, 0.13, 0.05, 0.15)
    skin = np.asarray(figure.skin, np.float32) * shell[..., None]
    paint(picture, cover, np.clip(under(figure, light, skin), 0, 1))
    return cover


def _animal_ears(figure: Figure, canvas: Canvas, picture: Picture, light: Lit) -> Picture:
    x, y = canvas.grid
    side = np.abs(x)
    if figure.ears == "round":
        place = np.hypot(side - 0.82, y + 0.95) / 0.42
    elif figure.ears == "pointed":
        tall = np.clip((y + 1.75) / 1.15, 0, 1.2)
        place = 0.75 * np.abs(side - 0.66) / (0.30 * tall + 0.01) + 0.25 * (y > -0.55)
    else:
        place = ((side - 1.10 - 0.10 * y) / 0.26) ** 2 + ((y - 0.05) / 0.80) ** 2
    place = np.asarray(place, np.float32)
    cover = 1 - smoothstep(place, 0.90, 1.04)
    if figure.ears == "pointed":
        cover = cover * smoothstep(y, -1.75, -1.70) * (1 - smoothstep(y, -0.5, -0.4))
    fur = under(figure, light, np.asarray(figure.skin, np.float32) * 0.85)
    paint(picture, np.asarray(cover, np.float32), np.clip(fur, 0, 1))
    if figure.ears != "floppy":
        inner = (1 - smoothstep(place, 0.45, 0.65)) * cover
        paint(picture, np.asarray(0.7 * inner, np.float32), np.array(figure.patch) * 0.8)
    return np.asarray(cover, np.float32)


def draw_outline(figure: Figure, canvas: Canvas, picture: Picture) -> Picture:
    """The drawn line round the face, in place; returns its cover (H, W)."""
    y = np.linspace(-figure.shape.skull, figure.shape.chin_y, 61).astype(np.float32)
    half = figure.shape.outline(y)
    right, left = np.stack([half, y], 1), np.stack([-half, y], 1)[::-1]
    width = 0.045 if figure.look == "cel" else 0.030
    line = canvas.line(np.concatenate([right, left, right[:1]]).astype(np.float64), width, 0.004)
    paint(picture, line, np.asarray(figure.skin, np.float32) * 0.25)
    return line


def draw_drawn_nose(figure: Figure, canvas: Canvas, picture: Picture) -> None:
    """Two strokes for the nose of a drawn face, in place."""
    shape = figure.shape
    t = np.linspace(0, np.pi, 15)
    base = np.stack([-shape.nose_width * 0.6 * np.cos(t), shape.nose_y + 0.05 * np.sin(t)], 1)
    ridge = np.array([[0.05, 0.05], [0.10, shape.nose_y - 0.10], [0.06, shape.nose_y]])
    ink = np.asarray(figure.skin, np.float32) * 0.38
    paint(picture, 0.85 * canvas.line(base, 0.028, 0.004), ink)
    if figure.look == "cel":
        paint(picture, 0.6 * canvas.line(ridge, 0.022, 0.004), ink)


def draw_glasses(figure: Figure, canvas: Canvas, picture: Picture, bright: float) -> Picture:
    """Frames with a faint reflection, in place; returns their cover (H, W)."""
    nothing = np.zeros(canvas.shape, np.float32)
    if figure.glasses == "none":
        return nothing
    x, y = canvas.grid
    side, eye = np.abs(x), figure.shape.eye_x
    wide = max(0.31, figure.shape.eye_size * 1.35)
    power = 5 if figure.glasses == "square" else 2
    tall = wide * (0.80 if figure.glasses == "square" else 0.98)
    far = (np.abs(side - eye) / wide) ** power + (np.abs(y - 0.04) / tall) ** power
    far = far ** (1 / power)
    width = 0.035 if figure.glasses == "thin" else 0.085
    rim = np.clip((width / 2 - np.abs(far - 1) * wide) * canvas.scale + 0.5, 0, 1)
    bridge = np.clip((width / 2 - np.abs(y + 0.02)) * canvas.scale + 0.5, 0, 1)
    bridge = bridge * (side < eye - wide + 0.02)
    arms = np.clip((width / 2 - np.abs(y + 0.04)) * canvas.scale + 0.5, 0, 1)
    arms = arms * (side > eye + wide - 0.02) * (side < 1.02)
    cover = np.maximum.reduce([rim, bridge, arms]).astype(np.float32)
    glare = bump(x - 0.6 * y, y, eye - 0.1, -0.1, 0.05, 0.4) * (far < 0.95)
    paint(picture, np.asarray(0.16 * glare, np.float32), np.ones(3))
    frame = (0.55, 0.47, 0.30) if figure.glasses == "thin" else (0.10, 0.08, 0.08)
    paint(picture, cover, np.asarray(frame, np.float32) * bright)
    return np.asarray(cover, np.float32)


def draw_hat(figure: Figure, canvas: Canvas, picture: Picture, light: Lit) -> Picture:
    """Hat, scarf or headphones over the hair, in place; returns its cover (H, W)."""
    x, y = canvas.grid
    side, skull = np.abs(x), figure.shape.skull
    dome = np.sqrt((x / 1.13) ** 2 + ((y + 0.05) / (skull + 0.14)) ** 2)
    edge = 1.2 / canvas.scale
    crown = 1 - smoothstep(dome, 1 - edge, 1 + edge)
    tone = np.asarray(figure.cloth, np.float32)
    if figure.hat == "headphones":
        band = crown * smoothstep(dome, 0.93, 0.95) * (1 - smoothstep(y, -0.2, -0.1))
        cups = 1 - smoothstep(((side - 1.08) / 0.17) ** 4 + ((y - 0.1) / 0.36) ** 4, 0.9, 1.1)
        cover, tone = np.maximum(band, cups), tone * 0.5
    elif figure.hat == "scarf":
        hole = (x / 0.90) ** 2 + ((y - 0.22) / (figure.shape.chin_y - 0.20)) ** 2
        wide = 1.14 - 0.50 * np.maximum(y - 0.35, 0)
        body = np.maximum(crown, (1 - smoothstep(side - wide, 0, 0.04)) * smoothstep(y, -0.2, 0.1))
        end = figure.shape.chin_y + 0.40 - 0.25 * side
        cover = body * smoothstep(hole, 1.0, 1.06) * (1 - smoothstep(y, end - 0.04, end))
    else:
        brim = -0.60 + 0.16 * x**2
        cover = crown * (1 - smoothstep(y - brim, -edge, edge))
        if figure.hat == "cap":
            peak = (x / 0.80) ** 2 + ((y + 0.56 - 0.16 * x**2) / 0.13) ** 2
            cover = np.maximum(cover, 1 - smoothstep(peak, 0.9, 1.1))
            tone = tone * (1 - 0.35 * (peak < 1))[..., None]
        else:
            ribs = 1 - 0.14 * (np.cos(2 * np.pi * x / 0.11) > 0.3) * (y > brim - 0.3)
            tone = tone * ribs[..., None]
    paint(picture, np.asarray(cover, np.float32), np.clip(under(figure, light, tone), 0, 1))
    return np.asarray(cover, np.float32)
