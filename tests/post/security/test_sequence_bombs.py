"""Frames of image sequences that claim more than there is (fault table, row 17)."""

from __future__ import annotations

import random
import struct
import zlib
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sequence_kit import write_dpx, write_exr, write_raster
from traps import in_limits

from unisync_adapters.timebase import Rate
from unisync_post.errors import MediaError
from unisync_post.media.frames import read_played
from unisync_post.media.pixels import Box
from unisync_post.media.probe import probe
from unisync_post.media.sequences_files import format_of

BLACK = np.zeros((16, 24, 3), np.float32)


def opened(path: Path) -> None:
    """Probe and decode a sequence of one frame."""
    sequence = path.with_name(path.name.replace("0001", "[0001-0001]"))
    for _ in read_played(probe(sequence, Rate.of(24)), [0]):
        pass


def changed(path: Path) -> None:
    """Change a few pixels of a frame."""
    form = format_of(path)
    form.changed(path, form.read(path), Box(2, 2, 6, 6), path.with_name("s.exr"), "")


def png(path: Path, width: int, height: int) -> Path:
    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b""))
    return path


def exr(path: Path, width: int, height: int) -> Path:
    data = bytearray(write_exr(path, BLACK).read_bytes())
    for window in (b"dataWindow\0", b"displayWindow\0"):
        at = data.index(window) + len(window) + len(b"box2i\0") + 4
        data[at : at + 16] = struct.pack("<4i", 0, 0, width - 1, height - 1)
    path.write_bytes(data)
    return path


def dpx(path: Path, width: int, height: int) -> Path:
    data = bytearray(write_dpx(path, BLACK.astype(np.uint16), 10).read_bytes())
    data[772:780] = struct.pack(">II", width, height)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (32_000, 32_000), (65_000, 2)])
@pytest.mark.parametrize("make", [png, exr, dpx])
def test_row_17_frames_of_billions_of_pixels(
    tmp_path: Path, make: object, width: int, height: int
) -> None:
    path = make(tmp_path / f"a.0001.{make.__name__}", width, height)  # type: ignore[operator,attr-defined]
    with pytest.raises(MediaError) as caught:
        in_limits(partial(opened, path))
    assert path.name in str(caught.value)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("suffix", ["exr", "dpx", "png", "tif"])
def test_damaged_frames_end_in_a_named_error(tmp_path: Path, suffix: str, seed: int) -> None:
    codes = np.random.default_rng(0).integers(0, 1024, (40, 30, 3)).astype(np.uint16)
    whole = tmp_path / f"a.{suffix}"
    if suffix == "exr":
        write_exr(whole, codes / np.float32(1023))
    elif suffix == "dpx":
        write_dpx(whole, codes, 10)
    else:
        write_raster(whole, codes)
    data, rng = whole.read_bytes(), random.Random(seed)
    path, refused = tmp_path / f"b.{suffix}", []
    for _ in range(25):
        broken = bytearray(data)
        at = rng.randrange(rng.choice((60, 900, len(data))))
        if rng.random() < 0.3:
            del broken[at : at + rng.choice((1, 40, len(data)))]
        else:
            broken[at : at + 4] = rng.randbytes(4)
        path.write_bytes(broken)
        try:
            changed(path)
        except MediaError as error:
            refused.append(error.file)
    assert refused
    assert all(refused)


def test_row_17_a_header_of_gigabytes(tmp_path: Path) -> None:
    path = write_exr(tmp_path / "a.0001.exr", BLACK)
    data = path.read_bytes()
    size = data.index(b"owner\0string\0") + len(b"owner\0string\0")
    path.write_bytes(data[:size] + b"\xff\xff\xff\x7f" + data[size + 4 :])
    with pytest.raises(MediaError, match="header is cut short"):
        in_limits(partial(opened, path))


def test_row_17_a_table_that_leads_out_of_the_file(tmp_path: Path) -> None:
    path = write_exr(tmp_path / "a.0001.exr", BLACK)
    data = path.read_bytes()
    # its only chunk follows the table of one offset
    table = next(n for n in range(200, len(data)) if data[n : n + 8] == struct.pack("<Q", n + 8))
    path.write_bytes(data[:table] + b"\xff" * 7 + b"\x7f" + data[table + 8 :])
    with pytest.raises(MediaError, match="lines of it are missing"):
        in_limits(partial(changed, path))
