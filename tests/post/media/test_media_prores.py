"""Slice splicing: outside the touched slices a changed ProRes frame is the plate's, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from clips import Spec, make_clip
from hypothesis import given, settings
from hypothesis import strategies as st

from unisync_post.composite import Region, outside_difference
from unisync_post.media.frames import read_frames
from unisync_post.media.info import MediaInfo
from unisync_post.media.mux import Picture
from unisync_post.media.packets import PicturePackets
from unisync_post.media.pixels import Box, blend_region
from unisync_post.media.probe import probe
from unisync_post.media.prores import splice_slices
from unisync_post.media.write import Written, write_media

BOX = Box(70, 40, 121, 71)


def painted(info: MediaInfo, box: Box) -> Iterator[Picture]:
    """Odd pictures get a red box."""
    rgb = np.tile(np.float32([0.7, 0.2, 0.1]), (box.y1 - box.y0, box.x1 - box.x0, 1))
    for number, frame in read_frames(info, 0, 6):
        new = blend_region(frame, box, rgb, np.ones(rgb.shape[:2], np.float32))
        yield number, (new if number % 2 else frame), (box if number % 2 else False)


def rewrite(info: MediaInfo, out: Path) -> Written:
    return write_media(
        info, painted(info, BOX), out, count=6, rate=info.rate, start_frame=0, audio=False
    )


def on_slices(info: MediaInfo, box: Box) -> Region:
    """The box grown to whole slices: eight macroblocks wide, fewer at the right edge."""
    x1 = min(info.width, -(-box.x1 // 128) * 128)
    grown = Box(box.x0 // 128 * 128, box.y0 // 16 * 16, x1, min(info.height, -(-box.y1 // 16) * 16))
    return Region(grown, np.ones((grown.y1 - grown.y0, grown.x1 - grown.x0), np.float32))


@pytest.mark.parametrize("codec", ["prores_ks", "prores_aw"])
@pytest.mark.parametrize(
    ("profile", "pixels"),
    [
        (0, "yuv422p10le"),
        (2, "yuv422p10le"),
        (3, "yuv422p10le"),
        (4, "yuv444p10le"),
        (4, "yuva444p10le"),
    ],
)
def test_only_touched_slices_differ(tmp_path: Path, codec: str, profile: int, pixels: str) -> None:
    options = {"profile": str(profile)}
    spec = Spec(codec, pixels, width=362, height=140, frames=6, options=options)
    info = probe(make_clip(tmp_path / "plate.mov", spec))
    written = rewrite(info, tmp_path / "new.mov")
    assert (written.copied, written.encoded, written.spliced) == (3, 3, 3)
    new = probe(written.path)
    pairs = zip(read_frames(info, 0, 6), read_frames(new, 0, 6), strict=True)
    for (number, plate), (_, made) in pairs:
        region = on_slices(info, BOX) if number % 2 else None
        assert outside_difference(plate, made, region) == 0, "alpha counts everywhere"
        assert (outside_difference(plate, made, None) > 100) == bool(number % 2)


def test_other_matrices_fall_back_to_the_encode(tmp_path: Path) -> None:
    spec = Spec(options={"profile": "hq", "quant_mat": "lt"}, width=362, height=140, frames=6)
    written = rewrite(probe(make_clip(tmp_path / "plate.mov", spec)), tmp_path / "new.mov")
    assert (written.copied, written.encoded, written.spliced) == (3, 3, 0)


@dataclass(frozen=True)
class Coded:
    """Two coded frames, too long to be printed."""

    first: bytes = field(repr=False)
    second: bytes = field(repr=False)


@pytest.fixture(scope="module")
def coded(tmp_path_factory: pytest.TempPathFactory) -> Coded:
    folder = tmp_path_factory.mktemp("prores")
    info = probe(make_clip(folder / "a.mov", Spec(width=362, height=140, frames=2)))
    with PicturePackets(info) as packets:
        return Coded(packets.read(0), packets.read(1))


def test_no_slice_or_every_slice(coded: Coded) -> None:
    first, second = coded.first, coded.second
    assert splice_slices(first, second, Box(0, 0, 0, 0)) == first
    assert splice_slices(first, second, Box(0, 0, 362, 140)) == second


@settings(max_examples=60, deadline=None)
@given(length=st.integers(0, 400), at=st.integers(0, 200), value=st.integers(0, 255))
def test_damaged_frames_never_splice_wrongly(
    coded: Coded, length: int, at: int, value: int
) -> None:
    first, second = coded.first, coded.second
    box = Box(0, 0, 40, 40)
    assert splice_slices(first[:length], second, box) is None
    damaged = bytearray(first)
    damaged[at] = value
    spliced = splice_slices(bytes(damaged), second, box)
    assert spliced is None or int.from_bytes(spliced[:4], "big") == len(spliced)
