"""Media that is not what it seems (fault table, row 10): an error, or counted exactly."""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path

import av
import pytest
from clips import Spec, make_clip, number_of

from unisync_post.errors import MediaError
from unisync_post.media.frames import read_frames
from unisync_post.media.probe import check_usable, probe

H264 = Spec("libx264", "yuv420p", frames=30, options={"g": "12", "bf": "2"})


def shifted(path: Path, new: Path, frames: int) -> Path:
    """The same packets, this many frames later (or earlier)."""
    with av.open(str(path)) as source, av.open(str(new), "w") as out:
        old = source.streams.video[0]
        stream = out.add_stream_from_template(old)
        for packet in source.demux(old):
            if packet.size:
                offset = int(frames / 25 / packet.time_base)
                packet.pts = packet.pts + offset
                packet.dts = None if packet.dts is None else packet.dts + offset
                packet.stream = stream
                out.mux(packet)
    return new


@pytest.mark.parametrize("frames", [-10, -1, 3, 250])
@pytest.mark.parametrize("suffix", ["mov", "mkv", "mp4"])
def test_row_10_media_that_begins_early_or_late_is_counted_from_the_first_picture_shown(
    tmp_path: Path, suffix: str, frames: int
) -> None:
    path = shifted(make_clip(tmp_path / f"a.{suffix}", H264), tmp_path / f"b.{suffix}", frames)
    info = probe(path)
    # QuickTime shows nothing that lies before zero; a late start is no picture either
    hidden = -frames if frames < 0 and suffix != "mkv" else 0
    assert (info.frames, info.variable) == (30 - hidden, False)
    shown = [number_of(picture) for _, picture in read_frames(info, 0, info.frames)]
    assert shown == list(range(hidden, 30))


def test_row_10_a_varying_rate_is_refused_with_the_command(tmp_path: Path) -> None:
    times = (0, 1, 2, 3, 9, 10, 11, 12, 13, 24, 25, 26)
    spec = Spec("libx264", "yuv420p", options={}, times=times)
    refusal = check_usable(probe(make_clip(tmp_path / "phone.mov", spec)))
    assert refusal is not None
    assert "rate varies" in refusal
    assert "ffmpeg -i" in refusal


@pytest.mark.parametrize(
    ("rate", "written", "frame", "drop"),
    [
        (Fraction(30000, 1001), "01:00:00;00", 107_892, True),
        (Fraction(30000, 1001), "01:00:00:00", 108_000, False),
        (Fraction(60000, 1001), "00:10:00;00", 35_964, True),
        (Fraction(25), "10:00:00:00", 900_000, False),
    ],
)
def test_row_10_drop_frame_is_counted_as_such(
    tmp_path: Path, rate: Fraction, written: str, frame: int, drop: bool
) -> None:
    info = probe(make_clip(tmp_path / "a.mov", Spec(rate=rate, timecode=written)))
    assert (info.start_frame, info.drop) == (frame, drop)


def test_row_10_frames_are_never_fewer_than_asked_for(tmp_path: Path) -> None:
    info = probe(make_clip(tmp_path / "a.mov", Spec(frames=12)))
    with pytest.raises(MediaError, match="Frames 8 to 19 are asked of a file of 12"):
        list(read_frames(info, 8, 12))
    shutil.copy(make_clip(tmp_path / "shorter.mov", Spec(frames=6)), info.path)
    with pytest.raises(MediaError, match=r"a\.mov"):
        list(read_frames(info, 0, 12))
