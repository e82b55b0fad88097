"""The fault table's rows, as far as they are the watcher's: each test is named after its row."""

from __future__ import annotations

import errno
import os
import shutil
import time
import unicodedata
from collections import namedtuple
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from watch_kit import Bench, Cut, InlineHelper, write_edit, write_plate

from unisync_post import lease as leases
from unisync_post.job.folder import open_job
from unisync_post.sandbox import SandboxError
from unisync_post.watch.helper import Outcome
from unisync_post.watch.names import status_path
from unisync_post.watch.status import State
from unisync_post.watch.storage import MARK

Usage = namedtuple("Usage", "total used free")


def long_edit(stage, path: Path) -> Path:
    """Several shots, so that there is a middle to do something in."""
    cuts = [Cut(stage.anna, entry=entry, length=20) for entry in (2, 5, 9)]
    return write_edit(path, cuts)


def dropped(bench: Bench, stage, name: str = "Reel.xml") -> None:
    long_edit(stage, bench.folder / name)
    shutil.copy(stage.fr, bench.folder / f"{Path(name).stem}_FR.wav")


def test_row_02_a_killed_watcher_is_replaced_and_redoes_no_shot(bench: Bench, stage) -> None:
    dropped(bench, stage)
    for _ in range(2):
        done = len(bench.renderer.order)
        bench.until("Reel.xml", "rendering")
        while len(bench.renderer.order) == done:
            bench.pass_time(0.25)
        bench.kill()
        bench.renderer.waiting.clear()
    status = bench.until("Reel.xml", "done")
    assert status.outputs[0].done == 3
    assert len(bench.renderer.order) == 3


def test_row_03_a_status_file_is_old_or_new_and_never_half(
    bench: Bench, stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped(bench, stage)
    bench.until("Reel.xml", "rendering")
    before = status_path(bench.folder, "Reel.xml").read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        bench.watcher.board.tell(bench.watcher.board.drops["Reel.xml"], State.RENDERING, "x")
    assert status_path(bench.folder, "Reel.xml").read_bytes() == before
    assert not list(bench.folder.glob(".*.tmp"))
    bench.pass_time(3)
    bench.until("Reel.xml", "done")


def test_row_04_two_watchers_never_have_one_drop(
    bench: Bench, stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Bench.at(bench.folder.parent, media=(stage.folder,))
    other.clock = bench.clock
    for watcher in (bench.watcher, other.watcher):
        # as on two machines: neither sees the other's processes
        watcher.board.observer.holder = replace(watcher.board.observer.holder, place="")
    dropped(bench, stage)
    bench.until("Reel.xml", "rendering")
    other.pass_time(20)
    bench.watcher.board._next_beat = 0.0
    bench.pass_time(0.25)
    assert not other.renderer.submitted
    # the first one stands still, longer than anybody's patience; the second goes on
    bench.renderer.waiting.clear()
    status = other.until("Reel.xml", "done", limit=120)
    zombie = bench.watcher.board.drops["Reel.xml"]
    assert zombie.is_active
    bench.watcher.board.tell(zombie, State.RENDERING, "still at it")
    assert not zombie.is_active
    assert bench.status("Reel.xml") == status
    other.watcher.close()


def test_row_05_a_full_disk_pauses_before_the_job_starts(
    bench: Bench, stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10**9, 10**9, 10**5))
    dropped(bench, stage)
    status = bench.until("Reel.xml", "waiting")
    assert status.waiting_for == ("room on the disk",)
    assert "0 MB free" in status.reason
    bench.pass_time(30)
    assert not bench.renderer.submitted
    monkeypatch.undo()
    bench.until("Reel.xml", "done")


def test_row_05_a_disk_that_fills_in_the_middle_loses_nothing(bench: Bench, stage) -> None:
    def fill() -> None:
        if len(bench.renderer.order) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    bench.renderer.before = fill
    dropped(bench, stage)
    status = bench.until("Reel.xml", "waiting")
    assert status.waiting_for == ("room on the disk",)
    assert "No space left" in status.reason
    assert bench.until("Reel.xml", "done").outputs[0].kept == 3
    assert len(bench.renderer.order) == 4, "the shot that found no room, and no other, twice"


@pytest.mark.parametrize("what", ["gone", "empty", "another disk"])
def test_row_06_a_share_that_vanishes_pauses_everything(bench: Bench, stage, what: str) -> None:
    dropped(bench, stage)
    bench.until("Reel.xml", "rendering")
    before = status_path(bench.folder, "Reel.xml").read_bytes()
    away = bench.folder.with_name("unmounted")
    bench.folder.rename(away)
    if what != "gone":
        bench.folder.mkdir()
    if what == "another disk":
        (bench.folder / MARK).write_text("0123\n")
        (bench.folder / "Other.xml").write_text("<xmeml/>")
    bench.pass_time(30)
    assert any("paused: " in line and "is offline" in line for line in bench.said)
    assert not any("taken away" in line for line in bench.said)
    assert sorted(p.name for p in bench.folder.glob("*") if p.name.endswith(".json")) == []
    assert (away / "Reel.xml.unisync.json").read_bytes() == before
    if what != "gone":
        shutil.rmtree(bench.folder)
    away.rename(bench.folder)
    bench.until("Reel.xml", "done")
    assert len(bench.renderer.order) <= 4


def test_row_06_a_watcher_started_without_its_share_waits(bench: Bench, stage) -> None:
    dropped(bench, stage)
    bench.until("Reel.xml", "done")
    away = bench.folder.with_name("unmounted")
    bench.folder.rename(away)
    bench.folder.mkdir()
    bench.restart()
    bench.pass_time(10)
    assert list(bench.folder.iterdir()) == []
    bench.folder.rmdir()
    away.rename(bench.folder)
    bench.pass_time(10)
    assert bench.status("Reel.xml").state is State.DONE


def test_row_07_truncated_media_is_no_media_yet(bench: Bench, stage) -> None:
    package = bench.folder / "EP101"
    package.mkdir()
    whole = stage.anna.read_bytes()
    (package / "anna.mov").write_bytes(whole[: len(whole) * 2 // 3])
    write_edit(package / "Reel.xml", [Cut(package / "anna.mov")])
    shutil.copy(stage.fr, package / "FR.wav")
    (waiting,) = bench.until("EP101", "waiting").waiting_for
    assert waiting.startswith("anna.mov: This file cannot be read as media")
    (package / "anna.mov").write_bytes(whole)
    bench.until("EP101", "done")


def test_row_08_media_that_changes_is_planned_again(stage, tmp_path: Path) -> None:
    bench = Bench.at(tmp_path, quick=False)
    package = bench.folder / "EP101"
    package.mkdir()
    plate = package / "anna.mov"
    shutil.copy(stage.anna, plate)
    write_edit(package / "Reel.xml", [Cut(plate)])
    shutil.copy(stage.fr, package / "FR.wav")
    other = write_plate(tmp_path / "other.mov", 5)

    def recopied() -> None:
        if len(bench.renderer.order) == 1:
            shutil.copy(other, plate)

    bench.renderer.before = recopied
    output = bench.until("EP101", "done").outputs[0]
    bench.pass_time(5)
    output = bench.until("EP101", "done").outputs[0]
    assert (output.rendered, output.failed) == (1, 0)
    shot = open_job(Path(output.job)).plan.to_render[0].shot
    assert shot.identity != ""
    bench.watcher.close()


def test_row_09_a_job_is_of_the_edit_it_was_planned_from(bench: Bench, stage) -> None:
    dropped(bench, stage)
    bench.until("Reel.xml", "rendering")
    first = (bench.folder / "Reel.xml").read_bytes()
    write_edit(bench.folder / "Reel.xml", [Cut(stage.anna, entry=3, length=20)])
    status = bench.until("Reel.xml", "done")
    job = open_job(Path(status.outputs[0].job))
    assert job.edit.read_bytes() == first
    bench.until("Reel.xml", "arriving")
    changed = bench.until("Reel.xml", "done")
    assert changed.outputs[0].edit.endswith("_v002.xml")
    assert Path(status.outputs[0].edit).exists()


def test_row_21_only_the_monotonic_clock_counts(
    bench: Bench, stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped(bench, stage)
    for file in bench.folder.iterdir():
        os.utime(file, (2**33, 2**33))  # written by a machine that lives in 2242
    bench.pass_time(1.5)
    monkeypatch.setattr(time, "time", lambda: 86400.0 * 365)
    assert bench.status("Reel.xml").state is State.ARRIVING
    bench.until("Reel.xml", "rendering")
    monkeypatch.setattr(time, "time", lambda: 86400.0 * 365 * 200)
    held = bench.out / ".watch" / "leases"
    observer = leases.Observer(clock=bench.clock, patience=30)
    observer.holder = replace(observer.holder, place="")
    assert all(observer.claim(folder) is None for folder in held.iterdir())
    bench.until("Reel.xml", "done")


def test_row_21_a_file_whose_time_goes_back_has_changed(bench: Bench, stage) -> None:
    dropped(bench, stage)
    for hour in range(6):
        os.utime(bench.folder / "Reel.xml", (10**9 - 3600 * hour,) * 2)
        bench.pass_time(1.5)
        assert bench.status("Reel.xml").state is State.ARRIVING
    bench.until("Reel.xml", "done")


def test_row_22_a_job_is_cancelled_and_taken_up_again(bench: Bench, stage) -> None:
    dropped(bench, stage)
    job = open_job(Path(bench.until("Reel.xml", "rendering").outputs[0].job))
    job.cancel()
    status = bench.until("Reel.xml", "cancelled", limit=10)
    assert f"unisync jobs retry {job.path}" in status.remedy
    bench.restart()
    bench.pass_time(10)
    assert bench.status("Reel.xml").state is State.CANCELLED
    job.resume()
    assert bench.until("Reel.xml", "done").outputs[0].done == 3
    assert len(bench.renderer.order) == 3


_E = "é"


@pytest.mark.parametrize(
    "name",
    [
        unicodedata.normalize("NFC", f"Reel {_E}.xml"),
        unicodedata.normalize("NFD", f"Reel {_E}.xml"),
        "🎬 Зима 冬.xml",
        "con.xml",
        "-i reel %d 'quoted' $(x).xml",
        "r" * 251 + ".xml",
        "é" * 122 + ".xml",
    ],
)
def test_row_24_names_of_every_kind_come_back(bench: Bench, stage, name: str) -> None:
    shutil.copy(stage.edit, bench.folder / name)
    shutil.copy(stage.fr, bench.folder / f"{name[:-4]}.wav")
    status = bench.until(name, "done")
    path = status_path(bench.folder, name)
    assert path.exists()
    assert path.name == f"{name}.unisync.json" or len(os.fsencode(path.name)) <= 230
    assert status.drop == name
    assert Path(status.outputs[0].edit).exists()


def test_row_24_one_name_in_two_unicode_forms_is_paired(bench: Bench, stage) -> None:
    shutil.copy(stage.edit, bench.folder / unicodedata.normalize("NFC", "Zoé.xml"))
    shutil.copy(stage.fr, bench.folder / unicodedata.normalize("NFD", "Zoé_FR.wav"))
    bench.until(unicodedata.normalize("NFC", "Zoé.xml"), "done")


@pytest.mark.parametrize(
    ("name", "shown", "reason"),
    [
        ("two\nlines.xml", "two\\nlines.xml", "holds a control character"),
        (os.fsdecode(b"latin\xe9.xml"), "latin\\xe9.xml", "is not valid UTF-8"),
    ],
)
def test_row_24_names_that_cannot_be_worked_with_are_said(
    bench: Bench, stage, name: str, shown: str, reason: str
) -> None:
    shutil.copy(stage.edit, bench.folder / name)
    status = bench.until(name, "rejected")
    assert status.drop == shown
    assert reason in status.reason
    assert status.remedy == "Rename it."


def test_row_22_one_language_is_cancelled_and_the_other_goes_on(bench: Bench, stage) -> None:
    dropped(bench, stage)
    shutil.copy(stage.de, bench.folder / "Reel_DE.wav")
    german, french = bench.until("Reel.xml", "rendering").outputs
    open_job(Path(german.job)).cancel()
    status = bench.until("Reel.xml", "cancelled")
    assert status.remedy == f"Take it up again with `unisync jobs retry {german.job}`."
    assert [output.edit is not None for output in status.outputs] == [False, True]
    assert status.outputs[1].job == french.job
    open_job(Path(german.job)).resume()
    assert all(output.edit for output in bench.until("Reel.xml", "done").outputs)


@pytest.mark.parametrize("task", ["prepare", "finish"])
def test_a_helper_that_dies_is_tried_again_and_not_for_ever(
    bench: Bench, stage, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaths = []

    def die(helper: InlineHelper, function: Callable[..., object], *words: object) -> None:
        if function.__name__ == task and len(deaths) < limit:
            deaths.append(task)
            error = SandboxError("Its reader died")
            helper._outcome, helper.busy = Outcome(error=error, passing=True), True
        else:
            start(helper, function, *words)

    start = InlineHelper.start
    monkeypatch.setattr(InlineHelper, "start", die)
    limit = 1
    dropped(bench, stage)
    bench.until("Reel.xml", "done")
    limit, deaths[:] = 2, []
    os.utime(bench.folder / "Reel.xml", (1, 1))
    assert "Its reader died" in bench.until("Reel.xml", "rejected").reason


def test_row_05_two_languages_that_find_no_room_at_once(bench: Bench, stage) -> None:
    def fill() -> None:
        if len(bench.renderer.order) in (2, 3):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    dropped(bench, stage)
    shutil.copy(stage.de, bench.folder / "Reel_DE.wav")
    bench.renderer.before = fill
    bench.renderer.at_once = 2
    assert bench.until("Reel.xml", "waiting").waiting_for == ("room on the disk",)
    assert [output.kept for output in bench.until("Reel.xml", "done").outputs] == [3, 3]
