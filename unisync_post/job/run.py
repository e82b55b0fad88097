"""Render a job's shots on this machine, in worker processes that one bad shot cannot take down."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait as wait_for_handle
from pathlib import Path
from queue import Empty
from typing import TYPE_CHECKING

from ..engines import open_engine
from ..engines.base import Engine
from ..plan.plan import ClipPlan
from ..records import dump, write_atomic
from .events import Event, Listener, silent
from .folder import JobFolder, open_job
from .result import ShotResult
from .work import finished, render_clip, unique

if TYPE_CHECKING:
    from multiprocessing.queues import Queue

_POLL = 0.2


def render_job(
    job: JobFolder,
    *,
    shots: Collection[int] | None = None,
    again: bool = False,
    workers: int = 1,
    engine: Engine | None = None,
    listen: Listener = silent,
) -> Counter[str]:
    """Render what is not finished yet.

    Args:
        job: the job.
        shots: clip indices to render; None = all.
        again: render also those that are finished.
        workers: processes; each loads the engine once and keeps it.
        engine: render in this process with this engine instead.
        listen: hears the events, in this process's main thread.

    Returns:
        How many of the selected shots are now ``rendered``, ``kept``, ``failed``; of the first
        two, those that were finished before are counted as ``ready`` too.

    Raises:
        JobError: no shot could succeed (disk full, another engine installed).
    """
    selected = [c for c in job.plan.to_render if shots is None or c.index in shots]
    if again:
        for clip in selected:
            job.forget(clip)
    todo = [c for c in unique(job, selected) if finished(job, c) is None]
    counts = Counter(ready=len(unique(job, selected)) - len(todo))
    frames = sum(c.shot.length for c in todo if c.shot)
    listen(Event("job", done=counts["ready"], total=frames, message=job.name))
    if engine is not None:
        for clip in todo:
            render_clip(job, clip, engine, listen)
    elif todo:
        _render_in_processes(job, todo, workers, listen)
    for clip in unique(job, selected):
        result = job.result(clip)
        counts[result.status if result else "failed"] += 1
    listen(Event("end", message=summary(counts)))
    return counts


def summary(counts: Counter[str]) -> str:
    """``4 rendered (1 of them before), 1 kept its original media, 0 failed``."""
    before = f" ({counts['ready']} ready before)" if counts["ready"] else ""
    return (
        f"{counts['rendered']} rendered{before}, {counts['kept']} kept their original media, "
        f"{counts['failed']} failed"
    )


def _render_in_processes(
    job: JobFolder, todo: Sequence[ClipPlan], workers: int, listen: Listener
) -> None:
    """All at once; if a worker dies, the shots it may have been at are tried again one by one."""
    suspects = _run_pool(job, todo, min(workers, len(todo)), listen)
    for clip in suspects:
        if _run_pool(job, [clip], 1, listen):
            _record_crash(job, clip, listen)
    rest = [c for c in todo if c not in suspects and job.result(c) is None]
    if suspects and rest:
        _render_in_processes(job, rest, workers, listen)


def _run_pool(
    job: JobFolder, clips: Sequence[ClipPlan], workers: int, listen: Listener
) -> list[ClipPlan]:
    """Render these; returns the shots that were under way when a worker died, if one did."""
    begun: set[int] = set()

    def hear(event: Event) -> None:
        if event.kind == "shot":
            begun.add(event.shot)
        elif event.kind == "done":
            begun.discard(event.shot)
        listen(event)

    with _pool(job, workers) as (pool, events):
        pending = {pool.submit(_work, clip.index): clip for clip in clips}
        try:
            _attend(pending, events, hear)
        except BrokenProcessPool:
            _drain(events, hear)
            return [clip for clip in clips if clip.index in begun] or list(clips[:1])
    return []


def _attend(pending: dict[Future[None], ClipPlan], events: Queue[Event], listen: Listener) -> None:
    waiting = set(pending)
    while waiting:
        done, waiting = wait(waiting, timeout=_POLL, return_when=FIRST_COMPLETED)
        _drain(events, listen)
        for future in done:
            future.result()
    _drain(events, listen)


def _drain(events: Queue[Event], listen: Listener) -> None:
    while True:
        try:
            listen(events.get(timeout=0.01))
        except Empty:
            return


@contextmanager
def _pool(job: JobFolder, workers: int) -> Iterator[tuple[ProcessPoolExecutor, Queue[Event]]]:
    # spawn: a forked child would inherit the parent's decoder and model threads half-alive.
    context = multiprocessing.get_context("spawn")
    events: Queue[Event] = context.Queue()
    threads = max(1, (os.cpu_count() or 1) // workers)
    pool = ProcessPoolExecutor(
        workers, context, initializer=_begin, initargs=(job.path, job.job.engine, threads, events)
    )
    try:
        yield pool, events
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        events.close()


def _record_crash(job: JobFolder, clip: ClipPlan, listen: Listener) -> None:
    key = job.render_key(clip)
    result = ShotResult(
        key=key,
        status="failed",
        reason="The renderer died twice on this shot; its media may be damaged. "
        "Check that the media plays, or mark the clip unisync:skip.",
        frames=clip.shot.length if clip.shot else 0,
    )
    write_atomic(job.shot_folder(key) / "result.json", dump(result))
    listen(Event("done", clip.index, key, status="failed", message=result.reason))


class _Worker:
    """A worker process's own: set once by :func:`_begin`."""

    job: JobFolder
    engine: Engine
    events: Queue[Event]


def _begin(path: Path, engine: str, threads: int, events: Queue[Event]) -> None:
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    threading.Thread(target=_die_with_parent, daemon=True).start()
    _Worker.job = open_job(path)
    _Worker.engine = open_engine(engine)
    _Worker.events = events


def _die_with_parent() -> None:
    """A worker whose parent was killed must not go on holding the shot's lock."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for_handle([parent.sentinel])
        os._exit(1)


def _work(index: int) -> None:
    clip = next(c for c in _Worker.job.plan.to_render if c.index == index)
    render_clip(_Worker.job, clip, _Worker.engine, _Worker.events.put)
