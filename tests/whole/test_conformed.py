"""Media that is refused with a command: FFmpeg runs that very command, and its result is dubbed."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import pytest
from clips import Spec, make_clip
from job_kit import FRAMES, Cut, Painter, plan_for, write_dub, write_edit, write_plate

from unisync_post.job.assemble import assemble
from unisync_post.job.run import render_job
from unisync_post.media.info import MediaInfo
from unisync_post.media.probe import check_usable, probe
from unisync_post.plan.plan import Decision

SOUND = ("pcm_s16le", "pcm_s16le")


@pytest.fixture(autouse=True)
def ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own FFmpeg, or one from the package index under its usual name."""
    if shutil.which("ffmpeg") is None:
        programs = tmp_path / "programs"
        programs.mkdir()
        (programs / "ffmpeg").symlink_to(imageio_ffmpeg.get_ffmpeg_exe())
        monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")


def conformed(refusal: str) -> MediaInfo:
    """What the command in this sentence makes, as it stands there."""
    command = shlex.split(refusal.partition("Conform it with: ")[2])
    assert command[0] == "ffmpeg"
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return probe(Path(command[-1]))


@pytest.mark.parametrize(
    "spec",
    [
        Spec(options={"profile": "hq", "flags": "+ildct"}, timecode="10:00:00:00", audio=SOUND),
        Spec("libx264", "yuv420p", options={}, rotate=90, audio=SOUND),
        Spec("qtrle", "rgb24", options={}, timecode="10:00:00:00"),
        Spec("libx264", "yuv444p", options={}, width=129),
        Spec("libx264", "yuv420p", rate=Fraction(30), options={},
             times=(0, 1, 2, 3, 9, 10, 11, 12, 13, 24, 25, 26)),
    ],
    ids=["interlaced", "rotated", "pixel format", "odd width", "varying rate"],
)  # fmt: skip
def test_the_command_of_a_refusal_makes_usable_media(tmp_path: Path, spec: Spec) -> None:
    old = probe(make_clip(tmp_path / "a clip.mov", spec))
    refusal = check_usable(old)
    assert refusal is not None
    new = conformed(refusal)
    assert check_usable(new) is None
    assert [sound.codec for sound in new.audio] == [sound.codec for sound in old.audio]
    if not old.variable:
        assert (new.frames, new.rate, new.start_frame) == (old.frames, old.rate, old.start_frame)


def weave(progressive: Path, path: Path) -> Path:
    """The same pictures as fields: the even lines of each with the odd lines of the next."""
    with av.open(str(progressive)) as source:
        pictures = [frame.to_ndarray(format="rgb24") for frame in source.decode(video=0)]
        rate = source.streams.video[0].average_rate
    with av.open(str(path), "w") as container:
        container.metadata["timecode"] = "01:00:00:00"
        options = {"profile": "standard", "flags": "+ildct"}
        stream = container.add_stream("prores_ks", rate=rate, options=options)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv422p10le"
        for number, picture in enumerate(pictures):
            picture[1::2] = pictures[min(number + 1, len(pictures) - 1)][1::2]
            frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuv422p10le")
            frame.pts, frame.time_base = number, 1 / Fraction(rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.slow
def test_29_what_deinterlaces_makes_media_that_is_dubbed(tmp_path: Path) -> None:
    media = weave(write_plate(tmp_path / "drawn.mov", 3), tmp_path / "fields.mov")
    dub = write_dub(tmp_path / "dub.wav")
    painter = Painter()
    plan = plan_for(write_edit(tmp_path / "a.xml", [Cut(media)]), dub, tmp_path / "a", painter)
    (clip,) = plan.plan.clips
    assert clip.decision is Decision.REFUSE
    frames = conformed(clip.reason)
    assert frames.frames == FRAMES
    edit = write_edit(tmp_path / "b.xml", [Cut(frames.path)])
    job = plan_for(edit, dub, tmp_path / "b", painter)
    render_job(job, engine=painter)
    result = job.result(job.plan.to_render[0])
    assert result is not None
    assert (result.status, result.outside_composite) == ("rendered", 0)
    assert assemble(job).relinked == 1
