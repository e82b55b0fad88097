"""Eq. 12 in place: geometry, colour match, and nothing outside the matte."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame
from clips import picture
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unisync_post.composite import (
    ColourMatch,
    composite,
    measure_colour,
    outside_difference,
    region_of,
)
from unisync_post.media.frames import rgb8
from unisync_post.media.pixels import Box, blend_region, region_rgb

SIZE = 128
NOTHING = np.zeros((2, 2, 3), np.float32)


def soft_matte() -> NDArray[np.float32]:
    matte = np.zeros((SIZE, SIZE), np.float32)
    cv2.ellipse(matte, (64, 80), (32, 20), 0, 0, 360, 1, -1)
    return cv2.GaussianBlur(matte, (21, 21), 4)


def similarity(scale: float, angle: float, x: float, y: float) -> NDArray[np.float64]:
    """Plate -> crop: the plate point (x, y) lands in the crop's middle."""
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    turn = np.array([[c, -s], [s, c]])
    return np.hstack([turn, (np.full(2, (SIZE - 1) / 2) - turn @ [x, y])[:, None]])


def plate(pixel_format: str = "yuv420p") -> VideoFrame:
    return VideoFrame.from_ndarray(picture(3, 200, 160), "rgb24").reformat(format=pixel_format)


@settings(max_examples=40, deadline=None)
@given(
    pixel_format=st.sampled_from(["yuv420p", "yuv422p10le", "yuv444p12le", "yuva444p10le"]),
    scale=st.floats(0.4, 4),
    angle=st.sampled_from([0.0, np.pi / 2, np.pi]) | st.floats(-3, 3),
    x=st.floats(-40, 240),
    y=st.floats(-40, 200),
)
def test_only_the_matte(pixel_format: str, scale: float, angle: float, x: float, y: float) -> None:
    frame, generated = plate(pixel_format), picture(9, SIZE, SIZE)
    matrix = similarity(scale, angle, x, y)
    new, region = composite(frame, generated, matrix, soft_matte(), ColourMatch.identity())
    assert outside_difference(frame, new, region) == 0
    whole = cv2.warpAffine(
        soft_matte(), matrix, (200, 160), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    box = region.box
    whole[box.y0 : box.y1, box.x0 : box.x1] = 0
    assert whole.max(initial=0) == 0, "the region cuts the matte"


@pytest.mark.parametrize("scale", [0.6, 1.0, 2.5])
def test_the_crop_lands_where_it_was_taken(scale: float) -> None:
    y, x = np.mgrid[0:160, 0:200].astype(np.float32)
    smooth = np.stack([x, y + 20, 255 - x / 2 - y / 2], -1).astype(np.uint8)
    frame = VideoFrame.from_ndarray(smooth, "rgb24").reformat(format="yuv444p12le")
    matrix = similarity(scale, 0.3, 97.3, 81.8)
    crop = cv2.warpAffine(smooth, matrix, (SIZE, SIZE), flags=cv2.INTER_CUBIC)
    grey = VideoFrame.from_ndarray(np.full_like(smooth, 90), "rgb24").reformat(format="yuv444p12le")
    new, region = composite(grey, crop, matrix, soft_matte(), ColourMatch.identity())
    deep = region.alpha > 0.99
    off = (region_rgb(new, region.box) - region_rgb(frame, region.box))[deep]
    assert np.abs(off).mean() * 255 < 0.8
    assert np.abs(off.mean(0)).max() * 255 < 0.6


def test_detail_finer_than_the_plate_does_not_alias() -> None:
    board = np.where((np.indices((SIZE, SIZE)).sum(0) % 2)[..., None], 255, 0)
    checks = np.repeat(board, 3, -1).astype(np.uint8)
    frame = plate("yuv444p")
    matrix = similarity(2.9, 0.1, 100, 80)
    new, region = composite(frame, checks, matrix, soft_matte(), ColourMatch.identity())
    inner = region_rgb(new, region.box)[region.alpha > 0.99]
    assert inner.std() * 255 < 12


def test_a_matte_outside_the_frame_changes_nothing() -> None:
    frame = plate()
    empty = np.zeros((SIZE, SIZE), np.float32)
    for matte, x in ((empty, 100.0), (soft_matte(), 900.0)):
        matrix = similarity(1, 0, x, 80)
        new, region = composite(
            frame, picture(1, SIZE, SIZE), matrix, matte, ColourMatch.identity()
        )
        assert new is frame
        assert region.alpha.size == 0
        assert outside_difference(frame, new, region) == 0
    unseen = np.full((2, 3), np.nan)
    assert region_of(frame, unseen, soft_matte()).alpha.size == 0


def test_the_difference_is_seen_in_every_plane() -> None:
    for pixel_format in ("yuv420p", "yuva444p10le"):
        for number in range(len(plate(pixel_format).planes)):
            frame = plate(pixel_format)
            other = blend_region(frame, Box(0, 0, 2, 2), NOTHING, NOTHING[..., 0])
            memoryview(other.planes[number])[5 * other.planes[number].line_size] ^= 2
            assert outside_difference(frame, other, None) == 2


def crops() -> NDArray[np.uint8]:
    return np.stack([picture(k, SIZE, SIZE) for k in range(6)])


def mouths() -> NDArray[np.uint8]:
    return np.stack([(soft_matte() > 0).astype(np.uint8) * 255] * 6)


def test_equal_pictures_are_matched_by_the_identity() -> None:
    match = measure_colour(crops(), crops(), mouths())
    assert (match.gain == 1).all()
    assert (match.offset == 0).all()


def test_a_cast_is_found_under_outliers_and_other_lips() -> None:
    gain, offset = np.array([1.08, 0.95, 1.0]), np.array([-0.02, 0.03, 0.015])
    generated = ((crops() / 255 - offset) / gain * 255).round().clip(0, 255).astype(np.uint8)
    generated[mouths() > 0] = 0
    generated[:, :12, 40:90] = 255
    match = measure_colour(crops(), generated, mouths())
    usable = (generated > 4) & (generated < 251)
    fixed = generated / 255 * match.gain + match.offset
    off = np.abs(fixed - crops() / 255)[usable & (mouths() == 0)[..., None]]
    assert off.mean() * 255 < 1


def test_a_flat_picture_gets_an_offset_only() -> None:
    flat = np.full((2, 64, 64, 3), 100, np.uint8)
    match = measure_colour(flat + np.uint8(7), flat, np.zeros((2, 64, 64), np.uint8))
    assert (match.gain == 1).all()
    assert np.allclose(match.offset * 255, 7, atol=0.01)


def test_no_pixel_outside_the_mouth_is_the_identity() -> None:
    match = measure_colour(crops(), crops() // 2, np.full((6, SIZE, SIZE), 255, np.uint8))
    assert (match.gain == 1).all()


def test_the_match_is_applied() -> None:
    frame = plate("yuv444p12le")
    grey = np.full((SIZE, SIZE, 3), 100, np.uint8)
    match = ColourMatch(np.float32([1.1, 1, 0.9]), np.float32([0, 0.1, 0]))
    new, region = composite(frame, grey, similarity(1, 0, 100, 80), soft_matte(), match)
    inner = region_rgb(new, region.box)[region.alpha > 0.999]
    assert np.abs(inner * 255 - [110, 125.5, 90]).max() < 1
    assert rgb8(new).shape == (160, 200, 3)
