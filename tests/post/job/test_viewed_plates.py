"""Log and HDR plates the whole way: seen as pictures, and delivered as what they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from job_kit import FRAMES, RATE, Cut, Painter, write_dub, write_edit

from unisync_adapters.document import open_edit
from unisync_model.characters.film import Scene, Seat, render
from unisync_model.characters.speech import mouth_curve
from unisync_post.demo.layout import ANNA
from unisync_post.demo.script import recording
from unisync_post.errors import PlanError
from unisync_post.faces.resample import crop_frame
from unisync_post.job.dub import plan_job
from unisync_post.job.folder import JobFolder
from unisync_post.job.run import render_job
from unisync_post.media.frames import read_frames, rgb8
from unisync_post.media.pixels import Box, blend_region, planes_of
from unisync_post.media.probe import probe
from unisync_post.media.viewed import seen, seen_crop
from unisync_post.media.viewing import ENCODINGS, Encoding, carry_back, to_view
from unisync_post.plan.make import make_plan
from unisync_post.plan.options import ColourRule, DubFile, PlanOptions, colour_of

LENGTH = 8
RASTER = (320, 240)


def coded(view: np.ndarray, tags: Encoding, colour: tuple[int, int, int]) -> VideoFrame:
    """A 10-bit frame of this encoding whose view is ``view``."""
    frame = VideoFrame(*RASTER, "yuv422p10le")
    frame.color_primaries, frame.color_trc, frame.colorspace = colour
    frame.color_range = 1
    for plane, code in zip(planes_of(frame), (64, 512, 512), strict=True):
        plane[...] = code
    whole = np.ones(view.shape[:2], np.float32)
    black = np.full(view.shape, tags.curve.to_code(np.zeros(1, np.float32))[0], np.float32)
    plate = carry_back(black, to_view(black, tags), view, whole, tags)
    return blend_region(frame, Box(0, 0, *RASTER), plate, whole)


def write_plate(path: Path, tags: Encoding, colour: tuple[int, int, int]) -> Path:
    """One drawn speaker: ProRes, or DNxHR in MXF."""
    scene = Scene((Seat(ANNA, size=0.27),), *RASTER, seed=3, rate=RATE, outdoors=False)
    mouth = mouth_curve(recording("met", "en").phonemes, RATE, FRAMES)
    codec = ("dnxhd", "dnxhr_hqx") if path.suffix == ".mxf" else ("prores_ks", "hq")
    with av.open(str(path), "w") as container:
        container.metadata["timecode"] = "01:00:00:00"
        stream = container.add_stream(codec[0], rate=RATE, options={"profile": codec[1]})
        stream.width, stream.height, stream.pix_fmt = *RASTER, "yuv422p10le"
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace = colour
        for index, rgb in enumerate(render(scene, mouth)):
            frame = coded(rgb, tags, colour)
            frame.pts, frame.time_base = index, 1 / RATE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def rendered(plate: Path, out: Path, colour: tuple[ColourRule, ...]) -> JobFolder:
    edit = write_edit(out.parent / "in" / "Reel.xml", [Cut(plate, 2, LENGTH)])
    dub = write_dub(out.parent / "dub.wav")
    engine = Painter(tint=(150, 60, 60))
    options = PlanOptions(dub=(DubFile(dub, "fr"),), handles=0, colour=colour)
    job = plan_job(edit, out, options, engine)
    assert render_job(job, engine=engine)["rendered"] == 1
    return job


CASES = [
    ("slog3", "plate.mov", (2, 2, 1), (ColourRule("slog3", "P*"),), "slog3, as said when planned"),
    ("pq", "plate.mxf", (9, 16, 9), (), "pq, by its tags"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "file", "colour", "said", "record"), CASES)
def test_a_plate_that_is_no_picture_is_dubbed_in_its_own_values(
    tmp_path: Path,
    name: str,
    file: str,
    colour: tuple[int, int, int],
    said: tuple[ColourRule, ...],
    record: str,
) -> None:
    tags = ENCODINGS[name]
    plate = write_plate(tmp_path / file, tags, colour)
    job = rendered(plate, tmp_path / "out", said)
    result = job.result(job.plan.clips[0])
    assert result is not None
    assert result.media is not None
    assert (result.colour, result.changed, result.outside_composite) == (record, LENGTH, 0)
    old, new = probe(plate), probe(job.out / result.media)
    assert (new.path.suffix, new.codec) == (plate.suffix, old.codec)
    assert replace(new.colour, range=0) == replace(old.colour, range=0)
    pairs = zip(read_frames(old, 2, LENGTH), read_frames(new, 0, LENGTH), strict=True)
    for (_, before), (_, after) in pairs:
        shown, made = seen(before, tags), seen(after, tags)
        off = np.abs(shown.astype(int) - made).max(-1)
        painted = off > 30
        assert 40 < painted.sum() < 6000
        lips = made[painted].mean(0)
        assert np.abs(lips - (150, 60, 60)).max() < 40, "the tint as it was painted, not as code"
        assert np.percentile(off[~painted], 95) <= 4, "elsewhere the codec's own loss"
        assert rgb8(after).max() < 235, "no code of a camera's clip"


@pytest.fixture(scope="module")
def log_plate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "plate.mov"
    return write_plate(path, ENCODINGS["logc3"], (2, 2, 1))


def test_without_a_word_a_log_plate_is_taken_for_a_picture(log_plate: Path) -> None:
    frame = next(iter(read_frames(probe(log_plate), 0, 1)))[1]
    assert np.array_equal(seen(frame, None), rgb8(frame))
    assert seen(frame, ENCODINGS["logc3"]).std() > 1.5 * rgb8(frame).std()


def test_rules_are_tried_in_order_and_a_wrong_name_is_refused() -> None:
    rules = (ColourRule("logc3", "B*"), ColourRule("slog3"))
    assert [colour_of(rules, Path(n)) for n in ("b001.mov", "A.mov")] == ["logc3", "slog3"]
    assert ColourRule.parse("A*=VLog") == ColourRule("vlog", "A*")
    with pytest.raises(PlanError, match="No colour encoding is called cineon"):
        ColourRule.parse("cineon")


def test_what_was_said_of_a_plate_makes_another_shot(log_plate: Path, tmp_path: Path) -> None:
    edit = write_edit(tmp_path / "in" / "Reel.xml", [Cut(log_plate, 2, LENGTH)])
    dub = DubFile(write_dub(tmp_path / "dub.wav"), "fr")
    keys, said = [], []
    for colour in ((), (ColourRule("logc3"),), (ColourRule("slog3"),), (ColourRule("pq", "y"),)):
        options = PlanOptions(dub=(dub,), handles=0, colour=colour)
        plan = make_plan(open_edit(edit), options)
        shot = plan.clips[0].shot
        assert shot is not None
        keys.append(shot.key)
        said.append((*plan.clips[0].warnings, *plan.warnings))
    assert len(set(keys)) == 3
    assert keys[0] == keys[3], "a rule that fits nothing changes nothing"
    assert said == [
        (),
        ("Its values are logc3, as said when planned.",),
        ("Its values are slog3, as said when planned.",),
        ("--colour y=pq fits no plate that is dubbed",),
    ]


def test_the_crop_seen_is_the_crop_of_the_picture_seen(log_plate: Path) -> None:
    tags = ENCODINGS["logc3"]
    frame = next(iter(read_frames(probe(log_plate), 0, 1)))[1]
    whole = seen(frame, tags)
    for zoom, x, y, size in ((0.4, 160, 120, 64), (1.7, 10, 230, 64), (1.1, 400, -90, 256)):
        cos, sin = zoom * np.cos(0.3), zoom * np.sin(0.3)
        matrix = np.array(
            [
                [cos, sin, size / 2 - cos * x - sin * y],
                [-sin, cos, size / 2 + sin * x - cos * y],
            ]
        )
        assert np.array_equal(seen_crop(frame, matrix, size, tags), crop_frame(whole, matrix, size))
