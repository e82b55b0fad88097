"""Light on a face: what falls on it, and what the camera makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from .canvas import Picture, smoothstep

Mood = Literal["soft", "window", "harsh", "dim", "bright", "coloured", "under"]
MOODS: tuple[Mood, ...] = get_args(Mood)

_SHADOW_STEPS = 9


@dataclass(frozen=True)
class Light:
    """One light set-up.

    Attributes:
        direction: towards the key light, unit length; x right, y down, z to the camera.
        key, fill: R'G'B' strength of the key light and of the light from everywhere.
        hard: 0 soft .. 1 sharp shadows.
        gloss: strength of highlights.
        exposure, contrast: of the camera.
        vignette: darkening of the corners, 0..1.
    """

    direction: tuple[float, float, float]
    key: tuple[float, float, float]
    fill: tuple[float, float, float]
    hard: float = 0.3
    gloss: float = 0.13
    exposure: float = 1.0
    contrast: float = 1.0
    vignette: float = 0.0


def random_light(rng: np.random.Generator) -> Light:
    """One of :data:`MOODS`, with its own angle and colours."""
    mood: Mood = MOODS[rng.choice(len(MOODS), p=(0.30, 0.20, 0.14, 0.10, 0.08, 0.13, 0.05))]
    side = rng.choice((-1.0, 1.0))
    angle, height, ratio, hard, exposure = {
        "soft": (0.5, 0.55, 0.55, 0.1, 1.0),
        "window": (0.9, 0.35, 0.42, 0.35, 1.0),
        "harsh": (1.0, 0.5, 0.24, 1.0, 1.02),
        "dim": (0.7, 0.4, 0.40, 0.3, 0.58),
        "bright": (0.4, 0.5, 0.62, 0.3, 1.22),
        "coloured": (0.9, 0.2, 0.40, 0.4, 0.95),
        "under": (0.3, -0.5, 0.38, 0.4, 0.85),
    }[mood]
    toward = np.array([side * angle * rng.uniform(0.6, 1.1), -height, rng.uniform(0.7, 1.0)])
    toward /= np.linalg.norm(toward)
    tint = rng.uniform(-0.06, 0.06) * np.array([1.0, 0.1, -1.0])
    key, fill = np.ones(3) + tint, np.ones(3) - 0.7 * tint
    if mood == "coloured":
        key, fill = (1.1 * _hue(rng.random()), 1.1 * _hue(rng.random()))
    return Light(
        direction=_triple(toward),
        key=_triple(key * (1.12 - ratio)),
        fill=_triple(fill * ratio),
        hard=hard,
        gloss=rng.uniform(0.04, 0.22),
        exposure=exposure * rng.uniform(0.92, 1.08),
        contrast=rng.uniform(0.9, 1.12),
        vignette=rng.uniform(0, 0.35),
    )


def _triple(values: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in values)
    return x, y, z


def _hue(turn: float) -> NDArray[np.float64]:
    """A strong, not a pure, colour of about the lightness of white paper in a gel."""
    wheel = 0.5 + 0.5 * np.cos(2 * np.pi * (turn + np.array([0.0, 1 / 3, 2 / 3])))
    mixed = 0.62 + 0.50 * wheel
    return np.asarray(mixed / mixed.mean())


@dataclass(frozen=True)
class Lit:
    """A relief under a light.

    Attributes:
        tone: (H, W, 3) what the surface's colour is multiplied with.
        gloss: (H, W) highlight to be added.
        diffuse: (H, W) 0..1 key light alone, with its shadows: what two-tone drawings quantise.
    """

    tone: Picture
    gloss: Picture
    diffuse: Picture


def lit(relief: Picture, scale: float, light: Light) -> Lit:
    """Light a height field: Lambert with soft wrap, Blinn highlights, cast shadows.

    Args:
        relief: (H, W) height towards the camera, in half head widths.
        scale: pixels a half head width.
    """
    toward = np.array(light.direction, np.float32)
    slope_x = cv2.Sobel(relief, cv2.CV_32F, 1, 0, scale=scale / 8)
    slope_y = cv2.Sobel(relief, cv2.CV_32F, 0, 1, scale=scale / 8)
    length = np.sqrt(1 + slope_x**2 + slope_y**2)
    lambert = (toward[2] - slope_x * toward[0] - slope_y * toward[1]) / length
    wrap = 0.35 * (1 - light.hard)
    diffuse = np.clip((lambert + wrap) / (1 + wrap), 0, 1)
    diffuse = diffuse * (1 - (0.35 + 0.6 * light.hard) * _cast(relief, scale, light))
    half_way = toward + np.array([0, 0, 1], np.float32)
    half_way /= np.linalg.norm(half_way)
    mirror = (half_way[2] - slope_x * half_way[0] - slope_y * half_way[1]) / length
    gloss = light.gloss * np.clip(mirror, 0, 1) ** 26 * diffuse
    tone = cv2.merge([diffuse * k + f for k, f in zip(light.key, light.fill, strict=True)])
    return Lit(
        np.asarray(tone, np.float32),
        np.asarray(gloss, np.float32),
        np.asarray(diffuse, np.float32),
    )


def _cast(relief: Picture, scale: float, light: Light) -> Picture:
    """(H, W) 0..1: how far something between a point and the light stands in its way."""
    x, y, z = light.direction
    level = float(np.hypot(x, y))
    excess = np.zeros_like(relief)
    for k in range(1, _SHADOW_STEPS + 1):
        away = 0.075 * k
        move = np.array([[1, 0, x / level * away * scale], [0, 1, y / level * away * scale]])
        between = cv2.warpAffine(
            relief,
            move,
            relief.shape[::-1],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        excess = np.maximum(excess, between - relief - away * z / level)
    soft = 0.05 + 0.12 * (1 - light.hard)
    return smoothstep(excess, 0.0, soft)


def grade(light: Light, size: int) -> Picture:
    """(S, S, 3) what the camera multiplies the picture with: exposure and vignette."""
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    far = axis[:, None] ** 2 + axis[None] ** 2
    gain = light.exposure * (1 - light.vignette * 0.4 * far)
    return np.asarray(cv2.merge([gain] * 3), np.float32)
