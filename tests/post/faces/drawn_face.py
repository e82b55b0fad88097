"""A face drawn with plain shapes, good enough for the detector: footage that anyone may have."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_SKIN, _SHADE, _HAIR = (224, 178, 150), (196, 146, 120), (60, 42, 34)
_LIP, _DARK, _TEETH = (176, 82, 84), (60, 20, 24), (238, 232, 226)


def draw_face(size: int = 400, opening: float = 0.0) -> NDArray[np.uint8]:
    """(size, size, 3) uint8 R'G'B': one frontal face; ``opening`` 0..1 drops the jaw."""
    big = np.full((800, 800, 3), (120, 140, 160), np.uint8)
    drop = round(60 * opening)

    def ellipse(x: int, y: int, w: int, h: int, colour: tuple[int, int, int]) -> None:
        cv2.ellipse(big, (x, y), (w, h), 0, 0, 360, colour, -1, cv2.LINE_AA)

    ellipse(400, 340, 250, 290, _HAIR)
    cv2.rectangle(big, (330, 560), (470, 800), _SHADE, -1)
    ellipse(400, 400 + drop // 2, 190, 250 + drop // 2, _SKIN)
    ellipse(400, 150, 200, 60, _HAIR)
    for x in (320, 480):
        ellipse(x, 352, 48, 26, _SHADE)
        ellipse(x, 352, 40, 19, (245, 245, 245))
        ellipse(x, 352, 18, 18, (70, 90, 60))
        ellipse(x, 352, 8, 8, (10, 10, 10))
        cv2.ellipse(big, (x, 350), (44, 24), 0, 190, 350, _HAIR, 5, cv2.LINE_AA)
        cv2.ellipse(big, (x, 320), (58, 24), 0, 200, 340, _HAIR, 10, cv2.LINE_AA)
    cv2.line(big, (386, 360), (376, 450), _SHADE, 6, cv2.LINE_AA)
    ellipse(400, 462, 40, 22, _SHADE)
    ellipse(400, 452, 30, 22, _SKIN)
    for x in (382, 418):
        ellipse(x, 470, 9, 6, _DARK)
    ellipse(400, 542 + drop // 2, 72, 26 + drop // 2, _LIP)
    if drop:
        ellipse(400, 542 + drop // 2, 58, 8 + drop // 2, _DARK)
        ellipse(400, 540, 44, 8, _TEETH)
    else:
        cv2.line(big, (332, 541), (468, 541), _DARK, 4, cv2.LINE_AA)
    big = cv2.GaussianBlur(big, (0, 0), 2.5)
    drawn: NDArray[np.uint8] = cv2.resize(big, (size, size), interpolation=cv2.INTER_AREA)
    return drawn


def place_face(
    x: float,
    y: float,
    size: int = 200,
    opening: float = 0.0,
    frame: tuple[int, int] = (640, 360),
    seed: int | None = 0,
    base: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """A frame (width, height) with the drawn face's middle at ``x, y`` before a fixed backdrop.

    Args:
        seed: of the backdrop; another one is another place.
        base: draw into this frame instead.
    """
    picture = backdrop(frame, seed or 0) if base is None else base.copy()
    step = np.float64([[1, 0, x - size / 2], [0, 1, y - size / 2]])
    shape = picture.shape[1::-1]
    face = cv2.warpAffine(draw_face(size, opening), step, shape, flags=cv2.INTER_CUBIC)
    cover = cv2.warpAffine(_outline(size), step, shape)[..., None] / 255
    placed: NDArray[np.uint8] = (picture * (1 - cover) + face * cover).astype(np.uint8)
    return placed


def backdrop(frame: tuple[int, int] = (640, 360), seed: int = 0) -> NDArray[np.uint8]:
    """Large soft shapes of colour, (height, width, 3) uint8."""
    rng = np.random.default_rng(seed)
    small = rng.integers(40, 216, (6, 9, 3)).astype(np.uint8)
    soft: NDArray[np.uint8] = cv2.resize(small, frame, interpolation=cv2.INTER_CUBIC)
    return soft


def _outline(size: int) -> NDArray[np.uint8]:
    mask = np.zeros((800, 800), np.uint8)
    cv2.ellipse(mask, (400, 420), (250, 340), 0, 0, 360, 255, -1)
    shaped: NDArray[np.uint8] = cv2.resize(mask, (size, size), interpolation=cv2.INTER_AREA)
    return shaped
