"""Which R'G'B' a code value means: matrix and range by tag, or by raster where untagged."""

from __future__ import annotations

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from ..errors import MediaError

_LUMA = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}
"""Kr and Kb by matrix number (ISO/IEC 23091-2)."""

UNSPECIFIED = 2
FULL_RANGE = 2


def matrix_number(frame: VideoFrame) -> int:
    """The frame's matrix; untagged pictures are BT.601 below 720 lines, else BT.709.

    Raises:
        MediaError: a matrix that is not Y'CbCr with constant coefficients.
    """
    number = int(frame.colorspace)
    if number == UNSPECIFIED:
        return 5 if frame.height < 720 else 1
    if number not in _LUMA:
        raise MediaError(
            f"Colour matrix {number} is not supported", remedy="Conform the clip to BT.709."
        )
    return number


def is_full_range(frame: VideoFrame) -> bool:
    """Codes span the whole depth (tagged so, or one of FFmpeg's ``yuvj`` formats)."""
    return int(frame.color_range) == FULL_RANGE or frame.format.name.startswith("yuvj")


def to_rgb(frame: VideoFrame) -> NDArray[np.float32]:
    """(3, 3) matrix from Y' 0..1, Cb, Cr -0.5..0.5 to R'G'B' (ITU-R BT.709 and kin)."""
    kr, kb = _LUMA[matrix_number(frame)]
    kg = 1 - kr - kb
    return np.array(
        [
            [1, 0, 2 * (1 - kr)],
            [1, -2 * (1 - kb) * kb / kg, -2 * (1 - kr) * kr / kg],
            [1, 2 * (1 - kb), 0],
        ],
        np.float32,
    )


def code_scale(frame: VideoFrame, bits: int) -> NDArray[np.float32]:
    """(2, 2): luma (black, span) and chroma (neutral, span) in code values of this depth."""
    unit = 1 << (bits - 8)
    if is_full_range(frame):
        top = (1 << bits) - 1
        return np.array([[0, top], [128 * unit, top]], np.float32)
    return np.array([[16 * unit, 219 * unit], [128 * unit, 224 * unit]], np.float32)
