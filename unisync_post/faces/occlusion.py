"""Whether something stands in front of the mouth: a hand, a microphone, a glass.

The mesh draws lips on whatever covers them and stays sure of itself, so its score does not tell.
What tells is colour: the skin and lips around the mouth change against the cheeks, nose and brow
of the same frame. It is measured against this face's own median over the scene, so a beard, make-up
or a microphone that is there throughout counts as the face's own; so would a hand that covers the
mouth for most of a scene.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .landmarks import Mesh

# lips (outer ring of the red), chin, and skin beside and above the mouth
_MOUTH = (
    0, 37, 267, 39, 269, 17, 84, 314, 181, 405, 61, 291,
    164, 167, 393, 165, 391, 92, 322, 186, 410, 216, 436, 212, 432, 43, 273,
    18, 83, 313, 182, 406, 106, 335, 200, 201, 421, 194, 418, 199, 208, 428, 204, 424, 202, 422,
)  # fmt: skip
# cheeks under the eyes, nose bridge and tip, between the brows
_FACE = (50, 280, 101, 330, 36, 266, 118, 347, 117, 346, 6, 197, 195, 5, 151, 9, 8)
_POINTS = [*_MOUTH, *_FACE]
_BLUR = 7
_CHANGE = 0.30
"""Natural-log change of a point's colour against the rest of the face, beyond mere shading."""


def skin_colours(mesh: Mesh) -> NDArray[np.float32]:
    """(N, 3) float32 log colours at the mouth's and the rest of the face's points."""
    blurred = cv2.blur(mesh.input, (_BLUR, _BLUR))
    points = mesh.points[_POINTS, :2] @ mesh.matrix[:, :2].T + mesh.matrix[:, 2]
    x, y = np.clip(np.rint(points), 0, len(blurred) - 1).astype(int).T
    colours: NDArray[np.float32] = np.log(blurred[y, x].astype(np.float32) + 8)
    return colours


def covered_share(colours: NDArray[np.float32]) -> NDArray[np.float32]:
    """Share of the mouth's surroundings that do not look as they usually do, per frame.

    Args:
        colours: (F, N, 3) of one face through one scene, from :func:`skin_colours`.

    Returns:
        (F,) float32, 0..1.
    """
    mouth = len(_MOUTH)
    light = np.median(colours[:, mouth:], axis=1, keepdims=True)
    relative = colours[:, :mouth] - light
    usual = np.median(relative, axis=0)
    change = np.abs(relative - usual).max(axis=2)
    share: NDArray[np.float32] = (change > _CHANGE).mean(axis=1).astype(np.float32)
    return share
