"""Which landmarks of the mesh are lips, and how the mouth is cut into triangles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

UPPER_INNER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LOWER_INNER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
UPPER_OUTER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
LOWER_OUTER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
"""Lip lines from the image-left corner to the right one; points of one column face each other."""

RING_UPPER = (57, 186, 92, 165, 167, 164, 393, 391, 322, 410, 287)
RING_LOWER = (57, 43, 106, 182, 83, 18, 313, 406, 335, 273, 287)
"""Skin around the lips, column for column."""
CHIN = (57, 210, 170, 140, 171, 175, 396, 369, 395, 430, 287)
"""The front of the chin, column for column: the mesh may leave a wide-open mouth's lower lip as
low as this."""

NOSE_TOP, NOSE_BASE = 168, 2
LIPS = tuple(dict.fromkeys((*UPPER_OUTER, *UPPER_INNER, *LOWER_OUTER, *LOWER_INNER)))
FOLDS = (36, 203, 206, 216, 212, 202, 266, 423, 426, 436, 432, 422, 205, 425, 207, 427)
"""Nasolabial folds and lower cheeks: what a smile or a laugh moves."""


def strip(first: tuple[int, ...], second: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """Triangles of the band between two lines of equally many points; shared ends make none."""
    triangles = []
    for a, b, c, d in zip(first, first[1:], second, second[1:], strict=False):
        triangles += [t for t in ((a, b, c), (b, d, c)) if len(set(t)) == 3]
    return triangles


LIP_TRIANGLES: NDArray[np.int64] = np.array(
    strip(RING_UPPER, UPPER_OUTER)
    + strip(UPPER_OUTER, UPPER_INNER)
    + strip(LOWER_INNER, LOWER_OUTER)
    + strip(LOWER_OUTER, RING_LOWER)
    + strip(RING_LOWER, CHIN)
)
"""(T, 3) landmarks: the lips and the skin around them, the opening left out."""

OPENING_TRIANGLES: NDArray[np.int64] = np.array(strip(UPPER_INNER, LOWER_INNER))
"""(T, 3) landmarks: what shows between the lips."""
