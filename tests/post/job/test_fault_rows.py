"""What may go wrong while a job is rendered, a test for each row of docs/reliability.md."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from bad_engines import Black, Frozen, Hangs, Killed, Loads, Short, Sound
from job_kit import Cut, Painter, plan_for, write_edit

from unisync_post import rendering
from unisync_post.errors import DiskFullError, JobCancelledError
from unisync_post.job import manage
from unisync_post.job.assemble import assemble
from unisync_post.job.events import Event
from unisync_post.job.faults import RetryPolicy
from unisync_post.job.folder import JobFolder
from unisync_post.job.pool import WorkerPool
from unisync_post.job.result import ShotResult
from unisync_post.job.run import render_job

pytestmark = pytest.mark.usefixtures("trouble")
HERE = Path(__file__).parent


def media(out: Path) -> dict[str, str]:
    """The new media by name, as hashes; a temporary file among them is an error."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((out / "media").iterdir())
    }


def results(job: JobFolder) -> list[ShotResult]:
    found = [job.result(clip) for clip in job.plan.to_render]
    return [result for result in found if result is not None]


def test_row_1_kill_worker(quick, trouble: Path, tmp_path: Path) -> None:
    whole = plan_for(quick.edit, quick.dub, tmp_path / "whole", Killed())
    (trouble / "takes").write_bytes(b".")  # the first take is over: nobody is killed
    render_job(whole, engine=Killed())
    (trouble / "takes").unlink()
    job = plan_for(quick.edit, quick.dub, tmp_path / "out", Killed())
    heard: list[Event] = []
    counts = render_job(job, workers=1, listen=heard.append)
    assert counts["rendered"] == 3
    lost = [event.message for event in heard if event.kind == "worker"]
    assert "Worker 1 died (signal 9)" in lost
    assert media(job.out) == media(whole.out)


_COORDINATOR = """
import sys
from pathlib import Path
from unisync_post.job.folder import open_job
from unisync_post.job.run import render_job
if __name__ == "__main__":
    render_job(open_job(Path(sys.argv[1])), workers=2)
"""


def test_row_2_kill_coordinator(quick, trouble: Path, tmp_path: Path) -> None:
    job = plan_for(quick.edit, quick.dub, tmp_path / "out", Loads())
    script = tmp_path / "coordinator.py"
    script.write_text(_COORDINATOR)
    process = subprocess.Popen([sys.executable, str(script), str(job.path)])
    until(lambda: len(results(job)) > 0)
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    done = {job.out / str(r.media) for r in results(job)}
    written = {path: path.stat().st_mtime_ns for path in done}
    _, orphans = psutil.wait_procs(family, timeout=300)
    assert orphans == []
    (trouble / "takes").unlink()
    assert render_job(job, workers=1)["rendered"] == 3
    assert len((trouble / "takes").read_bytes()) <= 3 - len(done)
    assert {path: path.stat().st_mtime_ns for path in done} == written
    assert not list((job.out / "media").glob(".*"))


def until(true: object, seconds: float = 600) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.02)


def test_row_3_power_loss(quick, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing has a name before its bytes are on the disk, nor a record before its media has."""
    journal: list[tuple[str, str]] = []
    fsync, rename, mkdir = os.fsync, Path.replace, os.mkdir

    def synced(handle: int) -> None:
        fsync(handle)
        journal.append(("sync", os.readlink(f"/proc/self/fd/{handle}")))

    def renamed(self: Path, target: Path) -> Path:
        journal.append(("rename", f"{self} -> {target}"))
        return rename(self, target)

    def made(path: os.PathLike[str], *rest: object, **more: object) -> None:
        mkdir(path, *rest, **more)  # type: ignore[arg-type]
        journal.append(("mkdir", os.fspath(path)))

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    monkeypatch.setattr(os, "mkdir", made)
    job = plan_for(quick.edit, quick.dub, tmp_path / "out", Sound())
    render_job(job, engine=Sound(), shots={1})
    assemble(job, partial=True)
    renames = [(n, *what.split(" -> ")) for n, (do, what) in enumerate(journal) if do == "rename"]
    assert len(renames) >= 5
    for at, temporary, target in renames:
        assert ("sync", temporary) in journal[:at]
        following = next(entry for entry in journal[at:] if entry[0] != "rename")
        assert following == ("sync", str(Path(target).parent))
    for at, (do, folder) in enumerate(journal):
        if do == "mkdir" and str(job.out) in folder and "tmp" not in Path(folder).name:
            assert ("sync", str(Path(folder).parent)) in journal[at:]
    order = [Path(target).suffix for _, _, target in renames if "lock" not in target]
    assert order.index(".mov") < max(n for n, suffix in enumerate(order) if suffix == ".json")
    assert Path(renames[-1][2]).name == job.job.output


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for one shot."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_row_5_disk_full(quick, small_disk: Path) -> None:
    out = small_disk / "out"
    job = plan_for(quick.edit, quick.dub, out, Sound())
    with pytest.raises(DiskFullError, match="The disk is full"):
        render_job(job, workers=1)
    done = media(out)
    kept = results(job)
    assert 0 < len(kept) < 3
    assert all(result.status == "rendered" for result in kept)
    assert len(done) == len(kept)
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    assert render_job(job, workers=1)["rendered"] == 3
    assert done.items() <= media(out).items()
    assert assemble(job).relinked == 3


def test_row_7_truncated_media(stage, tmp_path: Path) -> None:
    """The container promises more than it holds: no shot of fewer frames is ever delivered."""
    plate = tmp_path / "anna.mov"
    whole = stage.anna.read_bytes()
    plate.write_bytes(whole)
    edit = write_edit(tmp_path / "edit" / "Reel.xml", [Cut(plate, 3, 4), Cut(plate, 24, 4)])
    job = plan_for(edit, stage.dub, tmp_path / "out", Sound())
    # the end is lost, the length is not: as a copy that was cut off in a preallocated file
    lost = whole.index(b"moov") - 4 if whole.index(b"moov") > len(whole) // 2 else len(whole)
    plate.write_bytes(whole[: lost // 2] + bytes(lost - lost // 2) + whole[lost:])
    job = without_identity(job)
    render_job(job, engine=Sound())
    first, second = results(job)
    assert (first.status, first.frames) == ("rendered", 8)
    assert (second.status, second.fault) == ("failed", "permanent")
    assert "cannot be read" in second.reason or "does not decode" in second.reason
    assert assemble(job).relinked == 1


def without_identity(job: JobFolder) -> JobFolder:
    """The same job, planned as if the media's fingerprint could not tell the damage."""
    clips = tuple(
        replace(clip, shot=replace(clip.shot, identity="") if clip.shot else None)
        for clip in job.plan.clips
    )
    return replace(job, plan=replace(job.plan, clips=clips))


def test_row_8_media_changes_while_read(
    quick, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plate = tmp_path / "anna.mov"
    plate.write_bytes(quick.anna.read_bytes())
    edit = write_edit(tmp_path / "edit" / "Reel.xml", [Cut(plate)])
    touched = Painter(lambda number: os.utime(plate, ns=(number, number)))
    job = plan_for(edit, quick.dub, tmp_path / "out", touched)
    assert render_job(job, engine=touched)["failed"] == 1
    (result,) = results(job)
    assert result.fault == "transient"
    assert "anna.mov changed while the shot was rendered" in result.reason
    assert media(job.out) == {}
    assert render_job(job, engine=Painter())["rendered"] == 1


def test_row_20_hung_engine(quick, tmp_path: Path) -> None:
    job = plan_for(quick.edit, quick.dub, tmp_path / "out", Hangs())
    heard: list[Event] = []
    policy = RetryPolicy(stall=8)
    counts = render_job(job, shots={1, 2}, workers=1, policy=policy, listen=heard.append)
    assert (counts["rendered"], counts["failed"]) == (1, 1)
    assert [e.status for e in heard if e.kind == "worker"].count("hung") >= 2
    first, second = results(job)
    assert (first.fault, second.status) == ("poison", "rendered")
    assert "lost twice on this shot; the last one stood still for 8 s" in first.reason
    where = job.shot_folder(first.key) / "error.txt"
    assert "bad_engines.py" in where.read_text()
    assert "in generate" in where.read_text()
    # set aside: the next run leaves it alone, until somebody asks
    assert render_job(job, shots={1}, workers=1)["ready"] == 1
    assert [clip.index for clip in manage.retry_job(job)] == [1]
    assert render_job(job, shots={1}, workers=1)["rendered"] == 1


@pytest.mark.parametrize(
    "stubborn",
    [
        pytest.param(False, id="between frames"),
        pytest.param(True, id="inside a take", marks=pytest.mark.slow),
    ],
)
def test_row_22_cancel(quick, trouble: Path, tmp_path: Path, stubborn: bool) -> None:
    engine = Hangs() if stubborn else Loads()
    job = plan_for(quick.edit, quick.dub, tmp_path / "out", engine)
    (trouble / "opened").unlink(missing_ok=True)

    def cancel_inside() -> None:
        until(lambda: (trouble / "takes").exists())
        job.cancel()

    def listen(event: Event) -> None:
        if not stubborn and event.kind == "step" and event.step == "lips":
            job.cancel()

    with WorkerPool(engine.info.name, 1) as pool:
        if stubborn:
            threading.Thread(target=cancel_inside).start()
        with pytest.raises(JobCancelledError, match="goes on with the others"):
            render_job(job, pool=pool, listen=listen)
        assert len(results(job)) < 3  # what was under way did not go on to the end
        assert manage.state_of(job).state == "cancelled"
        assert not list((job.out / "media").glob(".*")) or stubborn
        (trouble / "takes").write_bytes(b"...")
        assert render_job(job, pool=pool)["rendered"] == 3
    assert not job.cancelled
    if not stubborn:
        assert len((trouble / "opened").read_bytes()) == 1  # the engine was kept
    assert not list((job.out / "media").glob(".*"))


@pytest.mark.parametrize(
    ("engine", "reason"),
    [
        (Frozen, "mouth stands still through"),
        (Black, "drew a black mouth (frame 5 of its take)"),
        (Short, "gave back (39, 256, 256, 3) uint8 pictures for (40, 256, 256, 3) uint8"),
    ],
)
def test_row_25_wrong_result(stage, tmp_path: Path, engine: type[Sound], reason: str) -> None:
    cuts = [Cut(stage.valley, 0, 20), Cut(stage.anna, 2, 36)]  # from 0.8 s on the dub speaks
    job = plan_for(
        write_edit(tmp_path / "edit" / "Reel.xml", cuts), stage.dub, tmp_path / "out", engine()
    )
    assert render_job(job, engine=engine(), shots={2})["failed"] == 1
    (result,) = results(job)
    assert reason in result.reason
    assert result.fault == "permanent"
    assert media(job.out) == {}
    assert assemble(job, partial=True).relinked == 0


def test_row_25_wrong_file(quick, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new file is black from its third frame on, by whatever fault of an encoder or a disk."""
    write = rendering.write_media

    def spoilt(info, pictures, out, **about):  # type: ignore[no-untyped-def]
        def black():  # type: ignore[no-untyped-def]
            for number, picture, _ in pictures:
                for plane in picture.planes if number >= 4 else ():
                    plane.update(bytes(plane.buffer_size))
                yield number, picture, True

        return write(info, black(), out, **about)

    monkeypatch.setattr(rendering, "write_media", spoilt)
    job = plan_for(quick.edit, quick.dub, tmp_path / "out", Sound())
    assert render_job(job, engine=Sound(), shots={1})["failed"] == 1
    (result,) = results(job)
    assert "does not show the plate outside the mouth" in result.reason
    assert media(job.out) == {}
