"""Whether something stands in front of the mouth: a hand, a microphone, a glass.

The mesh draws lips on whatever covers them and stays sure of itself, so its score does not tell.
What tells is colour, taken at landmarks and held against the cheeks, nose and brow of the same
frame and against this face's own median over the scene. Two signs:

* the skin around the mouth is of another colour (a microphone, a glass, a sleeve);
* the lips' tint against that skin is gone, and so is the usual pattern of light and shade, for
  three frames of five (a hand, even of the same colour; lips pressed for a B are back by then).

What is there for most of a scene counts as the face's own: a beard, a fixed microphone, and also a
hand that never leaves. Black-and-white pictures have only the first sign.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .landmarks import Mesh

_LIPS = (0, 37, 267, 39, 269, 17, 84, 314, 181, 405)
# the skin above, beside and below the mouth, the chin
_SKIN = (
    61, 291, 164, 167, 393, 165, 391, 92, 322, 186, 410, 216, 436, 212, 432, 43, 273,
    18, 83, 313, 182, 406, 106, 335, 200, 201, 421, 194, 418, 199, 208, 428, 204, 424, 202, 422,
)  # fmt: skip
# cheeks under the eyes, nose bridge and tip, between the brows
_FACE = (50, 280, 101, 330, 36, 266, 118, 347, 117, 346, 6, 197, 195, 5, 151, 9, 8)
_POINTS = [*_LIPS, *_SKIN, *_FACE]
_BLUR = 7
_CHANGE = 0.30
"""Natural-log change of a point's colour against the rest of the face, beyond mere shading."""
_SHARE = 0.35
"""Share of changed points from which the mouth counts as covered."""
_LOST_TINT, _LOST_PATTERN = 0.6, 0.3
"""How much of the lips' tint and of the pattern must be lost. Measured on 19 clips of 100 frames:
at worst 0.40 and 0.19 together when nothing is in front; nearly all of both behind a fist."""
_LEAST_TINT = 0.01
"""Root mean square tint (natural log) below which there is no colour to lose."""
_FRAMES = 5


def skin_colours(mesh: Mesh) -> NDArray[np.float32]:
    """(N, 3) float32 log colours at the mouth's and the rest of the face's points."""
    blurred = cv2.blur(mesh.input, (_BLUR, _BLUR))
    points = mesh.points[_POINTS, :2] @ mesh.matrix[:, :2].T + mesh.matrix[:, 2]
    x, y = np.clip(np.rint(points), 0, len(blurred) - 1).astype(int).T
    colours: NDArray[np.float32] = np.log(blurred[y, x].astype(np.float32) + 8)
    return colours


def covered(colours: NDArray[np.float32]) -> NDArray[np.float32]:
    """Evidence that the mouth is covered, per frame; 1 and more: it is.

    Args:
        colours: (F, N, 3) of one face through one scene, from :func:`skin_colours`.

    Returns:
        (F,) float32 >= 0.
    """
    lips, mouth = len(_LIPS), len(_LIPS) + len(_SKIN)
    light = np.median(colours[:, mouth:], axis=1, keepdims=True)
    relative = colours[:, :mouth] - light
    evidence: NDArray[np.float32] = np.maximum(_recoloured(relative), _featureless(relative, lips))
    return evidence


def _recoloured(relative: NDArray[np.float32]) -> NDArray[np.float32]:
    """Share of points that changed colour, over its limit."""
    change = np.abs(relative - np.median(relative, axis=0)).max(axis=2)
    share: NDArray[np.float32] = (change > _CHANGE).mean(axis=1).astype(np.float32)
    evidence: NDArray[np.float32] = share / np.float32(_SHARE)
    return evidence


def _featureless(relative: NDArray[np.float32], lips: int) -> NDArray[np.float32]:
    """Loss of the lips' tint and of the shading's pattern (the lesser), over their limits."""
    hue = relative - relative.mean(axis=2, keepdims=True)
    tint = hue[:, :lips] - hue[:, lips:].mean(axis=1, keepdims=True)
    if np.sqrt(np.square(np.median(tint, axis=0)).mean()) < _LEAST_TINT:
        return np.zeros(len(relative), np.float32)
    usual_tint = np.median(tint, axis=0)
    tint_left = (tint * usual_tint).sum(axis=(1, 2)) / np.square(usual_tint).sum()
    shade = relative - relative.mean(axis=1, keepdims=True)
    usual = np.median(relative, axis=0)
    usual = usual - usual.mean(axis=0)
    power = np.square(shade).sum(axis=(1, 2)) * np.square(usual).sum()
    pattern_left = (shade * usual).sum(axis=(1, 2)) / np.sqrt(np.maximum(power, 1e-12))
    lost = np.minimum(
        (1 - _steady(tint_left)) / _LOST_TINT, (1 - _steady(pattern_left)) / _LOST_PATTERN
    )
    evidence: NDArray[np.float32] = np.maximum(lost, 0).astype(np.float32)
    return evidence


def _steady(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Median over neighbouring frames, ends repeated."""
    padded = np.pad(values, _FRAMES // 2, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, _FRAMES)
    steady: NDArray[np.floating] = np.median(windows, axis=1)
    return steady
