"""MXF OP1a in, MXF OP1a out: packets, timecode, reel, aspect, sound and UMIDs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest
from clips import Spec, copied, make_clip, number_of

from unisync_adapters.timebase import Rate
from unisync_post.media import mxf
from unisync_post.media.delivery import delivery_for
from unisync_post.media.frames import read_frames
from unisync_post.media.info import MediaInfo
from unisync_post.media.mux import Picture
from unisync_post.media.packets import PicturePackets
from unisync_post.media.pixels import planes_of
from unisync_post.media.probe import probe
from unisync_post.media.write import Written, write_media

PLATE = Spec(
    "dnxhd",
    width=256,
    height=120,
    frames=20,
    options={"profile": "dnxhr_hqx"},
    timecode="10:00:00:00",
    colour=(9, 16, 9),
    audio=("pcm_s24le", "pcm_s24le"),
)
MARKS = {"software": "UniSync Post", "comment": "AI-modified picture"}


def rewrite(info: MediaInfo, out: Path, shift: int = 0) -> Written:
    """Frames 5 to 16, every third one changed by ``shift`` columns."""

    def pictures() -> Iterator[Picture]:
        for number, frame in read_frames(info, 5, 12):
            if number % 3 == 0:
                frame = copied(frame)
                luma = planes_of(frame)[0]
                luma[40:60, shift:] = luma[40:60, shift:][:, ::-1]
            yield number, frame, number % 3 == 0

    return write_media(
        info,
        pictures(),
        out,
        count=12,
        rate=info.rate,
        start_frame=info.start_frame + 5,
        drop=info.drop,
        reel="A001C002",
        marks=MARKS,
    )


def described(path: Path) -> dict[str, str]:
    with av.open(str(path)) as container:
        return {**container.streams.video[0].metadata, **container.metadata}


def essence(path: Path, stream: int) -> bytes:
    with av.open(str(path)) as container:
        return b"".join(bytes(p) for p in container.demux(container.streams.audio[stream]))


@pytest.mark.parametrize("profile", ["dnxhr_lb", "dnxhr_sq", "dnxhr_hq", "dnxhr_hqx", "dnxhr_444"])
def test_every_dnxhr_profile_stays_mxf_with_its_packets(tmp_path: Path, profile: str) -> None:
    pixels = {"dnxhr_hqx": "yuv422p10le", "dnxhr_444": "yuv444p10le"}.get(profile, "yuv422p")
    spec = replace(PLATE, pixel_format=pixels, options={"profile": profile})
    info = probe(make_clip(tmp_path / "plate.mxf", spec))
    assert delivery_for(info).suffix == ".mxf"
    new = probe(rewrite(info, tmp_path / "new.mxf").path)
    assert (new.codec, new.profile, new.container) == ("dnxhd", info.profile, "mxf")
    with PicturePackets(info) as plate, PicturePackets(new) as made:
        same = [plate.read(5 + k) == made.read(k) for k in range(12)]
    assert same == [(5 + k) % 3 != 0 for k in range(12)]
    assert [number_of(f) for _, f in read_frames(new, 0, 12)] == list(range(5, 17))


@pytest.mark.parametrize(
    ("fps", "timecode"),
    [
        ("23.976", "01:00:00:00"),
        ("25", "10:00:00:24"),
        ("29.97", "00:59:58;02"),
        ("50", "00:00:01:49"),
        ("59.94", "10:00:00;00"),
    ],
)
def test_what_an_nle_compares_comes_back(tmp_path: Path, fps: str, timecode: str) -> None:
    rate = Rate.of(fps)
    info = probe(
        make_clip(tmp_path / "plate.mxf", replace(PLATE, rate=rate.fps, timecode=timecode))
    )
    out = rewrite(info, tmp_path / "new.mxf").path
    new = probe(out)
    assert (new.rate, new.frames, new.reel) == (rate, 12, "A001C002")
    assert (new.start_frame, new.drop) == (info.start_frame + 5, ";" in timecode)
    assert replace(new.colour, range=0) == replace(info.colour, range=0)
    first = round(rate.seconds(5) * 48000)
    last = round(rate.seconds(17) * 48000)
    for stream in range(2):
        assert essence(out, stream) == essence(info.path, stream)[3 * first : 3 * last]
    said = described(out)
    assert (said["product_name"], said["comment_software"]) == ("UniSync Post", "UniSync Post")
    assert said["comment_comment"] == "AI-modified picture"


def test_umids_follow_from_the_essence(tmp_path: Path) -> None:
    info = probe(make_clip(tmp_path / "plate.mxf", PLATE))
    first, again, other = (
        rewrite(info, tmp_path / f"{name}.mxf", shift).path
        for name, shift in (("a", 0), ("b", 0), ("c", 8))
    )
    assert first.read_bytes() == again.read_bytes()
    names = ("material_package_umid", "file_package_umid", "reel_umid")
    umids = [[described(path)[name] for name in names] for path in (first, other)]
    assert len({*umids[0], *umids[1]}) == 6, "two media, three packages each"
    material = [umid[34:-2] for umid in umids[0]]
    assert len(set(material)) == 1
    assert set(material[0]) != {"0"}


@pytest.mark.parametrize("shown", [Fraction(16, 9), Fraction(19, 10)])
def test_anamorphic_mxf_keeps_its_shape(tmp_path: Path, shown: Fraction) -> None:
    plate = make_clip(tmp_path / "plate.mxf", PLATE)
    mxf.complete(plate, bytes(range(16)), shown)
    info = probe(plate)
    assert info.pixel_aspect == shown * Fraction(120, 256)
    assert probe(rewrite(info, tmp_path / "new.mxf").path).pixel_aspect == info.pixel_aspect


def test_what_mxf_cannot_hold_goes_into_quicktime(tmp_path: Path) -> None:
    info = probe(make_clip(tmp_path / "plate.mxf", PLATE))
    assert delivery_for(info, Rate.of(24)).suffix == ".mxf"
    assert delivery_for(info, Rate.of(15)).suffix == ".mov", "a rate that MXF does not count"
    sound = tuple(replace(stream, sample_rate=44100) for stream in info.audio)
    assert delivery_for(replace(info, audio=sound)).suffix == ".mov"


def test_prores_in_mxf_is_spliced_into_quicktime(tmp_path: Path) -> None:
    spec = replace(PLATE, codec="prores_ks", options={"profile": "hq"}, colour=(1, 1, 1))
    info = probe(make_clip(tmp_path / "plate.mxf", spec))
    new = probe(rewrite(info, tmp_path / "new.mov").path)
    assert (new.profile, new.start_frame) == ("HQ", info.start_frame + 5)
    with PicturePackets(info) as plate, PicturePackets(new) as made:
        assert plate.read(7) == made.read(2)
