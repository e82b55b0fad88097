"""Case 16 the whole way: a ramp comes back as the frames that the edit played, one for one."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import number_of, picture
from job_kit import FRAMES, RATE, Painter
from numpy.typing import NDArray

from unisync_adapters.document import open_edit
from unisync_model.characters.film import Scene, Seat, render
from unisync_model.characters.speech import mouth_curve
from unisync_post.demo.layout import ANNA
from unisync_post.demo.script import recording
from unisync_post.job.assemble import assemble
from unisync_post.job.dub import plan_job
from unisync_post.job.run import render_job
from unisync_post.plan.options import DubFile, PlanOptions

PLAYED = [5, 5, 6, 6, 7, 9, 11, 13, 15, 17]
HANDLE = [19, 21]

_RATE = "<rate><timebase>24</timebase><ntsc>FALSE</ntsc></rate>"
_XMEML = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE xmeml>
<xmeml version="5"><sequence id="seq"><name>Reel</name><duration>10</duration>{rate}<media><video>
<track><clipitem id="clip-1"><name>numbers</name><duration>40</duration>{rate}
<start>0</start><end>10</end><in>0</in><out>10</out>
<file id="file-1"><name>numbers.mov</name><pathurl>{url}</pathurl>{rate}<duration>40</duration>
<media><video><samplecharacteristics><width>320</width><height>240</height></samplecharacteristics>
</video></media></file>
<filter><effect><name>Time Remap</name><effectid>timeremap</effectid><effecttype>motion</effecttype>
<parameter><parameterid>variablespeed</parameterid><value>1</value></parameter>
<parameter><parameterid>graphdict</parameterid>{keys}
<interpolation><name>FCPCurve</name></interpolation></parameter></effect></filter>
</clipitem></track></video></media></sequence></xmeml>
"""
_KEY = "<keyframe><when>{}</when><value>{}</value>{}</keyframe>"
_VIRTUAL = "<speedvirtualkf>TRUE</speedvirtualkf><speedkf{0}>TRUE</speedkf{0}>"
_FCPXML = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE fcpxml>
<fcpxml version="1.10"><resources>
<format id="f" frameDuration="1/24s" width="320" height="240"/>
<asset id="a" name="numbers" start="0s" duration="40/24s" hasVideo="1" format="f">
<media-rep kind="original-media" src="{url}"/></asset>
</resources><library><event><project name="Reel">
<sequence format="f" duration="10/24s" tcStart="0s"><spine>
<asset-clip ref="a" name="numbers" offset="0s" start="0s" duration="10/24s"><timeMap>
<timept time="0s" value="5/24s" interp="linear"/>
<timept time="4/24s" value="7/24s" interp="linear"/>
<timept time="12/24s" value="23/24s" interp="linear"/></timeMap></asset-clip></spine>
</sequence></project></event></library></fcpxml>
"""


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A speaker, each frame of whom bears its number along the top."""
    path = tmp_path_factory.mktemp("numbers") / "numbers.mov"
    scene = Scene((Seat(ANNA, size=0.27),), 320, 240, seed=3, rate=RATE)
    mouth = mouth_curve(recording("met", "en").phonemes, RATE, FRAMES)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("prores_ks", rate=RATE, options={"profile": "standard"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv422p10le"
        for index, rgb in enumerate(render(scene, mouth)):
            rgb[:8, :96] = picture(index, 96, 8)
            frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format="yuv422p10le")
            frame.pts, frame.time_base = index, 1 / RATE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def written(kind: str, plate: Path, folder: Path) -> Path:
    keys = [(0, 5, "start"), (4, 7, ""), (12, 23, ""), (40, 38, "end")]
    graph = "".join(_KEY.format(w, v, _VIRTUAL.format(at) if at else "") for w, v, at in keys)
    form = {"xml": _XMEML, "fcpxml": _FCPXML}[kind]
    edit = folder / f"Reel.{kind}"
    edit.write_text(form.format(url=plate.as_uri(), rate=_RATE, keys=graph), "utf-8")
    return edit


def decoded(path: Path) -> Iterator[tuple[int, NDArray[np.uint16]]]:
    """Of each frame its number, and the luma of its upper third, which no mouth is in."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            plane = frame.planes[0]
            luma = np.frombuffer(plane, np.uint16).reshape(plane.height, -1)[:, : plane.width]
            yield number_of(frame), luma[: plane.height // 3]


@pytest.mark.parametrize("kind", ["xml", "fcpxml"])
def test_16_a_ramp_comes_back_frame_by_frame(
    stage, numbers: Path, tmp_path: Path, kind: str
) -> None:
    edit = written(kind, numbers, tmp_path)
    engine = Painter()
    options = PlanOptions(dub=(DubFile(stage.dub, "fr"),), handles=2, ramps=True)
    job = plan_job(edit, tmp_path / "out", options, engine)
    assert render_job(job, engine=engine)["rendered"] == 1
    returned = assemble(job)

    plates = dict(decoded(numbers))
    made = list(decoded(job.out / str(job.result(job.plan.clips[0]).media)))
    assert [number for number, _ in made] == [*PLAYED, *HANDLE]
    for number, upper in made:  # encoded anew, once
        assert np.abs(upper.astype(int) - plates[number]).mean() < 2

    (clip,) = open_edit(returned.edit).timeline.find_clips()
    assert not clip.effects
    start = clip.source_range.start_time - clip.available_range().start_time
    assert (start.value, clip.source_range.duration.value) == (0, 10)
    assert Fraction(clip.media_reference.available_range.duration.value) == 12


@pytest.mark.parametrize("kind", ["xml", "fcpxml"])
def test_16_without_being_asked_a_ramp_is_refused(
    stage, numbers: Path, tmp_path: Path, kind: str
) -> None:
    edit = written(kind, numbers, tmp_path)
    options = PlanOptions(dub=(DubFile(stage.dub, "fr"),))
    job = plan_job(edit, tmp_path / "out", options, Painter())
    assert [clip.decision.value for clip in job.plan.clips] == ["refuse"]
    assert "--ramps" in job.plan.clips[0].reason
