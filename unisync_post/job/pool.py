"""Resident workers: the engine is opened once a process and kept, across shots and across jobs.

One process for each GPU, or one for an engine of the CPU, here or wherever its crew has them.
Everything durable is in the job folders; a pool can be killed at any instant and another goes on.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import wait
from pathlib import Path
from types import TracebackType

from ..engines.base import EngineInfo
from ..lease import Fence
from ..plan.plan import ClipPlan
from .crew import Crew, Death, LocalCrew, Member
from .docket import BUSY_PAUSE, Docket
from .events import Event, Listener, silent
from .faults import RetryPolicy
from .folder import JobFolder
from .holds import Holds
from .losses import charged, give_up_on, is_spent, keep_trace, why_stopped
from .queue import Line, Task
from .staff import Staff
from .worker import Ended, Loaded, Refused

_MARKS_EVERY = 0.5
"""Seconds between two looks for cancel marks."""


class WorkerPool:
    """Renders the shots of any number of jobs.

    Call :meth:`poll` at least once a second: it does all the work, in the caller's thread.

    Args:
        engine: as :func:`~unisync_post.engines.open_engine` takes it; the first worker opens it at
            once.
        workers: most processes; None: as many as the crew has room for.
        policy: retries and time limits.
        listen: hears each event as it comes, before :meth:`poll` returns it.
        crew: where they run; None: on this machine. Shots rendered elsewhere are leased.
        fingerprint: of the engine that is wanted; None: whatever the first worker opens.
    """

    def __init__(
        self,
        engine: str = "auto",
        workers: int | None = None,
        policy: RetryPolicy | None = None,
        listen: Listener = silent,
        crew: Crew | None = None,
        fingerprint: str | None = None,
    ) -> None:
        self.engine = engine
        self.policy = policy or RetryPolicy()
        self._crew = crew or LocalCrew()
        self._holds = Holds() if crew is not None else None
        self._queue = Docket(self.policy, listen)
        self._looked = 0.0
        self._staff = Staff(
            self._crew, engine, workers, self.policy.attempts, fingerprint, self._queue.say
        )

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def workers(self) -> int:
        """Most processes at present."""
        return self._staff.most

    @property
    def ready(self) -> bool:
        """The engine is open: :attr:`info` does not wait."""
        return self._staff.info is not None

    @property
    def info(self) -> EngineInfo:
        """The engine, as the first worker opened it; waits for that.

        Raises:
            EngineError: it cannot be opened.
        """
        while self._staff.info is None:
            self._turn(0.2)
        return self._staff.info

    @property
    def idle(self) -> bool:
        """No job is under way."""
        return not self._queue.lines

    @property
    def depth(self) -> int:
        """Shots waiting for a worker."""
        return len(self._queue)

    def time_left(self, job: JobFolder) -> float | None:
        """Seconds until this job's last shot, or None while nothing can be said."""
        line = self._queue.lines.get(job.path)
        return line.forecast.left if line else None

    def submit(
        self, job: JobFolder, clips: Iterable[ClipPlan] | None = None, *, priority: int = 0
    ) -> None:
        """Queue a job's unfinished shots: all, or these. Its events follow, last an ``end``.

        A job that is under way already gets the new shots and the new priority; one that is being
        stopped goes on.
        """
        line = self._queue.add(job, clips, priority)
        if job.cancelled:
            self._stop(line, "cancelled", "The job was cancelled")

    def cancel(self, job: JobFolder) -> None:
        """Stop this job here; its end is announced as ``cancelled``. Finished shots stay."""
        line = self._queue.lines.get(job.path)
        if line is not None:
            self._stop(line, "cancelled", "The job was cancelled")

    def poll(self, timeout: float = 0.2) -> list[Event]:
        """Serve the workers for at most ``timeout`` seconds; what happened since the last call.

        Raises:
            EngineError: the engine cannot be opened; nothing can be rendered here.
        """
        self._turn(timeout)
        events, self._queue.events = self._queue.events, []
        return events

    def close(self) -> None:
        """End the workers, also those in the middle of a shot. Nothing that is finished is lost."""
        self._staff.end()
        if self._holds is not None:
            self._holds.release_all()
        self._crew.close()

    def _turn(self, timeout: float) -> None:
        self._crew.check()
        if self._holds is not None:
            self._holds.beat()
        self._look_for_marks()
        self._hand_out()
        self._queue.end_lines()
        due = self._queue.next_due(time.monotonic())
        if any(member.idle for member in self._staff.members) and due is not None:
            timeout = min(timeout, due)
        if self._queue.events:
            timeout = 0.0
        pipes = {member.pipe: member for member in self._staff.members}
        for pipe in wait(list(pipes), timeout):
            self._hear(pipes[pipe])  # type: ignore[index]
        self._look_after()
        self._hand_out()
        self._queue.end_lines()

    # -- handing out -------------------------------------------------------------------------

    def _hand_out(self) -> None:
        while (member := self._staff.free(len(self._queue))) is not None:
            task = self._queue.take(time.monotonic())
            if task is None:
                return
            fence = None
            if self._holds is not None:
                fence = self._holds.claim(self._lease(task))
                if fence is None:
                    self._queue.put_back(task, time.monotonic() + BUSY_PAUSE)
                    continue
            last = task.attempts + 1 >= self.policy.attempts
            try:
                member.give(task, last=last, fence=fence)
            except OSError:
                self._lost(member, "died")

    def _lease(self, task: Task) -> Path:
        return self._queue.lines[task.job].job.lease_folder(task.key)

    def _give_up(self, task: Task) -> None:
        """Nobody here is at this shot any more."""
        if self._holds is not None:
            self._holds.release(self._lease(task))

    # -- hearing -----------------------------------------------------------------------------

    def _hear(self, member: Member) -> None:
        while member in self._staff.members:
            try:
                if not member.pipe.poll():
                    return
                message = member.pipe.recv()
            except (EOFError, OSError):
                self._lost(member, "died")
                return
            self._heard(member, message)

    def _heard(self, member: Member, message: object) -> None:
        if isinstance(message, Event) and member.task is not None:
            member.hear(message)
            attempt = member.task.attempts + member.task.deaths + 1
            if message.kind == "shot" and attempt > 1:
                message = replace(message, attempt=attempt)
            self._queue.say(message, member.task.job)
        elif isinstance(message, Ended) and member.task is not None:
            task = member.task
            member.free()
            self._give_up(task)
            if message.outcome in ("full", "refused") and self._crew.avoid(member):
                # this machine's own trouble, perhaps: the shot goes to another one
                said = f"{member.name} gave shot {task.clip.index} back: {message.reason}"
                self._queue.warn(task, said)
                self._queue.put_back(task, 0.0)
                self._staff.remove(member)
                return
            line = self._queue.ended(task, message)
            if message.outcome in ("full", "refused"):
                self._stop(line, message.outcome, message.reason)
            if message.leaving:
                self._lost(member, "left")
        elif isinstance(message, Loaded):
            if not self._staff.opened(member, message):
                self._lost(member, "left")
        elif isinstance(message, Refused):
            member.refusal = message.reason

    # -- looking after -----------------------------------------------------------------------

    def _look_for_marks(self) -> None:
        now = time.monotonic()
        if now - self._looked >= _MARKS_EVERY:
            self._looked = now
            for line in self._queue.lines.values():
                with suppress(OSError):  # its storage is away: the shots will tell
                    if not line.stopped and line.job.cancelled:
                        self._stop(line, "cancelled", "The job was cancelled")

    def _stop(self, line: Line, status: str, message: str) -> None:
        line.stopped, line.message = line.stopped or status, line.message or message
        line.waiting.clear()
        for member in self._staff.at(line.job.path):
            member.stop(self.policy.grace)

    def _look_after(self) -> None:
        """Kill those that stand still and those that do not stop when told."""
        now = time.monotonic()
        for member in list(self._staff.members):
            if member.stop_by is not None and now > member.stop_by:
                self._lost(member, "stopped")
            elif member.overdue(now, self.policy):
                member.ask_where()
                self._lost(member, "hung")

    def _lost(self, member: Member, status: str) -> None:
        """A worker is gone, or has to go. Another takes its place when there is work for it."""
        death = self._staff.remove(member, kill=status != "died")
        if member.info is None:
            self._staff.false_start(member, death)
            return
        task = member.task
        if status == "stopped" and task is not None:
            self._give_up(task)
            self._queue.put_back(task, 0.0)
            return
        if death.with_machine:
            self._crew.avoid(member)
        what = death.how if death.with_machine else f"died ({death.how})"
        if status == "hung":
            what = f"stood still for {self.policy.stall:.0f} s"
        self._queue.say(Event("worker", status=status, message=f"{member.name} {what}"))
        if task is not None:
            fence = self._holds.fence(self._lease(task)) if self._holds is not None else None
            try:
                self._blame(task, what, death, fence)
            finally:
                self._give_up(task)

    def _blame(self, task: Task, what: str, death: Death, fence: Fence | None) -> None:
        """A shot took its worker down: it is tried again, or set aside."""
        task = charged(task, death)
        line = self._queue.lines[task.job]
        try:
            keep_trace(line.job, task, death)
            if is_spent(task, self.policy):
                said = give_up_on(line.job, task, what, death, self._staff.info, fence)
                self._queue.release(task)
                if said is not None:
                    self._queue.say(said, task.job)
                return
        except OSError as error:
            self._stop(line, *why_stopped(line.job, error))
        self._queue.warn(task, f"Shot {task.clip.index} lost its worker; it is tried again")
        self._queue.put_back(task, 0.0)
