"""One frame of a crop: what no speech changes is made once, the mouth's box for each speech."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from .canvas import Canvas, Picture
from .figures.mouth import MouthShape
from .layers import GRAIN_MARGIN, Layers
from .motion import Pose
from .stage import Partner, Stage
from .warp import Unwarp, View

_BACK_HEIGHT = -0.35
"""Height of the hair behind the head: it turns the other way."""

BODY_FOLLOWS = 0.4
"""Share of the head's motion that goes through the shoulders."""

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Frame:
    """A numbered frame."""

    layers: Layers
    number: int

    @cached_property
    def pose(self) -> Pose:
        return self.layers.pose(self.number)

    @cached_property
    def map(self) -> tuple[Picture, Picture]:
        """(S, S) columns and rows of the painted head that each pixel shows."""
        unwarp = Unwarp.of(self.pose, self.layers.view, self.layers.head.relief)
        canvas = self.layers.head.canvas
        scale = np.float32(canvas.scale)
        return (
            (unwarp.full(unwarp.x) - np.float32(canvas.left)) * scale,
            (unwarp.full(unwarp.y) - np.float32(canvas.top)) * scale,
        )

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """(S, S) where lips may change the picture: where a touched texel is blended in."""
        head = self.layers.head
        touched = cv2.dilate(head.reach.astype(np.float32), np.ones((3, 3), np.uint8))
        rows, columns = head.jaw_place
        x, y = self.map
        offset = np.float32(columns.start), np.float32(rows.start)
        seen = cv2.remap(touched, x - offset[0], y - offset[1], cv2.INTER_LINEAR)
        return np.asarray(seen > 0)

    @cached_property
    def _box(self) -> Box:
        """Pixels around the mask; empty (zeros) without one."""
        rows, columns = np.nonzero(self.mask.any(1))[0], np.nonzero(self.mask.any(0))[0]
        if not len(rows):
            return 0, 0, 0, 0
        return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1

    @property
    def behind_matrix(self) -> NDArray[np.float64]:
        """(2, 3) head plane -> pixels for the hair behind the head."""
        # it lies behind the axis of the head and turns the other way
        turned = np.array([np.sin(self.pose.yaw), np.sin(self.pose.pitch)]) * _BACK_HEIGHT
        matrix = self.layers.view.matrix(self.pose)
        matrix[:, 2] += matrix[:, :2] @ turned
        return matrix

    @cached_property
    def _behind(self) -> Picture:
        """(S, S, 3) all that lies behind the head."""
        layers = self.layers
        picture = self._backdrop()
        if layers.stage.partner is not None:
            _draw_partner(picture, layers, layers.stage.partner, self.number)
        head = layers.head
        if head.behind[..., 3].any():
            lay(picture, head.behind, head.canvas, self.behind_matrix)
        canvas, body = layers.body
        lay(picture, body, canvas, layers.view.matrix(self.pose, BODY_FOLLOWS))
        return picture

    def _backdrop(self) -> Picture:
        layers, pose = self.layers, self.pose
        zoom = pose.back_zoom
        middle = np.array([pose.back_x, pose.back_y]) * layers.view.scale + (layers.size - 1) / 2
        shift = middle - zoom * (0.75 * layers.size - 0.5)
        matrix = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]])
        size, border = (layers.size, layers.size), cv2.BORDER_REFLECT
        return np.asarray(cv2.warpAffine(layers.backdrop, matrix, size, borderMode=border))

    @cached_property
    def eyed(self) -> Picture:
        return self.layers.head.with_eyes(self.pose.lid, self.pose.gaze)

    def spoken(self, mouth: MouthShape) -> Picture:
        """(H, W, 4) the painted head, not yet turned, with its eyes and these lips."""
        head: Picture = self.eyed.copy()
        head[self.layers.head.jaw_place] = self.layers.head.speaking(self.eyed, mouth)
        return head

    @cached_property
    def _front(self) -> Picture | None:
        """(S, S, 4) what passes before the face."""
        painter = self.layers.thing
        second = float(self.number / self.layers.stage.rate)
        place = None if painter is None else painter.thing.place(second)
        if painter is None or place is None:
            return None
        cos, sin = np.cos(painter.thing.angle), np.sin(painter.thing.angle)
        view = self.layers.view
        turn = view.scale * np.array([[cos, -sin], [sin, cos]])
        shift = (view.size - 1) / 2 + view.scale * (np.array(place) - np.array(view.centre))
        matrix = _from_layer(painter.canvas, np.column_stack([turn, shift]))
        return np.asarray(cv2.warpAffine(painter.layer, matrix, (view.size, view.size)))

    @cached_property
    def still(self) -> NDArray[np.uint8]:
        """(S, S, 3) the finished frame, right outside the mask: it has no lips yet."""
        skin = cv2.remap(self.eyed, *self.map, cv2.INTER_LINEAR)
        return self._finished(skin, (0, 0, self.layers.size, self.layers.size))

    def with_mouth(self, mouth: MouthShape) -> NDArray[np.uint8]:
        """(S, S, 3) the finished frame with these lips."""
        picture: NDArray[np.uint8] = self.still.copy()
        x0, y0, x1, y1 = self._box
        if x1 > x0:
            patch = self.layers.head.speaking(self.eyed, mouth)
            skin = cv2.remap(patch, *self._patch_map, cv2.INTER_LINEAR)
            spoken = self._finished(skin, self._box)
            np.copyto(picture[y0:y1, x0:x1], spoken, where=self.mask[y0:y1, x0:x1, None])
        return picture

    @cached_property
    def _patch_map(self) -> tuple[Picture, Picture]:
        """:attr:`map` of the mask's box into what :meth:`.Head.speaking` gives."""
        x0, y0, x1, y1 = self._box
        rows, columns = self.layers.head.jaw_place
        x, y = (axis[y0:y1, x0:x1] for axis in self.map)
        return x - np.float32(columns.start), y - np.float32(rows.start)

    def _finished(self, skin: Picture, box: Box) -> NDArray[np.uint8]:
        """A box of the head with all before and behind it, exposure, contrast and grain."""
        layers, light = self.layers, self.layers.stage.light
        x0, y0, x1, y1 = box
        picture = over(self._behind[y0:y1, x0:x1], skin)
        if self._front is not None:
            picture = over(picture, self._front[y0:y1, x0:x1])
        picture = picture * layers.grade[y0:y1, x0:x1] * np.float32(self.pose.gain)
        if light.contrast != 1:
            picture = (picture - np.float32(0.45)) * np.float32(light.contrast) + np.float32(0.45)
        values = picture * np.float32(255) + np.float32(0.5)
        if layers.stage.grain:
            rng = np.random.default_rng([layers.stage.seed, 142, self.number])
            down, right = rng.integers(0, GRAIN_MARGIN, 2)
            values += layers.grain[down + y0 : down + y1, right + x0 : right + x1]
        return np.asarray(np.clip(values, 0, 255), np.uint8)


@lru_cache(maxsize=2)
def _partner_layers(stage: Stage, partner: Partner, view: View) -> Layers:
    """The partner's own layers, whose head lies where the partner sits in the speaker's crop."""
    alone = Stage(
        seed=stage.seed,
        figure=partner.figure,
        light=stage.light,
        movement=partner.movement,
        place=stage.place,
        rate=stage.rate,
    )
    x, y = (np.array(view.centre) - (partner.x, partner.y)) / partner.size
    return Layers(alone, View(view.size, view.scale * partner.size, (float(x), float(y))))


def _draw_partner(picture: Picture, layers: Layers, partner: Partner, number: int) -> None:
    """The second figure, in place; what it says is part of the scene."""
    inner = _partner_layers(layers.stage, partner, layers.view)
    second = float(number / layers.stage.rate)
    chatter = max(0.0, float(np.sin(17 * second) * np.sin(3.1 * second + 1)))
    mouth = MouthShape(0.8 * chatter * partner.talks, 0.5, 0, 0, 0, 0)
    frame, head = Frame(inner, number), inner.head
    canvas, body = inner.body
    lay(picture, head.behind, head.canvas, inner.view.matrix(frame.pose))
    lay(picture, body, canvas, inner.view.matrix(frame.pose, BODY_FOLLOWS))
    picture[:] = over(picture, cv2.remap(frame.spoken(mouth), *frame.map, cv2.INTER_LINEAR))


def _from_layer(canvas: Canvas, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2, 3) a layer's pixels -> the picture's, from head plane -> picture."""
    inner = matrix[:, :2] / canvas.scale
    return np.column_stack([inner, matrix[:, 2] + matrix[:, :2] @ (canvas.left, canvas.top)])


def lay(picture: Picture, layer: Picture, canvas: Canvas, matrix: NDArray[np.float64]) -> None:
    """Put a layer over the picture, in place; ``matrix`` maps the head plane to pixels."""
    size = (picture.shape[1], picture.shape[0])
    placed_layer = cv2.warpAffine(layer, _from_layer(canvas, matrix), size)
    picture[:] = over(picture, placed_layer)


def over(picture: Picture, layer: Picture) -> Picture:
    """A layer (H, W, 4) with coverage over a picture (H, W, 3)."""
    behind = cv2.merge([1 - layer[..., 3]] * 3)
    return np.asarray(picture * behind + layer[..., :3], np.float32)
