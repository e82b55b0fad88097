"""The demo's edit: small pictures here, the very same cut and sound."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from unisync_adapters.document import open_edit
from unisync_post.demo import DemoEdit, layout, make_demo_edit
from unisync_post.demo.script import LANGUAGES, LINES, recording
from unisync_post.errors import JobError
from unisync_post.media.audio import audio_info, read_mono
from unisync_post.media.probe import check_usable, probe
from unisync_post.plan.make import make_plan
from unisync_post.plan.options import DubFile, PlanOptions
from unisync_post.plan.plan import Decision, Plan


@pytest.fixture(scope="module")
def small() -> tuple[layout.Camera, ...]:
    return tuple(
        replace(camera, scene=replace(camera.scene, width=160, height=90))
        for camera in layout.CAMERAS
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, small: tuple[layout.Camera, ...]) -> DemoEdit:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "CAMERAS", small)
        return make_demo_edit(tmp_path_factory.mktemp("demo") / "a folder")


@pytest.fixture(scope="module")
def plan(demo: DemoEdit) -> Plan:
    options = PlanOptions(dub=(DubFile(demo.dubs["fr"], "fr"),))
    return make_plan(open_edit(demo.edit), options)


def test_every_line_ships_in_every_language() -> None:
    for line in LINES:
        for language in LANGUAGES:
            spoken = recording(line.name, language)
            assert 1 < len(spoken.samples) / spoken.sample_rate < 5
            assert spoken.phonemes[-1].end == Fraction(len(spoken.samples), spoken.sample_rate)
            assert np.abs(spoken.samples).max() > 0.1
    with pytest.raises(KeyError):
        recording("met", "tlh")


@pytest.mark.parametrize("index", range(4))
def test_camera_files_are_what_the_edit_says(demo: DemoEdit, index: int) -> None:
    camera = layout.CAMERAS[index]
    info = probe(demo.media / camera.file)
    assert info.frames == camera.frames
    assert info.rate == layout.RATE
    assert info.start_frame == camera.start.frame
    assert info.reel == camera.reel
    assert info.codec == camera.codec
    assert check_usable(info) is None
    assert [stream.channels for stream in info.audio] == [2]


def test_the_plan_dubs_the_people_and_leaves_the_title(plan: Plan) -> None:
    title, anna, bruno, both, _valley = plan.clips
    assert title.decision is Decision.LEAVE
    assert [clip.record.start for clip in plan.clips[1:]] == [c.start for c in layout.cut()]
    for clip in (anna, bruno, both):
        assert clip.decision is Decision.RENDER, clip.reason
        assert clip.speech is not None
        assert clip.speech > 1.5
    assert both.shot is not None
    assert both.shot.face == "left"
    # the dissolve between the second and third clip is rendered on both sides of the cut
    assert bruno.shot is not None
    assert (bruno.shot.tail, both.shot.head) == (12 + layout.DISSOLVE // 2,) * 2
    assert plan.dub.warnings == ()


def test_the_dub_is_placed_by_its_time_stamp(demo: DemoEdit) -> None:
    info = audio_info(demo.dubs["fr"])
    begins = layout.SEQUENCE_START.frame + layout.DUB_BEGINS
    assert info.time_reference == begins * layout.SAMPLES_PER_FRAME
    for clip in layout.cut():
        spoken = clip.speech - layout.DUB_BEGINS
        before = _level(demo.dubs["fr"], spoken - 6, 6)
        during = _level(demo.dubs["fr"], spoken, 24)
        assert during > 50 * (before + 1e-6)


def test_only_those_on_screen_speak_on_set(demo: DemoEdit) -> None:
    levels = [
        _level(demo.media / camera.file, layout.HANDLE + layout.LEAD, 24)
        for camera in layout.CAMERAS
    ]
    assert min(levels[:3]) > 20 * levels[3]


def _level(path: Path, frame: int, count: int) -> float:
    start, length = layout.RATE.seconds(frame), layout.RATE.seconds(count)
    samples = read_mono(path, start=start, duration=length, sample_rate=16_000)
    return float(np.sqrt(np.mean(np.asarray(samples) ** 2)))


def test_what_is_made_is_kept_and_a_torn_file_is_made_again(demo: DemoEdit) -> None:
    """A call that finds everything makes nothing; a part left by a killed one does not count."""
    times = {path: path.stat().st_mtime_ns for path in demo.folder.rglob("*.mov")}
    dub = demo.dubs["de"].read_bytes()
    demo.dubs["de"].unlink()
    demo.dubs["de"].with_name(f".{demo.dubs['de'].name}.part").write_bytes(dub[:1000])
    told: list[str] = []
    make_demo_edit(demo.folder, tell=told.append)
    assert told == [demo.dubs["de"].name]
    assert demo.dubs["de"].read_bytes() == dub
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_a_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "holiday.mov").write_bytes(b"")
    with pytest.raises(JobError, match="other things"):
        make_demo_edit(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.mov"]
    with pytest.raises(JobError, match="a file"):
        make_demo_edit(tmp_path / "holiday.mov")
