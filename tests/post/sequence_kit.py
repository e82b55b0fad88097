"""Frames of image sequences, written as cameras, scanners and compositors write them."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from OpenImageIO import (
    FLOAT,
    HALF,
    UINT8,
    UINT16,
    ImageOutput,
    ImageSpec,
    TypeDesc,
    TypeRational,
    TypeTimeCode,
)

Codes = NDArray[np.uint8] | NDArray[np.uint16]


def word(frame: int, fps: int = 24) -> int:
    """The SMPTE 12M address of a frame number."""
    seconds, frames = divmod(frame, fps)
    text = f"{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}{frames:02d}"
    return int(text, 16)


def write_exr(
    path: Path,
    rgb: NDArray[np.float32],
    *,
    compression: str = "zip",
    half: bool = True,
    extra: dict[str, NDArray[np.float32]] | None = None,
    code: int | None = None,
    offset: tuple[int, int] = (0, 0),
    display: tuple[int, int] | None = None,
    tiles: int = 0,
) -> Path:
    """A scanline EXR: R, G, B and ``extra`` channels, with the attributes of a camera.

    Args:
        rgb: (H, W, 3) of the data window, whose corner lies at ``offset`` in the display window.
        extra: more channels; those called Z or depth are float, others as R, G and B.
        display: width and height of the display window; the data's own where not given.
    """
    extra = extra or {}
    height, width = rgb.shape[:2]
    colour = HALF if half else FLOAT
    mixed = half and any(name.endswith("Z") for name in extra)
    spec = ImageSpec(width, height, 3 + len(extra), FLOAT if mixed else colour)
    spec.channelnames = ("R", "G", "B", *extra)
    spec.channelformats = tuple(
        FLOAT if name.endswith("Z") else colour for name in spec.channelnames
    )
    spec.x, spec.y = offset
    spec.full_x = spec.full_y = 0
    spec.full_width, spec.full_height = display or (width, height)
    if tiles:
        spec.tile_width = spec.tile_height = tiles
    spec.attribute("compression", compression)
    spec.attribute("owner", "A Studio")
    spec.attribute("reelName", "A001C003")
    spec.attribute("chromaticities", TypeDesc("float[8]"), ACES)
    spec.attribute("com.vendor.lens", "40 mm")
    spec.attribute("framesPerSecond", TypeRational, (24, 1))
    if code is not None:
        spec.attribute("smpte:TimeCode", TypeTimeCode, (code, 7))
    planes = [rgb, *(plane[..., None] for plane in extra.values())]
    return _write(path, spec, np.concatenate(planes, -1).astype(np.float32))


ACES = (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767)


def write_raster(path: Path, codes: Codes, **attributes: Any) -> Path:
    """A PNG or TIFF of these codes."""
    kind = UINT8 if codes.dtype == np.uint8 else UINT16
    spec = ImageSpec(codes.shape[1], codes.shape[0], codes.shape[2], kind)
    spec.attribute("oiio:UnassociatedAlpha", 1)
    for name, value in attributes.items():
        spec.attribute(name.replace("__", ":"), value)
    return _write(path, spec, codes)


def _write(path: Path, spec: ImageSpec, samples: NDArray[Any]) -> Path:
    output = ImageOutput.create(str(path))
    assert output.open(str(path), spec), output.geterror()
    assert output.write_image(np.ascontiguousarray(samples))
    assert output.close()
    return path


def write_dpx(
    path: Path,
    codes: Codes,
    bits: int,
    *,
    big: bool = True,
    code: int = 0xFFFFFFFF,
    packing: int = 1,
    transfer: int = 1,
    **fields: int,
) -> Path:
    """A DPX as SMPTE ST 268 lays it out, 2048 bytes of header and 64 of user data before it.

    ``fields`` put other values in the header: ``elements``, ``descriptor``, ``encoding``.
    """
    order = ">" if big else "<"
    height, width, channels = codes.shape
    head = bytearray(b"\xff" * 2112)
    head[2048:] = bytes(range(64))
    struct.pack_into(f"{order}4sI8s", head, 0, b"SDPX" if big else b"XPDS", 2112, b"V1.0\0\0\0\0")
    head[36:136] = b"scan.dpx".ljust(100, b"\0")
    head[160:260] = b"A Scanner".ljust(100, b"\0")
    elements = fields.get("elements", 1)
    struct.pack_into(f"{order}HHII", head, 768, 0, elements, width, height)
    descriptor = fields.get("descriptor", 50 if channels == 3 else 51)
    head[800:804] = bytes([descriptor, transfer, 6, bits])
    encoding = fields.get("encoding", 0)
    struct.pack_into(f"{order}HHIII", head, 804, packing, encoding, 2112, 0, 0)
    struct.pack_into(f"{order}2I", head, 1628, 1, 1)
    struct.pack_into(f"{order}f", head, 1724, 24.0)
    struct.pack_into(f"{order}I", head, 1920, code)
    struct.pack_into(f"{order}f", head, 1940, 24.0)
    path.write_bytes(bytes(head) + _dpx_pixels(codes, bits, order))
    return path


def _dpx_pixels(codes: Codes, bits: int, order: str) -> bytes:
    if bits == 10:
        red, green, blue = (codes[..., c].astype(np.uint32) for c in range(3))
        # the two bits that fill a word are the scanner's own
        return (red << 22 | green << 12 | blue << 2 | 1).astype(f"{order}u4").tobytes()
    if bits == 8:
        lines = codes.reshape(len(codes), -1)
        return np.pad(lines, [(0, 0), (0, -lines.shape[1] % 4)]).tobytes()
    shifted = codes.astype(np.uint16) << (4 if bits == 12 else 0)
    lines = shifted.astype(f"{order}u2").reshape(len(codes), -1)
    return np.pad(lines, [(0, 0), (0, lines.shape[1] % 2)]).tobytes()
