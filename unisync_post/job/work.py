"""One shot of a job: claimed, rendered, recorded. The idempotent unit that every runner calls."""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

from filelock import FileLock, Timeout

from .. import crashpoints
from ..engines.base import Engine, EngineInfo
from ..errors import DiskFullError, JobError, UniSyncError
from ..lease import Fence, LeaseLostError
from ..media.roots import confined
from ..media.sequences import files_of, remove, whole
from ..plan.plan import ClipPlan
from ..plan.shots import Shot
from ..records import clear_stale, dump, make_folder, sync_folder, write_atomic
from ..shot import render_shot
from .events import Event, Listener, silent
from .faults import Fault, MediaChangedError, classify, is_full
from .folder import JobFolder
from .result import ShotResult

_WORKSPACE = ".lease-"
FINAL = frozenset({"rendered", "kept"})
"""Statuses that are never redone. A failed shot is tried again by the next run, unless poison."""


class ShotBusyError(Exception):
    """Another process is at this shot."""


class TryAgainError(Exception):
    """The shot failed for a reason that may pass; nothing was recorded. The cause is the reason."""


def finished(job: JobFolder, clip: ClipPlan) -> ShotResult | None:
    """The clip's result if it needs no more work."""
    result = job.result(clip)
    if result is None:
        return None
    return result if result.status in FINAL or result.fault == Fault.POISON else None


def render_clip(
    job: JobFolder,
    clip: ClipPlan,
    engine: Engine,
    listen: Listener = silent,
    *,
    last: bool = True,
    wait: bool = True,
    fence: Fence | None = None,
) -> ShotResult:
    """Render one clip's shot unless it is finished; record the result last.

    A shot that cannot be rendered is recorded as ``failed`` with its reason and keeps its original
    media: it never stops the others.

    Args:
        last: record a transient failure, too, instead of raising it.
        wait: for another process that is at this shot.
        fence: the lease that the caller holds on this shot; it keeps others out instead of the
            shot's lock file, which not every shared storage can lock.

    Raises:
        DiskFullError: there is no room, for this or any later shot.
        JobError: the engine is not the job's.
        LeaseLostError: another process has taken the lease over; nothing was written.
        ShotBusyError: not ``wait``, and another process renders it now.
        TryAgainError: not ``last``, and it may succeed another time.
    """
    refuse_other_engine(job, engine)
    try:
        return _claimed(job, clip, engine, listen, last, wait, fence)
    except Exception as error:
        if is_full(error):
            raise disk_full(job) from error
        raise


def refuse_other_engine(job: JobFolder, engine: Engine) -> None:
    """
    Raises:
        JobError: the job was planned for other pixels.
    """
    if engine.info.fingerprint != job.job.fingerprint:
        raise JobError(
            f"The job was planned for engine {job.job.engine} ({job.job.fingerprint[:12]}), "
            f"this is {engine.info.name} ({engine.info.fingerprint[:12]})",
            file=job.path,
            remedy="Dub the edit again to use the engine installed now.",
        )


def _claimed(
    job: JobFolder,
    clip: ClipPlan,
    engine: Engine,
    listen: Listener,
    last: bool,
    wait: bool,
    fence: Fence | None,
) -> ShotResult:
    key = job.render_key(clip)
    folder = job.shot_folder(key)
    make_folder(folder)
    with _alone(folder, wait) if fence is None else nullcontext():
        known = finished(job, clip)
        if known is not None:
            listen(done_event(clip, key, known, "ready"))
            return known
        clear_stale(folder)
        listen(Event("shot", clip.index, key, total=clip.shot.length if clip.shot else 0))
        result = _attempt(job, clip, engine, key, listen, last, fence)
        if fence is not None:
            fence.confirm()
        write_atomic(folder / "result.json", dump(result))
    listen(done_event(clip, key, result, result.status))
    return result


@contextmanager
def _alone(folder: Path, wait: bool) -> Iterator[None]:
    """Hold the shot's lock file."""
    try:
        lock = FileLock(folder / "lock", timeout=-1 if wait else 0).acquire()
    except Timeout as error:
        raise ShotBusyError(folder.name) from error
    with lock:
        yield


def _attempt(
    job: JobFolder,
    clip: ClipPlan,
    engine: Engine,
    key: str,
    listen: Listener,
    last: bool,
    fence: Fence | None,
) -> ShotResult:
    folder = job.shot_folder(key)
    try:
        with confined(job.job.options.readable(job.out)):
            if fence is None:
                media = Path(job.media_name(clip))
                remove_leftovers((job.out / media).parent, media.stem)
                result = _rendered(job, clip, engine, key, listen, job.out)
            else:
                with _workspace(fence, folder) as out:
                    result = _rendered(job, clip, engine, key, listen, out)
                    if result.media is not None:
                        _deliver(whole(out / result.media), whole(job.out / result.media), fence)
        return replace(result, key=key)
    except LeaseLostError:
        raise
    except Exception as error:
        # Law 5: whatever goes wrong in one shot, the night's other shots are rendered.
        if is_full(error):
            raise
        fault = classify(error)
        if fault is Fault.TRANSIENT and not last:
            raise TryAgainError(reason_of(error)) from error
        reason = str(error) if isinstance(error, UniSyncError) else _unexpected(error, folder)
        return failed(clip, key, fault, reason, engine.info)


@contextmanager
def _workspace(fence: Fence, shot: Path) -> Iterator[Path]:
    """A folder to render into, of this holding alone.

    A holder that slept, was replaced and wakes up goes on writing into its own folder, and finds
    at the end that what it made is not wanted any more.
    """
    for older in shot.glob(f"{_WORKSPACE}*"):
        if int(older.name.removeprefix(_WORKSPACE)) < fence.number:
            shutil.rmtree(older, ignore_errors=True)
    folder = shot / f"{_WORKSPACE}{fence.number:08d}"
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _deliver(made: Path, media: Path, fence: Fence) -> None:
    """Move new media to where the edit will look for it, if it is still the holder's to do."""
    make_folder(media.parent)
    fence.confirm()
    if media.is_dir():
        media.rename(made.with_name(f"{made.name}.old"))  # goes with the workspace
    made.replace(media)
    crashpoints.reached("media delivered")
    sync_folder(media.parent)


def _rendered(
    job: JobFolder, clip: ClipPlan, engine: Engine, key: str, listen: Listener, out: Path
) -> ShotResult:
    """``out``: where the new media goes, under its relative name."""
    assert clip.shot is not None
    media = job.media_name(clip)
    before = _stamps(clip.shot)
    result = render_shot(
        clip.shot,
        engine,
        out,
        media,
        face=job.face_of(clip),
        folder=job.shot_folder(key),
        progress=lambda step, done, total: listen(
            Event("step", clip.index, key, step=step, done=done, total=total)
        ),
    )
    changed = [path.name for path, stamp in _stamps(clip.shot).items() if stamp != before[path]]
    if changed:
        remove(out / media)
        raise MediaChangedError(f"{' and '.join(changed)} changed while the shot was rendered")
    return result


def _stamps(shot: Shot) -> dict[Path, tuple[int, int, int, int] | None]:
    """Device, inode, size and time of every file that the shot is made from."""
    found: dict[Path, tuple[int, int, int, int] | None] = {}
    plate = files_of(shot.media, shot.source.start, shot.source.count)
    for path in (*plate, *(piece.path for piece in (*shot.dub, *shot.original))):
        try:
            stat = path.stat()
        except OSError:
            found[path] = None
        else:
            found[path] = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)
    return found


def disk_full(job: JobFolder) -> DiskFullError:
    """What is said when there is no more room."""
    return DiskFullError(
        "The disk is full",
        file=job.out,
        remedy="Make room and run the same command again; finished shots are kept.",
    )


def failed(
    clip: ClipPlan, key: str, fault: Fault, reason: str, engine: EngineInfo | None
) -> ShotResult:
    """The record of a shot that keeps its original media because it could not be rendered."""
    result = ShotResult(
        key=key,
        status="failed",
        reason=reason,
        fault=fault.value,
        frames=clip.shot.length if clip.shot else 0,
    )
    if engine is None:
        return result
    record = {"name": engine.name, "fingerprint": engine.fingerprint}
    return replace(result, draft=engine.draft, engine=record)


def set_aside(
    job: JobFolder,
    clip: ClipPlan,
    deaths: int,
    what: str,
    engine: EngineInfo | None,
    fence: Fence | None = None,
) -> ShotResult | None:
    """Record a shot that takes its workers down as poison.

    Args:
        deaths: how many it took.
        what: how the last one ended.
        fence: the lease that the caller holds on this shot, instead of its lock file.

    Returns:
        The record; None when another process is at the shot and will record what becomes of it.

    Raises:
        OSError: it cannot be written.
    """
    key = job.render_key(clip)
    folder = job.shot_folder(key)
    times = {1: "once", 2: "twice"}.get(deaths, f"{deaths} times")
    reason = (
        f"The renderer was lost {times} on this shot; the last one {what}. Its media may be "
        f"damaged: check that it plays, or mark the clip unisync:skip. "
        f"`unisync jobs retry {job.path}` tries it again."
    )
    result = failed(clip, key, Fault.POISON, reason, engine)
    try:
        if fence is not None:
            fence.confirm()
        with FileLock(folder / "lock", timeout=5) if fence is None else nullcontext():
            write_atomic(folder / "result.json", dump(result))
    except (Timeout, LeaseLostError):
        return None
    return result


def reason_of(error: BaseException) -> str:
    """One sentence."""
    return str(error) if isinstance(error, UniSyncError) else f"{type(error).__name__}: {error}"


def _unexpected(error: Exception, folder: Path) -> str:
    report = folder / "error.txt"
    write_atomic(report, "".join(traceback.format_exception(error)).encode())
    return f"Unexpected {type(error).__name__}: {error}. See {report.name} in {folder}"


def remove_leftovers(folder: Path, stem: str) -> None:
    """Remove what a killed run left of this file; the shot's lock is held, so nobody writes it."""
    for path in folder.glob(f".{stem}*"):
        path.unlink(missing_ok=True)


def done_event(clip: ClipPlan, key: str, result: ShotResult, status: str) -> Event:
    """How a shot ended, for whoever listens."""
    total = clip.shot.length if clip.shot else 0
    message = result.reason
    if not message and result.face is not None and len(result.face.candidates) > 1:
        named = "" if result.face.characters else f"face {result.face.track}, "
        message = named + result.face.reason
    return Event("done", clip.index, key, done=total, total=total, status=status, message=message)


def unique(job: JobFolder, clips: Iterable[ClipPlan]) -> list[ClipPlan]:
    """One clip for each render key, in record order."""
    first: dict[str, ClipPlan] = {}
    for clip in clips:
        first.setdefault(job.render_key(clip), clip)
    return list(first.values())
