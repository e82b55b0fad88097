"""How a face moves with its mouth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..canvas import Picture, smoothstep
from .figure import Shape
from .mouth import JAW_DROP, LIP_DROP, MouthShape, half_width, lip_drop

_JAW_STEPS = 3


@dataclass(frozen=True)
class Jaw:
    """How a face moves with its mouth: the chin sinks, cheeks follow the corners.

    Nothing outside :meth:`reach` moves, whatever the mouth does: that is what makes pairs exact.
    """

    shape: Shape

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """left, top, right, bottom of what moves; the window of the mouth's painter lies inside."""
        return -0.9, self.shape.mouth_y - 0.34, 0.9, self.shape.chin_y + JAW_DROP + 0.14

    def reach(self, x: Picture, y: Picture) -> Picture:
        """0 where no mouth changes anything, 1 where the jaw moves freely."""
        _, top, _, bottom = self.bounds
        across = 1 - smoothstep(np.abs(x), 0.62, 0.90)
        return np.asarray(
            across * smoothstep(y, top, top + 0.20) * (1 - smoothstep(y, bottom - 0.14, bottom)),
            np.float32,
        )

    def drop(self, x: Picture) -> Picture:
        """How far the jaw's edge sinks at most: the chin fully, the jaw's corners not at all."""
        return np.asarray(JAW_DROP * (1 - smoothstep(np.abs(x), 0.25, 0.90)), np.float32)

    def shift(self, x: Picture, y: Picture, mouth: MouthShape) -> tuple[Picture, Picture]:
        """How far what is seen at (x, y) has come right and down from its resting place."""
        reach = self.reach(x, y)
        right = self._sideways(x, y, mouth) * reach
        down = np.zeros_like(y)
        for _ in range(_JAW_STEPS):
            down = self._down(x - right, y - down, mouth) * reach
        return right.astype(np.float32), down.astype(np.float32)

    def moved(self, points: NDArray[np.float64], mouth: MouthShape) -> NDArray[np.float64]:
        """(N, 2) resting points of skin below the lips, where the jaw takes them."""
        x, y = (points[:, k].astype(np.float32) for k in (0, 1))
        return points + np.stack([0 * x, self._down(x, y, mouth)], 1)

    def _down(self, x: Picture, y: Picture, mouth: MouthShape) -> Picture:
        """How far skin at rest at (x, y) sinks: as the lip at the lip, as the jaw at the chin."""
        shape, half = self.shape, half_width(self.shape, mouth)
        lip = lip_drop(mouth, np.abs(x) / half)
        jaw = mouth.gap * self.drop(x)
        low = shape.mouth_y + 1.1 * shape.lip_height
        between = smoothstep(y, low, shape.chin_y - 0.12)
        onset = np.clip((y - shape.mouth_y) / (low - shape.mouth_y), 0, 1)
        return np.asarray(onset * (lip + (jaw - lip) * between), np.float32)

    def _sideways(self, x: Picture, y: Picture, mouth: MouthShape) -> Picture:
        """Cheeks go with the corners: out when the lips spread, in when they are rounded."""
        change = half_width(self.shape, mouth) - self.shape.mouth_half * 0.98
        middle = self.shape.mouth_y + 0.5 * LIP_DROP * mouth.gap
        near = np.exp(
            -(((np.abs(x) - self.shape.mouth_half) / 0.26) ** 2) - ((y - middle) / 0.26) ** 2
        )
        return np.asarray(0.75 * change * np.tanh(6 * x) * near, np.float32)
