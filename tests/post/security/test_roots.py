"""Media references lead only where the roots allow (fault table, rows 14 and 15)."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import wave
from pathlib import Path

import numpy as np
import opentimelineio as otio
import pytest
from click.testing import CliRunner
from clips import Spec, make_clip
from traps import Web, disguised, urls

from unisync_adapters.document import open_edit
from unisync_post.cli import main
from unisync_post.demo.script import recording
from unisync_post.engines import open_engine
from unisync_post.errors import MediaError
from unisync_post.job.dub import plan_job
from unisync_post.job.folder import JobFolder, open_job
from unisync_post.job.work import render_clip
from unisync_post.media.open import open_media
from unisync_post.media.probe import probe
from unisync_post.media.roots import admits, confined
from unisync_post.plan.make import make_plan
from unisync_post.plan.options import DubFile, PlanOptions
from unisync_post.plan.plan import Decision, Plan

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and roots of POSIX")
LENGTH = 12
_NUL = "@NUL@"
"""The library cuts a text at a NUL when it writes; a hostile file does not."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "media"
    folder.mkdir()
    make_clip(folder / "good.mov", Spec(frames=LENGTH))
    return folder


@pytest.fixture
def secret(tmp_path: Path, root: Path) -> Path:
    """A good movie outside the root."""
    folder = tmp_path / "secret"
    folder.mkdir()
    return Path(shutil.copy(root / "good.mov", folder / "secret.mov"))


def escapes(root: Path, secret: Path) -> dict[str, str]:
    """Ways out of the root, as an edit would write them."""
    (root / "link.mov").symlink_to(secret)
    (root / "folder").symlink_to(secret.parent)
    (root / "loop.mov").symlink_to(root / "loop.mov")
    shutil.copy(root / "good.mov", root / "bell\a.mov")
    shutil.copy(root / "good.mov", root / "two\nlines.mov")
    return {
        "parent": "../secret/secret.mov",
        "parent twice": f"{root}/x/../../secret/secret.mov",
        "absolute": str(secret),
        "url": secret.as_uri(),
        "encoded": f"file://localhost{root}/%2e%2e/secret/secret.mov",
        "password": "/etc/passwd",
        "link": f"{root}/link.mov",
        "linked folder": f"{root}/folder/secret.mov",
        "loop": f"{root}/loop.mov",
        "UNC": "//server/share/secret.mov",
        "UNC backslashes": "\\\\server\\share\\secret.mov",
        "UNC url": "file://server/share/secret.mov",
        "device path": "\\\\?\\C:\\secret.mov",
        "drive": "C:\\secret\\secret.mov",
        "climbing drive": "..\\secret\\secret.mov",
        "bell": f"{root}/bell\a.mov",
        "newline": f"{root}/two\nlines.mov",
        "NUL": f"{root}/good.mov\0.mov",
        "long": f"{root}/{'a' * 5000}.mov",
    }


def write_edit(folder: Path, references: list[str]) -> Path:
    """An OTIO edit with one clip of twelve frames for each reference."""
    track = otio.schema.Track("V1")
    for number, text in enumerate(references):
        span = otio.opentime.TimeRange(
            otio.opentime.RationalTime(0, 25), otio.opentime.RationalTime(LENGTH, 25)
        )
        media = otio.schema.ExternalReference(text.replace("\0", _NUL), span)
        track.append(otio.schema.Clip(f"clip {number}", media, span))
    timeline = otio.schema.Timeline("Reel")
    timeline.tracks.append(track)
    path = folder / "reel.otio"
    path.write_text(timeline.to_json_string().replace(_NUL, "\\u0000"))
    return path


def write_dub(folder: Path, seconds: float) -> Path:
    """Somebody speaks all the time."""
    spoken = recording("met", "fr")
    count = int(seconds * spoken.sample_rate)
    samples = np.tile(spoken.samples, 1 + count // len(spoken.samples))[:count]
    path = folder / "dub_fr.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(spoken.sample_rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


def reasons(plan: Plan) -> dict[str, str]:
    return {clip.media: clip.reason for clip in plan.clips}


def test_row_14_ways_out_of_the_root_are_refused(root: Path, secret: Path) -> None:
    written = escapes(root, secret)
    edit = write_edit(root, [f"{root}/good.mov", *written.values()])
    dub = write_dub(root.parent, 0.5 * (len(written) + 1))
    options = PlanOptions(dub=(DubFile(dub, "fr"),), media_roots=(root,))
    plan = make_plan(open_edit(edit), options)
    good, *others = plan.clips
    assert good.decision is Decision.RENDER, good.reason
    assert all(clip.decision is not Decision.RENDER for clip in others)
    for clip, (kind, text) in zip(others, written.items(), strict=True):
        if kind in ("long", "loop"):  # inside, and no files
            continue
        assert "outside the media roots" in clip.reason or "names no file" in clip.reason, kind
        assert repr(text)[1:-1].split("\\x00")[0] in clip.reason, kind
    free = reasons(make_plan(open_edit(edit), PlanOptions(dub=options.dub)))
    assert "outside" not in str(free), "without roots nothing is outside"


def test_row_14_nothing_is_learnt_of_what_lies_outside(root: Path, secret: Path) -> None:
    """Media that is there and media that is not are refused in the same words."""
    missing = secret.with_name("absent.mov")
    edit = write_edit(root, [str(secret), str(missing)])
    options = PlanOptions(dub=(DubFile(write_dub(root, 1), "fr"),), media_roots=(root,))
    there, gone = make_plan(open_edit(edit), options).clips
    assert there.reason.replace("secret.mov", "absent.mov") == gone.reason


def test_row_14_media_found_under_a_root_stands_in_for_a_path_of_elsewhere(
    root: Path, secret: Path
) -> None:
    edit = write_edit(root, ["/Volumes/Show/day 1/good.mov", "D:\\rushes\\good.mov"])
    options = PlanOptions(
        dub=(DubFile(write_dub(root, 1), "fr"),), media_roots=(root,), media=(root,)
    )
    plan = make_plan(open_edit(edit), options)
    assert [clip.decision for clip in plan.clips] == [Decision.RENDER] * 2
    assert {clip.shot.media for clip in plan.clips if clip.shot} == {root / "good.mov"}


def test_row_14_and_15_hostile_references_end_in_reasons_and_no_request(
    root: Path, secret: Path, web: Web
) -> None:
    """The command a person types, over every trap at once."""
    texts = [
        *urls(web, root / "good.mov").values(),
        *(str(path) for path in disguised(root, web, root / "good.mov").values()),
        *escapes(root, secret).values(),
    ]
    edit = write_edit(root, [f"{root}/good.mov", *texts])
    dub = write_dub(root.parent, 0.5 * (len(texts) + 1))
    command = ["plan", str(edit), "--dub", f"{dub}@fr", "--media-root", str(root), "--json"]
    before = sorted(root.parent.rglob("*"))
    result = CliRunner().invoke(main, command, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    decisions = [clip["decision"] for clip in json.loads(result.stdout)["clips"]]
    assert decisions == ["render"] + ["refuse"] * len(texts)
    assert web.visits == []
    assert sorted(root.parent.rglob("*")) == before


def test_row_14_what_is_inside_is_opened(root: Path, tmp_path: Path) -> None:
    (root / "sub").mkdir()
    (root / "sub" / "alias.mov").symlink_to(root / "good.mov")
    (tmp_path / "mount").symlink_to(root)
    with confined([tmp_path / "mount"]):
        for path in ("good.mov", "sub/alias.mov", "sub/../good.mov"):
            assert probe(root / path).frames == LENGTH
    with confined([root / "good.mov"]):
        assert admits(root / "good.mov")
        assert not admits(root / "sub" / "other.mov")


def test_row_14_roots_end_with_their_block(root: Path, secret: Path) -> None:
    with confined([root]):
        with confined([secret.parent]), pytest.raises(MediaError, match="outside the media roots"):
            probe(root / "good.mov")
        with pytest.raises(MediaError, match="outside the media roots"):
            probe(secret)
    assert probe(secret).frames == LENGTH


@pytest.fixture
def planned(root: Path, tmp_path: Path) -> JobFolder:
    edit = write_edit(root, [f"{root}/good.mov"])
    options = PlanOptions(
        dub=(DubFile(write_dub(tmp_path, 1), "fr"),), media_roots=(root,), handles=0
    )
    return plan_job(edit, tmp_path / "out", options, open_engine("draft"))


def test_row_14_a_job_goes_on_from_another_folder_with_the_same_roots(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dub(tmp_path, 1)
    monkeypatch.chdir(tmp_path)
    options = PlanOptions(
        dub=(DubFile(Path("dub_fr.wav"), "fr"),), media_roots=(Path("media"),), handles=0
    )
    engine = open_engine("draft")
    job = plan_job(write_edit(root, [f"{root}/good.mov"]), tmp_path / "out", options, engine)
    monkeypatch.chdir("/")
    result = render_clip(open_job(job.path), job.plan.to_render[0], engine)
    assert result.reason == "no face was found", "it was read"


def test_row_14_a_plate_swapped_for_a_link_after_planning_is_not_rendered(
    planned: JobFolder, root: Path, secret: Path
) -> None:
    (root / "good.mov").unlink()
    (root / "good.mov").symlink_to(secret)
    result = render_clip(planned, planned.plan.to_render[0], open_engine("draft"))
    assert result.status != "rendered"
    assert "outside the media roots" in result.reason
    assert not list(planned.out.rglob("*.mov"))


def test_row_14_a_link_swapped_while_opening_never_leads_outside(root: Path, secret: Path) -> None:
    make_clip(secret, Spec(frames=3, width=64, height=64))
    path = root / "plate.mov"
    inside, outside = root / "good.mov", secret
    path.symlink_to(inside)
    stop = threading.Event()

    def swap() -> None:
        spare = root / "spare"
        while not stop.is_set():
            for target in (outside, inside):
                spare.symlink_to(target)
                spare.replace(path)

    thread = threading.Thread(target=swap)
    thread.start()
    seen = {"opened": 0, "refused": 0}
    try:
        with confined([root]):
            for _ in range(400):
                try:
                    with open_media(path) as container:
                        assert container.streams.video[0].width == 128
                    seen["opened"] += 1
                except MediaError as error:
                    assert "outside the media roots" in str(error)  # noqa: PT017
                    seen["refused"] += 1
    finally:
        stop.set()
        thread.join()
    assert min(seen.values()) > 0, seen


def test_row_14_without_roots_any_plain_file_is_opened(root: Path, secret: Path) -> None:
    spelled = [str(secret), secret.as_uri(), os.path.relpath(secret, root)]
    options = PlanOptions(dub=(DubFile(write_dub(root, 2), "fr"),))
    plan = make_plan(open_edit(write_edit(root, spelled)), options)
    assert [clip.decision for clip in plan.clips] == [Decision.RENDER] * 3
