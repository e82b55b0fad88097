"""Face crops as an engine is given them, drawn at their own size, with everything known of them.

A frame is painted once without its mouth; each speech then repaints the mouth's box only, and what
lies outside the mouth's mask is copied: renders of one scene with other lips are bit-equal there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .canvas import Canvas, Picture
from .figures.head import Head, draw_body
from .figures.mouth import JAW_DROP, MouthShape
from .light import grade
from .motion import Pose, pose_at
from .posing import draw_pose, head_box, landmarks
from .stage import Partner, Stage, backdrop
from .things import ThingPainter
from .warp import Unwarp, View

CLOSE, PRODUCT = 0.37, 0.22
"""Share of a crop's width that a mouth at rest takes: a tight crop, and the product's window."""

_TEXTURE = 1.3
"""Pixels of a painted layer to one of the picture, so that the one resampling stays sharp."""
_BACK_HEIGHT = -0.35
_GRAIN_MARGIN = 32
_MOUTH_COLUMNS = 6

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Rendered:
    """A scene with a speech, and what is exactly true of it.

    Attributes:
        frames: (F, S, S, 3) uint8 R'G'B'.
        masks: (F, S, S) bool, where other lips may change the picture; nothing else ever does.
        poses: (F, S, S, 3) uint8 drawings of the head's place, equal for all speeches.
        curve: (F, 6) float32 open, width, bite, round, tongue, teeth.
        boxes: (F, 4) float32 the head, jaw at rest: x0, y0, x1, y1 pixels.
        points: (F, 12, 2) float32 pixels, named in ``posing.LANDMARKS``.
    """

    frames: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    poses: NDArray[np.uint8]
    curve: NDArray[np.float32]
    boxes: NDArray[np.float32]
    points: NDArray[np.float32]


def face_crop(stage: Stage, size: int = 128, mouth: float = CLOSE) -> FaceCrop:
    """The square crop of a scene's speaker, to be rendered with any speech.

    Args:
        size: side S in pixels, at least 16.
        mouth: width of the resting mouth as a share of S, 0.1 to 0.45.

    Raises:
        InputError: size or share out of range.
    """
    if size < 16 or not 0.1 <= mouth <= 0.45:
        raise InputError(f"A crop of {size} pixels with a mouth of {mouth} cannot be drawn.")
    shape = stage.figure.shape
    side = 2 * shape.mouth_half * 0.98 / mouth
    # the chin stays inside even when it drops
    low = max(shape.chin_y + JAW_DROP + 0.05, 0.53 + side / 2)
    x, y = stage.offset
    return FaceCrop(stage, View(size, size / side, (x, low - side / 2 + y)))


def render_truth(
    stage: Stage,
    curve: NDArray[np.float32],
    frames: Sequence[int] | None = None,
    size: int = 128,
    mouth: float = CLOSE,
) -> Rendered:
    """A scene with a speech and its ground truth.

    Args:
        curve: (F, 3) or (F, 6) mouth curve, indexed by frame number.
        frames: which frames; all of the curve's when None.
        size, mouth: as for :func:`face_crop`.
    """
    crop = face_crop(stage, size, mouth)
    numbers = range(len(curve)) if frames is None else frames
    full = _full_curves(curve[None])[0]
    return Rendered(
        frames=crop.render(curve, numbers),
        masks=crop.masks(numbers),
        poses=crop.poses(numbers),
        curve=full[list(numbers)],
        boxes=np.stack([head_box(stage.figure, crop.pose(k), crop.view) for k in numbers]),
        points=np.stack(
            [
                landmarks(stage.figure, crop.pose(k), crop.view, MouthShape.of(full[k]))
                for k in numbers
            ]
        ),
    )


@dataclass(frozen=True)
class FaceCrop:
    """The crop of one scene; layers are painted on first use and kept. See :func:`face_crop`."""

    stage: Stage
    view: View

    @property
    def size(self) -> int:
        """Side S in pixels."""
        return self.view.size

    def pose(self, frame: int) -> Pose:
        """Head and camera at a frame."""
        return pose_at(self.stage.movement, frame, self.stage.rate)

    def render(
        self, curve: NDArray[np.float32], frames: Iterable[int] | None = None
    ) -> NDArray[np.uint8]:
        """The crop with one speech.

        Args:
            curve: (F, 3) or (F, 6), indexed by frame number.
            frames: which frames, all when None.

        Returns:
            (F, S, S, 3) uint8 R'G'B'.
        """
        return self.render_all(curve[None], frames)[0]

    def render_all(
        self, curves: NDArray[np.float32], frames: Iterable[int] | None = None
    ) -> NDArray[np.uint8]:
        """The crop with several speeches, which costs little more than with one.

        Args:
            curves: (K, F, 3) or (K, F, 6), indexed by frame number.

        Returns:
            (K, F, S, S, 3) uint8 R'G'B'.

        Raises:
            InputError: the curves have another shape or are not finite.
        """
        full = _full_curves(curves)
        numbers = list(range(full.shape[1]) if frames is None else frames)
        out = np.empty((len(full), len(numbers), self.size, self.size, 3), np.uint8)
        for place, number in enumerate(numbers):
            still = _Frame(self, number)
            for speech, curve in enumerate(full):
                out[speech, place] = still.with_mouth(MouthShape.of(curve[number]))
        return out

    def masks(self, frames: Iterable[int]) -> NDArray[np.bool_]:
        """(F, S, S) where lips may change the picture."""
        return np.stack([_Frame(self, k).mask for k in frames])

    def poses(self, frames: Iterable[int]) -> NDArray[np.uint8]:
        """(F, S, S, 3) uint8 pose drawings."""
        return np.stack([draw_pose(self.stage.figure, self.pose(k), self.view) for k in frames])

    @cached_property
    def head(self) -> Head:
        return Head(self.stage.figure, self.stage.light, self._canvas())

    def _canvas(self) -> Canvas:
        """A window on the head with all that the crop can show of it, whatever its turn."""
        reach, (x, y) = 0.5 * self.size / self.view.scale + 0.75, self.view.centre
        return Canvas(
            _TEXTURE * self.view.scale,
            float(np.clip(x - reach, -1.75, -1.1)),
            float(np.clip(y - reach, -2.0, -0.75)),
            float(np.clip(x + reach, 1.1, 1.75)),
            float(np.clip(y + reach, 1.8, 2.3)),
        )

    @cached_property
    def _body(self) -> tuple[Canvas, Picture]:
        reach, (x, y) = 0.5 * self.size / self.view.scale + 0.3, self.view.centre
        left, right = np.clip((x - reach, x + reach), -2.8, 2.8)
        canvas = Canvas(self.view.scale, min(left, 0), 0.7, max(right, 0.5), max(y + reach, 1.5))
        return canvas, draw_body(self.stage.figure, self.stage.light, canvas)

    @cached_property
    def _backdrop(self) -> Picture:
        side = round(1.5 * self.size)
        back = backdrop(self.stage.place, side, side, self.stage.seed)
        light = np.array(self.stage.light.key) + np.array(self.stage.light.fill)
        return np.asarray(back * light.astype(np.float32), np.float32)

    @cached_property
    def _grade(self) -> Picture:
        return grade(self.stage.light, self.size)

    @cached_property
    def _grain(self) -> Picture:
        """(S + margin, S + margin, 3) a tile of which each frame shows another part."""
        rng = np.random.default_rng([self.stage.seed, 141])
        side = self.size + _GRAIN_MARGIN
        tile = cv2.GaussianBlur(rng.standard_normal((side, side), np.float32), (0, 0), 0.6)
        return cv2.merge([tile / tile.std() * self.stage.grain] * 3).astype(np.float32)

    @cached_property
    def _thing(self) -> ThingPainter | None:
        if self.stage.thing is None:
            return None
        return ThingPainter(
            self.stage.thing, self.stage.figure, self.stage.light, _TEXTURE * self.view.scale
        )

    @cached_property
    def _partner(self) -> _PartnerPainter | None:
        return None if self.stage.partner is None else _PartnerPainter(self, self.stage.partner)


@dataclass(frozen=True)
class _Frame:
    """One frame of a crop: what no speech changes is made once."""

    crop: FaceCrop
    number: int

    @cached_property
    def pose(self) -> Pose:
        return self.crop.pose(self.number)

    @cached_property
    def map(self) -> tuple[Picture, Picture]:
        """(S, S) columns and rows of the painted head that each pixel shows."""
        unwarp = Unwarp.of(self.pose, self.crop.view, self.crop.head.relief)
        canvas = self.crop.head.canvas
        scale = np.float32(canvas.scale)
        return (
            (unwarp.full(unwarp.x) - np.float32(canvas.left)) * scale,
            (unwarp.full(unwarp.y) - np.float32(canvas.top)) * scale,
        )

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """(S, S) where lips may change the picture: where a touched texel is blended in."""
        head = self.crop.head
        touched = cv2.dilate((head.reach > 0).astype(np.float32), np.ones((3, 3), np.uint8))
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

    @cached_property
    def _behind(self) -> Picture:
        """(S, S, 3) all that lies behind the head."""
        crop, pose = self.crop, self.pose
        picture = self._backdrop()
        if crop._partner is not None:
            crop._partner.draw(picture, self.number)
        head = crop.head
        if head.behind[..., 3].any():
            # it lies behind the axis of the head and turns the other way
            turned = np.array([np.sin(pose.yaw), np.sin(pose.pitch)]) * _BACK_HEIGHT
            matrix = crop.view.matrix(pose)
            matrix[:, 2] += matrix[:, :2] @ turned
            _lay(picture, head.behind, head.canvas, matrix)
        canvas, body = crop._body
        _lay(picture, body, canvas, crop.view.matrix(pose, follow=0.4))
        return picture

    def _backdrop(self) -> Picture:
        crop, pose = self.crop, self.pose
        zoom = pose.back_zoom
        middle = np.array([pose.back_x, pose.back_y]) * crop.view.scale + (crop.size - 1) / 2
        shift = middle - zoom * (0.75 * crop.size - 0.5)
        matrix = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]])
        size, border = (crop.size, crop.size), cv2.BORDER_REFLECT
        return np.asarray(cv2.warpAffine(crop._backdrop, matrix, size, borderMode=border))

    @cached_property
    def eyed(self) -> Picture:
        return self.crop.head.with_eyes(self.pose.lid, self.pose.gaze)

    @cached_property
    def _front(self) -> Picture | None:
        """(S, S, 4) what passes before the face."""
        painter = self.crop._thing
        second = float(self.number / self.crop.stage.rate)
        place = None if painter is None else painter.thing.place(second)
        if painter is None or place is None:
            return None
        cos, sin = np.cos(painter.thing.angle), np.sin(painter.thing.angle)
        view = self.crop.view
        turn = view.scale * np.array([[cos, -sin], [sin, cos]])
        shift = (view.size - 1) / 2 + view.scale * (np.array(place) - np.array(view.centre))
        matrix = _from_layer(painter.canvas, np.column_stack([turn, shift]))
        return np.asarray(cv2.warpAffine(painter.layer, matrix, (view.size, view.size)))

    @cached_property
    def _still(self) -> NDArray[np.uint8]:
        """(S, S, 3) the finished frame, right outside the mask: it has no lips yet."""
        skin = cv2.remap(self.eyed, *self.map, cv2.INTER_LINEAR)
        return self._finished(skin, (0, 0, self.crop.size, self.crop.size))

    def with_mouth(self, mouth: MouthShape) -> NDArray[np.uint8]:
        """(S, S, 3) the finished frame with these lips."""
        picture = self._still.copy()
        x0, y0, x1, y1 = self._box
        if x1 > x0:
            patch = self.crop.head.speaking(self.eyed, mouth)
            skin = cv2.remap(patch, *self._patch_map, cv2.INTER_LINEAR)
            spoken = self._finished(skin, self._box)
            np.copyto(picture[y0:y1, x0:x1], spoken, where=self.mask[y0:y1, x0:x1, None])
        return picture

    @cached_property
    def _patch_map(self) -> tuple[Picture, Picture]:
        """:attr:`map` of the mask's box into what :meth:`.Head.speaking` gives."""
        x0, y0, x1, y1 = self._box
        rows, columns = self.crop.head.jaw_place
        x, y = (axis[y0:y1, x0:x1] for axis in self.map)
        return x - np.float32(columns.start), y - np.float32(rows.start)

    def _finished(self, skin: Picture, box: Box) -> NDArray[np.uint8]:
        """A box of the head with all before and behind it, exposure, contrast and grain."""
        crop, light = self.crop, self.crop.stage.light
        x0, y0, x1, y1 = box
        picture = over(self._behind[y0:y1, x0:x1], skin)
        if self._front is not None:
            picture = over(picture, self._front[y0:y1, x0:x1])
        picture = picture * crop._grade[y0:y1, x0:x1] * np.float32(self.pose.gain)
        if light.contrast != 1:
            picture = (picture - np.float32(0.45)) * np.float32(light.contrast) + np.float32(0.45)
        values = picture * np.float32(255) + np.float32(0.5)
        if crop.stage.grain:
            rng = np.random.default_rng([crop.stage.seed, 142, self.number])
            down, right = rng.integers(0, _GRAIN_MARGIN, 2)
            values += crop._grain[down + y0 : down + y1, right + x0 : right + x1]
        return np.clip(values, 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class _PartnerPainter:
    """The second figure; what it says is part of the scene."""

    crop: FaceCrop
    partner: Partner

    @cached_property
    def _inner(self) -> FaceCrop:
        """A crop of the partner, whose head lies in this one's picture where the partner sits."""
        stage, partner = self.crop.stage, self.partner
        alone = Stage(
            seed=stage.seed,
            figure=partner.figure,
            light=stage.light,
            movement=partner.movement,
            place=stage.place,
            rate=stage.rate,
        )
        view, size = self.crop.view, partner.size
        x, y = (np.array(view.centre) - (partner.x, partner.y)) / size
        return FaceCrop(alone, View(view.size, view.scale * size, (float(x), float(y))))

    def draw(self, picture: Picture, number: int) -> None:
        inner = self._inner
        second = float(number / self.crop.stage.rate)
        chatter = max(0.0, float(np.sin(17 * second) * np.sin(3.1 * second + 1)))
        mouth = MouthShape(0.8 * chatter * self.partner.talks, 0.5, 0, 0, 0, 0)
        frame, head = _Frame(inner, number), inner.head
        canvas, body = inner._body
        _lay(picture, head.behind, head.canvas, inner.view.matrix(frame.pose))
        _lay(picture, body, canvas, inner.view.matrix(frame.pose, follow=0.4))
        spoken = frame.eyed.copy()
        spoken[head.jaw_place] = head.speaking(frame.eyed, mouth)
        picture[:] = over(picture, cv2.remap(spoken, *frame.map, cv2.INTER_LINEAR))


def _full_curves(curves: NDArray[np.float32]) -> NDArray[np.float32]:
    """(K, F, 6); missing columns are 0."""
    if curves.ndim != 3 or curves.shape[2] not in (3, _MOUTH_COLUMNS):
        raise InputError(f"Mouth curves {curves.shape} are neither (K, F, 3) nor (K, F, 6).")
    if not np.isfinite(curves).all():
        raise InputError("A mouth curve holds values that are not finite.")
    missing = _MOUTH_COLUMNS - curves.shape[2]
    return np.pad(curves.astype(np.float32), ((0, 0), (0, 0), (0, missing)))


def _from_layer(canvas: Canvas, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2, 3) a layer's pixels -> the picture's, from head plane -> picture."""
    inner = matrix[:, :2] / canvas.scale
    return np.column_stack([inner, matrix[:, 2] + matrix[:, :2] @ (canvas.left, canvas.top)])


def _lay(picture: Picture, layer: Picture, canvas: Canvas, matrix: NDArray[np.float64]) -> None:
    """Put a layer over the picture, in place; ``matrix`` maps the head plane to pixels."""
    size = (picture.shape[1], picture.shape[0])
    placed_layer = cv2.warpAffine(layer, _from_layer(canvas, matrix), size)
    picture[:] = over(picture, placed_layer)


def over(picture: Picture, layer: Picture) -> Picture:
    """A layer (H, W, 4) with coverage over a picture (H, W, 3)."""
    behind = cv2.merge([1 - layer[..., 3]] * 3)
    return np.asarray(picture * behind + layer[..., :3], np.float32)
