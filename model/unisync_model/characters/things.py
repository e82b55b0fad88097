"""Things that pass before a face: a hand, a microphone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .canvas import Canvas, Picture, bump, paint, smoothstep
from .figures.figure import Figure
from .light import Light

Kind = Literal["hand", "microphone"]


@dataclass(frozen=True)
class Thing:
    """Something in front of a face.

    Attributes:
        kind: what it is.
        begins, lasts: seconds; before and after it is out of sight.
        x, y: where it stops, in half head widths from between the eyes.
        angle: radians it is turned by.
    """

    kind: Kind
    begins: float
    lasts: float
    x: float
    y: float
    angle: float

    def place(self, second: float) -> tuple[float, float] | None:
        """Where it is, None while out of sight: it comes from below, rests, and goes."""
        since = (second - self.begins) / self.lasts
        if not 0 < since < 1:
            return None
        away = 1 - min(1.0, 4 * min(since, 1 - since))
        away = away * away * (3 - 2 * away)
        return self.x * (1 + 0.8 * away), self.y + 2.0 * away + 0.04 * np.sin(5 * second)


def random_thing(rng: np.random.Generator, share: float = 0.14) -> Thing | None:
    """A thing in ``share`` of all scenes."""
    if rng.random() >= share:
        return None
    kind: Kind = "hand" if rng.random() < 0.5 else "microphone"
    side = float(rng.choice((-1.0, 1.0)))
    low = 1.05 if kind == "microphone" else 0.85
    return Thing(
        kind=kind,
        begins=rng.uniform(-1.5, 1.2),
        lasts=rng.uniform(1.2, 4.0),
        x=side * rng.uniform(0.05, 0.6),
        y=rng.uniform(low, 1.35),
        angle=side * rng.uniform(0.1, 0.5),
    )


@dataclass(frozen=True)
class ThingPainter:
    """Paints a thing once, its tip at the origin; ``figure`` lends its hand the skin."""

    thing: Thing
    figure: Figure
    light: Light
    scale: float

    @property
    def canvas(self) -> Canvas:
        return Canvas(self.scale, -0.9, -0.6, 0.9, 2.4)

    @cached_property
    def layer(self) -> Picture:
        """(H, W, 4) float32 R'G'B' times coverage, and coverage."""
        colour, cover = self._hand() if self.thing.kind == "hand" else self._microphone()
        tone = np.array(self.light.key, np.float32) * 0.8 + np.array(self.light.fill, np.float32)
        lit = np.clip(colour * tone, 0, 1)
        return np.dstack([lit * cover[..., None], cover]).astype(np.float32)

    def _microphone(self) -> tuple[Picture, Picture]:
        canvas = self.canvas
        x, y = canvas.grid
        edge = 1.0 / self.scale
        ball = 1 - smoothstep(np.hypot(x / 0.26, (y - 0.05) / 0.30), 1 - 3 * edge, 1 + 3 * edge)
        stick = (1 - smoothstep(np.abs(x), 0.13 - edge, 0.13 + edge)) * (y > 0.2)
        colour = np.empty((*canvas.shape, 3), np.float32)
        colour[:] = 0.10
        mesh = 0.32 + 0.10 * np.sin(70 * x) * np.sin(70 * y)
        round_side = np.sqrt(np.clip(1 - (x / 0.28) ** 2, 0, 1))
        paint(colour, np.asarray(ball, np.float32), (mesh * round_side)[..., None] * np.ones(3))
        paint(colour, 0.6 * bump(x, y, -0.09, -0.07, 0.07, 0.09), np.full(3, 0.9))
        paint(colour, 0.3 * bump(x, y, -0.06, 1.2, 0.02, 1.5) * (y > 0.36), np.full(3, 0.8))
        ring = np.asarray(stick * bump(x, y, 0, 0.33, 9.0, 0.03), np.float32)
        paint(colour, ring, np.full(3, 0.7))
        return colour, np.maximum(ball, stick).astype(np.float32)

    def _hand(self) -> tuple[Picture, Picture]:
        canvas = self.canvas
        cover = np.zeros(canvas.shape, np.float32)
        colour = np.empty((*canvas.shape, 3), np.float32)
        skin = np.asarray(self.figure.skin, np.float32)
        colour[:] = skin
        x, y = canvas.grid
        for left, top, right, bottom, thick in (
            (-0.26, 0.06, -0.20, 0.80, 0.17),
            (-0.08, -0.06, -0.06, 0.80, 0.18),
            (0.11, 0.00, 0.08, 0.80, 0.175),
            (0.29, 0.14, 0.21, 0.80, 0.155),
            (-0.52, 0.52, -0.20, 1.00, 0.19),
            (0.0, 0.85, 0.0, 1.00, 0.62),
            (0.0, 1.2, 0.0, 2.6, 0.44),
        ):
            away = _from_segment(x, y, (left, top), (right, bottom)) / (thick / 2)
            soft = 1.5 / (thick / 2 * self.scale)
            finger = np.clip((1 - away) / soft + 0.5, 0, 1).astype(np.float32)
            rounded = 0.70 + 0.34 * np.sqrt(np.clip(1 - away**2, 0, 1))
            if self.figure.look == "flat":
                rounded = np.where(away > 0.85, 0.7, 1.0)
            paint(colour, finger, skin * rounded[..., None])
            cover = np.maximum(cover, finger)
        sleeve = (y > 1.75).astype(np.float32)
        paint(colour, sleeve, np.asarray(self.figure.cloth) * (0.75 - 0.3 * np.abs(x))[..., None])
        return colour, cover


def _from_segment(
    x: Picture, y: Picture, start: tuple[float, float], end: tuple[float, float]
) -> NDArray[np.float32]:
    along = np.array(end) - np.array(start)
    share = ((x - start[0]) * along[0] + (y - start[1]) * along[1]) / float(along @ along)
    share = np.clip(share, 0, 1)
    away = np.hypot(x - start[0] - share * along[0], y - start[1] - share * along[1])
    return np.asarray(away, np.float32)
