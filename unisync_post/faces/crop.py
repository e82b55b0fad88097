"""The stabilised square window that a mouth is made in, and the way into it.

The window follows the head, never the mouth: its place comes from the rigid points of the mesh,
and it is the *transform* that is smoothed over time, with a symmetric kernel (nothing leads or
lags), in floating point (nothing is rounded), and never across a cut.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .canonical import RIGID
from .pose3d import head_pose
from .resample import crop_frame
from .smooth import gaussian, runs, without_outliers
from .types import CropWindow, FaceTrack

__all__ = ["WHOLE_FACE", "Framing", "crop_frame", "crop_window", "to_crop"]

_DEPTH = 0.10
"""Of the window's centre, in face heights: inside the head, so that a turned or nodding head stays
centred."""


@dataclass(frozen=True, slots=True)
class Framing:
    """What of a face the window shows, in face heights (hair line to chin, jaw at rest).

    Attributes:
        side: of the window. At 1.5 an opened jaw fits with a tenth of the side to spare.
        down: its middle, below the point between the eyes; .23 is mid-face.
    """

    side: float = 1.5
    down: float = 0.23


WHOLE_FACE = Framing()


def crop_window(
    track: FaceTrack, size: int = 512, framing: Framing = WHOLE_FACE, sigma: float = 3.0
) -> CropWindow:
    """The window of a face through a shot.

    Args:
        track: the face.
        size: side S of the crop, pixels.
        framing: what it shows.
        sigma: of the Gaussian over place and roll, frames; size is smoothed twice as much.

    Returns:
        One similarity a frame, NaN where the face is not seen.
    """
    matrices = np.full((len(track.landmarks), 2, 3), np.nan)
    seen: NDArray[np.bool_] = np.isfinite(track.landmarks[:, RIGID[0], 0])
    for start, end in runs(seen, track.cuts):
        place = np.array([_place(points, framing.down) for points in track.landmarks[start:end]])
        place[:, 2] = np.unwrap(place[:, 2])
        parts = (place[:, :2], sigma), (place[:, 2:3], sigma), (place[:, 3:], 2 * sigma)
        steady = np.hstack([gaussian(without_outliers(part), width) for part, width in parts])
        for k, (x, y, roll, log_height) in enumerate(steady):
            zoom = size / (framing.side * math.exp(log_height))
            matrices[start + k] = _matrix(x, y, roll, zoom, size)
    return CropWindow(size, matrices)


def _place(points: NDArray[np.float32], down: float) -> tuple[float, float, float, float]:
    """x, y, roll (radians) and log height of a face."""
    pose = head_pose(points)
    x, y, _ = pose.place(np.array([[0.0, down, _DEPTH]]))[0]
    return float(x), float(y), math.radians(pose.roll), math.log(pose.scale)


def _matrix(x: float, y: float, roll: float, zoom: float, size: int) -> NDArray[np.float64]:
    """Plate -> crop: ``(x, y)`` to the middle, turned upright by ``roll``."""
    cos, sin = zoom * math.cos(roll), zoom * math.sin(roll)
    middle = (size - 1) / 2
    return np.array(
        [[cos, sin, middle - cos * x - sin * y], [-sin, cos, middle + sin * x - cos * y]]
    )


def to_crop(landmarks: NDArray[np.float32], window: CropWindow) -> NDArray[np.float32]:
    """Landmarks in plate pixels -> crop pixels.

    Args:
        landmarks: (F, 478, 3).
        window: of the same F frames.

    Returns:
        (F, 478, 3) float32; z scaled like x and y; NaN where either is.
    """
    linear, shift = window.matrices[:, :, :2], window.matrices[:, :, 2]
    flat = np.einsum("fij,fnj->fni", linear, landmarks[:, :, :2].astype(np.float64))
    zoom = np.hypot(linear[:, 0, 0], linear[:, 0, 1])
    depth = landmarks[:, :, 2:] * zoom[:, None, None]
    return np.concatenate([flat + shift[:, None], depth], axis=2).astype(np.float32)
