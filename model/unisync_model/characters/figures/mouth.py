"""The mouth: its lines for a mouth shape, and lips, teeth and tongue painted along them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..canvas import Canvas, Picture, Values, bump, paint
from .figure import Figure, Shape

Points = NDArray[np.float64]

LIP_DROP = 0.36
"""How far the lower lip sinks with the mouth fully open, in half head widths."""
JAW_DROP = 0.25
"""How far the chin sinks then."""
WINDOW = (-0.64, -0.30, 0.64, 0.68)
"""left, top, right, bottom of all that is painted here, around the middle of the mouth."""

_T = np.linspace(-1, 1, 33)
_ARC = 1 - _T**2


@dataclass(frozen=True)
class MouthShape:
    """One row of a mouth curve, clipped to 0..1 (see :func:`..speech.articulation`)."""

    open: float
    width: float
    bite: float
    round: float
    tongue: float
    teeth: float

    @classmethod
    def of(cls, row: NDArray[np.float32]) -> MouthShape:
        return cls(*(float(v) for v in np.clip(row, 0, 1)))

    @property
    def gap(self) -> float:
        """Opening between the lips: a bite and clenched teeth keep it small."""
        return self.open * (1 - 0.75 * self.bite)


@dataclass(frozen=True)
class MouthLines:
    """Four lines (33, 2) from the left corner to the right, and half the mouth's width."""

    top: Points
    inner_top: Points
    inner_low: Points
    low: Points
    half: float


def half_width(shape: Shape, mouth: MouthShape) -> float:
    """Half the distance between the corners."""
    wide = 0.78 + 0.40 * mouth.width
    return shape.mouth_half * wide * (1 - 0.24 * mouth.round) * (1 - 0.08 * mouth.gap)


def lip_drop(mouth: MouthShape, t: NDArray[np.floating]) -> NDArray[np.floating]:
    """How far the lower lip lies under its place at rest; ``t`` is -1..1 from corner to corner."""
    power = 2.5 - 0.6 * mouth.round
    return np.asarray(LIP_DROP * mouth.gap * (1 - np.minimum(np.abs(t), 1) ** power))


def mouth_lines(shape: Shape, mouth: MouthShape) -> MouthLines:
    """The lines of a mouth, in half head widths."""
    half, gap = half_width(shape, mouth), mouth.gap
    thick = shape.lip_height * (1.10 - 0.30 * (mouth.width - 0.5) + 0.30 * mouth.round)
    seam = shape.mouth_y + 0.012 * np.cos(np.pi * _T) - 0.06 * shape.smile * _T**2 + shape.skew * _T
    lift = (0.06 * gap + 0.03 * mouth.bite + 0.012 * mouth.teeth) * _ARC
    inner_top = seam - lift
    inner_low = seam + lip_drop(mouth, _T) - 0.02 * mouth.bite * _ARC
    inner_low = inner_low + (0.030 * mouth.teeth + 0.03 * mouth.bite) * (1 - _T**4)
    bow = 1 - 0.20 * np.exp(-((_T / 0.16) ** 2))
    # lips pressed for P, B, M are thinner than lips at rest only as far as the drawing's bow shows
    top = inner_top - thick * 0.95 * _ARC**0.7 * bow
    low = inner_low + thick * 1.10 * (1 - 0.45 * mouth.bite) * _ARC**0.65

    def line(x: Points, y: Points) -> Points:
        return np.stack([x, y], 1)

    inner = 0.95 * half * _T
    outer = half * _T
    return MouthLines(
        line(outer, top), line(inner, inner_top), line(inner, inner_low), line(outer, low), half
    )


@dataclass(frozen=True)
class MouthPainter:
    """Paints one figure's mouth at one size.

    Attributes:
        canvas: the window that is painted in: :data:`WINDOW` around the mouth.
        light: (H, W, 3) light in that window.
    """

    figure: Figure
    canvas: Canvas
    light: Picture

    def paint(self, picture: Picture, mouth: MouthShape) -> None:
        """Lips and what lies between them, in place.

        Args:
            picture: (H, W, 3+) the window, without a mouth.
        """
        lines = mouth_lines(self.figure.shape, mouth)
        wide = lines.half + 0.09
        bounds = (-wide, lines.top[:, 1].min() - 0.05, wide, lines.low[:, 1].max() + 0.16)
        canvas, view = self.canvas.part(picture, *bounds)
        near = MouthPainter(self.figure, canvas, self.canvas.part(self.light, *bounds)[1])
        near._paint(view, lines, mouth)

    def _paint(self, picture: Picture, lines: MouthLines, mouth: MouthShape) -> None:
        edge = 0.012 if not self.figure.drawn else 0.006
        lips = self.canvas.polygon(np.concatenate([lines.top, lines.low[::-1]]), edge)
        inner = np.concatenate([lines.inner_top, lines.inner_low[::-1]])
        shown = min(1.0, (mouth.gap * LIP_DROP + 0.03 * max(mouth.teeth, mouth.bite)) / 0.02)
        inside = self.canvas.polygon(inner, 0.006) * np.float32(shown)
        self._lips(picture, lips, lines, mouth)
        if shown > 0:
            self._inside(picture, inside, lines, mouth)
        if mouth.bite > 0.05:
            self._bite(picture, lines, mouth.bite)
        self._edges(picture, lines, mouth, shown)

    def _lips(self, picture: Picture, lips: Picture, lines: MouthLines, mouth: MouthShape) -> None:
        """The upper lip lies in its own shade, the lower one catches the light."""
        figure = self.figure
        x, y = self.canvas.grid
        colour = np.asarray(figure.lips, np.float32)
        middle, low = float(lines.inner_top[16, 1]), float(lines.inner_low[16, 1])
        thick = float(lines.low[16, 1]) - low + 0.01
        if figure.drawn:
            soft = 0.55 + 0.45 * figure.lipstick if figure.look == "flat" else 0.8
            upper = np.where(y < 0.5 * (middle + low), 0.88, 1.0)[..., None]
            paint(picture, soft * lips, colour * upper * self.light)
            return
        below = bump(x, y, 0, low + 1.35 * thick, 0.24, 0.05)
        paint(picture, (0.20 + 0.15 * mouth.round) * below, picture[..., :3] * 0.45)
        tone = 0.84 + 0.20 * np.clip((y - 0.5 * (middle + low)) / (thick + 0.02), -0.6, 1.0)
        wet = 0.12 + 0.25 * figure.lipstick + 0.10 * mouth.round
        shine = wet * bump(x, y, -0.05, low + 0.42 * thick, 0.20, 0.26 * thick)
        lit = colour * (tone[..., None] * self.light) + (shine * self.light[..., 1])[..., None]
        paint(picture, 0.94 * lips, np.clip(lit, 0, 1))

    def _inside(
        self, picture: Picture, inside: Picture, lines: MouthLines, mouth: MouthShape
    ) -> None:
        figure = self.figure
        x, y = self.canvas.grid
        bright = self.light.mean(axis=2)
        top, low = float(lines.inner_top[16, 1]), float(lines.inner_low[16, 1])
        half = lines.half
        dark = (0.20, 0.05, 0.07) if figure.drawn else (0.11, 0.035, 0.04)
        if figure.look == "robot":
            dark = (0.05, 0.06, 0.08)
        paint(picture, inside, np.asarray(dark, np.float32) * (0.4 + 0.6 * bright[..., None]))
        crisp = 1.2 / self.canvas.scale if figure.drawn else 0.018
        arch = (x / half) ** 2
        row = 0.060 + 0.035 * min(1.0, 2 * mouth.gap) + 0.03 * mouth.teeth
        row *= 1 - 0.6 * mouth.round * (1 - mouth.teeth)
        bite_y = 0.55 * top + 0.45 * low
        upper = _step(top + min(row, 0.07 + 0.5 * (low - top)) - 0.05 * arch - y, crisp)
        upper *= _step(0.84 * half - np.abs(x), 0.03)
        lower_rise = 0.05 + 0.02 * mouth.teeth
        lower = _step(y - max(low - lower_rise, bite_y) - 0.03 * arch, crisp)
        lower *= _step(0.66 * half - np.abs(x), 0.04)
        visible = float(np.clip(max(mouth.teeth * 1.3, (mouth.gap - 0.45) * 3), 0, 1))
        tint = np.array([0.95, 0.92, 0.86], np.float32) * bright[..., None]
        if figure.look == "robot":
            tint = tint * np.array([0.75, 0.85, 0.95], np.float32)
        gaps = 1 - 0.16 * (np.cos(2 * np.pi * x / 0.10) > 0.90) if not figure.drawn else 1.0
        paint(picture, inside * lower * visible, (tint * 0.80) * np.asarray(gaps)[..., None])
        self._tongue(picture, inside, lines, mouth, bright)
        shade = np.asarray(gaps * (1 - 0.35 * arch))[..., None]
        paint(picture, inside * upper, np.clip(tint * shade, 0, 1))
        if mouth.tongue > 0.8:
            # between the teeth, as in TH
            tip = bump(x, y, 0, 0.45 * top + 0.55 * low, 0.42 * half, 0.55 * (low - top) + 0.015)
            between = np.clip(3 * tip - 1.4, 0, 1) * (mouth.tongue - 0.8) * 5
            paint(picture, inside * between, self._flesh(bright))

    def _flesh(self, bright: Picture) -> Picture:
        base = {"robot": (0.35, 0.38, 0.42), "animal": (0.85, 0.45, 0.50)}.get(
            self.figure.look, (0.86, 0.40, 0.42) if self.figure.drawn else (0.72, 0.33, 0.34)
        )
        return np.asarray(np.asarray(base, np.float32) * bright[..., None], np.float32)

    def _tongue(
        self,
        picture: Picture,
        inside: Picture,
        lines: MouthLines,
        mouth: MouthShape,
        bright: Picture,
    ) -> None:
        """Low on the floor at rest, its tip up to the teeth as in L."""
        x, y = self.canvas.grid
        top, low = float(lines.inner_top[16, 1]), float(lines.inner_low[16, 1])
        tall = (0.30 + 0.42 * mouth.tongue) * (low - top) + 0.006
        wide = (0.62 - 0.18 * mouth.tongue) * lines.half
        body = bump(x, y, 0, low + 0.015, wide, tall)
        soft = np.clip(1.8 * body - 0.35, 0, 1)
        cover = _step(body - 0.45, 0.10) if self.figure.drawn else soft
        groove = 1 - 0.18 * bump(x, y, 0, low, 0.03, 0.2)
        near = 0.62 + 0.38 * np.clip((y - top) / (low - top + 0.02), 0, 1)
        paint(picture, inside * cover, self._flesh(bright) * (groove * near)[..., None])

    def _bite(self, picture: Picture, lines: MouthLines, bite: float) -> None:
        """Upper teeth on the lower lip, as in F."""
        middle = np.abs(_T) < 0.62
        edge = lines.inner_top[middle]
        deep = 0.055 * (1 - (_T[middle] / 0.62) ** 4)
        band = np.concatenate([edge, (edge + np.stack([0 * deep, deep], 1))[::-1]])
        tint = np.array([0.93, 0.90, 0.84], np.float32) * self.light.mean(axis=2)[..., None]
        paint(picture, self.canvas.polygon(band, 0.006) * np.float32(bite), np.clip(tint, 0, 1))

    def _edges(self, picture: Picture, lines: MouthLines, mouth: MouthShape, shown: float) -> None:
        """The dark between closed lips, the corners, and the outline of drawn mouths."""
        figure = self.figure
        ink = np.asarray(figure.lips, np.float32) * 0.28
        thick = 0.040 if figure.drawn else 0.024
        strength = 0.9 if figure.drawn else 0.80 - 0.45 * shown
        paint(picture, np.float32(strength) * self.canvas.line(lines.inner_top, thick, 0.006), ink)
        if figure.drawn and shown > 0:
            low = self.canvas.line(lines.inner_low, thick, 0.006)
            paint(picture, np.float32(0.9 * min(1.0, shown)) * low, ink)
        if not figure.drawn:
            x, y = self.canvas.grid
            seam = float(lines.inner_top[0, 1])
            corner = bump(np.abs(x), y, lines.half, seam, 0.030, 0.028)
            paint(picture, (0.35 + 0.2 * mouth.width) * corner, ink)


def _step(distance: Values, soft: float) -> Picture:
    return np.asarray(np.clip(distance / np.float32(soft) + 0.5, 0, 1), np.float32)
