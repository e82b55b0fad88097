"""R'G'B' pictures of whole codes or floats, as image sequences store them.

FFmpeg's planar formats hold them: ``gbrp`` of 8, 10, 12 and 16 bits, ``gbrpf32le`` for half and
float, so that frames of sequences pass through the same hands as those of movies.
"""

from __future__ import annotations

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from .info import ColourTags
from .pixels import Box, planes_of

Samples = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.float32]
"""(H, W, C) R'G'B' first, in the plate's own codes, or as floats."""

FLOATS = "gbrpf32le"
_ORDER = (1, 2, 0)
"""Channels of R'G'B' as FFmpeg's planes follow each other: G', B', R'."""
_FULL_RANGE, _RGB = 2, 0


def format_for(bits: int) -> str:
    """The planar format of whole codes of 8, 10, 12 or 16 bits."""
    return "gbrp" if bits == 8 else f"gbrp{bits}le"


def picture_of(rgb: Samples, pixel_format: str, colour: ColourTags) -> VideoFrame:
    """A frame of the first three channels, tagged as R'G'B' of full range."""
    frame = blank(rgb.shape[1], rgb.shape[0], pixel_format, colour)
    for plane, channel in zip(planes_of(frame), _ORDER, strict=True):
        plane[...] = rgb[..., channel]
    return frame


def blank(width: int, height: int, pixel_format: str, colour: ColourTags) -> VideoFrame:
    """A frame that is tagged so; its pixels are not set."""
    frame = VideoFrame(width, height, pixel_format)
    frame.color_primaries, frame.color_trc = colour.primaries, colour.transfer
    frame.colorspace, frame.color_range = _RGB, _FULL_RANGE
    return frame


def put_box(rgb: Samples, picture: VideoFrame, box: Box, at: tuple[int, int] = (0, 0)) -> None:
    """Overwrite a box of the first three channels with the picture's samples, in place.

    Args:
        at: x and y, in the picture, of the first sample of ``rgb``; what lies outside of it stays.
    """
    x0, y0 = max(box.x0, at[0]), max(box.y0, at[1])
    x1, y1 = min(box.x1, at[0] + rgb.shape[1]), min(box.y1, at[1] + rgb.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    part = rgb[y0 - at[1] : y1 - at[1], x0 - at[0] : x1 - at[0]]
    for plane, channel in zip(planes_of(picture), _ORDER, strict=True):
        part[..., channel] = plane[y0:y1, x0:x1]
