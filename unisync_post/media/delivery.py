"""What a plate comes back as: its own intra codec and profile, else a mezzanine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from unisync_adapters.timebase import Rate

from ..errors import MediaError
from .colour import code_scale, is_full_range
from .info import MediaInfo
from .packets import PicturePackets
from .pixels import Plane, blank_like, layout_of, planes_of
from .sequences import IMAGE_SEQUENCE

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
_DNXHD = {
    1235: (175, "yuv422p10le"),
    1237: (145, "yuv422p"),
    1238: (220, "yuv422p"),
    1250: (180, "yuv422p10le"),
    1251: (180, "yuv422p"),
    1252: (120, "yuv422p"),
    1253: (36, "yuv422p"),
}
"""A bit rate (Mb/s) by which the encoder knows each progressive compression ID of SMPTE ST 2019-1,
and its pixel format; the ID alone decides how large a coded picture is."""
_COMPRESSION_ID = slice(40, 44)

AUTO = "auto"
MEZZANINES = {
    "prores422": ("prores", "Standard"),
    "prores422hq": ("prores", "HQ"),
    "prores4444": ("prores", "4444"),
    "dnxhr_hqx": ("dnxhd", "DNXHR HQX"),
    "dnxhr_444": ("dnxhd", "DNXHR 444"),
}
"""What may be asked for where a plate's own codec cannot be kept."""
_SMALLEST_DNXHR = (256, 120)

_MXF_RATES = frozenset(
    Rate.of(text)
    for text in ("23.976", "24", "25", "29.97", "30", "48", "50", "59.94", "60", "100", "120")
)
_MXF_SOUND = frozenset({("pcm_s16le", 48000), ("pcm_s24le", 48000)})

_VIDEO_RANGE = av.video.reformatter.ColorRange.MPEG
_QUARTER_UP = np.array([[-3], [29], [111], [-9], [0]], np.float32) / 128
"""Catmull-Rom weights of five rows for the point a quarter row above the middle one."""


@dataclass(frozen=True)
class Delivery:
    """How new media is coded.

    Attributes:
        encoder: FFmpeg's encoder.
        name: the codec as QuickTime and people name it.
        pixel_format: what the encoder is fed.
        splice: the source is this very codec and profile: unchanged pictures keep their packets.
        options: of the encoder; ``bit_rate``: in bits a second, where the codec goes by it.
        container: FFmpeg's muxer.
    """

    encoder: str
    name: str
    pixel_format: str
    splice: bool
    options: Mapping[str, str] = field(default_factory=dict)
    bit_rate: int | None = None
    container: str = "mov"

    @property
    def suffix(self) -> str:
        return f".{self.container}"


def delivery_for(info: MediaInfo, rate: Rate | None = None, mezzanine: str = AUTO) -> Delivery:
    """ProRes, DNxHR and progressive DNxHD stay what they are, and MXF OP1a stays MXF where its
    rate and sound can be written there; everything else becomes a mezzanine in QuickTime.

    Args:
        info: the plate.
        rate: of the new media, where a retime is baked; None: the plate's.
        mezzanine: one of :data:`MEZZANINES`; ``auto`` is ProRes 422 HQ, or 4444 where the plate has
            full chroma or alpha.

    Raises:
        MediaError: the mezzanine cannot hold this plate's alpha or raster.
    """
    own = _own_codec(info)
    if own is not None:
        in_mxf = info.container == "mxf" and _fits_mxf(info, rate or info.rate)
        return replace(own, container="mxf") if in_mxf and own.encoder == "dnxhd" else own
    if mezzanine == AUTO:
        full_chroma = "444" in info.pixel_format or _has_alpha(info)
        return _prores("4444" if full_chroma else "HQ", info.pixel_format, splice=False)
    codec, profile = MEZZANINES[mezzanine]
    _check_mezzanine(info, mezzanine, codec)
    if codec == "prores":
        return _prores(profile, info.pixel_format, splice=False)
    return _dnxhr(profile, splice=False)


def _own_codec(info: MediaInfo) -> Delivery | None:
    """The plate's own codec where we can write it; None where we cannot."""
    if info.container == IMAGE_SEQUENCE:
        name = f"{info.codec.upper()} {info.profile}"
        return Delivery("", name, info.pixel_format, True, container=info.path.suffix[1:])
    if info.codec == "prores" and info.profile in _PRORES:
        return _prores(info.profile, info.pixel_format, splice=True)
    if info.codec != "dnxhd" or not info.pixel_format.startswith("yuv"):
        return None
    if info.profile in _DNX:
        return _dnxhr(info.profile, splice=True)
    with PicturePackets(info) as packets:
        number = int.from_bytes(packets.read(0)[_COMPRESSION_ID], "big")
    if number not in _DNXHD:
        return None
    rate, pixel_format = _DNXHD[number]
    name, options = f"Avid DNxHD ({number})", {"profile": "dnxhd"}
    return Delivery("dnxhd", name, pixel_format, True, options, rate * 1_000_000)


def _fits_mxf(info: MediaInfo, rate: Rate) -> bool:
    """Whether FFmpeg's MXF writer takes this rate and sound as they are."""
    return rate in _MXF_RATES and all(
        (stream.codec, stream.sample_rate) in _MXF_SOUND for stream in info.audio
    )


def _has_alpha(info: MediaInfo) -> bool:
    return info.pixel_format.startswith("yuva")


def _check_mezzanine(info: MediaInfo, mezzanine: str, codec: str) -> None:
    if _has_alpha(info) and mezzanine != "prores4444":
        raise MediaError(
            f"{mezzanine} would drop its alpha", file=info.path, remedy="Use prores4444."
        )
    small = info.width < _SMALLEST_DNXHR[0] or info.height < _SMALLEST_DNXHR[1]
    if codec == "dnxhd" and small:
        raise MediaError(
            f"DNxHR holds no picture of {info.width}x{info.height}",
            file=info.path,
            remedy="Use prores422hq.",
        )


def _dnxhr(profile: str, *, splice: bool) -> Delivery:
    name = "Avid " + profile.replace("DNXHR", "DNxHR")
    option, pixel_format = _DNX[profile]
    return Delivery("dnxhd", name, pixel_format, splice, {"profile": option})


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
