"""Whole film frames of the figures: people who sit before a room or a landscape and talk.

Each person is painted in a window of the picture's own pixels, as a crop is, and laid over what is
behind; grain comes last. So a mouth changes what :attr:`.frame.Frame.mask` covers, and nothing
else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .backgrounds import landscape, room
from .canvas import Canvas, Picture
from .crops import full_curves
from .figures.figure import Figure
from .figures.head import draw_body
from .figures.mouth import MouthShape
from .frame import BODY_FOLLOWS, Frame, lay, over
from .layers import GRAIN_MARGIN, Layers
from .light import Light
from .motion import Movement
from .stage import Stage
from .warp import View

DAYLIGHT = Light(
    direction=(-0.36, -0.48, 0.80),
    key=(0.64, 0.61, 0.57),
    fill=(0.48, 0.50, 0.53),
    hard=0.15,
    gloss=0.10,
)
"""A large window at the left, and a room that is not dark."""

_DRIFT = 0.4
"""Pixels a frame by which the camera moves over a landscape."""
_HEAD_REACH = 2.5
"""Half a head's window: its hair, wherever it turns. Half head widths, as the following."""
_HEAD_MIDDLE = 0.15
_BODY_REACH, _BODY_TOP = 2.8, 0.6
_TURN = 25
"""Degrees of a seat's full turn."""


@dataclass(frozen=True)
class Seat:
    """One person in a scene.

    Attributes:
        figure: who.
        x, y: where the point between the eyes rests, in fractions of the picture's size.
        size: half head width, as a fraction of the picture's height.
        turn: how far they face right (positive) or left, -1..1; 1 is 25 degrees.
        liveliness: how much they move; 0 holds still.
    """

    figure: Figure
    x: float = 0.5
    y: float = 0.42
    size: float = 0.20
    turn: float = 0.0
    liveliness: float = 0.5


@dataclass(frozen=True)
class Scene:
    """A picture without its lips: everything else is decided here.

    Attributes:
        seats: the people, from back to front.
        width, height: raster.
        seed: background, grain, and how the people move.
        rate: pictures a second.
        grain: standard deviation of the film grain in 8-bit code values.
        outdoors: a landscape, over which the camera drifts, instead of a room.
    """

    seats: tuple[Seat, ...]
    width: int = 960
    height: int = 540
    seed: int = 0
    rate: Fraction = Fraction(24000, 1001)
    grain: float = 2.5
    outdoors: bool = False


def render(
    scene: Scene, mouth: NDArray[np.float32], frames: Sequence[int] | None = None
) -> Iterator[NDArray[np.uint8]]:
    """Draw pictures.

    The same scene and frame with another mouth differs only where lips, jaw and their shading
    are (:func:`mouth_mask`): an exact counterfactual pair, grain included.

    Args:
        mouth: (F, 3) or (F, 6), columns as in :class:`.crops.Rendered`; or (P, F, 3) or (P, F, 6),
            one curve for each person.
        frames: which pictures; all F when None. Rows of ``mouth`` are indexed by the same numbers.

    Yields:
        (H, W, 3) uint8 R'G'B'.

    Raises:
        InputError: there are fewer curves than people, or they have another shape.
    """
    curves = full_curves(mouth[None] if mouth.ndim == 2 else mouth)
    if len(curves) < len(scene.seats):
        raise InputError(f"{len(curves)} mouth curves for {len(scene.seats)} people.")
    people = [_Person(seat, scene, index) for index, seat in enumerate(scene.seats)]
    backdrop = _Backdrop(scene)
    for number in range(curves.shape[1]) if frames is None else frames:
        picture = backdrop.at(number)
        for person, curve in zip(people, curves, strict=False):
            person.draw(picture, number, MouthShape.of(curve[number]))
        yield backdrop.grained(picture, number)


def mouth_mask(scene: Scene, number: int) -> NDArray[np.bool_]:
    """(H, W) where anybody's lips may change picture ``number``."""
    mask = np.zeros((scene.height, scene.width), np.bool_)
    for index, seat in enumerate(scene.seats):
        _Person(seat, scene, index).mark(mask, number)
    return mask


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
        shape = (self.scene.height + GRAIN_MARGIN, self.scene.width + GRAIN_MARGIN)
        tile = cv2.GaussianBlur(rng.standard_normal(shape, np.float32), (0, 0), 0.7)
        return np.asarray(cv2.merge([tile / tile.std() * self.scene.grain] * 3), np.float32)

    def at(self, number: int) -> Picture:
        if not self.scene.outdoors:
            return np.array(self._still)
        matrix = np.array([[1, 0, -_DRIFT * number], [0, 1, 0]])
        size = (self.scene.width, self.scene.height)
        return np.asarray(cv2.warpAffine(self._still, matrix, size, borderMode=cv2.BORDER_REFLECT))

    def grained(self, picture: Picture, number: int) -> NDArray[np.uint8]:
        rng = np.random.default_rng([self.scene.seed, 12, number])
        top, left = rng.integers(0, GRAIN_MARGIN, 2)
        grain = self._grain[top : top + self.scene.height, left : left + self.scene.width]
        values = picture * np.float32(255) + np.float32(0.5) + grain
        return np.asarray(np.clip(values, 0, 255, out=values), np.uint8)


_Part = tuple[slice, slice]
"""Rows and columns of a picture."""


@dataclass(frozen=True)
class _Person:
    seat: Seat
    scene: Scene
    index: int

    @property
    def _scale(self) -> float:
        return self.seat.size * self.scene.height

    @property
    def _rest(self) -> NDArray[np.float64]:
        """(2,) where the eyes rest, in pixels."""
        return np.array([self.seat.x * self.scene.width, self.seat.y * self.scene.height])

    @cached_property
    def _corner(self) -> tuple[int, int]:
        """Column and row of the picture at which the head's window begins; may lie outside."""
        middle = self._rest + np.array([0, _HEAD_MIDDLE * self._scale])
        left, top = np.round(middle - _HEAD_REACH * self._scale).astype(int)
        return int(left), int(top)

    @cached_property
    def _layers(self) -> Layers:
        """The head's, in a window whose pixels are the picture's."""
        scene, seat = self.scene, self.seat
        rng = np.random.default_rng([scene.seed, 151, self.index, seat.figure.seed])
        movement = Movement(int(rng.integers(2**31)), yaw=_TURN * seat.turn, sway=seat.liveliness)
        stage = Stage(scene.seed, seat.figure, DAYLIGHT, movement, "room", rate=scene.rate)
        side = round(2 * _HEAD_REACH * self._scale)
        x, y = (np.array(self._corner) + (side - 1) / 2 - self._rest) / self._scale
        return Layers(stage, View(side, self._scale, (float(x), float(y))))

    @cached_property
    def _body(self) -> tuple[Canvas, Picture]:
        """Neck and shoulders, down to the picture's lower edge."""
        low = (self.scene.height - self._rest[1]) / self._scale
        canvas = Canvas(self._scale, -_BODY_REACH, 0.7, _BODY_REACH, max(1.5, low + 0.3))
        return canvas, draw_body(self.seat.figure, DAYLIGHT, canvas)

    def _clipped(self, left: float, top: float, right: float, bottom: float) -> _Part:
        """What the picture holds between these edges (pixels)."""
        height, width = self.scene.height, self.scene.width
        y0, y1 = (int(np.clip(edge, 0, height)) for edge in (top, bottom))
        x0, x1 = (int(np.clip(edge, 0, width)) for edge in (left, right))
        return slice(y0, y1), slice(x0, x1)

    @cached_property
    def _head_part(self) -> _Part:
        (left, top), side = self._corner, self._layers.size
        return self._clipped(left, top, left + side, top + side)

    @cached_property
    def _body_part(self) -> _Part:
        (x, y), reach = self._rest, _BODY_REACH * self._scale
        return self._clipped(x - reach, y + _BODY_TOP * self._scale, x + reach, self.scene.height)

    @cached_property
    def _seen(self) -> _Part:
        """The part of the head's window that lies in the picture."""
        (rows, columns), (left, top) = self._head_part, self._corner
        return (
            slice(rows.start - top, rows.stop - top),
            slice(columns.start - left, columns.stop - left),
        )

    def draw(self, picture: Picture, number: int, mouth: MouthShape) -> None:
        """Lay the person over (H, W, 3), in place."""
        frame, head = Frame(self._layers, number), self._layers.head
        if head.behind[..., 3].any():
            self._lay(picture, self._head_part, (head.canvas, head.behind), frame.behind_matrix)
        follow = self._layers.view.matrix(frame.pose, BODY_FOLLOWS)
        self._lay(picture, self._body_part, self._body, follow)
        region = picture[self._head_part]
        if region.size:
            x, y = (axis[self._seen] for axis in frame.map)
            region[:] = over(region, cv2.remap(frame.spoken(mouth), x, y, cv2.INTER_LINEAR))

    def _lay(
        self,
        picture: Picture,
        part: _Part,
        layer: tuple[Canvas, Picture],
        matrix: NDArray[np.float64],
    ) -> None:
        """Put a layer over a part of the picture; ``matrix`` maps to the head's window."""
        region = picture[part]
        if region.size:
            rows, columns = part
            left, top = self._corner
            shift = np.array([[0, 0, left - columns.start], [0, 0, top - rows.start]])
            lay(region, layer[1], layer[0], matrix + shift)

    def mark(self, mask: NDArray[np.bool_], number: int) -> None:
        """Set (H, W), in place, where this person's lips may change the picture."""
        mask[self._head_part] |= Frame(self._layers, number).mask[self._seen]
