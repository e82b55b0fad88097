"""Native-format regions: nothing changes where the matte is zero, at any depth and subsampling."""

from __future__ import annotations

import numpy as np
import pytest
from av.video.frame import VideoFrame
from clips import picture
from hypothesis import given, settings
from hypothesis import strategies as st

from unisync_post.composite import Region, outside_difference
from unisync_post.errors import MediaError
from unisync_post.media.frames import rgb8
from unisync_post.media.pixels import (
    Box,
    blend_region,
    chroma_alpha,
    layout_of,
    planes_of,
    region_rgb,
)

FORMATS = [
    f"{kind}{subsampling}p{bits}"
    for kind in ("yuv", "yuva")
    for subsampling in ("420", "422", "444")
    for bits in ("", "10le", "12le")
    if not (kind == "yuva" and (bits == "12le") and subsampling == "420")
] + ["yuvj420p"]


def plate(pixel_format: str, width: int = 98, height: int = 77) -> VideoFrame:
    """A frame of random codes over the whole depth, super-whites and all, with tags and a time."""
    frame = VideoFrame(width, height, pixel_format)
    noise = np.random.default_rng(7)
    for plane in planes_of(frame):
        top = 1 << frame.format.components[0].bits
        plane[...] = noise.integers(0, top, plane.shape)
    frame.pts, frame.colorspace, frame.color_primaries, frame.color_trc = 41, 9, 9, 16
    return frame


boxes = st.tuples(
    st.integers(0, 90), st.integers(0, 70), st.integers(1, 60), st.integers(1, 60)
).map(lambda b: Box(b[0], b[1], min(98, b[0] + b[2]), min(77, b[1] + b[3])))


@settings(max_examples=60, deadline=None)
@given(pixel_format=st.sampled_from(FORMATS), box=boxes, seed=st.integers(0, 9))
def test_only_the_matte_changes(pixel_format: str, box: Box, seed: int) -> None:
    frame = plate(pixel_format)
    before = [p.copy() for p in planes_of(frame)]
    noise = np.random.default_rng(seed)
    size = (box.y1 - box.y0, box.x1 - box.x0)
    alpha = (noise.random(size) * (noise.random(size) < 0.3)).astype(np.float32)
    rgb = noise.random((*size, 3)).astype(np.float32)
    new = blend_region(frame, box, rgb, alpha)
    assert outside_difference(frame, new, Region(box, alpha)) == 0
    assert all((a == b).all() for a, b in zip(planes_of(frame), before, strict=True))
    if alpha.max() > 0.5:
        assert outside_difference(frame, new, None) > 0
    assert (new.pts, new.colorspace, new.color_primaries, new.color_trc) == (41, 9, 9, 16)


@pytest.mark.parametrize("pixel_format", FORMATS)
def test_an_unchanged_region_comes_back(pixel_format: str) -> None:
    frame, box = plate(pixel_format), Box(11, 9, 71, 60)
    new = blend_region(frame, box, region_rgb(frame, box), np.ones((51, 60), np.float32))
    assert outside_difference(frame, new, None) == 0


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p10le", "yuv444p12le"])
def test_a_full_matte_brings_the_new_colour(pixel_format: str) -> None:
    frame, box = plate(pixel_format), Box(10, 10, 60, 60)
    colour = np.array([0.8, 0.3, 0.1], np.float32)
    new = blend_region(frame, box, np.tile(colour, (50, 50, 1)), np.ones((50, 50), np.float32))
    inner = region_rgb(new, Box(20, 20, 50, 50))
    assert np.abs(inner - colour).max() < 2.5 / 255


def test_codes_are_rounded_half_to_even() -> None:
    frame = VideoFrame(8, 8, "yuv444p")
    for plane, code in zip(planes_of(frame), (100, 128, 128), strict=True):
        plane[...] = code
    box, grey = Box(0, 0, 8, 8), np.float32((103 - 16) / 219)
    half = np.full((8, 8), 0.5, np.float32)
    assert (planes_of(blend_region(frame, box, np.full((8, 8, 3), grey), half))[0] == 102).all()
    planes_of(frame)[0][...] = 101
    grey = np.float32((104 - 16) / 219)
    assert (planes_of(blend_region(frame, box, np.full((8, 8, 3), grey), half))[0] == 102).all()


@pytest.mark.parametrize("pixel_format", ["yuv422p10le", "yuv444p", "yuvj420p"])
def test_regions_agree_with_the_analysis_picture(pixel_format: str) -> None:
    source = VideoFrame.from_ndarray(picture(3, 128, 96), "rgb24")
    frame = source.reformat(format=pixel_format, dst_colorspace=5)
    box = Box(4, 12, 124, 92)
    off = region_rgb(frame, box) * 255 - rgb8(frame)[12:92, 4:124]
    assert np.abs(off[2:-2, 2:-2]).mean() < 1


def test_chroma_share_of_one_pixel() -> None:
    frame = plate("yuv420p")
    alpha = np.zeros((4, 6), np.float32)
    alpha[1, 3] = 1
    box, share = chroma_alpha(frame, Box(10, 20, 16, 24), alpha)
    assert box == Box(5, 10, 8, 12)
    assert share.tolist() == [[0, 0.125, 0.125], [0, 0, 0]]


@pytest.mark.parametrize("name", ["gbrp", "gbrp10le", "gbrp12le", "gbrp16le", "gbrpf32le"])
def test_rgb_is_blended_in_its_own_codes(name: str) -> None:
    """Bit-exact where the matte is 0, also where a float is no number."""
    frame = VideoFrame(24, 16, name)
    rng = np.random.default_rng(3)
    for plane in planes_of(frame):
        codes = rng.random(plane.shape) * layout_of(frame).top
        plane[...] = codes.astype(plane.dtype)
    if name == "gbrpf32le":
        planes_of(frame)[0][5, 6] = np.nan
        planes_of(frame)[1][6, 7] = 7e4
    box = Box(4, 3, 12, 11)
    alpha = np.zeros((8, 8), np.float32)
    alpha[2:6, 2:6] = 0.5
    new = blend_region(frame, box, np.full((8, 8, 3), 0.25, np.float32), alpha)
    inside = np.zeros((16, 24), bool)
    inside[5:9, 6:10] = True
    for old, plane in zip(planes_of(frame), planes_of(new), strict=True):
        assert np.array_equal(old[~inside], plane[~inside], equal_nan=True)
        wanted = (old.astype(np.float64) + 0.25 * layout_of(frame).top) / 2
        kept = np.isfinite(wanted) & inside
        assert np.abs(plane - wanted)[kept].max() <= (0.51 if name != "gbrpf32le" else 1e-2)
        assert np.isnan(plane[5, 6]) == np.isnan(old[5, 6])


def test_other_formats_are_refused_by_name() -> None:
    frame = VideoFrame(16, 16, "rgb24")
    with pytest.raises(MediaError, match="rgb24"):
        region_rgb(frame, Box(0, 0, 8, 8))
    frame = VideoFrame(16, 16, "yuv420p")
    with pytest.raises(MediaError, match="no region"):
        region_rgb(frame, Box(0, 0, 17, 8))
    frame.colorspace = 8
    with pytest.raises(MediaError, match="matrix 8"):
        region_rgb(frame, Box(0, 0, 8, 8))
