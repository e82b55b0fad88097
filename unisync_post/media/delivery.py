"""What a plate comes back as: its own intra codec and profile, else a ProRes mezzanine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from .colour import code_scale, is_full_range
from .info import MediaInfo
from .pixels import Plane, blank_like, layout_of, planes_of

_PRORES = {
    "Proxy": (0, "Apple ProRes 422 Proxy"),
    "LT": (1, "Apple ProRes 422 LT"),
    "Standard": (2, "Apple ProRes 422"),
    "HQ": (3, "Apple ProRes 422 HQ"),
    "4444": (4, "Apple ProRes 4444"),
    "XQ": (5, "Apple ProRes 4444 XQ"),
}
_DNX = {
    "DNXHR LB": ("dnxhr_lb", "yuv422p"),
    "DNXHR SQ": ("dnxhr_sq", "yuv422p"),
    "DNXHR HQ": ("dnxhr_hq", "yuv422p"),
    "DNXHR HQX": ("dnxhr_hqx", "yuv422p10le"),
    "DNXHR 444": ("dnxhr_444", "yuv444p10le"),
}
_VIDEO_RANGE = av.video.reformatter.ColorRange.MPEG
_QUARTER_UP = np.array([[-3], [29], [111], [-9], [0]], np.float32) / 128
"""Catmull-Rom weights of five rows for the point a quarter row above the middle one."""


@dataclass(frozen=True)
class Delivery:
    """How new media is coded.

    Attributes:
        encoder: FFmpeg's encoder.
        options: its options.
        name: the codec as QuickTime and people name it.
        pixel_format: what the encoder is fed.
        splice: the source is this very codec and profile: unchanged pictures keep their packets.
    """

    encoder: str
    name: str
    pixel_format: str
    splice: bool
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def suffix(self) -> str:
        """Always QuickTime: the one container here that keeps reel, language and track names."""
        return ".mov"


def delivery_for(info: MediaInfo) -> Delivery:
    """ProRes and DNxHR stay what they are; everything else becomes ProRes 422 HQ, or 4444 where
    the source has full chroma or alpha.
    """
    if info.codec == "prores" and info.profile in _PRORES:
        return _prores(info.profile, info.pixel_format, splice=True)
    if info.codec == "dnxhd" and info.profile in _DNX and info.pixel_format.startswith("yuv"):
        profile, pixel_format = _DNX[info.profile]
        name = "Avid " + info.profile.replace("DNXHR", "DNxHR")
        return Delivery("dnxhd", name, pixel_format, True, {"profile": profile})
    full_chroma = "444" in info.pixel_format or info.pixel_format.startswith("yuva")
    return _prores("4444" if full_chroma else "HQ", info.pixel_format, splice=False)


def _prores(profile: str, pixel_format: str, *, splice: bool) -> Delivery:
    number, name = _PRORES[profile]
    target = "yuv422p10le"
    if number >= 4:
        target = "yuva444p10le" if pixel_format.startswith("yuva") else "yuv444p10le"
    # prores_aw: a third of prores_ks's time and 3 dB less loss at HQ, for files a third larger
    options = {"profile": str(number), "vendor": "apl0"}
    return Delivery("prores_aw", name, target, splice, options)


def to_delivery(frame: VideoFrame, pixel_format: str) -> VideoFrame:
    """The picture in the encoder's format, by the shortest exact way.

    Depth is changed by scaling codes (8 to 10 bits in video range: times four), full range becomes
    video range, 4:2:0 chroma rows are interpolated at their true siting (Catmull-Rom), and where
    the target has finer horizontal chroma, columns are interpolated linearly from the left siting.
    Primaries, transfer and matrix are untouched.

    Raises:
        MediaError: pixel format not supported.
    """
    if frame.format.name == pixel_format:
        return frame
    source = layout_of(frame)
    new = blank_like(frame, pixel_format)
    if is_full_range(frame):
        new.color_range = _VIDEO_RANGE
    target = layout_of(new)
    planes = planes_of(new)
    for number, plate in enumerate(planes_of(frame)[: len(planes)]):
        codes = _recoded(plate, frame, new, number)
        if number in (1, 2) and source.step_y == 2 and target.step_y == 1:
            codes = _twice_the_rows(codes)[: planes[number].shape[0]]
        if number in (1, 2) and source.step_x == 2 and target.step_x == 1:
            codes = _doubled(codes)[:, : planes[number].shape[1]]
        np.clip(codes, 0, (1 << target.bits) - 1, out=planes[number], casting="unsafe")
    if target.planes == 4 and source.planes == 3:
        planes[3][...] = (1 << target.bits) - 1
    return new


def _recoded(plate: Plane, frame: VideoFrame, new: VideoFrame, number: int) -> NDArray[np.uint16]:
    """Codes of one plane at the new depth and range, rounded half to even."""
    old_bits, new_bits = layout_of(frame).bits, layout_of(new).bits
    if number == 3:
        scale_in = np.array([0, (1 << old_bits) - 1], np.float64)
        scale_out = np.array([0, (1 << new_bits) - 1], np.float64)
    elif is_full_range(frame) == is_full_range(new) and new_bits >= old_bits:
        return np.left_shift(plate, new_bits - old_bits, dtype=np.uint16)
    else:
        row = 0 if number == 0 else 1
        scale_in = code_scale(frame, old_bits)[row].astype(np.float64)
        scale_out = code_scale(new, new_bits)[row].astype(np.float64)
    codes = np.arange(1 << old_bits)
    table = (codes - scale_in[0]) * scale_out[1] / scale_in[1] + scale_out[0]
    table = np.rint(table).clip(0, (1 << new_bits) - 1).astype(np.uint16)
    recoded: NDArray[np.uint16] = table.take(plate, mode="clip")
    return recoded


def _twice_the_rows(codes: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Catmull-Rom a quarter row above and below each row: where 4:2:0 chroma is sited."""
    tall = np.empty((2 * len(codes), codes.shape[1]), np.uint16)
    for first, kernel in ((0, _QUARTER_UP), (1, _QUARTER_UP[::-1])):
        tall[first::2] = cv2.filter2D(codes, -1, kernel, borderType=cv2.BORDER_REPLICATE)
    return tall


def _doubled(codes: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Twice the columns: the sited ones as they are, the mean of their neighbours between."""
    wide = np.repeat(codes, 2, axis=1)
    wide[:, 1:-1:2] = (codes[:, :-1].astype(np.uint32) + codes[:, 1:] + 1) // 2
    return wide
