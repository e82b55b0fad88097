"""Jobs seen from outside: how they stand, and stopping, repeating and removing them.

All of it from the job folders alone, whoever renders them, here or on another machine.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from .. import crashpoints
from ..errors import JobError
from ..farm.marks import forget_marks
from ..lease import Observer, seconds_silent
from ..media.sequences import whole
from ..plan.plan import ClipPlan
from ..records import clear_stale, temporary_for
from ..review.shots import media_folder
from .assemble import is_ours
from .faults import Fault
from .folder import JobFolder, jobs_in, open_job
from .work import unique

LOST = 180.0
"""Seconds of silence after which a pilot is not said to be at a shot any more."""
_OUR_SHOT = re.compile(r"[0-9a-f]{32}")
_OUR_MEDIA = re.compile(r"unisync_[a-z0-9_-]+_[0-9a-f]{16}(\.mov|\.mxf)?")
"""A movie, or the folder of an image sequence."""


@dataclass(frozen=True, slots=True)
class ShotState:
    """One shot of a job. ``status``: rendered, kept, failed, running, or waiting."""

    shot: int
    name: str
    timecode: str
    frames: int
    status: str
    reason: str = ""
    fault: str = ""
    seconds: float = 0.0
    media: str = ""


@dataclass(frozen=True, slots=True)
class JobState:
    """How a job stands.

    Attributes:
        state: ``done`` (the edit is there), ``rendered`` (only that is missing), ``running``,
            ``cancelled``, ``unfinished`` (nobody is at it), or ``planned`` (never begun).
        rendered, kept, failed, waiting: shots; ``set_aside``: of the failed, those that took their
            workers down.
        returned: the edit it makes.
    """

    name: str
    path: Path
    state: str
    engine: str
    language: str
    rendered: int
    kept: int
    failed: int
    set_aside: int
    waiting: int
    returned: Path
    shots: tuple[ShotState, ...]


def jobs_at(paths: Iterable[Path]) -> list[JobFolder]:
    """The jobs of these OUT folders; a path may be a job folder itself, or that in which a watch
    folder keeps the OUT folders of all its drops.

    Raises:
        JobError: there is no job at one of them.
    """
    found: list[JobFolder] = []
    for path in paths:
        inside = [path] if (path / "job.json").exists() else jobs_in(path)
        inside = inside or [
            job for out in sorted(path.glob("*/*/jobs")) for job in jobs_in(out.parent)
        ]
        found += [open_job(job) for job in inside] or [open_job(path)]
    return found


def state_of(job: JobFolder) -> JobState:
    """Read how a job stands; changes nothing."""
    shots = tuple(_shot_state(job, clip) for clip in unique(job, job.plan.to_render))
    count = {
        status: sum(shot.status == status for shot in shots)
        for status in ("rendered", "kept", "failed", "running", "waiting")
    }
    returned = job.out / job.job.output
    left = count["waiting"] + count["running"]
    if count["running"]:
        state = "running"
    elif left and job.cancelled:
        state = "cancelled"
    elif left:
        state = "unfinished" if left < len(shots) else "planned"
    else:
        state = "done" if returned.exists() else "rendered"
    return JobState(
        name=job.name,
        path=job.path,
        state=state,
        engine=job.job.engine,
        language=job.plan.dub.language,
        rendered=count["rendered"],
        kept=count["kept"],
        failed=count["failed"],
        set_aside=sum(shot.fault == Fault.POISON for shot in shots),
        waiting=left,
        returned=returned,
        shots=shots,
    )


def _shot_state(job: JobFolder, clip: ClipPlan) -> ShotState:
    length = clip.shot.length if clip.shot else 0
    result = job.result(clip)
    if result is None or result.status == "failed":
        held = is_held(job, job.render_key(clip))
        if held or result is None:
            status = "running" if held else "waiting"
            return ShotState(clip.index, clip.name, clip.timecode, length, status)
    return ShotState(
        clip.index,
        clip.name,
        clip.timecode,
        length,
        result.status,
        result.reason,
        result.fault,
        round(sum(result.seconds.values()), 2),
        result.media or "",
    )


def is_held(job: JobFolder, key: str) -> bool:
    """Whether some process, here or a pilot elsewhere, is at this shot now."""
    lease, path = job.lease_folder(key), job.shot_folder(key) / "lock"
    if lease.is_dir() and Observer().holder_of(lease) is not None:
        silent = seconds_silent(lease)
        return silent is None or silent < LOST
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False  # a share that we may only read


def cancel_job(job: JobFolder, *, within: float = 10.0) -> bool:
    """Ask whoever renders this job to stop, and wait for it.

    Returns:
        Whether nobody is at it any more.
    """
    job.cancel()
    end = time.monotonic() + within
    while state_of(job).state == "running":
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


def retry_job(job: JobFolder, shots: Collection[int] | None = None) -> list[ClipPlan]:
    """Let failed and kept shots be rendered again by the next run, and a cancelled job go on.

    Args:
        shots: clip indices; None = all that failed or were kept.

    Returns:
        The clips whose shots wait now.
    """
    again = []
    for clip in unique(job, job.plan.to_render):
        result = job.result(clip)
        chosen = shots is None or clip.index in shots
        if chosen and result is not None and result.status != "rendered":
            job.forget(clip)
            forget_marks(job.lease_folder(job.render_key(clip)))
            again.append(clip)
    job.resume()
    return again


def purge_job(job: JobFolder) -> list[Path]:
    """Remove a job and what was made for it alone.

    Plates, dubs and edits of the user's are never touched, nor shots and media that another job of
    the same OUT uses, nor a returned edit that was changed since it was written.

    Returns:
        What was removed.

    Raises:
        JobError: it is being rendered.
    """
    if state_of(job).state == "running":
        raise JobError(
            "This job is being rendered",
            file=job.path,
            remedy=f"Stop it first: unisync jobs cancel {job.path}",
        )
    job.cancel()  # from here on nobody begins a shot of it
    others = [open_job(path) for path in jobs_in(job.out) if path.resolve() != job.path]
    used = {other.render_key(c) for other in others for c in other.plan.to_render}
    removed: list[Path] = []
    for name in ("jobs", "shots", "review/media"):
        clear_stale(job.out / name)
    for clip in unique(job, job.plan.to_render):
        key = job.render_key(clip)
        if key not in used:
            result = job.result(clip)
            if result is not None:
                _remove(job.out / "review" / "media" / media_folder(result), removed)
                if result.media is not None:  # another language's job may have made it
                    _remove(whole(job.out / result.media), removed)
            _remove(job.shot_folder(key), removed)
            _remove(job.lease_folder(key), removed)
            _remove(whole(job.out / job.media_name(clip)), removed)
    if is_ours(job):
        _remove(job.out / job.job.output, removed)
        _remove(job.sidecar, removed)
    _remove(job.out / "review" / "index.html", removed)
    if not others:
        _remove_unused(job.out, removed)
    _remove(job.path, removed)
    for name in ("jobs", "shots", "leases", "media", "review/media", "review"):
        with suppress(OSError):
            (job.out / name).rmdir()
    return removed


def _remove_unused(out: Path, removed: list[Path]) -> None:
    """What earlier choices of a face left behind; without another job nobody uses it."""
    for path in sorted((out / "shots").glob("*")):
        if _OUR_SHOT.fullmatch(path.name):
            _remove(path, removed)
    for path in sorted((out / "media").glob("unisync_*")):
        if _OUR_MEDIA.fullmatch(path.name):
            _remove(path, removed)
    for folder in (out / "review" / "media", out / "bundles"):
        _remove(folder, removed)


def _remove(path: Path, removed: list[Path]) -> None:
    """A folder is first renamed: killed half way, it is not taken for a whole one."""
    if path.is_dir() and not path.is_symlink():
        going = temporary_for(path)
        shutil.rmtree(going, ignore_errors=True)
        path.rename(going)
        crashpoints.reached("folder put aside")
        shutil.rmtree(going)
    elif path.exists():
        path.unlink()
    else:
        return
    crashpoints.reached("removed")
    removed.append(path)
