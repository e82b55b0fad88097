"""Frames of each format: outside the matte, and in every other channel and byte, the source's."""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from OpenImageIO import FLOAT, UINT16, ImageInput, ImageSpec
from sequence_kit import word, write_dpx, write_exr, write_raster

from unisync_post.errors import MediaError
from unisync_post.media.pixels import Box, blend_region, planes_of
from unisync_post.media.sequences_files import format_of, read_picture

WIDTH, HEIGHT = 61, 77
BOX = Box(10, 30, 40, 50)
MARK = "AI-modified picture"


def scene(seed: int = 0) -> NDArray[np.float32]:
    """(H, W, 3) light, with highlights and negative values as compositors make them."""
    light = np.random.default_rng(seed).normal(0.4, 0.6, (HEIGHT, WIDTH, 3)).astype(np.float32)
    light[3, 4] = (7.25, 65504.0, -0.125)
    return light


def codes(bits: int, channels: int = 3) -> NDArray[Any]:
    kind = np.uint8 if bits == 8 else np.uint16
    rng = np.random.default_rng(bits)
    return rng.integers(0, 1 << bits, (HEIGHT, WIDTH, channels)).astype(kind)


def dubbed(path: Path) -> Path:
    """The frame with a new mouth in the box, under a matte with a soft edge and a hole."""
    plate = read_picture(path)
    alpha = np.zeros((20, 30), np.float32)
    alpha[2:18, 3:27] = 0.5
    alpha[6:14, 8:22] = 1
    alpha[9, 9] = 0
    picture = blend_region(plate, BOX, np.full((20, 30, 3), 0.3125, np.float32), alpha)
    scratch = path.with_name(f"scratch{path.suffix}")
    data = format_of(path).changed(path, picture, BOX, scratch, MARK)
    new = path.with_name(f"new{path.suffix}")
    new.write_bytes(data)
    for old, drawn in zip(planes_of(picture), planes_of(read_picture(new)), strict=True):
        inside = old[32:48, 13:37].astype(np.float32)
        stored = drawn[32:48, 13:37].astype(np.float32)
        assert np.abs(inside - stored).max() <= 2e-3 * max(1.0, float(inside.max()))
    return new


def untouched(height: int = HEIGHT, width: int = WIDTH, at: tuple[int, int] = (0, 0)) -> Any:
    """(H, W) bool: where the matte of :func:`dubbed` is 0; ``at``: the display window's corner."""
    outside = np.ones((height, width), bool)
    x, y = at
    outside[BOX.y0 + 2 - y : BOX.y0 + 18 - y, BOX.x0 + 3 - x : BOX.x0 + 27 - x] = False
    outside[BOX.y0 + 9 - y, BOX.x0 + 9 - x] = True
    return outside


def decoded(path: Path) -> tuple[ImageSpec, NDArray[np.float32]]:
    """All channels, by another road than the one under test."""
    source = ImageInput.open(str(path))
    spec = source.spec()
    return spec, source.read_image(0, 0, 0, spec.nchannels, FLOAT)


def bits_of(values: NDArray[np.float32]) -> NDArray[np.uint32]:
    return np.ascontiguousarray(values).view(np.uint32)


@pytest.mark.parametrize("half", [True, False])
@pytest.mark.parametrize(
    "compression", ["none", "rle", "zips", "zip", "piz", "pxr24", "b44", "b44a", "dwaa", "dwab"]
)
def test_exr_changes_only_under_the_matte(tmp_path: Path, compression: str, half: bool) -> None:
    path = write_exr(tmp_path / "a.exr", scene(), compression=compression, half=half)
    (old_spec, old), (new_spec, new) = decoded(path), decoded(dubbed(path))
    assert np.array_equal(bits_of(old)[untouched()], bits_of(new)[untouched()])
    assert (old != new)[~untouched()].any(-1).all()
    assert new_spec.channelformats == old_spec.channelformats
    assert new_spec.format == old_spec.format
    lossy = compression in ("b44", "b44a", "dwaa", "dwab") or (compression == "pxr24" and not half)
    kept = "zip" if lossy else compression
    assert new_spec.get_string_attribute("compression") == kept


def test_exr_keeps_its_header_other_channels_and_untouched_chunks(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    alpha, depth = rng.random((2, HEIGHT, WIDTH)).astype(np.float32)
    depth[5, 5] = np.inf
    path = write_exr(
        tmp_path / "a.exr",
        scene(),
        extra={"A": alpha, "crypto.00": alpha * 2, "depth.Z": depth},
        code=word(86_400),
    )
    new = dubbed(path)
    (_, old_samples), (spec, samples) = decoded(path), decoded(new)
    for name in ("A", "crypto.00", "depth.Z"):
        place = spec.channelnames.index(name)
        assert np.array_equal(bits_of(old_samples[..., place]), bits_of(samples[..., place])), name
    source, written = path.read_bytes(), new.read_bytes()
    ours = written.index(b"unisyncProvenance")
    assert written[:ours] == source[:ours]
    assert MARK.encode() in written[ours : ours + 80]
    for attribute in (b"owner", b"com.vendor.lens", b"chromaticities", b"reelName"):
        assert attribute in written
    assert spec.getattribute("smpte:TimeCode")[1] == 7
    # a chunk of ZIP is 16 lines, and the matte lies on lines 32 to 47: the third
    table = struct.unpack_from("<5Q", source, ours + 1)
    edges = [*table, len(source)]
    kept = [source[a:b] in written for a, b in pairwise(edges)]
    assert kept == [True, True, False, True, True]


@pytest.mark.parametrize("compression", ["zip", "piz", "dwaa"])
@pytest.mark.parametrize(
    ("offset", "display"),
    [((-4, -6), (WIDTH - 8, HEIGHT - 12)), ((5, 9), (WIDTH + 20, HEIGHT + 20)), ((20, 40), None)],
)
def test_exr_data_window_unlike_the_display_window(
    tmp_path: Path, offset: tuple[int, int], display: tuple[int, int] | None, compression: str
) -> None:
    """Overscan stays; what lies outside the data stays empty, also under the matte."""
    path = write_exr(
        tmp_path / "a.exr", scene(), offset=offset, display=display, compression=compression
    )
    picture = read_picture(path)
    assert (picture.width, picture.height) == (display or (WIDTH, HEIGHT))
    plate = path.read_bytes()
    box = Box(BOX.x0, BOX.y0, BOX.x1, BOX.y1)
    shape = (box.y1 - box.y0, box.x1 - box.x0)
    rgb, alpha = np.full((*shape, 3), 0.3125, np.float32), np.ones(shape, np.float32)
    changed = blend_region(picture, box, rgb, alpha)
    new = tmp_path / "new.exr"
    new.write_bytes(format_of(path).changed(path, changed, box, tmp_path / "s.exr", MARK))
    (old_spec, old), (spec, samples) = decoded(path), decoded(new)
    assert (spec.x, spec.y, spec.full_width) == (old_spec.x, old_spec.y, old_spec.full_width)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    inside = (x + offset[0] >= box.x0) & (x + offset[0] < box.x1)
    inside &= (y + offset[1] >= box.y0) & (y + offset[1] < box.y1)
    assert np.array_equal(bits_of(old)[~inside], bits_of(samples)[~inside])
    assert (samples[inside] == 0.3125).all()
    assert path.read_bytes() == plate


@pytest.mark.parametrize("big", [True, False])
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_dpx_changes_only_the_samples_under_the_matte(tmp_path: Path, bits: int, big: bool) -> None:
    path = write_dpx(tmp_path / "a.dpx", codes(bits), bits, big=big, code=word(86_400))
    before = [plane.copy() for plane in planes_of(read_picture(path))]
    new = dubbed(path)
    source, written = path.read_bytes(), new.read_bytes()
    assert written[:2112] == source[:2112]
    assert len(written) == len(source)
    for old, plane in zip(before, planes_of(read_picture(new)), strict=True):
        assert np.array_equal(old[untouched()], plane[untouched()])
    if bits == 10:  # the fill bits of a word are nobody's to change
        order = ">" if big else "<"
        words = np.frombuffer(written, f"{order}u4", offset=2112)
        assert ((words & 3) == 1).all()


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_dpx_is_read_as_ffmpeg_reads_it(tmp_path: Path, bits: int) -> None:
    path = write_dpx(tmp_path / "a.dpx", codes(bits), bits)
    ours = read_picture(path)
    with av.open(str(path)) as container:
        theirs = next(container.decode(video=0))
    if bits in (8, 16):
        green, blue, red = planes_of(ours)
        assert np.array_equal(theirs.to_ndarray(), np.stack([red, green, blue], -1))
    else:
        assert theirs.format.name == ours.format.name
        for a, b in zip(planes_of(ours), planes_of(theirs), strict=True):
            assert np.array_equal(a, b)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_png_and_tiff_change_only_under_the_matte(
    tmp_path: Path, suffix: str, bits: int, channels: int
) -> None:
    path = write_raster(
        tmp_path / f"a.{suffix}", codes(bits, channels), compression="lzw",
        ImageDescription="a plate", Copyright="A Studio",
    )  # fmt: skip
    new = dubbed(path)
    as_stored = ImageSpec()
    as_stored.attribute("oiio:UnassociatedAlpha", 1)
    specs, pictures = [], []
    for file in (path, new):
        source = ImageInput.open(str(file), as_stored)
        specs.append(source.spec())
        pictures.append(source.read_image(0, 0, 0, channels, UINT16))
    assert np.array_equal(pictures[0][untouched()], pictures[1][untouched()])
    assert np.array_equal(pictures[0][..., 3:], pictures[1][..., 3:])
    assert specs[0].format == specs[1].format
    for name in ("ImageDescription", "Copyright", "compression"):
        assert specs[0].getattribute(name) == specs[1].getattribute(name), name


def test_png_keeps_every_other_chunk_and_says_what_was_done(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.png", codes(16))
    source = path.read_bytes()
    private = struct.pack(">I", 4) + b"vpAgABCD" + struct.pack(">I", 0x11223344)
    path.write_bytes(source[:33] + private + source[33:])
    written = dubbed(path).read_bytes()
    assert b"vpAgABCD" in written
    assert b"tEXtComment\0" + MARK.encode() in written


def replaced(old: bytes, new: bytes) -> Callable[[Path], None]:
    """Damage: the first of these bytes are others."""

    def change(path: Path) -> None:
        data = path.read_bytes()
        assert old in data
        path.write_bytes(data.replace(old, new, 1))

    return change


def flag(bit: int) -> Callable[[Path], None]:
    """An EXR version flag set."""

    def change(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[5] |= bit >> 8
        path.write_bytes(data)

    return change


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (flag(0x1000), "several parts"),
        (flag(0x800), "deep"),
        (flag(0x200), "tiles"),
        (replaced(b"compression\0\1\0\0\0\3", b"compression\0\1\0\0\0\x0b"), "compression 11"),
        (replaced(b"displayWindow\0", b"displayWindoe\0"), "no displayWindow"),
        (replaced(b"R\0\1\0\0\0", b"X\0\1\0\0\0"), "no R, G and B"),
        (replaced(b"R\0\1\0\0\0", b"R\0\0\0\0\0"), "whole numbers"),
        (lambda path: path.write_bytes(path.read_bytes()[:300]), "header is cut short"),
        (cut_short, "damaged"),
    ],
)  # fmt: skip
def test_exr_that_cannot_be_changed_is_refused_by_name(
    tmp_path: Path, change: Callable[[Path], None], said: str
) -> None:
    path = write_exr(tmp_path / "a.exr", scene())
    change(path)
    with pytest.raises(MediaError, match=said) as caught:
        dubbed(path)
    assert caught.value.file == str(path)


def test_real_tiles_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="tiles"):
        dubbed(write_exr(tmp_path / "a.exr", scene(), tiles=32))


@pytest.mark.parametrize(
    ("fields", "bits", "said"),
    [
        ({"elements": 2}, 10, "2 image elements"),
        ({"descriptor": 100}, 10, "kind 100"),
        ({"descriptor": 51}, 10, "alpha in 10 bits"),
        ({"encoding": 1}, 10, "run-length"),
        ({"packing": 0}, 10, "tightly packed"),
        ({"packing": 2}, 12, "method B"),
    ],
)
def test_dpx_that_cannot_be_changed_is_refused_by_name(
    tmp_path: Path, fields: dict[str, int], bits: int, said: str
) -> None:
    path = write_dpx(tmp_path / "a.dpx", codes(bits), bits, **fields)
    with pytest.raises(MediaError, match=said):
        dubbed(path)
    cut = write_dpx(tmp_path / "b.dpx", codes(10), 10)
    cut_short(cut)
    with pytest.raises(MediaError, match="cut short"):
        dubbed(cut)


def test_other_pictures_are_refused_by_name(tmp_path: Path) -> None:
    grey = write_raster(tmp_path / "grey.png", codes(16, 1))
    with pytest.raises(MediaError, match="no R, G and B"):
        dubbed(grey)
    jpeg = tmp_path / "a.exr"
    jpeg.write_bytes(b"\xff\xd8\xff\xe0" + bytes(100))
    with pytest.raises(MediaError, match="no OpenEXR, DPX, PNG or TIFF"):
        dubbed(jpeg)


def test_a_timecode_is_stamped_without_touching_anything_else(tmp_path: Path) -> None:
    exr = write_exr(tmp_path / "a.exr", scene(), code=word(86_400))
    dpx = write_dpx(tmp_path / "a.dpx", codes(10), 10, code=word(86_400))
    for path in (exr, dpx):
        old = path.read_bytes()
        new = format_of(path).stamped(old, path, word(86_407))
        path.write_bytes(new)
        assert format_of(path).facts(path).timecode == word(86_407)
        assert sum(a != b for a, b in zip(old, new, strict=True)) == 1
