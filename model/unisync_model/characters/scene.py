"""Where drawn people sit, how they move, and their pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from .backgrounds import landscape, room
from .canvas import Canvas, Picture, smoothstep
from .character import Character
from .features import JAW_DROP, draw_eyes, draw_mouth
from .head import body_canvas, draw_body, draw_head, head_canvas


@dataclass(frozen=True)
class Seat:
    """One person in a scene.

    Attributes:
        character: who.
        x, y: where the point between the ears rests, in fractions of the picture's size.
        size: half head width, as a fraction of the picture's height.
        turn: how far they face right (positive) or left, -1..1; 1 is about 30 degrees.
        liveliness: how much they move; 0 holds still.
    """

    character: Character
    x: float = 0.5
    y: float = 0.42
    size: float = 0.20
    turn: float = 0.0
    liveliness: float = 1.0


@dataclass(frozen=True)
class Scene:
    """A picture without its lips: everything else is decided here.

    Attributes:
        seats: the people, from back to front.
        width, height: raster.
        seed: background, grain, and how the people move.
        rate: pictures a second.
        grain: standard deviation of the film grain in 8-bit code values.
        outdoors: a landscape instead of a room.
    """

    seats: tuple[Seat, ...]
    width: int = 960
    height: int = 540
    seed: int = 0
    rate: Fraction = Fraction(24000, 1001)
    grain: float = 2.5
    outdoors: bool = False


@dataclass(frozen=True)
class _Pose:
    """A head at one moment: offset and depth motion in half head widths, roll in radians."""

    dx: float
    dy: float
    roll: float
    turn: float
    nod: float
    scale: float
    lid: float
    gaze: tuple[float, float]


def render(
    scene: Scene, mouth: NDArray[np.float32], frames: Sequence[int] | None = None
) -> Iterator[NDArray[np.uint8]]:
    """Draw pictures.

    The same scene and frame with another mouth differs only where lips, jaw and their shading
    are: an exact counterfactual pair, grain included.

    Args:
        mouth: (F, 3) open, width, bite; or (P, F, 3), one curve for each person.
        frames: which pictures; all F when None. Rows of ``mouth`` are indexed by the same numbers.

    Yields:
        (H, W, 3) uint8 R'G'B'.

    Raises:
        ValueError: the shape of ``mouth`` does not fit the number of people.
    """
    curves = mouth[None] if mouth.ndim == 2 else mouth
    if curves.ndim != 3 or curves.shape[2] != 3 or len(curves) < len(scene.seats):
        raise ValueError(
            f"mouth {mouth.shape} does not fit {len(scene.seats)} people; give (F, 3) or (P, F, 3)"
        )
    people = [_Person(seat, scene, index) for index, seat in enumerate(scene.seats)]
    backdrop = _Backdrop(scene)
    for frame in range(curves.shape[1]) if frames is None else frames:
        picture = backdrop.at(frame)
        for person, curve in zip(people, curves, strict=False):
            person.draw(picture, frame, curve[frame])
        yield backdrop.finish(picture, frame)


@dataclass(frozen=True)
class _Backdrop:
    scene: Scene

    @cached_property
    def _still(self) -> Picture:
        draw = landscape if self.scene.outdoors else room
        picture: Picture = draw(self.scene.width, self.scene.height, self.scene.seed)
        return picture

    @cached_property
    def _grain(self) -> Picture:
        """A tile larger than the picture; each frame shows another part of it."""
        rng = np.random.default_rng([self.scene.seed, 11])
        shape = (self.scene.height + 64, self.scene.width + 64, 1)
        tile = np.asarray(cv2.GaussianBlur(rng.standard_normal(shape, np.float32), (0, 0), 0.7))
        return np.asarray(tile / tile.std() * self.scene.grain, np.float32)

    def at(self, frame: int) -> Picture:
        if not self.scene.outdoors:
            return np.array(self._still)
        # the camera drifts slowly over the land
        shift = np.float32(0.4 * frame)
        matrix = np.array([[1, 0, -shift], [0, 1, 0]], np.float32)
        size = (self.scene.width, self.scene.height)
        return np.asarray(cv2.warpAffine(self._still, matrix, size, borderMode=cv2.BORDER_REFLECT))

    def finish(self, picture: Picture, frame: int) -> NDArray[np.uint8]:
        rng = np.random.default_rng([self.scene.seed, 12, frame])
        top, left = rng.integers(0, 64, 2)
        grain = self._grain[top : top + self.scene.height, left : left + self.scene.width]
        values = np.clip(picture * 255 + grain[..., None] + 0.5, 0, 255)
        return np.asarray(values, np.uint8)


@dataclass(frozen=True)
class _Person:
    seat: Seat
    scene: Scene
    index: int
    _memo: dict[str, Picture] = field(default_factory=dict, compare=False)

    @property
    def _scale(self) -> float:
        return self.seat.size * self.scene.height

    @cached_property
    def _canvas(self) -> Canvas:
        return head_canvas(self._scale)

    @cached_property
    def _head(self) -> Picture:
        return draw_head(self.seat.character, self._canvas)

    @cached_property
    def _body(self) -> Picture:
        return draw_body(self.seat.character, body_canvas(self._scale))

    def draw(self, picture: Picture, frame: int, mouth: NDArray[np.float32]) -> None:
        pose = self._pose(frame)
        self._place(picture, self._body, body_canvas(self._scale), pose, follow=0.35)
        head = self._drop_jaw(float(np.clip(mouth[0], 0, 1)) * (1 - 0.8 * float(mouth[2])))
        draw_eyes(self.seat.character, self._canvas, head, pose.lid, pose.gaze)
        draw_mouth(self.seat.character, self._canvas, head, mouth)
        head = self._turn(head, pose)
        self._place(picture, head, self._canvas, pose, follow=1.0)

    def _pose(self, frame: int) -> _Pose:
        """Slow sums of sines, and a blink every few seconds: a function of the frame alone."""
        rng = np.random.default_rng([self.scene.seed, 21, self.index, self.seat.character.seed])
        second = float(frame / self.scene.rate)
        phase, speed = rng.uniform(0, 2 * np.pi, (7, 2)), rng.uniform(0.12, 0.45, (7, 2))
        sway = np.sin(2 * np.pi * speed * second + phase).mean(1) * self.seat.liveliness
        period, offset = rng.uniform(2.2, 3.8), rng.uniform(0, 2.2)
        since = (second + offset) % period
        lid = float(np.clip(1.4 - abs(since - 0.12) / 0.07, 0, 1))
        return _Pose(
            dx=0.10 * sway[0],
            dy=0.06 * sway[1],
            roll=0.06 * sway[2],
            turn=0.75 * self.seat.turn + 0.30 * sway[3],
            nod=0.30 * sway[4],
            scale=1 + 0.02 * sway[5],
            lid=lid,
            gaze=(0.5 * self.seat.turn + 0.25 * sway[6], 0.1 * sway[4]),
        )

    def _drop_jaw(self, opening: float) -> Picture:
        """The head with its chin lowered: skin below the mouth slides down with the jaw."""
        x, y = self._canvas.grid
        if "jaw" not in self._memo:
            mouth = self.seat.character.mouth_y
            # only the face hangs on the jaw; hair beside it stays
            inner = 1 - smoothstep(np.abs(x), 0.40, 0.98)
            self._memo["jaw"] = smoothstep(y, mouth - 0.08, mouth + 0.25) * inner
        shift = self._memo["jaw"] * np.float32(JAW_DROP * opening * self._scale)
        return _pull(self._head, np.zeros_like(shift), shift)

    def _dome(self) -> Picture:
        """(H, W) how far each point of the head stands out, in pixels."""
        if "dome" not in self._memo:
            x, y = self._canvas.grid
            radius = (x / 1.15) ** 2 + (y / 1.55) ** 2
            nose = np.exp(-((x / 0.25) ** 2) - ((y - 0.4) / 0.25) ** 2)
            dome = np.sqrt(np.clip(1 - radius, 0, 1)) + 0.22 * nose
            self._memo["dome"] = np.asarray(dome * self._scale, np.float32)
        return self._memo["dome"]

    def _turn(self, head: Picture, pose: _Pose) -> Picture:
        """Turn and nod: what stands out of the head moves, its outline hardly does."""
        return _pull(head, 0.30 * pose.turn * self._dome(), 0.25 * pose.nod * self._dome())

    def _place(
        self, picture: Picture, layer: Picture, canvas: Canvas, pose: _Pose, follow: float
    ) -> None:
        """Lay a layer into the picture where the person sits, moved by ``follow`` of the pose."""
        zoom, roll = 1 + (pose.scale - 1) * follow, pose.roll * (follow == 1.0)
        # heads roll about the neck
        pivot = np.array([0.0, 1.2])
        cos, sin = np.cos(roll) * zoom, np.sin(roll) * zoom
        turn = np.array([[cos, -sin], [sin, cos]])
        seat = np.array([self.seat.x * self.scene.width, self.seat.y * self.scene.height])
        origin = np.array([canvas.left, canvas.top])
        moved = np.array([pose.dx, pose.dy]) * follow + pivot
        shift = seat + self._scale * (turn @ (origin - pivot) + moved)
        _lay(picture, layer, np.column_stack([turn, shift]))


def _pull(layer: Picture, right: Picture, down: Picture) -> Picture:
    """The layer with each point moved right and down by that many pixels (small, smooth)."""
    rows, columns = layer.shape[:2]
    grid_y, grid_x = np.mgrid[:rows, :columns].astype(np.float32)
    map_x, map_y = (grid_x - right).astype(np.float32), (grid_y - down).astype(np.float32)
    return np.asarray(cv2.remap(layer, map_x, map_y, cv2.INTER_LINEAR))


def _lay(picture: Picture, layer: Picture, matrix: NDArray[np.float64]) -> None:
    """Put a layer with coverage over the picture, in place; ``matrix`` maps layer to picture."""
    height, width = layer.shape[:2]
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]]) @ matrix.T
    limit = np.array(picture.shape[1::-1])
    low = np.clip(np.floor(corners.min(0)), 0, limit).astype(int)
    high = np.clip(np.ceil(corners.max(0)) + 1, 0, limit).astype(int)
    if (high <= low).any():
        return
    local = matrix.copy()
    local[:, 2] -= low
    placed = cv2.warpAffine(layer, local, tuple(int(v) for v in high - low))
    view = picture[low[1] : high[1], low[0] : high[0]]
    # three planes of coverage: numpy broadcasts the last axis far more slowly than it multiplies
    behind = cv2.merge([1 - placed[..., 3]] * 3)
    np.multiply(view, behind, out=view)
    view += placed[..., :3]
