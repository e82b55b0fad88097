"""Proxies have the shot's frames at the shot's rate, and say where the pictures differ."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from review_kit import AFTER, BEFORE, HEIGHT, WIDTH, Picture, coded, decoded

from unisync_adapters.timebase import Rate
from unisync_post.errors import MediaError
from unisync_post.review import Proxies, ReviewOptions, write_proxies
from unisync_post.review.stills import proxy_size

RATES = ["1350/61", "24000/1001", "25", "30000/1001", "60000/1001", "120"]


def pictures(count: int, ink: tuple[int, int, int], changed: int = -1) -> Iterator[Picture]:
    return (coded(k, ink, k == changed) for k in range(count))


def make(folder: Path, count: int = 17, rate: str = "25", **settings: object) -> Proxies:
    return write_proxies(
        folder,
        pictures(count, BEFORE),
        pictures(count, BEFORE, changed=11),
        count=count,
        rate=Rate.of(rate),
        **settings,  # type: ignore[arg-type]
    )


def frames_of(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def rgb(frame: av.VideoFrame) -> Picture:
    return frame.to_ndarray(format="rgb24")


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("count", [1, 17])
def test_every_frame_at_its_exact_time(tmp_path: Path, rate: str, count: int) -> None:
    make(tmp_path, count, rate)
    for name in ("before.mp4", "after.mp4"):
        shown = frames_of(tmp_path / name)
        assert [frame.pts * frame.time_base for frame in shown] == [
            Rate.of(rate).seconds(k) for k in range(count)
        ]
        assert [decoded(rgb(frame)) for frame in shown] == list(range(count))


def test_a_browser_can_step_through_them(tmp_path: Path) -> None:
    make(tmp_path, 40, options=ReviewOptions(gop=6))
    with av.open(str(tmp_path / "after.mp4")) as container:
        packets = [p for p in container.demux(video=0) if p.size]
        assert container.streams.video[0].pix_fmt == "yuv420p"
    assert [p.pts for p in packets] == [p.dts for p in packets], "no B-frames"
    keys = [k for k, packet in enumerate(packets) if packet.is_keyframe]
    assert keys[0] == 0
    assert max(b - a for a, b in pairwise([*keys, len(packets)])) <= 6
    data = (tmp_path / "after.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "the index stands in front"


def test_colours_are_those_of_the_pictures(tmp_path: Path) -> None:
    make(tmp_path)
    picture = rgb(frames_of(tmp_path / "before.mp4")[1])
    assert np.abs(picture[20, 8].astype(int) - BEFORE).max() <= 6


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    tone = np.sin(np.arange(32_640) / 9).astype(np.float32)
    for name in ("one", "two"):
        make(tmp_path / name, draft=True, dub=tone, original=tone)
    for name in ("before.mp4", "after.mp4", "before.jpg", "after.jpg"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize(("before", "after"), [(9, 10), (10, 9), (11, 11), (9, 9), (0, 0)])
def test_another_number_of_pictures_is_an_error(tmp_path: Path, before: int, after: int) -> None:
    with pytest.raises(MediaError):
        write_proxies(
            tmp_path,
            pictures(before, BEFORE),
            pictures(after, AFTER),
            count=10,
            rate=Rate.of(25),
        )
    assert list(tmp_path.iterdir()) == []


def test_the_change_is_found(tmp_path: Path) -> None:
    made = make(tmp_path)
    assert made.poster == 11
    assert [k for k, change in enumerate(made.changes) if change] == [11]
    assert made.changes[11] == 1000
    assert made.region is not None
    x0, y0, x1, y1 = made.region
    assert (x0, x1) == pytest.approx((96 * 1000 / WIDTH, 160 * 1000 / WIDTH), abs=12)
    assert (y0, y1) == pytest.approx((625, 875), abs=20)


def test_equal_pictures_have_no_changed_region(tmp_path: Path) -> None:
    same = [coded(k, BEFORE) for k in range(5)]
    made = write_proxies(tmp_path, same, same, count=5, rate=Rate.of(25))
    assert made.region is None
    assert set(made.changes) == {0}


def test_draft_is_written_on_the_after_picture_only(tmp_path: Path) -> None:
    make(tmp_path / "plain")
    make(tmp_path / "draft", draft=True)
    make(tmp_path / "without", draft=True, options=ReviewOptions(burn_in=False))
    corner = np.s_[: HEIGHT // 4, WIDTH * 3 // 4 :]

    def first(name: str) -> Picture:
        return rgb(frames_of(tmp_path / name)[0])[corner].astype(int)

    assert np.abs(first("draft/after.mp4") - first("plain/after.mp4")).max() > 100
    assert (first("draft/before.mp4") == first("plain/before.mp4")).all()
    assert (first("without/after.mp4") == first("plain/after.mp4")).all()


def test_sound_is_as_long_as_the_picture(tmp_path: Path) -> None:
    rate = Rate.of("30000/1001")
    tone = np.sin(np.arange(round(rate.seconds(60) * 48_000)) / 9).astype(np.float32) / 2
    make(tmp_path, 60, "30000/1001", dub=tone)
    with av.open(str(tmp_path / "after.mp4")) as container:
        stream = container.streams.audio[0]
        assert abs(stream.duration * stream.time_base - rate.seconds(60)) < Fraction(1, 40)
    with av.open(str(tmp_path / "before.mp4")) as container:
        assert not container.streams.audio


@pytest.mark.parametrize(
    ("raster", "aspect", "size"),
    [
        ((3840, 2160), Fraction(1), (960, 540)),
        ((2880, 1620), Fraction(1), (960, 540)),
        ((320, 181), Fraction(1), (320, 180)),
        ((1440, 1080), Fraction(4, 3), (960, 540)),
        ((720, 576), Fraction(64, 45), (960, 540)),
        ((2, 2), Fraction(1), (2, 2)),
    ],
)
def test_proxies_are_even_and_keep_the_shape(
    raster: tuple[int, int], aspect: Fraction, size: tuple[int, int]
) -> None:
    assert proxy_size(*raster, 540, aspect) == size
