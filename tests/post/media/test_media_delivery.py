"""What comes in and what goes out: mezzanines, DNxHD, camera intra codecs, alpha, shapes, sound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from clips import Spec, make_clip, number_of, picture

from unisync_post.errors import MediaError
from unisync_post.media.audio import audio_info, read_mono
from unisync_post.media.delivery import MEZZANINES, delivery_for
from unisync_post.media.frames import read_frames
from unisync_post.media.info import MediaInfo
from unisync_post.media.mux import Picture
from unisync_post.media.packets import PicturePackets
from unisync_post.media.pixels import Box, blend_region, planes_of
from unisync_post.media.probe import probe
from unisync_post.media.write import Written, write_media

MOUTH = Box(32, 48, 96, 80)


def changed(info: MediaInfo, count: int) -> Iterator[Picture]:
    """Every second picture has grey under a hard matte."""
    shape = (MOUTH.y1 - MOUTH.y0, MOUTH.x1 - MOUTH.x0)
    for number, frame in read_frames(info, 0, count):
        if number % 2:
            grey = np.full((*shape, 3), 0.5, np.float32)
            yield number, blend_region(frame, MOUTH, grey, np.ones(shape, np.float32)), MOUTH
        else:
            yield number, frame, False


def dubbed(info: MediaInfo, out: Path, count: int = 6, mezzanine: str | None = None) -> Written:
    return write_media(
        info,
        changed(info, count),
        out,
        count=count,
        rate=info.rate,
        start_frame=info.start_frame,
        reel=info.reel,
        mezzanine=mezzanine,
    )


LONG = Spec("libx264", "yuv420p", width=256, height=120, options={}, colour=(1, 1, 1))


@pytest.mark.parametrize(
    ("mezzanine", "codec", "profile"),
    [
        ("prores422", "prores", "Standard"),
        ("prores422hq", "prores", "HQ"),
        ("prores4444", "prores", "4444"),
        ("dnxhr_hqx", "dnxhd", "DNXHR HQX"),
        ("dnxhr_444", "dnxhd", "DNXHR 444"),
    ],
)
def test_a_long_gop_plate_becomes_the_mezzanine_asked_for(
    tmp_path: Path, mezzanine: str, codec: str, profile: str
) -> None:
    info = probe(make_clip(tmp_path / "plate.mp4", LONG))
    new = probe(dubbed(info, tmp_path / "new.mov", mezzanine=mezzanine).path)
    assert (new.codec, new.profile, new.frames) == (codec, profile, 6)
    assert [number_of(f) for _, f in read_frames(new, 0, 6)] == list(range(6))
    assert {*MEZZANINES} == {"prores422", "prores422hq", "prores4444", "dnxhr_hqx", "dnxhr_444"}


def test_a_mezzanine_changes_no_plate_that_keeps_its_codec(tmp_path: Path) -> None:
    info = probe(make_clip(tmp_path / "plate.mov"))
    assert delivery_for(info, mezzanine="dnxhr_hqx") == delivery_for(info)


def test_a_mezzanine_that_cannot_hold_the_plate_is_refused(tmp_path: Path) -> None:
    spec = Spec("qtrle", "argb", options={}, frames=1)
    info = replace(probe(make_clip(tmp_path / "plate.mov", spec)), pixel_format="yuva444p")
    with pytest.raises(MediaError, match=r"drop its alpha.*prores4444"):
        delivery_for(info, mezzanine="prores422hq")
    small = replace(info, pixel_format="yuv420p")
    with pytest.raises(MediaError, match=r"128x96.*prores422hq"):
        delivery_for(small, mezzanine="dnxhr_hqx")


@pytest.mark.parametrize("hevc", [False, True])
def test_hevc_and_its_ten_bits_come_in(tmp_path: Path, hevc: bool) -> None:
    spec = replace(
        LONG,
        codec="libx265" if hevc else "libx264",
        pixel_format="yuv420p10le",
        options={"x265-params": "log-level=none"} if hevc else {},
        colour=(9, 16, 9),
    )
    info = probe(make_clip(tmp_path / "plate.mp4", spec))
    new = probe(dubbed(info, tmp_path / "new.mov").path)
    assert (new.profile, new.bits) == ("HQ", 10)
    assert replace(new.colour, range=0) == replace(info.colour, range=0)


def test_avc_intra_in_mxf_becomes_a_mezzanine_with_its_sound(tmp_path: Path) -> None:
    """What XAVC Intra and AVC-Intra cameras write: 10-bit 4:2:2 intra H.264 in MXF."""
    spec = Spec(
        "libx264",
        "yuv422p10le",
        width=1920,
        height=1080,
        frames=3,
        options={"avcintra-class": "100", "x264-params": "log=0"},
        timecode="10:00:00:00",
        audio=("pcm_s24le",) * 4,
        colour=(1, 1, 1),
    )
    info = probe(make_clip(tmp_path / "plate.mxf", spec))
    assert (info.codec, info.intra, info.bits) == ("h264", True, 10)
    new = probe(dubbed(info, tmp_path / "new.mov", count=3).path)
    assert (new.profile, new.start_frame, len(new.audio)) == ("HQ", 900000, 4)


@pytest.mark.parametrize(
    ("rate", "pixels"), [(36, "yuv422p"), (175, "yuv422p10le"), (145, "yuv422p")]
)
@pytest.mark.parametrize("suffix", ["mov", "mxf"])
def test_dnxhd_stays_dnxhd(tmp_path: Path, rate: int, pixels: str, suffix: str) -> None:
    """Avid's offline and online codec of fixed rates, told apart by its compression ID."""
    plate = write_dnxhd(tmp_path / f"plate.{suffix}", rate, pixels)
    info = probe(plate)
    assert info.profile == "DNXHD"
    new = probe(dubbed(info, tmp_path / f"new.{suffix}", count=2).path)
    assert (new.profile, new.pixel_format) == ("DNXHD", pixels)
    with PicturePackets(info) as old, PicturePackets(new) as made:
        assert old.read(0) == made.read(0)
        first, second = old.read(1), made.read(1)
    assert first != second
    assert (len(first), first[40:44]) == (len(second), second[40:44])


def write_dnxhd(path: Path, rate: int, pixels: str) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("dnxhd", rate=Fraction(25))
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, pixels
        stream.bit_rate = rate * 1_000_000
        for number in range(2):
            frame = VideoFrame.from_ndarray(picture(number, 1920, 1080), "rgb24")
            frame = frame.reformat(format=pixels)
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_prores_4444_keeps_its_alpha_exactly(tmp_path: Path) -> None:
    plate = tmp_path / "plate.mov"
    with av.open(str(plate), "w") as container:
        stream = container.add_stream("prores_ks", rate=25, options={"profile": "4444"})
        stream.width, stream.height, stream.pix_fmt = 256, 128, "yuva444p10le"
        stream.codec_context.options = {"profile": "4444", "alpha_bits": "16"}
        for number in range(6):
            frame = VideoFrame.from_ndarray(picture(number, 256, 128), "rgb24")
            frame = frame.reformat(format="yuva444p10le")
            y, x = np.mgrid[0:128, 0:256]
            planes_of(frame)[3][...] = (x * 4 + y * 3 + number * 7) % 1024
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    info = probe(plate)
    written = dubbed(info, tmp_path / "new.mov")
    assert (written.copied, written.spliced) == (3, 3)
    pairs = zip(read_frames(info, 0, 6), read_frames(probe(written.path), 0, 6), strict=True)
    for (number, old), (_, new) in pairs:
        assert old.format.name == new.format.name == "yuva444p12le"
        assert np.array_equal(planes_of(old)[3], planes_of(new)[3])
        same = np.array_equal(planes_of(old)[0], planes_of(new)[0])
        assert same is (number % 2 == 0)


@pytest.mark.parametrize(("width", "height"), [(190, 107), (98, 54), (322, 181)])
def test_odd_rasters_keep_every_pixel_outside(tmp_path: Path, width: int, height: int) -> None:
    spec = Spec(width=width, height=height, aspect=Fraction(64, 45))
    info = probe(make_clip(tmp_path / "plate.mov", spec))
    box = Box(17, 33, 60, 53)
    alpha = np.ones((20, 43), np.float32)
    frames = [frame for _, frame in read_frames(info, 0, 2)]
    pictures: list[Picture] = [
        (k, blend_region(f, box, np.zeros((20, 43, 3), np.float32), alpha), box)
        for k, f in enumerate(frames)
    ]
    out = tmp_path / "new.mov"
    write_media(info, pictures, out, count=2, rate=info.rate, start_frame=0)
    new = probe(out)
    assert (new.width, new.height, new.pixel_aspect) == (width, height, Fraction(64, 45))
    for old, (_, made) in zip(frames, read_frames(new, 0, 2), strict=True):
        a, b = (planes_of(f)[0].astype(int) for f in (old, made))
        untouched = np.ones_like(a, bool)
        untouched[32:64] = False  # the macroblock rows under the box
        assert np.array_equal(a[untouched], b[untouched])
        assert b[40:48, 24:48].max() < 80


@pytest.mark.parametrize("codec", ["pcm_s24le", "aac"])
def test_a_surround_track_and_monos_are_copied_packet_for_packet(
    tmp_path: Path, codec: str
) -> None:
    plate = tmp_path / "plate.mov"
    with (
        av.open(str(make_clip(tmp_path / "silent.mov"))) as silent,
        av.open(str(plate), "w") as out,
    ):
        source = silent.streams.video[0]
        video = out.add_stream_from_template(source)
        video.codec_context.framerate = Fraction(25)
        layouts = ("5.1", "mono", "mono", "stereo")
        sounds = [out.add_stream(codec, rate=48000, layout=layout) for layout in layouts]
        for packet in silent.demux(source):
            if packet.size:
                packet.stream = video
                out.mux(packet)
        random = np.random.default_rng(5)
        for sound, channels in zip(sounds, (6, 1, 1, 2), strict=True):
            kind = "s32" if codec.startswith("pcm") else "fltp"
            noise = random.uniform(-0.5, 0.5, (channels, 23040)).astype(np.float32)
            for at in range(0, 23040, 1024):
                block = noise[:, at : at + 1024]
                if kind == "s32":
                    block = (block.T.reshape(1, -1) * (1 << 31)).astype(np.int32)
                frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), kind, sound.layout)
                frame.sample_rate, frame.pts = 48000, at
                out.mux(sound.encode(frame))
            out.mux(sound.encode(None))
    info = probe(plate)
    new = probe(dubbed(info, tmp_path / "new.mov", count=12).path)
    assert new.audio == info.audio
    for number in range(4):
        old, made = (coded_sound(i.path, number) for i in (info, new))
        assert made == old[: len(made)]
        assert len(made) >= len(old) - 2
    assert audio_info(new.path).streams[0].channels == 6
    centre = read_mono(new.path, Fraction(0), Fraction(1, 10), stream=0)
    assert np.abs(centre).max() > 0.1


def coded_sound(path: Path, number: int) -> list[bytes]:
    """AAC packets; of PCM, the samples in one-second pieces, however they were packed."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[number]
        packets = [bytes(p) for p in container.demux(stream) if p.size]
    if stream.codec_context.name.startswith("pcm"):
        whole = b"".join(packets)
        return [whole[at : at + 6912] for at in range(0, len(whole), 6912)]
    return packets
