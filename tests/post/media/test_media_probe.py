"""Probing: facts as written, files that are not whole, files that cannot be used."""

from __future__ import annotations

import os
import shutil
from fractions import Fraction
from pathlib import Path

import av
import pytest
from clips import Spec, make_clip

from unisync_adapters.timebase import Rate
from unisync_post.errors import MediaError
from unisync_post.media.info import ColourTags, MediaInfo
from unisync_post.media.probe import check_usable, identity, probe

H264 = Spec("libx264", "yuv420p", options={"g": "7", "bf": "2"}, frames=30)
DNX = Spec("dnxhd", width=256, height=120, options={"profile": "dnxhr_hqx"}, frames=30)


def test_facts_of_a_master(prores: MediaInfo) -> None:
    assert (prores.codec, prores.profile) == ("prores", "HQ")
    assert (prores.pixel_format, prores.bits, prores.intra) == ("yuv422p10le", 10, True)
    assert (prores.width, prores.height, prores.pixel_aspect) == (128, 96, Fraction(4, 3))
    assert (prores.rate, prores.frames) == (Rate.of(29.97), 40)
    assert (prores.has_timecode, prores.drop, prores.reel) == (True, True, "A001C002")
    assert prores.start_frame == 30 * 3598 + 2 - 2 * (59 - 5)
    assert prores.colour == ColourTags(9, 16, 9, 1)
    assert [(a.index, a.codec, a.language) for a in prores.audio] == [
        (0, "pcm_s24le", "fra"),
        (1, "aac", "eng"),
    ]
    assert check_usable(prores) is None


def test_identity_survives_a_move_and_sees_a_change(prores: MediaInfo, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere.mov"
    shutil.copy(prores.path, moved)
    assert identity(moved) == prores.identity
    data = bytearray(moved.read_bytes())
    data[len(data) // 2] ^= 1
    moved.write_bytes(data)
    assert identity(moved) != prores.identity


def test_a_changed_file_is_indexed_again(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mov", Spec(frames=5))
    assert probe(path).frames == 5
    make_clip(path, Spec(frames=9))
    assert probe(path).frames == 9


@pytest.mark.parametrize("share", [0.35, 0.6, 0.97])
@pytest.mark.parametrize(
    ("name", "spec", "front"),
    [
        ("front.mov", Spec(frames=30), True),
        ("back.mov", Spec(frames=30), False),
        ("front.mp4", H264, True),
        ("back.mp4", H264, False),
        ("clip.mkv", H264, False),
        ("clip.mxf", DNX, False),
    ],
)
def test_a_truncated_file_is_an_error(
    tmp_path: Path, name: str, spec: Spec, front: bool, share: float
) -> None:
    whole = make_clip(tmp_path / f"whole_{name}", spec)
    if front:
        whole = _index_in_front(whole)
    assert probe(whole).frames == 30
    cut = tmp_path / name
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * share)])
    with pytest.raises(MediaError, match=name):
        probe(cut)


def _index_in_front(path: Path) -> Path:
    new = path.with_name(f"f{path.name}")
    with (
        av.open(str(path)) as source,
        av.open(str(new), "w", options={"movflags": "faststart"}) as out,
    ):
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    return new


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"gone\.mov"):
        probe(tmp_path / "gone.mov")
    text = tmp_path / "text.mov"
    text.write_text("not media")
    with pytest.raises(MediaError, match=r"text\.mov"):
        probe(text)
    sound = make_clip(tmp_path / "clip.mov", Spec(audio=("pcm_s16le",)))
    only = tmp_path / "sound.wav"
    with av.open(str(sound)) as source, av.open(str(only), "w") as out:
        stream = out.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    with pytest.raises(MediaError, match="no picture"):
        probe(only)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            Spec("libx264", "yuv420p", rate=Fraction(30), options={},
                 times=(0, 1, 2, 3, 9, 10, 11, 12, 13, 24, 25, 26)),
            "rate varies",
        ),
        (Spec(options={"profile": "hq", "flags": "+ildct"}), "interlaced"),
        (Spec("libx264", "yuv420p", options={}, rotate=90), "rotated by 90"),
        (Spec("qtrle", "rgb24", options={}), "pixel format rgb24"),
        (Spec("libx264", "yuv444p", options={}, width=129), "width is odd"),
    ],
)  # fmt: skip
def test_unusable_media_is_refused_with_a_command(tmp_path: Path, spec: Spec, words: str) -> None:
    info = probe(make_clip(tmp_path / "it's.mov", spec))
    refusal = check_usable(info)
    assert refusal is not None
    assert words in refusal
    assert "ffmpeg -i" in refusal
    assert "it'\"'\"'s_conformed.mov" in refusal


def test_a_steady_rate_on_a_coarser_clock_is_steady(tmp_path: Path) -> None:
    rate = Rate(Fraction(1350, 61))
    times = tuple(int(30 * k / rate.fps) for k in range(45))
    spec = Spec("libx264", "yuv420p", rate=Fraction(30), frames=45, options={}, times=times)
    info = probe(make_clip(tmp_path / "screen.mp4", spec))
    assert not info.variable
    assert abs(info.rate.fps - rate.fps) < Fraction(1, 4)


@pytest.mark.parametrize("suffix", ["mov", "mp4", "mkv", "mxf"])
@pytest.mark.parametrize("fps", ["23.976", "24", "25", "29.97", "30", "50", "59.94"])
def test_the_rate_is_exact_in_every_container(tmp_path: Path, suffix: str, fps: str) -> None:
    rate = Rate.of(fps)
    spec = Spec("mpeg2video", "yuv422p", rate=rate.fps, options={}, frames=15)
    info = probe(make_clip(tmp_path / f"clip.{suffix}", spec))
    assert (info.rate, info.frames, info.variable) == (rate, 15, False)


def test_real_footage() -> None:
    folder = os.environ.get("UNISYNC_FOOTAGE")
    if not folder:
        pytest.skip("UNISYNC_FOOTAGE names no folder")
    found = {p.name: probe(p) for p in Path(folder).rglob("*.m[po][4v]")}
    assert found
    assert all(check_usable(info) is None for info in found.values())
    if woman := found.get("studio_woman_22fps.mp4"):
        assert (woman.rate.fps, woman.frames) == (Fraction(1350, 61), 135)
