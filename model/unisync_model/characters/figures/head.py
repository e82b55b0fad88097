"""A figure's layers: head, hair behind it, body; painted once, moved for every picture."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import Canvas, Picture, bump, paint, smoothstep
from ..light import Light, Lit, lit
from .extras import draw_drawn_nose, draw_ears, draw_glasses, draw_hat, draw_outline
from .eyes import draw_eyes
from .figure import Figure
from .hair import draw_beard, draw_brows, hair_behind, hair_front, strands
from .jaw import Jaw
from .mouth import WINDOW, MouthPainter, MouthShape
from .relief import face_cover, lighting_relief, turning_relief
from .skin import cloth_light, surface, under

_LIGHT_SCALE = 64.0
"""Pixels a half head width at most in which light is computed; it is smooth."""
_RELIEF_SCALE = 20.0


@dataclass(frozen=True)
class Head:
    """A figure painted at one size under one light.

    Attributes:
        canvas: the window on the head that is painted; what it leaves out is never seen.
    """

    figure: Figure
    light: Light
    canvas: Canvas

    @cached_property
    def relief(self) -> tuple[Canvas, Picture]:
        """A coarse canvas wider than the head, and the height (H, W) that turns go by."""
        coarse = Canvas(_RELIEF_SCALE, -2.4, -2.4, 2.4, 2.8)
        return coarse, turning_relief(self.figure, *coarse.grid)

    @cached_property
    def still(self) -> Picture:
        """(H, W, 4) float32 R'G'B' times coverage, and coverage: all but eyes, mouth, glasses."""
        return self._painted[0]

    @cached_property
    def behind(self) -> Picture:
        """(H, W, 4) hair behind the head."""
        return self._painted[1]

    @cached_property
    def _lit(self) -> Lit:
        """The light on the head, at the canvas's size."""
        canvas = self.canvas
        scale = min(canvas.scale, _LIGHT_SCALE)
        coarse = Canvas(scale, canvas.left, canvas.top, canvas.right, canvas.bottom)
        light = lit(lighting_relief(self.figure, coarse), scale, self.light)
        size = canvas.shape[::-1]
        return Lit(*(cv2.resize(p, size) for p in (light.tone, light.gloss, light.diffuse)))

    @cached_property
    def _painted(self) -> tuple[Picture, Picture]:
        figure, canvas, light = self.figure, self.canvas, self._lit
        rng = np.random.default_rng([figure.seed, 102])
        face = face_cover(figure, canvas)
        hair = strands(figure, canvas, light, rng)
        picture = np.zeros((*canvas.shape, 3), np.float32)
        ears = draw_ears(figure, canvas, picture, light)
        paint(picture, face, surface(figure, canvas, light, rng))
        cover = [face, ears]
        if figure.drawn:
            cover.append(draw_outline(figure, canvas, picture))
            if figure.look != "animal":
                draw_drawn_nose(figure, canvas, picture)
        if figure.look not in ("animal", "robot"):
            tone = under(figure, light, np.asarray(figure.hair, np.float32) * 0.7)
            draw_brows(figure, canvas, picture, np.clip(tone, 0, 1))
        draw_beard(figure, canvas, picture, face, hair, rng)
        front = hair_front(figure, canvas, rng)
        if not figure.drawn:
            paint(picture, canvas.blur(front, 0.06) * face * 0.25, (0.08, 0.05, 0.04))
        paint(picture, front, hair)
        cover.append(front)
        if figure.hat != "none":
            cover.append(draw_hat(figure, canvas, picture, light))
        alpha = np.maximum.reduce(cover)
        behind = np.zeros(canvas.shape, np.float32)
        if figure.hat == "none" or figure.hair_style in ("long", "bob"):
            behind = hair_behind(figure, canvas, rng)
        return _layer(picture, alpha), _layer(hair * 0.62, behind)

    @cached_property
    def painter(self) -> MouthPainter:
        """The painter of this head's mouth."""
        window, _ = self.canvas.part(self.still, *self.mouth_window)
        light = self.canvas.part(self._lit.tone, *self.mouth_window)[1]
        if self.figure.drawn:
            light = self.canvas.part(
                under(self.figure, self._lit, np.ones((*self.canvas.shape, 3), np.float32)),
                *self.mouth_window,
            )[1]
        return MouthPainter(self.figure, window, np.ascontiguousarray(light))

    @property
    def mouth_window(self) -> tuple[float, float, float, float]:
        """left, top, right, bottom of what the mouth's painter changes."""
        left, top, right, bottom = WINDOW
        y = self.figure.shape.mouth_y
        return left, y + top, right, y + bottom

    @cached_property
    def _glasses(self) -> Picture:
        """(H, W, 4) glasses, which lie over the eyes."""
        picture = np.zeros((*self.canvas.shape, 3), np.float32)
        bright = float(np.clip(self._lit.tone.mean(), 0.2, 1))
        cover = draw_glasses(self.figure, self.canvas, picture, bright)
        return np.dstack([picture, cover])

    @cached_property
    def with_eyes(self) -> Callable[[float, tuple[float, float]], Picture]:
        """``with_eyes(lid, gaze)``: (H, W, 4) the head with its eyes, without a mouth.

        The last one is kept, for eyes rest between glances; nobody may write to it.
        """
        return lru_cache(maxsize=1)(self._with_eyes)

    def _with_eyes(self, lid: float, gaze: tuple[float, float]) -> Picture:
        head: Picture = self.still.copy()
        draw_eyes(self.figure, self.canvas, head, self._lid_skin, lid, gaze)
        if self.figure.glasses != "none":
            reach = self.figure.shape.eye_size * 2 + 0.35
            bounds = (-1.05, -reach, 1.05, reach)
            view = self.canvas.part(head, *bounds)[1]
            glasses = self.canvas.part(self._glasses, *bounds)[1]
            view[..., :3] += glasses[..., :3] - glasses[..., 3:] * view[..., :3]
        return head

    @cached_property
    def jaw_place(self) -> tuple[slice, slice]:
        """Rows and columns of :attr:`canvas` outside which no mouth changes the head."""
        left, top, right, bottom = Jaw(self.figure.shape).bounds
        height, width = self.canvas.shape
        edges = (
            np.array([top, bottom]) - self.canvas.top,
            np.array([left, right]) - self.canvas.left,
        )
        rows, columns = (np.round(edge * self.canvas.scale).astype(int) for edge in edges)
        # room for the mask's rim, which looks two pixels further
        margin = 4
        return (
            slice(max(rows[0] - margin, 0), min(rows[1] + margin, height)),
            slice(max(columns[0] - margin, 0), min(columns[1] + margin, width)),
        )

    @cached_property
    def reach(self) -> NDArray[np.bool_]:
        """(h, w) at :attr:`jaw_place`: where some mouth may change the head."""
        jaw, (x, y) = Jaw(self.figure.shape), self.canvas.grid
        # empty stays empty where no jaw can bring skin to: one that drops, with a little room
        room = 2 * math.ceil(0.04 * self.canvas.scale) + 5
        solid = (self.still[..., 3] > 0).astype(np.float32)
        solid = cv2.dilate(solid, np.ones((room, room), np.uint8))
        columns, rows = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in solid.shape[::-1]))
        higher = rows - jaw.drop(x) * np.float32(self.canvas.scale)
        dropped = cv2.remap(solid, columns, higher, cv2.INTER_NEAREST)
        reached = (jaw.reach(x, y) > 0) & (np.maximum(solid, dropped) > 0)
        return np.asarray(reached[self.jaw_place])

    def speaking(self, head: Picture, mouth: MouthShape) -> Picture:
        """(h, w, 4) ``head`` with this mouth, at :attr:`jaw_place`; ``head`` stays as it is."""
        rows, columns = self.jaw_place
        right, down = self._jaw_shift(mouth)
        x, y = self._jaw_pixels
        view: Picture = cv2.remap(head, x - right, y - down, cv2.INTER_LINEAR)
        spot, (top, left) = self._mouth_spot, (rows.start, columns.start)
        part = view[spot[0].start - top : spot[0].stop - top,
                    spot[1].start - left : spot[1].stop - left]  # fmt: skip
        self.painter.paint(part, mouth)
        return view

    @cached_property
    def _mouth_spot(self) -> tuple[slice, slice]:
        window, scale = self.painter.canvas, self.canvas.scale
        top, left = (
            round((window.top - self.canvas.top) * scale),
            round((window.left - self.canvas.left) * scale),
        )
        height, width = window.shape
        return slice(top, top + height), slice(left, left + width)

    @cached_property
    def _jaw_pixels(self) -> tuple[Picture, Picture]:
        rows, columns = self.jaw_place
        x = np.arange(columns.start, columns.stop, dtype=np.float32)
        y = np.arange(rows.start, rows.stop, dtype=np.float32)
        columns_2d, rows_2d = np.meshgrid(x, y)
        return columns_2d, rows_2d

    def _jaw_shift(self, mouth: MouthShape) -> tuple[Picture, Picture]:
        """(h, w) pixels right and down, from a coarse grid; exactly 0 where :attr:`reach` is."""
        step, canvas = max(1, round(0.035 * self.canvas.scale)), self.canvas
        x, y = (axis[0] if k == 0 else axis[:, 0] for k, axis in enumerate(self._jaw_pixels))
        coarse_x, coarse_y = np.meshgrid(
            *((_coarse(axis, step) / canvas.scale + edge).astype(np.float32)
              for axis, edge in ((x, canvas.left), (y, canvas.top)))
        )  # fmt: skip
        shifts = Jaw(self.figure.shape).shift(coarse_x, coarse_y, mouth)
        touched = np.where(self.reach, np.float32(canvas.scale), np.float32(0))
        height, width = touched.shape
        full = (
            cv2.resize(shift, (shift.shape[1] * step, shift.shape[0] * step))
            [step : step + height, step : step + width]
            for shift in shifts
        )  # fmt: skip
        right, down = (shift * touched for shift in full)
        return right, down

    @cached_property
    def _lid_skin(self) -> Picture:
        skin = np.asarray(self.figure.skin, np.float32)
        return np.asarray(np.clip(under(self.figure, self._lit, np.broadcast_to(
            skin, (*self.canvas.shape, 3))), 0, 1), np.float32)  # fmt: skip


def _coarse(axis: Picture, step: int) -> Picture:
    """Middles of steps over consecutive pixels, one more at either end."""
    count = -(-len(axis) // step) + 2
    middles = axis[0] + (np.arange(count) - 1) * step + (step - 1) / 2
    return np.asarray(middles, np.float32)


def _layer(picture: Picture, alpha: Picture) -> Picture:
    return np.dstack([np.clip(picture, 0, 1) * alpha[..., None], alpha]).astype(np.float32)


def draw_body(figure: Figure, light: Light, canvas: Canvas) -> Picture:
    """(H, W, 4) neck, shoulders and what they wear."""
    x, y = canvas.grid
    rng = np.random.default_rng([figure.seed, 103])
    chin = figure.shape.chin_y
    wide = 0.56 - 0.08 * (figure.look in ("toon", "cel"))
    neck = (1 - smoothstep(np.abs(x), wide, wide + 0.05)) * (1 - smoothstep(y, 2.6, 2.8))
    slope = chin + 0.24 + 0.32 * np.abs(x) ** 1.6 - 0.1 * np.abs(x)
    shirt = smoothstep(y - slope, -0.02, 0.02) * (1 - smoothstep(np.abs(x), 2.45, 2.6))
    ring = np.asarray(np.hypot(x / 0.78, (y - chin - 0.22) / 0.42), np.float32)
    collar = 1 - smoothstep(ring, 0.97, 1.03)
    weave: Picture | float = 0.0
    if not figure.drawn:
        weave = canvas.blur(rng.standard_normal(canvas.shape, np.float32), 0.01) * 0.05
    tone = cloth_light(light, figure.look, x) * (np.array(light.key) + np.array(light.fill))
    # the head shades the neck
    shade = 0.55 + 0.33 * smoothstep(y, chin + 0.05, chin + 0.6)
    if not figure.drawn:
        shade = shade * (0.65 + 0.35 * np.sqrt(np.clip(1 - (x / (wide + 0.06)) ** 2, 0, 1)))
    picture = (np.asarray(figure.skin) * shade[..., None] * tone).astype(np.float32)
    folds = 1 + weave - 0.22 * bump(np.abs(x), y, 1.5, 4.2, 0.3, 1.8)
    cloth = np.asarray(figure.cloth) * folds[..., None] * tone
    paint(picture, shirt * (1 - collar), np.clip(cloth, 0, 1))
    return _layer(picture, np.maximum(neck, shirt).astype(np.float32))
