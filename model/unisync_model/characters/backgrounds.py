"""What is behind the people: a room out of focus, or a landscape."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .canvas import Picture, smoothstep


def _grid(width: int, height: int) -> tuple[Picture, Picture]:
    x = np.linspace(0, width / height, width, dtype=np.float32)
    y = np.linspace(0, 1, height, dtype=np.float32)
    return np.broadcast_to(x, (height, width)), np.broadcast_to(y[:, None], (height, width))


def room(width: int, height: int, seed: int) -> Picture:
    """(H, W, 3) float32 0..1: a wall with its texture, shelves and a lamp, out of focus."""
    rng = np.random.default_rng([seed, 31])
    x, y = _grid(width, height)
    wall = rng.uniform(0.22, 0.48, 3) * np.array([1.0, 0.97, 0.92])
    picture = wall.astype(np.float32) * (1.1 - 0.5 * y - 0.15 * x)[..., None]
    for _ in range(9):
        left, top = rng.uniform(-0.1, width / height), rng.uniform(-0.1, 0.9)
        wide, tall = rng.uniform(0.08, 0.4), rng.uniform(0.1, 0.5)
        inside = (x > left) & (x < left + wide) & (y > top) & (y < top + tall)
        picture[inside] = picture[inside] * 0.4 + rng.uniform(0.08, 0.55, 3) * 0.6
    lamp = np.exp(-((x - rng.uniform(0.1, 1.6)) ** 2 + (y - 0.2) ** 2) / 0.02)
    picture += lamp[..., None] * np.array([0.5, 0.42, 0.28], np.float32)
    picture = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), height * 0.022)
    textured = picture * (1 + _texture(width, height, rng, 0.02))[..., None]
    return np.asarray(np.clip(textured, 0, 1), np.float32)


def landscape(width: int, height: int, seed: int) -> Picture:
    """(H, W, 3) float32 0..1: sky, sun, clouds and three lines of hills."""
    rng = np.random.default_rng([seed, 32])
    x, y = _grid(width, height)
    high, low = np.array([0.30, 0.50, 0.78]), np.array([0.92, 0.82, 0.70])
    picture = (high + (low - high) * smoothstep(y, 0.0, 0.7)[..., None]).astype(np.float32)
    clouds = cv2.GaussianBlur(
        rng.standard_normal((height, width), np.float32),
        (0, 0),
        height * 0.06,
        sigmaY=height * 0.02,
    )
    cover = smoothstep(clouds / clouds.std(), 0.3, 1.6) * (1 - smoothstep(y, 0.35, 0.6))
    picture += cover[..., None] * 0.75 * (0.97 - picture)
    sun = 1 - smoothstep(np.hypot(x - 1.25, y - 0.34), 0.05, 0.06)
    picture += sun[..., None] * (np.array([1.0, 0.95, 0.80], np.float32) - picture)
    for step, base in enumerate((0.56, 0.66, 0.80)):
        ridge = base + sum(
            0.05 / k * np.sin(x * k * rng.uniform(2, 4) + rng.uniform(0, 6)) for k in (1, 2, 4)
        )
        green = np.array([0.42, 0.52, 0.50]) * (1 - 0.27 * step) - np.array([0.04, 0, 0.1]) * step
        shade = green * (1 + 0.25 * (ridge - y) + _texture(width, height, rng, 0.09))[..., None]
        picture += smoothstep(y - ridge, 0, 0.006)[..., None] * (shade.astype(np.float32) - picture)
    return np.asarray(np.clip(picture, 0, 1), np.float32)


def _texture(
    width: int, height: int, rng: np.random.Generator, strength: float
) -> NDArray[np.float32]:
    fine = cv2.GaussianBlur(rng.standard_normal((height, width), np.float32), (0, 0), 1.0)
    return np.asarray(fine / fine.std() * strength, np.float32)
