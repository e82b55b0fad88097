"""Hard cuts inside a range of frames, told from flashes by looking a few frames ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

AHEAD = 3
"""Frames of look-ahead: a flash is over by then, a new scene is not."""

_CHANGE = 0.09
_OUTLIER = 3.0
_FLOOR = 0.01
_MOTION = 8


def thumbnail(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(18, 32, 3) float32 0..1: the frame's large shapes and colours."""
    # sampled first: reading every pixel of a 4K frame would cost more than the face mesh
    step = max(1, min(rgb.shape[0] // 90, rgb.shape[1] // 160))
    small = cv2.resize(
        np.ascontiguousarray(rgb[::step, ::step]), (32, 18), interpolation=cv2.INTER_AREA
    )
    shapes: NDArray[np.float32] = small.astype(np.float32) / 255
    return shapes


def _difference(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Mean absolute difference once b's overall light is matched to a's, 0..1.

    Exposure jumps and fades keep their shapes; a new scene does not.
    """
    level = (a.mean() + 1e-3) / (b.mean() + 1e-3)
    return float(np.abs(a - np.clip(b * level, 0, 1)).mean())


def with_cuts(
    frames: Iterable[NDArray[np.uint8]],
) -> Iterator[tuple[NDArray[np.uint8], bool]]:
    """Each frame, and whether a new scene begins with it (always true for the first).

    Holds :data:`AHEAD` frames.
    """
    waiting: deque[tuple[NDArray[np.uint8], NDArray[np.float32]]] = deque()
    behind: deque[NDArray[np.float32]] = deque(maxlen=_MOTION)
    source = iter(frames)
    while True:
        while len(waiting) < AHEAD and (frame := next(source, None)) is not None:
            waiting.append((frame, thumbnail(frame)))
        if not waiting:
            return
        frame, small = waiting.popleft()
        cut = not behind or is_cut(list(behind), [small, *(t for _, t in waiting)])
        if cut:
            behind.clear()
        behind.append(small)
        yield frame, cut


def is_cut(behind: list[NDArray[np.float32]], ahead: list[NDArray[np.float32]]) -> bool:
    """Whether a new scene begins with ``ahead[0]``.

    It does when every one of the last few frames differs from every one of the next few (after a
    flash the old scene is still there), and by much more than neighbouring frames do (a fast pan).

    Args:
        behind: thumbnails of this scene, oldest first, at least one.
        ahead: thumbnails from the frame in question on.
    """
    recent = behind[-AHEAD:]
    jump = min(_difference(a, b) for a in recent for b in ahead)
    if jump < _CHANGE:
        return False
    motion = [_difference(a, b) for part in (behind, ahead) for a, b in pairwise(part)]
    return jump > _OUTLIER * max(_FLOOR, float(np.median(motion)) if motion else 0.0)
