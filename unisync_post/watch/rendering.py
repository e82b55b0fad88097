"""Rendering drops that are planned, and putting them back together.

Shots are rendered by resident workers that know nothing of drops: they get jobs, each with its
priority, and take a shot of every job in turn, so that a feature film does not starve a trailer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import DiskFullError, JobError, UniSyncError
from ..job.events import Event
from ..job.folder import JobFolder, open_job
from .board import Board
from .drop import Drop, proof_of
from .finish import Finished, finish
from .helper import Helper, Outcome
from .names import shown
from .ready import Looks
from .renderers import Renderer, Renderers
from .scan import mark_of
from .status import Output, State
from .storage import Storage

_LEAST_ROOM = 10**6


@dataclass
class _Run:
    """A job under way, and the drops that wait for it."""

    job: JobFolder
    renderer: Renderer
    drops: list[Drop]

    def waiting(self) -> list[Drop]:
        """Those that still do: not lost to another watcher, taken away or planned anew."""
        return [d for d in self.drops if d.is_active and self.job.path in d.running]


@dataclass
class Rendering:
    """Jobs under way.

    Attributes:
        renderers: the workers.
        helper: writes the returned edits.
    """

    board: Board
    storage: Storage
    renderers: Renderers
    helper: Helper
    settle: float
    _runs: dict[Path, _Run] = field(default_factory=dict)
    _ended: deque[Path] = field(default_factory=deque)
    _finishing: Path | None = None
    _finish_by: float = 0.0

    # -- the turn ----------------------------------------------------------------------------

    def turn(self, timeout: float) -> None:
        """Launch what is planned, and hear of what is under way for up to ``timeout`` seconds.

        Raises:
            EngineError: the watch folder's own engine cannot be opened.
        """
        self._leave_lost()
        for drop in self.board.active():
            if drop.prepared is not None and self.board.clock() >= drop.retry_at:
                self._launch(drop)
        self._finish_next()
        for event in self.renderers.poll(timeout):
            self._hear(event)

    def close(self) -> None:
        """End every worker."""
        self.renderers.close()
        self.helper.close()

    def _leave_lost(self) -> None:
        """Stop what other watchers have taken over."""
        for path, run in list(self._runs.items()):
            if not run.waiting() and path != self._finishing:
                run.renderer.cancel(run.job)
                del self._runs[path]

    # -- beginning ---------------------------------------------------------------------------

    def _launch(self, drop: Drop) -> None:
        prepared, now = drop.prepared, self.board.clock()
        assert prepared is not None
        marks = {str(path): mark for path in prepared.media if (mark := mark_of(path)) is not None}
        if marks != {str(path): mark for path, mark in prepared.media.items()}:
            self._plan_again(drop, "Its media changed since it was planned.")
            return
        drop.media.look(marks, now)
        proof = proof_of(drop, self.board.preset(drop), self.board.config)
        if proof == "settle" and self._is_outside(drop) and not drop.media.settled(self.settle):
            reason = f"Waiting until its media has not changed for {self.settle:g} s."
            self.board.tell(drop, State.QUEUED, reason)
            drop.retry_at = now + min(self.board.config.poll, self.settle / 2)
            return
        lacking = self.storage.room(sum(o.bytes for o in prepared.outputs) + self._to_come())
        if lacking is not None:
            self.board.tell(drop, State.WAITING, lacking, waiting_for=("room on the disk",))
            drop.retry_at = now + self.board.config.poll
            return
        self._submit(drop)

    def _submit(self, drop: Drop) -> None:
        assert drop.prepared is not None
        planned, drop.prepared = drop.prepared.outputs, None
        try:
            jobs = [open_job(one.job) for one in planned]
        except UniSyncError as error:  # damaged since it was planned
            self._refused(drop, error)
            return
        for one, job in zip(planned, jobs, strict=True):
            drop.plans[job.path] = one
            drop.outputs[job.path] = Output(one.language, str(job.path), one.shots, one.done)
            drop.running.add(job.path)
            if job.path in self._runs:
                self._runs[job.path].drops.append(drop)
                continue
            renderer = self.renderers.get(drop.engine)
            self._runs[job.path] = _Run(job, renderer, [drop])
            renderer.submit(job, priority=drop.settings.priority)
        self.board.tell(drop, State.RENDERING, "")

    def _is_outside(self, drop: Drop) -> bool:
        """Whether it needs files that the looks at the drop itself do not see."""
        assert drop.prepared is not None
        return any(not path.is_relative_to(drop.found.home) for path in drop.prepared.media)

    def _to_come(self) -> int:
        """Bytes that jobs under way will still write, estimated."""
        total = 0
        for path, run in self._runs.items():
            for drop in run.waiting()[:1]:
                planned, output = drop.plans[path], drop.outputs[path]
                left = max(1, planned.shots - planned.done)
                total += planned.bytes * (output.shots - output.done) // left
        return total

    # -- hearing -----------------------------------------------------------------------------

    def _hear(self, event: Event) -> None:
        path = Path(event.job)
        run = self._runs.get(path) if event.job else None
        if run is None:
            return
        if event.kind == "done":
            self._update(run, path, +1)
        elif event.kind == "step":
            self._update(run, path, 0)
        elif event.kind == "end":
            self._end(run, path, event)

    def _update(self, run: _Run, path: Path, step: int) -> None:
        left = run.renderer.time_left(run.job)
        for drop in run.waiting():
            output = drop.outputs[path]
            drop.outputs[path] = replace(
                output,
                done=min(output.shots, output.done + step),
                seconds_left=None if left is None else round(left),
            )
            self.board.progress(drop)
            if step:
                count = f"{drop.outputs[path].done} of {output.shots} shots ready"
                rest = "" if left is None else f", about {round(left)} s left"
                self.board.say(drop.name, f"rendering: {output.language}: {count}{rest}")

    def _end(self, run: _Run, path: Path, event: Event) -> None:
        if event.status == "finished":
            self._ended.append(path)
            return
        del self._runs[path]
        for drop in run.waiting():
            if event.status == "full":
                self._wait_for_room(drop, event.message, drop.plans[path].bytes)
            elif event.status == "cancelled" and run.job.cancelled:
                drop.running.discard(path)
                drop.cancelled.add(path)
                self._end_drop(drop)
            elif event.status == "refused" and drop.again:
                self._refused(drop, JobError(event.message))
            else:
                self._plan_again(drop, event.message)

    def _end_drop(self, drop: Drop) -> None:
        """One of its outputs ended; with the last one, so does the drop."""
        if drop.running:
            return
        if drop.cancelled:
            again = " ".join(str(path) for path in sorted(drop.cancelled))
            reason = "The job was cancelled."
            remedy = f"Take it up again with `unisync jobs retry {again}`."
            self.board.tell(drop, State.CANCELLED, reason, remedy=remedy)
        else:
            drop.again = 0
            self.board.tell(drop, State.DONE, _summary(drop.outputs.values()))
        self.board.release(drop)

    # -- ending ------------------------------------------------------------------------------

    def _finish_next(self) -> None:
        if self._finishing is not None:
            outcome = self.helper.take() or self._overdue()
            if outcome is None:
                return
            path, self._finishing = self._finishing, None
            run = self._runs.pop(path, None)
            for drop in run.waiting() if run else ():
                self._finished(drop, path, outcome)
        while self._ended and self._finishing is None:
            path = self._ended.popleft()
            if path in self._runs:
                self._finishing = path
                self._finish_by = self.board.clock() + self.board.config.plan_limit
                self.helper.start(finish, path)

    def _overdue(self) -> Outcome | None:
        if self.board.clock() < self._finish_by:
            return None
        return self.helper.give_up("Writing its edit and review page took too long")

    def _finished(self, drop: Drop, path: Path, outcome: Outcome) -> None:
        if isinstance(outcome.error, DiskFullError):
            self._wait_for_room(drop, str(outcome.error), _LEAST_ROOM)
            return
        if outcome.passing and not drop.again:
            self._plan_again(drop, f"{outcome.error}; it is tried again.")
            return
        if outcome.error is not None:
            self._refused(drop, outcome.error)
            return
        done = outcome.value
        assert isinstance(done, Finished)
        if done.again and not drop.again:
            self._plan_again(drop, "Media went away or changed while it was rendered.")
            return
        drop.running.discard(path)
        drop.outputs[path] = replace(
            drop.outputs[path],
            done=drop.outputs[path].shots,
            rendered=done.rendered,
            kept=done.kept,
            failed=done.failed,
            seconds_left=None,
            edit=str(done.edit),
            review=str(done.review),
            reasons=done.reasons,
        )
        self.board.progress(drop)
        self._end_drop(drop)

    def _refused(self, drop: Drop, error: UniSyncError) -> None:
        drop.running.clear()
        self.board.tell(drop, State.REJECTED, shown(str(error)))
        self.board.release(drop)

    def _wait_for_room(self, drop: Drop, reason: str, wanted: int) -> None:
        drop.forget_plan()
        drop.wanted = max(wanted, _LEAST_ROOM)
        drop.retry_at = self.board.clock() + self.board.config.recheck
        self.board.tell(drop, State.WAITING, shown(reason), waiting_for=("room on the disk",))
        self.board.release(drop)

    def _plan_again(self, drop: Drop, reason: str) -> None:
        """Read it anew: its media is not what it was. What is rendered stays rendered."""
        drop.again += 1
        drop.forget_plan()
        drop.media = Looks()
        drop.retry_at = self.board.clock() + self.settle
        self.board.tell(drop, State.QUEUED, shown(reason))
        self.board.release(drop)


def _summary(outputs: Iterable[Output]) -> str:
    return "; ".join(
        f"{o.language}: {o.rendered} rendered, {o.kept} kept their original media, "
        f"{o.failed} failed"
        for o in outputs
    )
