"""The real command with its real workers, killed and hindered."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from watch_kit import JOB_KIT, Cut, Running, drop_edit, write_edit

from unisync_post.watch.names import STATUS


def several_shots(stage, folder: Path, name: str = "Reel.xml") -> None:
    cuts = [Cut(stage.anna, entry=entry, length=20) for entry in (2, 5, 9)]
    shutil.copy(stage.fr, folder / f"{Path(name).stem}_FR.wav")
    write_edit(folder / name, cuts)


def finished_shots(running: Running) -> dict[str, int]:
    """The shots that are on record, and when each record was written."""
    records = running.out.glob("*/*/shots/*/result.json")
    return {path.parent.name: path.stat().st_mtime_ns for path in records}


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 600
    while not true():
        assert time.monotonic() < end, "it did not become true"
        time.sleep(0.02)


def paths() -> dict[str, str]:
    """The environment of a script that uses the kits."""
    kits = os.pathsep.join([str(JOB_KIT), str(Path(__file__).parent)])
    return {**os.environ, "PYTHONPATH": kits, "OMP_NUM_THREADS": "1"}


def log(running: Running) -> str:
    return (running.home / "log.txt").read_text()


def test_once_does_what_can_be_done_and_ends(running: Running, stage) -> None:
    running.folder.mkdir()
    drop_edit(running.folder, "Reel.xml", stage.edit, stage.fr)
    shutil.copy(stage.edit, running.folder / "No dub.xml")
    running.settings += '\nlog = "log/watch.jsonl"\nmetrics = "unisync.prom"'
    running.start("--once")
    assert running.process is not None
    assert running.process.wait(timeout=600) == 0, log(running)
    (output,) = running.status("Reel.xml")["outputs"]
    assert (output["rendered"], output["failed"]) == (1, 0)
    assert Path(output["edit"]).exists()
    assert running.status("No dub.xml")["state"] == "waiting"
    lines = log(running).splitlines()
    assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in lines), lines
    assert lines[-1].endswith(" stopped")
    records = [
        json.loads(line) for line in (running.home / "log/watch.jsonl").read_text().splitlines()
    ]
    assert {"drop", "watch", "shot", "done", "end", "worker"} <= {r["kind"] for r in records}
    figures = (running.home / "unisync.prom").read_text()
    assert 'unisync_shots_total{state="rendered"} 1.0' in figures
    assert re.search(r"^unisync_watch_last_scan_timestamp_seconds 1\.", figures, re.MULTILINE)


@pytest.mark.slow
def test_row_01_a_killed_worker_is_replaced(running: Running, stage) -> None:
    running.start()
    several_shots(stage, running.folder)
    running.until("Reel.xml", "rendering")
    assert running.process is not None
    until(lambda: list(running.out.glob("*/*/shots/*")))
    for child in psutil.Process(running.process.pid).children():
        child.kill()
    (output,) = running.until("Reel.xml", "done")["outputs"]
    assert (output["rendered"], output["failed"]) == (3, 0)


@pytest.mark.slow
def test_row_02_killed_twice_it_finishes_and_redoes_no_shot(running: Running, stage) -> None:
    running.start()
    several_shots(stage, running.folder)
    before: dict[str, int] = {}
    for _ in range(2):
        known = min(len(before), 2)
        until(lambda known=known: len(finished_shots(running)) > known)
        running.kill()
        found = finished_shots(running)
        assert {name: found[name] for name in before} == before
        before = found
        running.start()
    (output,) = running.until("Reel.xml", "done")["outputs"]
    assert output["rendered"] == 3
    found = finished_shots(running)
    assert {name: found[name] for name in before} == before
    assert len(found) == len(list(running.out.glob("*/*/media/*.mov"))) == 3
    assert len(list(running.out.glob("*/*/jobs/*"))) == 1
    assert not list(running.out.rglob("*.part")) + list(running.folder.rglob("*.tmp"))


@pytest.mark.slow
def test_row_22_sigterm_ends_it_at_once_and_the_next_goes_on(running: Running, stage) -> None:
    running.start()
    several_shots(stage, running.folder)
    running.until("Reel.xml", "rendering")
    assert running.stop() == 0
    assert len(finished_shots(running)) < 3, "it did not wait for the others"
    assert running.status("Reel.xml")["state"] == "queued"
    running.start()
    running.until("Reel.xml", "done")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of six megabytes."""
    folder = tmp_path / "out"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)]
    made = subprocess.run(mount, capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"a small tmpfs cannot be mounted here: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.slow
def test_row_05_a_disk_that_fills_up_and_is_freed(
    running: Running, stage, small_disk: Path
) -> None:
    running.start()
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(4_500_000))
    several_shots(stage, running.folder)
    status = running.until("Reel.xml", "waiting")
    assert status["waiting_for"] == ["room on the disk"]
    assert "MB free" in status["reason"]
    # room enough by the estimate; then somebody else fills the disk while it renders
    ballast.unlink()
    running.until("Reel.xml", "rendering")
    free = shutil.disk_usage(small_disk).free
    with ballast.open("wb", buffering=0) as file:
        while free > 4096:
            try:
                free -= file.write(bytes(min(free, 1 << 16)))
            except OSError:
                break
    status = running.until("Reel.xml", "waiting")
    assert status["waiting_for"] == ["room on the disk"], status
    done = finished_shots(running)
    ballast.unlink()
    (output,) = running.until("Reel.xml", "done")["outputs"]
    assert (output["rendered"], output["failed"]) == (3, 0)
    assert {name: finished_shots(running)[name] for name in done} == done


@pytest.mark.slow
def test_row_04_two_watchers_share_a_hundred_drops(stage, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    text = stage.edit.read_text()
    for number in range(100):
        shutil.copy(stage.fr, folder / f"R{number:03d}_FR.wav")
        (folder / f"R{number:03d}.xml").write_text(
            text.replace("<name>Reel</name>", f"<name>R{number}</name>")
        )
    config = tmp_path / "watch.toml"
    config.write_text(
        f'folder = "in"\nout = "out"\nmedia = ["{stage.folder}"]\nsettle = 0.6\npoll = 0.3\n'
        'patience = 3\nengine = "painter"\nhandles = 2\n'
    )
    racer = [sys.executable, str(Path(__file__).with_name("racer.py")), str(config)]
    racers = [subprocess.Popen(racer, env=paths()) for _ in range(2)]
    assert [one.wait(timeout=1800) for one in racers] == [0, 0]
    logs = [path.read_text().split() for path in tmp_path.glob("rendered.*")]
    assert len(logs) == 2, "both have worked"
    times = Counter(job for one in logs for job in one)
    assert len(times) == 100
    assert set(times.values()) == {1}, "a job that was rendered twice"
    assert len(list(folder.glob(f"*{STATUS}"))) == 100
    assert all('"state": "done"' in p.read_text() for p in folder.glob(f"*{STATUS}"))


@pytest.mark.slow
def test_row_02_a_watcher_may_be_killed_at_any_of_its_points(stage, tmp_path: Path) -> None:
    sweep = [sys.executable, str(Path(__file__).with_name("sweep.py")), str(tmp_path / "home")]
    said = subprocess.run(
        [*sweep, str(stage.folder)], capture_output=True, text=True, env=paths(), check=False
    )
    assert said.returncode == 0, said.stderr
    assert int(said.stdout.split()[0]) > 40
