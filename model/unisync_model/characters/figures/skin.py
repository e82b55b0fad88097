"""The surface of a face without hair, eyes and lips: skin, fur, paint or metal."""

from __future__ import annotations

import numpy as np

from ..canvas import Canvas, Picture, bump, paint, smoothstep
from ..light import Light, Lit
from .figure import Figure


def surface(figure: Figure, canvas: Canvas, light: Lit, rng: np.random.Generator) -> Picture:
    """(H, W, 3) the face under its light."""
    colour = np.empty((*canvas.shape, 3), np.float32)
    colour[:] = figure.skin
    _textured(figure, canvas, colour, rng)
    if figure.look == "animal":
        _draw_patch(figure, canvas, colour)
    elif figure.look != "robot":
        _draw_blood(figure, canvas, colour)
    _draw_folds(figure, canvas, colour)
    if figure.look == "robot":
        _draw_seams(figure, canvas, colour)
    return np.clip(under(figure, light, colour), 0, 1)


def under(figure: Figure, light: Lit, colour: Picture) -> Picture:
    """A colour under the light: as it falls, in two tones for ``cel``, hardly for ``flat``."""
    if not figure.drawn:
        return np.asarray(colour * light.tone + light.gloss[..., None], np.float32)
    tint = light.tone.reshape(-1, 3).mean(0)
    tint = tint / tint.mean()
    if figure.look == "flat":
        return np.asarray(colour * (0.25 + 0.75 * tint), np.float32)
    lit_side = smoothstep(light.diffuse, 0.40, 0.46)[..., None]
    dark = np.array([0.68, 0.60, 0.70], np.float32)
    return np.asarray(colour * (dark + (1 - dark) * lit_side) * (0.25 + 0.75 * tint), np.float32)


def cloth_light(light: Light, look: str, x: Picture) -> Picture:
    """(H, W, 1) rough light on the body: it has no relief of its own."""
    if look == "flat":
        return np.ones((*x.shape, 1), np.float32)
    across = 0.62 + 0.30 * np.clip(0.5 + 0.5 * x * light.direction[0], 0, 1)
    if look == "cel":
        across = 0.7 + 0.3 * smoothstep(across, 0.74, 0.78)
    return np.asarray(across[..., None], np.float32)


def _textured(figure: Figure, canvas: Canvas, colour: Picture, rng: np.random.Generator) -> None:
    """Pores and blotches, fur, brushed metal; freckles and spots. In place."""
    x, y = canvas.grid
    noise = rng.standard_normal(canvas.shape, np.float32)
    strength = figure.grain * {"film": 1.0, "toon": 0.25, "animal": 2.2, "robot": 0.6}.get(
        figure.look, 0.0
    )
    if strength:
        fine = _unit(canvas.blur(noise, 0.016)) * 0.022
        broad = _unit(canvas.blur(noise, 0.11)) * (0.02 + 0.02 * figure.age)
        colour *= (1 + strength * (fine + broad))[..., None]
    if figure.freckles:
        spots = smoothstep(_unit(canvas.blur(noise, 0.012)), 1.7, 2.3)
        where = bump(np.abs(x), y, 0.42, 0.36, 0.42, 0.30)
        paint(colour, spots * where * 0.6 * figure.freckles, np.array(figure.skin) * 0.62)
    if figure.age > 0.75 and figure.look == "film":
        spots = smoothstep(_unit(canvas.blur(noise, 0.05)), 1.9, 2.4)
        paint(colour, 0.25 * spots, np.array(figure.skin) * 0.66)


def _unit(noise: Picture) -> Picture:
    return np.asarray(noise / (noise.std() + 1e-6), np.float32)


def _draw_blood(figure: Figure, canvas: Canvas, colour: Picture) -> None:
    """Ruddy cheeks and nose, eye shadow, a man's shaven cheeks. In place."""
    x, y = canvas.grid
    side, shape = np.abs(x), figure.shape
    red = 0.6 * bump(side, y, 0.55, 0.44, 0.28, 0.24) + 0.4 * bump(x, y, 0, 0.40, 0.2, 0.14)
    strength = figure.ruddy * (1.5 if figure.look in ("toon", "cel") else 1.0)
    colour *= 1 - (strength * red)[..., None] * np.array([-0.02, 0.16, 0.13], np.float32)
    if figure.shadow:
        lids = bump(side, y, shape.eye_x, -0.11, shape.eye_size * 1.1, 0.10)
        paint(colour, 0.5 * figure.shadow * lids, np.array(figure.lips) * 0.7)


def _draw_folds(figure: Figure, canvas: Canvas, colour: Picture) -> None:
    """Nostrils, folds and wrinkles, as darker skin. In place."""
    x, y = canvas.grid
    side, shape, age = np.abs(x), figure.shape, figure.age
    wide, base = shape.nose_width, shape.nose_y
    if figure.look == "animal":
        _draw_snout(figure, canvas, colour)
        return
    holes = 0.75 * bump(side, y, wide * 0.50, base + 0.045, 0.25 * wide + 0.01, 0.028)
    under_nose = 0.25 * bump(x, y, 0, base + 0.07, wide * 0.95, 0.035)
    wing = 0.25 * bump(side, y, wide * 1.08, base - 0.01, 0.022, 0.065)
    fold = bump(side - 0.26 * (y - base), y, wide * 1.35, 0.60, 0.022 + 0.012 * age, 0.14)
    shade = holes + under_nose + wing + (0.08 + 0.30 * age) * fold
    if figure.look == "film" and age > 0.4:
        shade += (age - 0.4) * _wrinkles(figure, x, y)
    if figure.look in ("flat", "robot"):
        shade = 0.8 * holes + 0.4 * wing
    colour *= (1 - np.clip(shade, 0, 0.9))[..., None]


def _wrinkles(figure: Figure, x: Picture, y: Picture) -> Picture:
    side, shape = np.abs(x), figure.shape
    wave = y + 0.02 * np.cos(5 * x + figure.seed % 7)
    total = 0.35 * bump(side, y, shape.eye_x, 0.7 * shape.eye_size + 0.02, 0.20, 0.020)
    for line in (-0.62, -0.72, -0.83):
        total = total + 0.40 * bump(x, wave, 0, line, 0.5, 0.012)
    for slant in (-0.35, 0.0, 0.35):
        away = side - shape.eye_x - shape.eye_size - 0.07
        total = total + 0.40 * bump(away, y - slant * (away + 0.03), 0.03, 0.0, 0.07, 0.010)
    total = total + 0.5 * bump(side + 0.12 * (y - 1), y, shape.mouth_half + 0.07, 0.98, 0.02, 0.12)
    return np.asarray(total + 0.4 * bump(side, y, 0.05, -0.33, 0.012, 0.10), np.float32)


def _draw_patch(figure: Figure, canvas: Canvas, colour: Picture) -> None:
    """An animal's light muzzle and belly of the cheeks. In place."""
    x, y = canvas.grid
    muzzle = ((x / 0.60) ** 2 + ((y - figure.shape.mouth_y - 0.05) / 0.48) ** 2) ** 2
    paint(colour, 1 - smoothstep(muzzle, 0.6, 1.3), figure.patch)


def _draw_snout(figure: Figure, canvas: Canvas, colour: Picture) -> None:
    """An animal's nose leather and the line below it. In place."""
    x, y = canvas.grid
    shape = figure.shape
    reach = shape.nose_width * (1.25 - 1.6 * np.clip(y - shape.nose_y, -0.15, 0.3))
    nose = (np.abs(x) / reach) ** 2.5 + (np.abs(y - shape.nose_y) / 0.14) ** 2.5
    dark = np.array([0.12, 0.09, 0.09], np.float32)
    paint(colour, (1 - smoothstep(nose, 0.85, 1.1)).astype(np.float32), dark)
    line = bump(x, y, 0, shape.nose_y + 0.17, 0.018, 0.08)
    paint(colour, 0.7 * line, dark)
    for k in range(3):
        dots = bump(np.abs(x), y, 0.30 + 0.08 * k, shape.mouth_y - 0.18, 0.016, 0.016)
        paint(colour, 0.6 * dots, dark * 2)


def _draw_seams(figure: Figure, canvas: Canvas, colour: Picture) -> None:
    """A robot's plates: a lighter face plate, seams and rivets. In place."""
    x, y = canvas.grid
    side, shape = np.abs(x), figure.shape
    plate = (np.abs(x) / 0.74) ** 4 + (np.abs(y - 0.35) / 0.86) ** 4
    paint(colour, (1 - smoothstep(plate, 0.96, 1.04)).astype(np.float32), figure.patch)
    seam = bump(plate, y, 1.0, 0.35, 0.06, 9.0)
    hinge = bump(side, y, 0.62, shape.mouth_y + 0.1, 0.012, 0.45)
    brow = bump(side, y, 0, -0.62, 2.0, 0.012)
    colour *= (1 - np.clip(0.55 * seam + 0.5 * hinge + 0.45 * brow, 0, 0.8))[..., None]
    for height in (-0.35, 0.25, 1.0):
        rivet = bump(side, y, 0.86 - 0.12 * (height > 0.9), height, 0.035, 0.035)
        colour *= (1 - 0.6 * rivet)[..., None]
