"""The layers of a scene's crop: painted once, moved for every frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from .canvas import Canvas, Picture
from .figures.head import Head, draw_body
from .light import grade
from .motion import Pose, pose_at
from .stage import Stage
from .stage import backdrop as draw_backdrop
from .things import ThingPainter
from .warp import View

GRAIN_MARGIN = 32

_TEXTURE = 1.3
"""Pixels of a painted layer to one of the picture, so that the one resampling stays sharp."""


@dataclass(frozen=True)
class Layers:
    """What a crop is put together from."""

    stage: Stage
    view: View

    @property
    def size(self) -> int:
        """Side S of the crop in pixels."""
        return self.view.size

    def pose(self, frame: int) -> Pose:
        """Head and camera at a frame."""
        return pose_at(self.stage.movement, frame, self.stage.rate)

    @cached_property
    def head(self) -> Head:
        """The speaker, without eyes and mouth."""
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
    def body(self) -> tuple[Canvas, Picture]:
        """Where it lies, and (H, W, 4) neck and shoulders."""
        reach, (x, y) = 0.5 * self.size / self.view.scale + 0.3, self.view.centre
        left, right = np.clip((x - reach, x + reach), -2.8, 2.8)
        canvas = Canvas(self.view.scale, min(left, 0), 0.7, max(right, 0.5), max(y + reach, 1.5))
        return canvas, draw_body(self.stage.figure, self.stage.light, canvas)

    @cached_property
    def backdrop(self) -> Picture:
        """(1.5 S, 1.5 S, 3) what is behind the figures, lit."""
        side = round(1.5 * self.size)
        back = draw_backdrop(self.stage.place, side, side, self.stage.seed)
        light = np.array(self.stage.light.key) + np.array(self.stage.light.fill)
        return np.asarray(back * light.astype(np.float32), np.float32)

    @cached_property
    def grade(self) -> Picture:
        """(S, S, 3) exposure."""
        return grade(self.stage.light, self.size)

    @cached_property
    def grain(self) -> Picture:
        """(S + margin, S + margin, 3) a tile of which each frame shows another part."""
        rng = np.random.default_rng([self.stage.seed, 141])
        side = self.size + GRAIN_MARGIN
        tile = cv2.GaussianBlur(rng.standard_normal((side, side), np.float32), (0, 0), 0.6)
        return np.asarray(cv2.merge([tile / tile.std() * self.stage.grain] * 3), np.float32)

    @cached_property
    def thing(self) -> ThingPainter | None:
        """What passes before the face in some frames."""
        if self.stage.thing is None:
            return None
        return ThingPainter(
            self.stage.thing, self.stage.figure, self.stage.light, _TEXTURE * self.view.scale
        )
