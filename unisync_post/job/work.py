"""One shot of a job: claimed, rendered, recorded. The idempotent unit that every runner calls."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from filelock import FileLock

from ..engines.base import Engine
from ..errors import JobError, UniSyncError
from ..media.roots import confined
from ..plan.plan import ClipPlan
from ..records import dump, write_atomic
from ..shot import render_shot
from .events import Event, Listener, silent
from .folder import JobFolder
from .result import ShotResult

FINAL = frozenset({"rendered", "kept"})
"""Statuses that are never redone. A failed shot is tried again by the next run."""


def finished(job: JobFolder, clip: ClipPlan) -> ShotResult | None:
    """The clip's result if it needs no more work."""
    result = job.result(clip)
    return result if result is not None and result.status in FINAL else None


def render_clip(
    job: JobFolder, clip: ClipPlan, engine: Engine, listen: Listener = silent
) -> ShotResult:
    """Render one clip's shot unless it is finished; record the result last.

    A shot that cannot be rendered is recorded as ``failed`` with its reason and keeps its original
    media: it never stops the others.

    Raises:
        JobError: the disk is full or the engine is not the job's: no later shot could succeed.
    """
    if engine.info.fingerprint != job.job.fingerprint:
        raise JobError(
            f"The job was planned for engine {job.job.engine} ({job.job.fingerprint[:12]}), "
            f"this is {engine.info.name} ({engine.info.fingerprint[:12]})",
            file=job.path,
            remedy="Dub the edit again to use the engine installed now.",
        )
    key = job.render_key(clip)
    folder = job.shot_folder(key)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        known = finished(job, clip)
        if known is not None:
            listen(_done(clip, key, known, "ready"))
            return known
        listen(Event("shot", clip.index, key, total=clip.shot.length if clip.shot else 0))
        result = _attempt(job, clip, engine, key, folder, listen)
        write_atomic(folder / "result.json", dump(result))
    listen(_done(clip, key, result, result.status))
    return result


def _attempt(
    job: JobFolder, clip: ClipPlan, engine: Engine, key: str, folder: Path, listen: Listener
) -> ShotResult:
    assert clip.shot is not None
    media = job.media_name(clip)
    remove_leftovers((job.out / media).parent, Path(media).stem)
    try:
        with confined(job.job.options.readable(job.out)):
            result = render_shot(
                clip.shot,
                engine,
                job.out,
                media,
                face=job.face_of(clip),
                folder=folder,
                progress=lambda step, done, total: listen(
                    Event("step", clip.index, key, step=step, done=done, total=total)
                ),
            )
    except UniSyncError as error:
        if _is_full(error.__cause__):
            raise _disk_full(job) from error
        return _failed(clip, engine, key, str(error))
    except OSError as error:
        if _is_full(error):
            raise _disk_full(job) from error
        return _failed(clip, engine, key, _unexpected(error, folder))
    except Exception as error:
        # Law 5: whatever goes wrong in one shot, the night's other shots are rendered.
        return _failed(clip, engine, key, _unexpected(error, folder))
    return replace(result, key=key)


def _is_full(error: BaseException | None) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _disk_full(job: JobFolder) -> JobError:
    return JobError(
        "The disk is full",
        file=job.out,
        remedy="Make room and run the same command again; finished shots are kept.",
    )


def _failed(clip: ClipPlan, engine: Engine, key: str, reason: str) -> ShotResult:
    assert clip.shot is not None
    return ShotResult(
        key=key,
        status="failed",
        reason=reason,
        frames=clip.shot.length,
        draft=engine.info.draft,
        engine={"name": engine.info.name, "fingerprint": engine.info.fingerprint},
    )


def _unexpected(error: Exception, folder: Path) -> str:
    report = folder / "error.txt"
    write_atomic(report, "".join(traceback.format_exception(error)).encode())
    return f"Unexpected {type(error).__name__}: {error}. See {report.name} in {folder}"


def remove_leftovers(folder: Path, stem: str) -> None:
    """Remove what a killed run left of this file; the shot's lock is held, so nobody writes it."""
    for path in folder.glob(f".{stem}*"):
        path.unlink(missing_ok=True)


def _done(clip: ClipPlan, key: str, result: ShotResult, status: str) -> Event:
    total = clip.shot.length if clip.shot else 0
    message = result.reason
    if not message and result.face is not None and len(result.face.candidates) > 1:
        message = f"face {result.face.track}, {result.face.reason}"
    return Event("done", clip.index, key, done=total, total=total, status=status, message=message)


def unique(job: JobFolder, clips: Iterable[ClipPlan]) -> list[ClipPlan]:
    """One clip for each render key, in record order."""
    first: dict[str, ClipPlan] = {}
    for clip in clips:
        first.setdefault(job.render_key(clip), clip)
    return list(first.values())
