"""Writing: the plate's packets, the frame count, what an NLE compares, and nothing left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from clips import Spec, copied, make_clip, number_of, tone

from unisync_adapters.timebase import Rate, Timecode
from unisync_post.errors import MediaError
from unisync_post.media.audio import read_mono
from unisync_post.media.delivery import delivery_for, to_delivery
from unisync_post.media.frames import read_frames
from unisync_post.media.info import MediaInfo
from unisync_post.media.mux import Picture
from unisync_post.media.packets import PicturePackets
from unisync_post.media.pixels import planes_of
from unisync_post.media.probe import probe
from unisync_post.media.write import Written, write_media

MARKS = {"software": "UniSync Post", "engine": "draft", "draft": "yes"}


def some_changed(info: MediaInfo, start: int, count: int) -> Iterator[Picture]:
    """Every third picture is inverted, the rest is the plate."""
    for number, frame in read_frames(info, start, count):
        changed = number % 3 == 0
        if changed:
            frame = copied(frame)
            luma = planes_of(frame)[0]
            luma[40:60] = luma[40:60][:, ::-1]
        yield number, frame, changed


def rewrite(info: MediaInfo, out: Path, start: int, count: int) -> Written:
    return write_media(
        info,
        some_changed(info, start, count),
        out,
        count=count,
        rate=info.rate,
        start_frame=info.start_frame + start,
        drop=info.drop,
        reel=info.reel,
        marks=MARKS,
    )


INTRA = [
    Spec(options={"profile": profile}, pixel_format=pixels)
    for profile, pixels in [
        ("proxy", "yuv422p10le"),
        ("lt", "yuv422p10le"),
        ("standard", "yuv422p10le"),
        ("hq", "yuv422p10le"),
        ("4444", "yuv444p10le"),
        ("4444", "yuva444p10le"),
        ("4444xq", "yuv444p10le"),
    ]
] + [
    Spec("dnxhd", pixels, width=256, height=120, options={"profile": profile})
    for profile, pixels in [
        ("dnxhr_lb", "yuv422p"),
        ("dnxhr_sq", "yuv422p"),
        ("dnxhr_hq", "yuv422p"),
        ("dnxhr_hqx", "yuv422p10le"),
        ("dnxhr_444", "yuv444p10le"),
    ]
]


@pytest.mark.parametrize("spec", INTRA, ids=lambda s: f"{s.options['profile']}-{s.pixel_format}")
def test_intra_plates_keep_codec_profile_and_packets(tmp_path: Path, spec: Spec) -> None:
    info = probe(make_clip(tmp_path / "plate.mov", spec))
    written = rewrite(info, tmp_path / "new.mov", 2, 9)
    new = probe(written.path)
    assert (new.codec, new.profile, new.pixel_format) == (
        info.codec,
        info.profile,
        info.pixel_format,
    )
    assert (new.frames, written.copied, written.encoded) == (9, 6, 3)
    with PicturePackets(info) as plate, PicturePackets(new) as made:
        same = [plate.read(2 + k) == made.read(k) for k in range(9)]
    assert same == [(2 + k) % 3 != 0 for k in range(9)]
    assert [number_of(f) for _, f in read_frames(new, 0, 9)] == list(range(2, 11))


def test_an_unusable_plate_is_refused_with_its_remedy(tmp_path: Path) -> None:
    spec = Spec(options={"profile": "hq", "flags": "+ildct"})
    info = probe(make_clip(tmp_path / "plate.mov", spec))
    with pytest.raises(MediaError, match=r"interlaced.*ffmpeg"):
        rewrite(info, tmp_path / "new.mov", 0, 4)
    assert not (tmp_path / "new.mov").exists()


CLOCKS = [
    ("23.976", "01:00:00:00"),
    ("1350/61", "01:00:00:05"),
    ("24", "23:59:58:00"),
    ("25", "10:00:00:24"),
    ("29.97", "00:59:59:28"),
    ("29.97", "00:59:58;02"),
    ("30", "01:02:03:04"),
    ("59.94", "10:00:00;00"),
    ("59.94", "10:00:00:59"),
]


@pytest.mark.parametrize(("fps", "timecode"), CLOCKS)
@pytest.mark.parametrize("codec", ["prores_ks", "libx264"])
def test_timecode_reel_rate_and_colour_come_back(
    tmp_path: Path, codec: str, fps: str, timecode: str
) -> None:
    pixels = "yuv422p10le" if codec == "prores_ks" else "yuv420p"
    spec = Spec(
        codec,
        pixels,
        rate=Rate.of(fps).fps,
        options={},
        timecode=timecode,
        reel="A001C002",
        colour=(1, 1, 1),
        aspect=Fraction(16, 15),
    )
    info = probe(make_clip(tmp_path / "plate.mov", spec))
    assert info.drop == (";" in timecode)
    new = probe(rewrite(info, tmp_path / "new.mov", 3, 8).path)
    assert (new.rate, new.frames) == (Rate.of(fps), 8)
    assert (new.start_frame, new.drop) == (info.start_frame + 3, info.drop)
    assert (new.reel, new.pixel_aspect) == ("A001C002", Fraction(16, 15))
    assert replace(new.colour, range=0) == replace(info.colour, range=0)
    if fps != "1350/61":
        start = Timecode(new.start_frame, new.rate, new.drop)
        assert str(start) == str(Timecode.parse(timecode, new.rate) + 3)


def test_timecode_past_midnight_starts_the_day_again(prores: MediaInfo, tmp_path: Path) -> None:
    day = Timecode.parse("23:59:59;29", prores.rate).frame + 1
    pictures: list[Picture] = [(k, None, False) for k in range(4)]
    out = tmp_path / "new.mov"
    write_media(prores, pictures, out, count=4, rate=prores.rate, start_frame=day + 5, drop=True)
    assert (probe(out).start_frame, probe(out).drop) == (5, True)


def test_marks_names_and_tracks_are_in_the_file(prores: MediaInfo, tmp_path: Path) -> None:
    written = rewrite(prores, tmp_path / "new.mov", 0, 12)
    with av.open(str(written.path)) as container:
        assert container.metadata["engine"] == "draft"
        assert "engine=draft" in container.metadata["comment"]
        assert "creation_time" not in container.metadata
        assert container.streams.video[0].metadata["encoder"] == "Apple ProRes 422 HQ"
        sound = [s.metadata for s in container.streams.audio]
    assert [m["language"] for m in sound] == ["fra", "eng"]
    assert [m["handler_name"] for m in sound] == ["DX 1", "DX 2"]


@pytest.mark.parametrize(("start", "count"), [(0, 40), (7, 20), (31, 9)])
def test_sound_stays_in_sync(prores: MediaInfo, tmp_path: Path, start: int, count: int) -> None:
    new = rewrite(prores, tmp_path / "new.mov", start, count).path
    begin, length = prores.rate.seconds(start), prores.rate.seconds(count)
    first, samples = round(begin * 48000), round(length * 48000)
    pcm = read_mono(new, Fraction(0), Fraction(samples, 48000), sample_rate=48000)
    truth = tone(0, first + samples, 48000)[first:]
    assert np.abs(pcm[:-2] - truth[: len(pcm) - 2]).max() < 1e-4
    aac = read_mono(new, Fraction(0), length, sample_rate=48000, stream=1)
    old = read_mono(prores.path, Fraction(first, 48000), length, sample_rate=48000, stream=1)
    inner = slice(64, min(len(aac), len(old)) - 2048)
    assert np.abs(aac[inner] - old[inner]).max() < 0.02


def test_pcm_is_the_plates_own_bytes(prores: MediaInfo, tmp_path: Path) -> None:
    def raw(path: Path) -> bytes:
        with av.open(str(path)) as container:
            return b"".join(bytes(p) for p in container.demux(container.streams.audio[0]))

    new = rewrite(prores, tmp_path / "new.mov", 5, 20).path
    first = round(prores.rate.seconds(5) * 48000)
    last = round(prores.rate.seconds(25) * 48000)
    assert raw(new) == raw(prores.path)[3 * first : 3 * last]


def test_the_same_input_gives_the_same_bytes(
    prores: MediaInfo, long_gop: MediaInfo, tmp_path: Path
) -> None:
    for info in (prores, long_gop):
        files = [rewrite(info, tmp_path / f"{k}.mov", 4, 20).path.read_bytes() for k in range(2)]
        assert files[0] == files[1]


@pytest.mark.parametrize(
    ("spec", "codec", "pixels"),
    [
        (Spec("libx264", "yuv420p", options={}), "HQ", "yuv422p10le"),
        (Spec("libx264", "yuv422p10le", options={}), "HQ", "yuv422p10le"),
        (Spec("libx264", "yuv444p", options={}), "4444", "yuv444p12le"),
        (Spec("libx264", "yuv420p", options={}, height=98, width=130), "HQ", "yuv422p10le"),
    ],
)
def test_other_codecs_become_prores(tmp_path: Path, spec: Spec, codec: str, pixels: str) -> None:
    info = probe(make_clip(tmp_path / "plate.mp4", spec))
    written = rewrite(info, tmp_path / "new.mov", 0, 12)
    new = probe(written.path)
    assert (written.copied, written.encoded) == (0, 12)
    assert (new.codec, new.profile, new.pixel_format) == ("prores", codec, pixels)
    assert (new.width, new.height) == (info.width, info.height)
    plate = [f for _, f in read_frames(info, 0, 12)]
    made = [f for _, f in read_frames(new, 0, 12)]
    for old, frame in zip(plate[1:3], made[1:3], strict=True):
        a = planes_of(to_delivery(old, delivery_for(info).pixel_format))[0].astype(float)
        b = planes_of(frame)[0] / (4.0 if pixels.endswith("12le") else 1.0)
        assert np.sqrt(np.mean((a - b) ** 2)) < 3


def test_full_range_becomes_video_range() -> None:
    frame = VideoFrame(16, 16, "yuvj420p")
    for plane, code in zip(planes_of(frame), (255, 128, 255), strict=True):
        plane[...] = code
    new = to_delivery(frame, "yuv422p10le")
    assert [int(p[0, 0]) for p in planes_of(new)] == [940, 512, 958]
    assert int(new.color_range) == 1


def test_eight_bits_become_ten_exactly_and_chroma_rows_stay_sited() -> None:
    frame = VideoFrame(32, 32, "yuv420p")
    luma, cb, cr = planes_of(frame)
    luma[...] = np.arange(32)[:, None] * 4 + np.arange(32)
    cb[...], cr[...] = 40 + 8 * np.arange(16)[:, None], 90
    new = planes_of(to_delivery(frame, "yuv422p10le"))
    assert (new[0] == luma.astype(int) * 4).all()
    assert (new[2] == 360).all()
    # a ramp of 8 codes a chroma row is 4 a luma row, and row 2j lies a quarter above chroma row j
    ramp = 4 * (40 + 4 * np.arange(32) - 2)
    assert np.abs(new[1][4:-4, 3].astype(int) - ramp[4:-4]).max() <= 1


def test_too_few_or_too_many_frames_leave_no_file(prores: MediaInfo, tmp_path: Path) -> None:
    for count in (5, 7):
        pictures = islice(some_changed(prores, 0, 10), 6)
        with pytest.raises(MediaError, match=f"6 frames came for a file of {count}"):
            write_media(
                prores, pictures, tmp_path / "new.mov", count=count, rate=prores.rate,
                start_frame=0, audio=False,
            )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_a_failure_half_way_leaves_no_file_and_the_old_one(
    prores: MediaInfo, tmp_path: Path
) -> None:
    def failing() -> Iterator[Picture]:
        yield from some_changed(prores, 0, 4)
        raise RuntimeError("engine")

    out = tmp_path / "new.mov"
    out.write_bytes(b"finished before")
    with pytest.raises(RuntimeError, match="engine"):
        write_media(prores, failing(), out, count=9, rate=prores.rate, start_frame=0)
    assert [p.name for p in tmp_path.iterdir()] == ["new.mov"]
    assert out.read_bytes() == b"finished before"


def test_a_killed_writer_leaves_no_new_media(prores: MediaInfo, tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from unisync_post.media.probe import probe\n"
        "from unisync_post.media.write import write_media\n"
        "info = probe(Path(sys.argv[1]))\n"
        "def pictures():\n"
        "    for k in range(6):\n"
        "        yield k, None, False\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_media(info, pictures(), Path(sys.argv[2]), count=9, rate=info.rate, start_frame=0)"
    )
    out = tmp_path / "new.mov"
    done = subprocess.run([sys.executable, "-c", code, str(prores.path), str(out)], check=False)
    assert done.returncode == -9
    assert not out.exists()
    rewrite(prores, out, 0, 9)
    assert [p.name for p in tmp_path.iterdir()] == ["new.mov"], "the next writer tidies up"


def test_retimes_are_spliced_without_sound(prores: MediaInfo, tmp_path: Path) -> None:
    played = [9, 8, 8, 7, 3, 4, 20]
    pictures: list[Picture] = [(n, None, False) for n in played]
    out = tmp_path / "new.mov"
    with pytest.raises(MediaError, match="under a retime"):
        write_media(prores, pictures, out, count=7, rate=prores.rate, start_frame=0)
    write_media(prores, pictures, out, count=7, rate=Rate.of(25), start_frame=0, audio=False)
    new = probe(out)
    assert (new.rate, new.frames, new.audio) == (Rate.of(25), 7, ())
    assert [number_of(f) for _, f in read_frames(new, 0, 7)] == played


def test_originals_and_foreign_suffixes_are_refused(prores: MediaInfo, tmp_path: Path) -> None:
    for out, words in ((prores.path, "overwritten"), (tmp_path / "new.mp4", r"as \.mov")):
        with pytest.raises(MediaError, match=words):
            write_media(prores, [], out, count=0, rate=prores.rate, start_frame=0)


MEMORY = """
import resource, sys
from pathlib import Path
from unisync_post.media.frames import read_frames
from unisync_post.media.probe import probe
from unisync_post.media.write import write_media
info, count = probe(Path(sys.argv[1])), int(sys.argv[2])
pictures = ((n, f, n % 5 != 0) for n, f in read_frames(info, 0, count))
write_media(info, pictures, Path(sys.argv[3]), count=count, rate=info.rate, start_frame=0)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["prores_ks", "libx264"])
def test_memory_does_not_grow_with_length(tmp_path: Path, codec: str) -> None:
    pixels = "yuv422p10le" if codec == "prores_ks" else "yuv420p"
    spec = Spec(codec, pixels, width=640, height=360, frames=2000, options={}, audio=("pcm_s24le",))
    plate = make_clip(tmp_path / "plate.mov", spec)

    def peak(count: int) -> int:
        argv = [sys.executable, "-c", MEMORY, str(plate), str(count), str(tmp_path / "new.mov")]
        return int(subprocess.run(argv, capture_output=True, check=True, env=os.environ).stdout)

    short, long = peak(200), peak(2000)
    print(f"{codec}: {short / 1024:.0f} MiB for 200 frames, {long / 1024:.0f} MiB for 2000")
    assert long < short * 1.1
