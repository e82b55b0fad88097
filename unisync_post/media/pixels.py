"""Regions of pictures in their native format: only the pixels under a matte are ever converted.

Planar Y'CbCr of 8, 10 and 12 bits. Chroma is taken as sited by MPEG-2, H.264, ProRes and DNxHD:
on the left luma column, and halfway between two luma rows in 4:2:0. Image sequences are R'G'B', in
codes or in floats.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from ..errors import MediaError
from .colour import code_scale, to_rgb

Plane = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.float32]
Floats = NDArray[np.float32]


class Box(NamedTuple):
    """A rectangle of luma pixels; ``x1`` and ``y1`` are exclusive."""

    x0: int
    y0: int
    x1: int
    y1: int


def around(boxes: Iterable[Box]) -> Box:
    """The smallest box that holds these; empty ones count for nothing."""
    sides = [box for box in boxes if box.x0 < box.x1] or [Box(0, 0, 0, 0)]
    x0, y0, x1, y1 = zip(*sides, strict=True)
    return Box(min(x0), min(y0), max(x1), max(y1))


@dataclass(frozen=True)
class Layout:
    """How a pixel format stores a picture: bits, chroma steps in x and y, planes.

    ``rgb``: its planes are G', B' and R', of full range; those of 32 bits are floats.
    """

    bits: int
    step_x: int
    step_y: int
    planes: int = 3
    rgb: bool = False

    @property
    def kind(self) -> np.dtype[Any]:
        """Type of a sample."""
        return np.dtype({8: "u1", 32: "f4"}.get(self.bits, "u2"))

    @property
    def top(self) -> int:
        """The code of white in full range; of floats, white itself."""
        return 1 if self.bits == 32 else (1 << self.bits) - 1


def _layouts() -> dict[str, Layout]:
    found: dict[str, Layout] = {}
    for name, (x, y) in {"420": (2, 2), "422": (2, 1), "444": (1, 1)}.items():
        for bits in (8, 10, 12):
            suffix = "" if bits == 8 else f"{bits}le"
            found[f"yuv{name}p{suffix}"] = Layout(bits, x, y)
            found[f"yuva{name}p{suffix}"] = Layout(bits, x, y, 4)
        found[f"yuvj{name}p"] = Layout(8, x, y)
    for bits in (8, 10, 12, 16):
        found["gbrp" if bits == 8 else f"gbrp{bits}le"] = Layout(bits, 1, 1, rgb=True)
    found["gbrpf32le"] = Layout(32, 1, 1, rgb=True)
    return found


_LAYOUTS = _layouts()


def is_supported(pixel_format: str) -> bool:
    """Whether regions of a movie in this FFmpeg pixel format can be read and changed."""
    return pixel_format in _LAYOUTS and not _LAYOUTS[pixel_format].rgb


def layout_of(frame: VideoFrame) -> Layout:
    """The storage of this frame.

    Raises:
        MediaError: a pixel format that cannot be changed in place.
    """
    if frame.format.name not in _LAYOUTS:
        raise MediaError(
            f"Pixel format {frame.format.name} is not supported",
            remedy="Conform the clip to 4:2:2 or 4:4:4 Y'CbCr of 8, 10 or 12 bits.",
        )
    return _LAYOUTS[frame.format.name]


def planes_of(frame: VideoFrame) -> list[Plane]:
    """Every plane as a writable (h, w) view of the frame's own memory, padding cut off."""
    kind = layout_of(frame).kind
    views: list[Plane] = []
    for plane in frame.planes:
        rows = np.frombuffer(memoryview(plane), kind).reshape(-1, plane.line_size // kind.itemsize)
        views.append(rows[: plane.height, : plane.width])
    return views


def blank_like(frame: VideoFrame, pixel_format: str | None = None) -> VideoFrame:
    """A new frame of the same raster, time and colour tags; its pixels are not set."""
    new = VideoFrame(frame.width, frame.height, pixel_format or frame.format.name)
    new.pts = frame.pts
    if frame.time_base:
        new.time_base = frame.time_base
    new.colorspace, new.color_range = frame.colorspace, frame.color_range
    new.color_primaries, new.color_trc = frame.color_primaries, frame.color_trc
    return new


def region_rgb(frame: VideoFrame, box: Box) -> Floats:
    """(h, w, 3) float32 R'G'B' of this box; 0..1 is black to white, excursions are kept.

    Raises:
        MediaError: pixel format or matrix not supported.
    """
    layout = layout_of(frame)
    if layout.rgb:
        green, blue, red = (p[box.y0 : box.y1, box.x0 : box.x1] for p in planes_of(frame))
        whole: Floats = np.stack([red, green, blue], -1).astype(np.float32)
        return whole if layout.top == 1 else whole / np.float32(layout.top)
    aligned = _aligned(frame, box)
    rgb: Floats = cv2.transform(_region_ycc(frame, aligned), to_rgb(frame))
    return _cut(rgb, box, aligned)


def blend_region(frame: VideoFrame, box: Box, rgb: Floats, alpha: Floats) -> VideoFrame:
    """A new frame with ``rgb`` blended into ``box``: plate + alpha (ycc(rgb) - plate).

    The blend happens in code values at the plate's depth, rounded half to even. A luma sample
    changes only where ``alpha`` > 0, a chroma sample only where its share of ``alpha`` is > 0
    (:func:`chroma_alpha`); everything else is the plate's own code.

    Args:
        frame: the plate; it is not changed.
        box: where, in luma pixels, inside the frame.
        rgb: (h, w, 3) float32 R'G'B', 0..1.
        alpha: (h, w) float32, 0..1.

    Raises:
        MediaError: pixel format or matrix not supported.
    """
    layout, aligned = layout_of(frame), _aligned(frame, box)
    if layout.rgb:
        return _blend_rgb(frame, box, rgb, alpha)
    delta = cv2.transform(rgb, np.linalg.inv(to_rgb(frame)).astype(np.float32))
    delta -= _cut(_region_ycc(frame, aligned), box, aligned)
    delta, alpha = _grown(delta, box, aligned), _grown(alpha, box, aligned)
    new = blank_like(frame)
    planes = planes_of(new)
    for target, plate in zip(planes, planes_of(frame), strict=True):
        np.copyto(target, plate)
    scale, top = code_scale(frame, layout.bits), (1 << layout.bits) - 1
    luma = planes[0][aligned.y0 : aligned.y1, aligned.x0 : aligned.x1]
    _add(luma, delta[..., 0] * alpha, scale[0, 1], top)
    x, y = layout.step_x, layout.step_y
    share = _subsampled(alpha, x, y)
    for number in (1, 2):
        part = planes[number][aligned.y0 // y : -(-aligned.y1 // y), aligned.x0 // x :]
        change = _decimated(delta[..., number], x, y) * share
        _add(part[:, : share.shape[1]], change, scale[1, 1], top)
    return new


def _blend_rgb(frame: VideoFrame, box: Box, rgb: Floats, alpha: Floats) -> VideoFrame:
    """:func:`blend_region` of R'G'B' planes; what is not finite stays."""
    layout, new = layout_of(frame), blank_like(frame)
    for target, plate, channel in zip(planes_of(new), planes_of(frame), (1, 2, 0), strict=True):
        np.copyto(target, plate)
        part = target[box.y0 : box.y1, box.x0 : box.x1]
        old = part.astype(np.float32)
        changed = old + alpha * (rgb[..., channel] * np.float32(layout.top) - old)
        if layout.bits < 32:
            changed = np.rint(changed).clip(0, layout.top)
        touched = (alpha > 0) & np.isfinite(changed)
        part[touched] = changed[touched].astype(part.dtype)
    return new


def chroma_alpha(frame: VideoFrame, box: Box, alpha: Floats) -> tuple[Box, Floats]:
    """The matte on the chroma grid: (box in chroma samples, (h, w) float32)."""
    layout, aligned = layout_of(frame), _aligned(frame, box)
    share = _subsampled(_grown(alpha, box, aligned), layout.step_x, layout.step_y)
    x, y = aligned.x0 // layout.step_x, aligned.y0 // layout.step_y
    return Box(x, y, x + share.shape[1], y + share.shape[0]), share


def _add(codes: Plane, delta: Floats, span: np.float32, top: int) -> None:
    """codes += delta * span, rounded half to even, in place; zero deltas change nothing."""
    changed = codes + delta * span
    np.rint(changed, out=changed)
    np.clip(changed, 0, top, out=changed)
    codes[...] = changed.astype(codes.dtype)


def _aligned(frame: VideoFrame, box: Box) -> Box:
    """``box`` grown to whole chroma samples."""
    layout = layout_of(frame)
    if not (0 <= box.x0 < box.x1 <= frame.width and 0 <= box.y0 < box.y1 <= frame.height):
        raise MediaError(f"{tuple(box)} is no region of a {frame.width}x{frame.height} picture")
    x, y = layout.step_x, layout.step_y
    return Box(
        box.x0 // x * x,
        box.y0 // y * y,
        min(frame.width, -(-box.x1 // x) * x),
        min(frame.height, -(-box.y1 // y) * y),
    )


def _cut(values: Floats, box: Box, aligned: Box) -> Floats:
    y, x = box.y0 - aligned.y0, box.x0 - aligned.x0
    return values[y : y + box.y1 - box.y0, x : x + box.x1 - box.x0]


def _grown(values: Floats, box: Box, aligned: Box) -> Floats:
    if box == aligned:
        return values
    pad = [(box.y0 - aligned.y0, aligned.y1 - box.y1), (box.x0 - aligned.x0, aligned.x1 - box.x1)]
    grown: Floats = np.pad(values, pad + [(0, 0)] * (values.ndim - 2))
    return grown


def _region_ycc(frame: VideoFrame, box: Box) -> Floats:
    """(h, w, 3) float32: Y' 0..1, Cb and Cr -0.5..0.5, chroma interpolated to full size."""
    layout, planes = layout_of(frame), planes_of(frame)
    scale = code_scale(frame, layout.bits)
    out = np.empty((box.y1 - box.y0, box.x1 - box.x0, 3), np.float32)
    luma = planes[0][box.y0 : box.y1, box.x0 : box.x1]
    out[..., 0] = (luma - scale[0, 0]) / scale[0, 1]
    for number in (1, 2):
        chroma = _upsampled(planes[number], box, layout)
        out[..., number] = (chroma - scale[1, 0]) / scale[1, 1]
    return out


def _upsampled(plane: Plane, box: Box, layout: Layout) -> Floats:
    """Linear interpolation of one chroma plane to the luma pixels of ``box``."""
    x, y = layout.step_x, layout.step_y
    rows = np.arange(box.y0 // y - 1, -(-box.y1 // y) + 1).clip(0, plane.shape[0] - 1)
    columns = np.arange(box.x0 // x, -(-box.x1 // x) + 1).clip(0, plane.shape[1] - 1)
    near = plane[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32)
    near = near[rows - rows[0]][:, columns - columns[0]]
    if y == 2:
        middle = near[1:-1] * np.float32(0.75)
        tall = np.empty((2 * len(middle), near.shape[1]), np.float32)
        tall[0::2] = middle + near[:-2] * np.float32(0.25)
        tall[1::2] = middle + near[2:] * np.float32(0.25)
        near = tall[: box.y1 - box.y0]
    else:
        near = near[1:-1]
    if x == 1:
        return near[:, :-1]
    wide = np.empty((len(near), 2 * (near.shape[1] - 1)), np.float32)
    wide[:, 0::2] = near[:, :-1]
    wide[:, 1::2] = (near[:, :-1] + near[:, 1:]) * np.float32(0.5)
    return wide[:, : box.x1 - box.x0]


def _decimated(values: Floats, step_x: int, step_y: int) -> Floats:
    """(h, w) to the chroma grid by the filters that undo :func:`_upsampled` exactly.

    Across, the low-pass of LeGall's 5/3 wavelet (-1 2 6 2 -1)/8; down, (-1 3 3 -1)/4: the pairs
    of the two linear interpolations. So an unchanged picture changes no chroma, and under a full
    matte nothing of the plate's chroma is left. Beyond the region values are 0.
    """
    values = _even_sized(values, step_x, step_y)
    if step_y == 2:
        upper, lower = values[0::2], values[1::2]
        around = np.pad(lower, [(1, 0), (0, 0)])[:-1] + np.pad(upper, [(0, 1), (0, 0)])[1:]
        values = (upper + lower) * np.float32(0.75) - around * np.float32(0.25)
    if step_x == 2:
        centre, right = values[:, 0::2], values[:, 1::2]
        padded = np.pad(centre, [(0, 0), (1, 1)])
        near = right + np.pad(right, [(0, 0), (1, 0)])[:, :-1]
        far = padded[:, :-2] + padded[:, 2:]
        values = centre * np.float32(0.75) + near * np.float32(0.25) - far * np.float32(0.125)
    return values


def _subsampled(values: Floats, step_x: int, step_y: int) -> Floats:
    """A matte on the chroma grid: 1-2-1 around the left column, two rows averaged; never < 0."""
    values = _even_sized(values, step_x, step_y)
    if step_y == 2:
        values = (values[0::2] + values[1::2]) * np.float32(0.5)
    if step_x == 2:
        right = values[:, 1::2]
        left = np.pad(right, [(0, 0), (1, 0)])[:, :-1]
        values = values[:, 0::2] * np.float32(0.5) + (left + right) * np.float32(0.25)
    return values


def _even_sized(values: Floats, step_x: int, step_y: int) -> Floats:
    """The last row or column repeated where an odd picture ends in half a chroma sample."""
    rows, columns = len(values) % step_y, values.shape[1] % step_x
    if rows or columns:
        grown: Floats = np.pad(values, [(0, rows), (0, columns)], mode="edge")
        return grown
    return values
