"""Face crops as an engine is given them, drawn at their own size, with everything known of them.

A frame is painted once without its mouth; each speech then repaints the mouth's box only, and what
lies outside the mouth's mask is copied: renders of one scene with other lips are bit-equal there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .figures.mouth import JAW_DROP, MouthShape
from .frame import Frame
from .layers import Layers
from .posing import draw_pose, head_box, landmarks
from .stage import Stage
from .warp import View

CLOSE, PRODUCT = 0.37, 0.22
"""Share of a crop's width that a mouth at rest takes: a tight crop, and the product's window."""

_MOUTH_COLUMNS = 6


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
    return FaceCrop(Layers(stage, View(size, size / side, (x, low - side / 2 + y))))


def draw_in_one_thread() -> None:
    """OpenCV draws with as many threads as there are cores: too many where processes share them."""
    cv2.setNumThreads(1)


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
    figure, view = stage.figure, crop.layers.view
    numbers = list(range(len(curve)) if frames is None else frames)
    full = full_curves(curve[None])[0]
    pictures = crop.render(curve, numbers)
    poses = [crop.layers.pose(k) for k in numbers]
    points = [
        landmarks(figure, pose, view, MouthShape.of(full[k]))
        for k, pose in zip(numbers, poses, strict=True)
    ]
    return Rendered(
        frames=pictures,
        masks=crop.masks(numbers),
        poses=crop.poses(numbers),
        curve=full[numbers],
        boxes=np.stack([head_box(figure, pose, view) for pose in poses]),
        points=np.stack(points),
    )


@dataclass(frozen=True)
class FaceCrop:
    """The crop of one scene; layers are painted on first use and kept. See :func:`face_crop`."""

    layers: Layers

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
        (one,) = self.render_all(curve[None], frames)
        return np.asarray(one)

    def render_all(
        self, curves: NDArray[np.float32], frames: Iterable[int] | None = None
    ) -> NDArray[np.uint8]:
        """The crop with several speeches, which costs little more than with one.

        Args:
            curves: (K, F, 3) or (K, F, 6), indexed by frame number.

        Returns:
            (K, F, S, S, 3) uint8 R'G'B'.

        Raises:
            InputError: the curves have another shape, are not finite, or lack one of the frames.
        """
        full = full_curves(curves)
        numbers = list(range(full.shape[1]) if frames is None else frames)
        if numbers and not 0 <= min(numbers) <= max(numbers) < full.shape[1]:
            raise InputError(f"Frames {numbers} of curves with {full.shape[1]} frames.")
        size = self.layers.size
        out = np.empty((len(full), len(numbers), size, size, 3), np.uint8)
        for place, number in enumerate(numbers):
            still = Frame(self.layers, number)
            for speech, curve in enumerate(full):
                out[speech, place] = still.with_mouth(MouthShape.of(curve[number]))
        return out

    def masks(self, frames: Iterable[int]) -> NDArray[np.bool_]:
        """(F, S, S) where lips may change the picture."""
        return np.stack([Frame(self.layers, k).mask for k in frames])

    def poses(self, frames: Iterable[int]) -> NDArray[np.uint8]:
        """(F, S, S, 3) uint8 pose drawings."""
        layers = self.layers
        return np.stack(
            [draw_pose(layers.stage.figure, layers.pose(k), layers.view) for k in frames]
        )


def full_curves(curves: NDArray[np.float32]) -> NDArray[np.float32]:
    """(K, F, 6) of mouth curves (K, F, 3) or (K, F, 6); missing columns are 0.

    Raises:
        InputError: they have another shape, or are not finite.
    """
    if curves.ndim != 3 or curves.shape[2] not in (3, _MOUTH_COLUMNS):
        raise InputError(f"Mouth curves {curves.shape} are neither (K, F, 3) nor (K, F, 6).")
    if not np.isfinite(curves).all():
        raise InputError("A mouth curve holds values that are not finite.")
    missing = _MOUTH_COLUMNS - curves.shape[2]
    return np.pad(curves.astype(np.float32), ((0, 0), (0, 0), (0, missing)))
