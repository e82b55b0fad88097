"""Render a job's shots on this machine, in worker processes that one bad shot cannot take down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from ..engines.base import Engine
from ..errors import JobCancelledError, JobError
from ..plan.plan import ClipPlan
from .crew import Crew
from .events import Event, Listener, silent
from .faults import RetryPolicy
from .folder import JobFolder
from .pool import WorkerPool
from .tally import summary, tally
from .work import disk_full, finished, render_clip, unique

__all__ = ["render_job", "summary"]


def render_job(
    job: JobFolder,
    *,
    shots: Collection[int] | None = None,
    again: bool = False,
    workers: int | None = None,
    engine: Engine | None = None,
    pool: WorkerPool | None = None,
    crew: Crew | None = None,
    policy: RetryPolicy | None = None,
    listen: Listener = silent,
) -> Counter[str]:
    """Render what is not finished yet. A cancelled job is taken up again.

    Args:
        job: the job.
        shots: clip indices to render; None = all.
        again: render also those that are finished.
        workers: processes, each with the engine opened once; None: one for each GPU, or one.
        engine: render in this process with this engine instead; nothing is tried twice then.
        pool: use these workers; they stay.
        crew: where workers are started for this job; None: on this machine.
        policy: of the workers started for this job.
        listen: hears the events, in this process's main thread.

    Returns:
        How many of the selected shots are now ``rendered``, ``kept``, ``failed``; of these, those
        that were finished before are counted as ``ready`` too.

    Raises:
        DiskFullError: no later shot could succeed; finished ones are kept.
        JobCancelledError: somebody asked for that.
        JobError: the job is for another engine.
        EngineError: the engine cannot be opened.
    """
    job.resume()
    selected = [c for c in job.plan.to_render if shots is None or c.index in shots]
    if again:
        for clip in selected:
            job.forget(clip)
    clips = unique(job, selected)
    todo = [clip for clip in clips if finished(job, clip) is None]
    if pool is not None:
        _render_in_pool(pool, job, clips, listen)
    elif todo and engine is None:
        count = min(workers, len(todo)) if workers else None
        wanted = job.job.fingerprint if crew is not None else None
        own = WorkerPool(job.job.engine, count, policy, crew=crew, fingerprint=wanted)
        with own:
            _render_in_pool(own, job, clips, listen)
    else:
        _render_here(job, todo, len(clips) - len(todo), engine, listen)
    counts = tally(job, clips, len(clips) - len(todo))
    listen(Event("end", status="finished", message=summary(counts)))
    return counts


def _render_here(
    job: JobFolder, todo: Sequence[ClipPlan], ready: int, engine: Engine | None, listen: Listener
) -> None:
    frames = sum(clip.shot.length for clip in todo if clip.shot)
    listen(Event("job", done=ready, total=frames, message=job.name))
    if engine is not None:
        for clip in todo:
            render_clip(job, clip, engine, listen)


def _render_in_pool(
    pool: WorkerPool, job: JobFolder, clips: Sequence[ClipPlan], listen: Listener
) -> None:
    """Wait for this job; the events of others that share the pool are not ours to tell."""
    pool.submit(job, clips)
    while True:
        for event in pool.poll():
            if event.kind == "end" and event.job == str(job.path):
                _raise_for(job, event)
                return
            if event.job in ("", str(job.path)):
                listen(event)


def _raise_for(job: JobFolder, end: Event) -> None:
    if end.status == "full":
        raise disk_full(job)
    if end.status == "cancelled":
        raise JobCancelledError(
            end.message,
            file=job.path,
            remedy="Finished shots are kept; the same command goes on with the others.",
        )
    if end.status == "refused":
        raise JobError(end.message)
