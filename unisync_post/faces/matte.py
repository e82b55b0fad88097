"""The mouth matte of eq. 12: tight polygon, dilated, then a soft edge of finite reach."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .pose3d import HeadPose, head_pose
from .types import Matte

_LIPS = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185,
)  # fmt: skip
_UPPER_LIP, _NOSE_BASE = (37, 0, 267), (97, 2, 326)
_CHEEKS = (207, 192, 214, 135, 169, 427, 416, 434, 364, 394)
_JAW = (136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365)
_CHIN = (149, 176, 148, 152, 377, 400, 378)
_FRACTION_BITS = 4


@dataclass(frozen=True)
class MatteConfig:
    """How far the mouth's matte reaches, in shares of the face's height.

    Attributes:
        top: where it ends above the mouth: 0 at the upper lip, 1 at the nose base.
        room: how far it goes below the chin, for a jaw that drops further than the plate's.
        feather: half the width of the soft edge, which lies inside the dilated matte.
    """

    top: float = 0.9
    room: float = 0.05
    feather: float = 0.025


def mouth_matte(
    landmarks: NDArray[np.float32], size: int, config: MatteConfig | None = None
) -> Matte:
    """The matte of one frame.

    ``dilated`` is the lower face from under the nose to below the chin, cheeks to jaw line: where
    skin moves with speech. ``soft`` is exactly 0 outside ``dilated``, rises to 1 over twice the
    feather and is 1 on the lips.

    Args:
        landmarks: (478, 3) crop pixels; NaN where the face is not seen (the matte is empty then).
        size: side S of the crop.
    """
    config = config or MatteConfig()
    raw = np.zeros((size, size), np.uint8)
    dilated, soft = raw.copy(), np.zeros((size, size), np.float32)
    if not np.isfinite(landmarks).all():
        return Matte(raw, dilated, soft)
    _fill(raw, landmarks[list(_LIPS), :2])
    pose = head_pose(landmarks)
    lower_face = _lower_face(landmarks[:, :2].astype(np.float64), pose, config)
    _fill(dilated, cv2.convexHull(lower_face.astype(np.float32))[:, 0])
    dilated |= raw
    rows, columns = _bounds(dilated)
    reach = max(1, round(config.feather * pose.scale))
    soft[rows, columns] = feathered(dilated[rows, columns], reach)
    return Matte(raw, dilated, soft)


def _lower_face(
    flat: NDArray[np.float64], pose: HeadPose, config: MatteConfig
) -> NDArray[np.float64]:
    """Points whose hull is the part of the face that speech moves."""
    lip, nose = flat[list(_UPPER_LIP)], flat[list(_NOSE_BASE)]
    top = lip + config.top * (nose - lip)
    down = pose.rotation[:2, 1] * pose.scale
    below = flat[list(_CHIN)] + config.room * down
    rim = [*_LIPS, *_CHEEKS, *_JAW]
    return np.concatenate([top, flat[rim], below])


def _fill(mask: NDArray[np.uint8], polygon: NDArray[np.floating]) -> None:
    """Fill a polygon given in sub-pixel positions with 255."""
    corners = np.rint(polygon * (1 << _FRACTION_BITS)).astype(np.int32)
    cv2.fillPoly(mask, [corners], 255, shift=_FRACTION_BITS)


def _bounds(mask: NDArray[np.uint8]) -> tuple[slice, slice]:
    x, y, width, height = cv2.boundingRect(mask)
    return slice(y, y + height), slice(x, x + width)


def feathered(mask: NDArray[np.uint8], reach: int) -> NDArray[np.float32]:
    """(h, w) of 0 and 255 to float32 0..1: shrunk by ``reach`` pixels, then blurred by a Gaussian
    that reaches no further than that.

    The crop's border counts as inside, so a chin cut off by it keeps its full weight there.
    """
    if mask.size == 0:
        return mask.astype(np.float32)
    side = 2 * reach + 1
    inner = cv2.erode(mask, np.ones((side, side), np.uint8), borderValue=0)
    soft = cv2.GaussianBlur(
        inner.astype(np.float32) / 255,
        (side, side),
        sigmaX=reach / 2,
        borderType=cv2.BORDER_CONSTANT,
    )
    # the kernel's weights add up to one only to single precision
    clean: NDArray[np.float32] = np.where(soft > 1 - 1e-5, np.float32(1), soft)
    return clean
