"""Case 31: image sequences in an edit, planned from the frames that lie on the disk."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import otio_samples as samples
import pytest
from cmx import Cmx, Ev
from plan_kit import loud_spans
from sequence_kit import word, write_dpx, write_exr
from xmeml import RESOLVE, Edit, Item, Media

from unisync_adapters.document import PathMap, open_edit
from unisync_adapters.timebase import Rate
from unisync_post.plan.make import make_plan
from unisync_post.plan.options import DubFile, PlanOptions
from unisync_post.plan.plan import ClipPlan, Decision

NUMBERS = range(1001, 1041)


@pytest.fixture(autouse=True)
def _loud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unisync_post.plan.listen.speech_spans", loud_spans)


@pytest.fixture
def plates(tmp_path: Path) -> Path:
    """A folder with an EXR sequence of 40 frames, without timecode."""
    folder = tmp_path / "plates"
    folder.mkdir()
    for number in NUMBERS:
        write_exr(folder / f"plate.{number}.exr", np.zeros((8, 8, 3), np.float32))
    return folder


def planned(edit: Path, **more: Any) -> ClipPlan:
    """The first clip of the edit, under a second of loud dub."""
    dub = edit.with_name("dub.wav")
    with wave.open(str(dub), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        noise = np.random.default_rng(0).integers(-9000, 9000, 96_000, np.int16)
        file.writeframes(noise.tobytes())
    said = {name: more.pop(name) for name in ("path_map", "rate") if name in more}
    document = open_edit(edit, **said)
    options = PlanOptions(dub=(DubFile(dub, "fr"),), handles=3, **more, **said)
    return make_plan(document, options).clips[0]


def otio_edit(folder: Path, reference: dict[str, Any], start: float = 1011.0) -> Path:
    media = {"DEFAULT_MEDIA": reference}
    clip = samples.clip(source=samples.span(start, 20.0), media_references=media)
    path = folder / "cut.otio"
    path.write_bytes(samples.dump(samples.timeline(samples.track(clip))))
    return path


def reference(folder: Path, **more: Any) -> dict[str, Any]:
    return {
        "OTIO_SCHEMA": "ImageSequenceReference.1",
        "metadata": {},
        "available_range": samples.span(1001.0, 40.0),
        "target_url_base": str(folder),
        "name_prefix": "plate.",
        "name_suffix": ".exr",
        "start_frame": 1001,
        "frame_step": 1,
        "rate": 24.0,
        "frame_zero_padding": 4,
        **more,
    }


Wrote = Callable[[Path], Path]


def external(name: str) -> Wrote:
    def write(plates: Path) -> Path:
        url = str(plates / name)
        return otio_edit(plates.parent, samples.external(url, samples.span(1001.0, 40.0)))

    return write


def otio_sequence(plates: Path) -> Path:
    return otio_edit(plates.parent, reference(plates))


def otio_without_range(plates: Path) -> Path:
    return otio_edit(plates.parent, reference(plates, available_range=None))


def fcp7(name: str) -> Wrote:
    def write(plates: Path) -> Path:
        item = Item(Media(name, 40, 1001), 0, 20, 10)
        text = Edit([[item]], RESOLVE).text()
        assert RESOLVE.url in text
        path = plates.parent / "cut.xml"
        path.write_text(text.replace(RESOLVE.url, f"{plates.as_uri()}/"))
        return path

    return write


def edl(plates: Path) -> Path:
    event = Ev(entry=1011, count=20, name="plate.[1001-1040].exr", reel="plate")
    path = plates.parent / "cut.edl"
    path.write_bytes(Cmx([event]).data())
    return path


@pytest.mark.parametrize(
    ("write", "rate"),
    [
        (otio_sequence, "24"),
        (otio_without_range, "24"),
        (external("plate.%04d.exr"), "24"),
        (external("plate.####.exr"), "24"),
        (external("plate.[1001-1040].exr"), "24"),
        (fcp7("plate.1001.exr"), "25"),
        (fcp7("plate.[1001-1040].exr"), "25"),
        (edl, "25"),
    ],
)
def test_31_a_sequence_is_planned_from_every_form(plates: Path, write: Wrote, rate: str) -> None:
    edit = write(plates)
    more: dict[str, Any] = {"media": (plates,), "rate": Rate.of(rate)} if write is edl else {}
    made = planned(edit, **more)
    assert made.decision is Decision.RENDER, made.reason
    assert made.shot is not None
    assert made.shot.media == plates / "plate.[1001-1040].exr"
    assert made.shot.suffix == ".exr"
    # the clip's frames 10 to 29 with three of handle at each end, at the edit's own rate
    assert (made.shot.source.start, made.shot.source.count) == (7, 26)
    assert made.shot.rate == Rate.of(rate)


def test_31_a_mapped_and_a_moved_sequence_are_found(plates: Path) -> None:
    theirs = otio_edit(plates.parent, reference(Path("X:\\show\\plates")))
    mapped = PathMap((("X:\\show\\plates", str(plates)),))
    made = planned(theirs, path_map=mapped)
    assert made.shot is not None
    assert made.shot.media.parent == plates
    searched = planned(theirs, media=(plates.parent,))
    assert searched.shot is not None
    assert searched.shot.media == plates / "plate.[1001-1040].exr"
    assert planned(theirs).reason.startswith("The media is offline (X:\\show\\plates\\plate.[1001")


def test_31_missing_frames_are_named_where_they_are_played(plates: Path) -> None:
    edit = otio_sequence(plates)
    (plates / "plate.1036.exr").unlink()  # beyond the clip and its handles
    assert planned(edit).decision is Decision.RENDER
    for number in (1015, 1019, 1020):
        (plates / f"plate.{number}.exr").unlink()
    made = planned(edit)
    assert made.decision is Decision.REFUSE
    assert made.reason == "Frames are missing from the image sequence: 1015, 1019-1020."


def test_31_frames_that_are_not_alike_are_named(plates: Path) -> None:
    write_exr(plates / "plate.1020.exr", np.zeros((8, 10, 3), np.float32))
    made = planned(otio_sequence(plates))
    assert made.decision is Decision.REFUSE
    assert "Frame 1020 of this image sequence is 10x8, frame 1001 is 8x8" in made.reason


def test_31_a_header_timecode_is_the_sequences_clock(tmp_path: Path) -> None:
    for number in NUMBERS:
        codes = np.zeros((8, 8, 3), np.uint16)
        write_dpx(tmp_path / f"scan_{number}.dpx", codes, 10, code=word(86_400 + number - 1001))
    media = samples.external(str(tmp_path / "scan_%04d.dpx"), samples.span(86_400.0, 40.0))
    made = planned(otio_edit(tmp_path, media, start=86_410.0))
    assert made.shot is not None
    assert (made.shot.source.start, made.shot.media.name) == (7, "scan_[1001-1040].dpx")


def test_31_aces_is_known_by_its_chromaticities(plates: Path) -> None:
    made = planned(otio_sequence(plates))
    assert made.shot is not None
    assert made.shot.colour == "aces2065-1"
