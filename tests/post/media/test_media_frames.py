"""Decoding: exactly the pictures asked for, from any codec, in any order."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from clips import Spec, make_clip, number_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unisync_post.errors import MediaError
from unisync_post.media.frames import read_frames, read_played, rgb8
from unisync_post.media.info import MediaInfo
from unisync_post.media.probe import probe

QUIET = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@QUIET
@given(start=st.integers(0, 69), count=st.integers(0, 12))
def test_seeking_is_frame_accurate(long_gop: MediaInfo, start: int, count: int) -> None:
    count = min(count, long_gop.frames - start)
    wanted = list(range(start, start + count))
    read = [(n, number_of(f)) for n, f in read_frames(long_gop, start, count)]
    assert read == [(n, n) for n in wanted]


@QUIET
@given(indices=st.lists(st.integers(0, 69), max_size=12))
def test_pictures_come_in_played_order(long_gop: MediaInfo, indices: list[int]) -> None:
    assert [number_of(f) for f in read_played(long_gop, indices)] == indices


def test_reverse_play_of_a_whole_clip(long_gop: MediaInfo) -> None:
    indices = list(range(69, -1, -1))
    assert [number_of(f) for f in read_played(long_gop, indices)] == indices


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("short.mp4", Spec("libx264", "yuv420p", frames=40, options={"g": "3", "bf": "2"})),
        ("intra.mp4", Spec("libx264", "yuv420p", frames=40, options={"g": "1"})),
        ("clip.mkv", Spec("libx264", "yuv420p", frames=40, options={"g": "9", "bf": "2"})),
        ("clip.avi", Spec("mpeg4", "yuv420p", frames=40, options={"g": "9", "bf": "1"})),
        ("clip.ts", Spec("libx264", "yuv420p", frames=40, options={"g": "9", "bf": "2"})),
        ("clip.mxf", Spec("mpeg2video", "yuv422p", frames=40, options={"g": "9", "bf": "2"})),
        ("hevc.mp4", Spec("libx265", "yuv420p10le", frames=40,
                          options={"g": "9", "x265-params": "log-level=none"})),
    ],
)  # fmt: skip
def test_every_container_seeks_exactly(tmp_path: Path, name: str, spec: Spec) -> None:
    info = probe(make_clip(tmp_path / name, spec))
    assert info.frames == 40
    for start in range(0, 40, 3):
        read = [number_of(f) for _, f in read_frames(info, start, 1)]
        assert read == [start]


@pytest.mark.parametrize("dropped", [1, 4, 10])
def test_an_edit_list_hides_pre_roll(long_gop: MediaInfo, tmp_path: Path, dropped: int) -> None:
    trimmed = tmp_path / "trimmed.mp4"
    with av.open(str(long_gop.path)) as source, av.open(str(trimmed), "w") as out:
        old = source.streams.video[0]
        stream = out.add_stream_from_template(old)
        step = round(1 / (long_gop.rate.fps * old.time_base))
        for packet in source.demux(old):
            if packet.size:
                packet.pts -= dropped * step
                packet.dts -= dropped * step
                packet.stream = stream
                out.mux(packet)
    info = probe(trimmed)
    assert info.frames == 70 - dropped
    for start in (0, 5, 20):
        read = [number_of(f) for _, f in read_frames(info, start, 3)]
        assert read == [start + dropped + k for k in range(3)]


def test_frames_outside_the_file_are_an_error(long_gop: MediaInfo) -> None:
    with pytest.raises(MediaError, match="file of 70"):
        next(read_frames(long_gop, 68, 3))


def test_a_picture_that_does_not_decode_is_an_error(prores: MediaInfo, tmp_path: Path) -> None:
    from dataclasses import replace

    data = bytearray(prores.path.read_bytes())
    frame = [at for at in range(len(data)) if data[at : at + 4] == b"icpf"][10]
    data[frame : frame + 200] = bytes(200)
    broken = tmp_path / "broken.mov"
    broken.write_bytes(data)
    with pytest.raises(MediaError, match=r"broken\.mov"):
        list(read_frames(replace(prores, path=broken), 5, 10))


@pytest.mark.parametrize(
    ("height", "matrix", "full", "red"),
    [
        (96, 2, False, (0.299, 0.114)),
        (720, 2, False, (0.2126, 0.0722)),
        (96, 1, False, (0.2126, 0.0722)),
        (720, 9, True, (0.2627, 0.0593)),
    ],
)
def test_rgb_follows_the_tags(
    height: int, matrix: int, full: bool, red: tuple[float, float]
) -> None:
    frame = VideoFrame(64, height, "yuv444p")
    kr, kb = red
    luma, cb, cr = kr * 0.8, -0.5 * 0.8 * kr / (1 - kb), 0.5 * 0.8
    black, y_span, c_span = (0, 255, 255) if full else (16, 219, 224)
    codes = (black + luma * y_span, 128 + cb * c_span, 128 + cr * c_span)
    for plane, code in zip(frame.planes, codes, strict=True):
        np.frombuffer(plane, np.uint8)[:] = round(code)
    frame.colorspace, frame.color_range = matrix, 2 if full else 1
    pixels = rgb8(frame)
    assert pixels.shape == (height, 64, 3)
    assert np.abs(pixels.astype(int) - [204, 0, 0]).max() <= 2
