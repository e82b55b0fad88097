"""Image sequences the whole way: `unisync dub` of edits over EXR and DPX frames of a drawn face."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import otio_samples as samples
import pytest
from click.testing import CliRunner
from job_kit import Painter, plan_for, write_dub
from numpy.typing import NDArray
from OpenImageIO import FLOAT, ImageInput, ImageSpec
from sequence_kit import word, write_dpx, write_exr
from xmeml import PREMIERE, Edit, Item, Media

from unisync_adapters.cutlist import Clip
from unisync_adapters.document import open_edit
from unisync_adapters.timebase import Rate
from unisync_model.characters.film import Scene, Seat, render
from unisync_model.characters.speech import mouth_curve
from unisync_post.cli import main
from unisync_post.demo.layout import ANNA
from unisync_post.demo.script import recording
from unisync_post.job.assemble import assemble
from unisync_post.job.folder import JobFolder, jobs_in, open_job
from unisync_post.job.manage import purge_job
from unisync_post.job.run import render_job
from unisync_post.media.frames import read_played
from unisync_post.media.pixels import planes_of
from unisync_post.media.probe import probe
from unisync_post.media.sequences import ImageSequence
from unisync_post.plan.media import MediaFinder
from unisync_post.review.options import ReviewOptions
from unisync_post.review.shots import shot_media

COUNT = 12
FIRST = 1001


@dataclass(frozen=True)
class Plates:
    """Twelve frames of one speaker: scene-linear EXR with alpha and depth, and 10-bit DPX."""

    exr: Path
    dpx: Path
    dub: Path


@pytest.fixture(scope="module")
def plates(tmp_path_factory: pytest.TempPathFactory) -> Plates:
    folder = tmp_path_factory.mktemp("plates")
    scene = Scene((Seat(ANNA, size=0.27),), 320, 240, seed=3, rate=Fraction(24))
    mouth = mouth_curve(recording("met", "en").phonemes, Fraction(24), COUNT)
    made = Plates(folder / "exr", folder / "dpx", write_dub(folder / "dub.wav"))
    made.exr.mkdir()
    made.dpx.mkdir()
    rng = np.random.default_rng(0)
    for k, rgb in enumerate(render(scene, mouth)):
        shown = rgb.astype(np.float32) / 255
        light = np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)
        more = {"A": rng.random(shown.shape[:2]), "depth.Z": rng.random(shown.shape[:2]) * 9}
        write_exr(
            made.exr / f"plate.{FIRST + k:04d}.exr",
            light.astype(np.float32),
            compression="piz",
            extra={name: plane.astype(np.float32) for name, plane in more.items()},
            code=word(86_400 + k),
        )
        codes = np.rint(shown * 1023).astype(np.uint16)
        write_dpx(made.dpx / f"scan_{FIRST + k:07d}.dpx", codes, 10, code=word(90_000 + k))
    return made


def write_otio(path: Path, plates: Plates) -> Path:
    """Four frames of each plate, as Hiero and as FFmpeg's users name them."""
    sequence = {
        "OTIO_SCHEMA": "ImageSequenceReference.1",
        "metadata": {},
        "available_range": samples.span(86_400.0, COUNT),
        "target_url_base": f"{plates.exr}/",
        "name_prefix": "plate.",
        "name_suffix": ".exr",
        "start_frame": FIRST,
        "frame_step": 1,
        "rate": 24.0,
        "frame_zero_padding": 4,
    }
    scan = samples.external(f"{plates.dpx}/scan_%07d.dpx", samples.span(90_000.0, COUNT))
    clips = [
        samples.clip(
            "A", samples.span(86_404.0, 4.0), media_references={"DEFAULT_MEDIA": sequence}
        ),
        samples.clip("B", samples.span(90_004.0, 4.0), media_references={"DEFAULT_MEDIA": scan}),
    ]
    path.write_bytes(samples.dump(samples.timeline(samples.track(*clips))))
    return path


@pytest.fixture(scope="module")
def dubbed(plates: Plates, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """OUT of a `unisync dub` of the OTIO edit, and what it said."""
    folder = tmp_path_factory.mktemp("dubbed")
    edit, out = write_otio(folder / "cut.otio", plates), folder / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[1] / "post" / "job"))
        patch.setenv("TROUBLE", str(folder))
        words = ["dub", edit, "--dub", f"{plates.dub}@fr", "--out", out, "--handles", 2]
        words += ["--engine", "bad_engines:Sound", "--workers", 1]
        said = CliRunner().invoke(main, [str(word) for word in words])
    assert said.exit_code == 0, said.output
    return out, said.output


def the_job(out: Path) -> JobFolder:
    (path,) = jobs_in(out)
    return open_job(path)


def every_channel(path: Path) -> tuple[ImageSpec, NDArray[np.float32]]:
    source = ImageInput.open(str(path))
    spec = source.spec()
    return spec, source.read_image(0, 0, 0, spec.nchannels, FLOAT)


def changed_at(old: NDArray[Any], new: NDArray[Any]) -> NDArray[np.bool_]:
    """(H, W): pixels whose bits differ."""
    differ = np.ascontiguousarray(old).view(np.uint32) != np.ascontiguousarray(new).view(np.uint32)
    return differ.any(-1)


def test_new_frames_are_numbered_and_named_as_the_plates(dubbed: tuple[Path, str]) -> None:
    out, said = dubbed
    assert "(2 clips relinked)" in said
    assert (out / "review" / "index.html").exists()
    job = the_job(out)
    for clip, padding, suffix in zip(job.plan.to_render, (4, 7), ("exr", "dpx"), strict=True):
        result = job.result(clip)
        assert result is not None
        assert (result.status, result.outside_composite, result.outside_delivered) == (
            "rendered", 0, 0,
        )  # fmt: skip
        folder = (out / result.media).parent
        stem = folder.name
        numbers = range(1003, 1011)
        names = [f"{stem}.{number:0{padding}d}.{suffix}" for number in numbers]
        assert sorted(p.name for p in folder.iterdir()) == ["provenance.json", *names]
        said_of_it = json.loads((folder / "provenance.json").read_text())
        assert said_of_it["comment"].startswith("AI-modified picture")


def test_every_exr_value_outside_the_mouth_is_the_plates(
    plates: Plates, dubbed: tuple[Path, str]
) -> None:
    job = the_job(dubbed[0])
    clip = job.plan.to_render[0]
    result = job.result(clip)
    assert result is not None
    assert result.media is not None
    new = ImageSequence.of(job.out / result.media)
    assert new is not None
    touched = 0
    for k, path in enumerate(new.files()):
        plate = plates.exr / f"plate.{1003 + k:04d}.exr"
        if result.states[k] == ".":
            assert path.read_bytes() == plate.read_bytes()
            continue
        (old_spec, old), (spec, samples_) = every_channel(plate), every_channel(path)
        assert spec.channelnames == old_spec.channelnames
        differs = changed_at(old, samples_)
        touched += int(differs.sum())
        rows, columns = np.flatnonzero(differs.any(1)), np.flatnonzero(differs.any(0))
        assert 120 < rows[0] < rows[-1] < 215
        assert 90 < columns[0] < columns[-1] < 230
        for name in ("A", "depth.Z"):
            place = spec.channelnames.index(name)
            assert not changed_at(old[..., place, None], samples_[..., place, None]).any()
        for attribute in old_spec.extra_attribs:
            assert spec.getattribute(attribute.name) == attribute.value, attribute.name
        assert spec.getattribute("smpte:TimeCode")[0] == word(86_402 + k)
    assert touched > 1000


def test_every_dpx_byte_outside_the_mouth_is_the_plates(
    plates: Plates, dubbed: tuple[Path, str]
) -> None:
    job = the_job(dubbed[0])
    clip = job.plan.to_render[1]
    result = job.result(clip)
    assert result is not None
    assert result.media is not None
    new = ImageSequence.of(job.out / result.media)
    assert new is not None
    for k, path in enumerate(new.files()):
        old = (plates.dpx / f"scan_{1003 + k:07d}.dpx").read_bytes()
        data = path.read_bytes()
        assert (len(data), data[:2112]) == (len(old), old[:2112])
        words = [np.frombuffer(d, ">u4", offset=2112).reshape(240, 320) for d in (old, data)]
        rows, columns = np.nonzero(words[0] != words[1])
        if result.states[k] == ".":
            assert not len(rows)
            continue
        assert 120 < rows.min() < rows.max() < 215
        assert 90 < columns.min() < columns.max() < 230


def test_the_returned_edit_plays_the_new_frames_in_the_form_of_the_old(
    plates: Plates, dubbed: tuple[Path, str]
) -> None:
    job = the_job(dubbed[0])
    document = open_edit(job.out / job.job.output)
    finder = MediaFinder(document)
    a, b = document.timeline.find_clips()
    assert a.media_reference.schema_name() == "ImageSequenceReference"
    assert a.media_reference.start_frame == 1003
    assert b.media_reference.target_url.endswith(".%07d.dpx")
    cuts = document.cut_list.tracks[0].items
    for clip, cut, start in ((a, cuts[0], 86_402), (b, cuts[1], 90_002)):
        assert isinstance(cut, Clip)
        info = finder.picture(cut)
        assert (info.frames, info.start_frame, info.has_timecode) == (8, start, True)
        # the in-point is where it was: the new media keeps the old one's clock
        assert clip.source_range.start_time.value == start + 2


def test_the_job_is_removed_with_its_frames(plates: Plates, tmp_path: Path) -> None:
    """FCP7 XML, the first frame's path; rendered twice it is the same, and then it is gone."""
    item = Item(Media("scan_0001001.dpx", COUNT, 0), 0, COUNT, 0)
    text = Edit([[item]], PREMIERE).text().replace(PREMIERE.url, f"{plates.dpx.as_uri()}/")
    edit = tmp_path / "cut.xml"
    edit.write_text(text)
    engine = Painter()
    job = plan_for(edit, plates.dub, tmp_path / "out", engine)
    (clip,) = job.plan.clips
    assert clip.shot is not None, clip.reason
    assert clip.shot.rate == Rate.of(25)
    assert render_job(job, engine=engine)["rendered"] == 1
    returned = assemble(job)
    made = open_edit(returned.edit).timeline.video_tracks()[0][0]
    result = job.result(clip)
    assert result is not None
    assert result.media is not None
    first = ImageSequence.of(job.out / result.media)
    assert first is not None
    assert made.media_reference.target_url.endswith(f"/{first.file(0).name}")
    again = Painter()
    render_job(plan_for(edit, plates.dub, tmp_path / "out", again), engine=again)
    assert again.takes == 0
    new = probe(first.path, Rate.of(25))
    pictures = read_played(new, [0, COUNT - 1])
    greens = [int(planes_of(picture)[0].max()) for picture in pictures]
    assert min(greens) > 0
    media = shot_media(tmp_path / "proxy", clip.shot, result, job.out, ReviewOptions())
    assert media.proxies.frames == COUNT
    purge_job(job)
    assert not (tmp_path / "out" / "media").exists()
    assert sorted(p.name for p in plates.dpx.iterdir())[0] == "scan_0001001.dpx"
