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
from ..errors import EngineError, JobError
from ..lease import Fence
from ..plan.plan import ClipPlan
from ..records import write_atomic
from .crew import Crew, Death, LocalCrew, Member
from .events import Event, Listener, silent
from .faults import RetryPolicy, is_full
from .folder import JobFolder
from .holds import Holds
from .queue import Line, Queue, Task
from .tally import summary, tally
from .work import disk_full, done_event, finished, set_aside, unique
from .worker import Ended, Loaded, Refused

_BUSY_PAUSE = 1.0
"""Seconds before a shot that another process holds is looked at again."""
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
        self._most = workers
        self._fingerprint = fingerprint
        self._listen = listen
        self._events: list[Event] = []
        self._queue = Queue()
        self._info: EngineInfo | None = None
        self._false_starts = 0
        self._looked = 0.0
        self._members: list[Member] = []
        self._start(0)

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
        return self._most or self._crew.size

    @property
    def ready(self) -> bool:
        """The engine is open: :attr:`info` does not wait."""
        return self._info is not None

    @property
    def info(self) -> EngineInfo:
        """The engine, as the first worker opened it; waits for that.

        Raises:
            EngineError: it cannot be opened.
        """
        while self._info is None:
            self._turn(0.2)
        return self._info

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
        wanted = {
            job.render_key(clip): clip
            for clip in unique(job, job.plan.to_render if clips is None else clips)
        }
        todo = {key for key, clip in wanted.items() if finished(job, clip) is None}
        line = self._queue.lines.setdefault(job.path, Line(job, priority, {}))
        line.priority, line.stopped, line.message = priority, "", ""
        for key, clip in wanted.items():
            if key in todo and key not in line.clips:
                line.waiting.append(Task(job.path, clip, key))
        line.ready += len(wanted.keys() - todo - line.clips.keys())
        line.clips.update(wanted)
        frames = sum(task.clip.shot.length for task in line.waiting if task.clip.shot)
        self._say(Event("job", done=line.ready, total=frames, message=job.name), job.path)
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
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        """End the workers, also those in the middle of a shot. Nothing that is finished is lost."""
        for member in self._members:
            member.kill()
        for member in self._members:
            member.bury()
        self._members.clear()
        if self._holds is not None:
            self._holds.release_all()
        self._crew.close()

    def _turn(self, timeout: float) -> None:
        self._crew.check()
        if self._holds is not None:
            self._holds.beat()
        self._look_for_marks()
        self._hand_out()
        self._end_lines()
        due = self._queue.next_due(time.monotonic())
        if any(member.idle for member in self._members) and due is not None:
            timeout = min(timeout, due)
        if self._events:
            timeout = 0.0
        pipes = {member.pipe: member for member in self._members}
        for pipe in wait(list(pipes), timeout):
            self._hear(pipes[pipe])  # type: ignore[index]
        self._look_after()
        self._hand_out()
        self._end_lines()

    def _say(self, event: Event, job: Path | None = None) -> None:
        event = replace(event, job=str(job or ""))
        line = self._queue.lines.get(job) if job else None
        if line is not None:
            line.forecast.hear(event)
        self._listen(event)
        self._events.append(event)

    # -- handing out -------------------------------------------------------------------------

    def _hand_out(self) -> None:
        while (member := self._free_member()) is not None:
            task = self._queue.take(time.monotonic())
            if task is None:
                return
            fence = None
            if self._holds is not None:
                fence = self._holds.claim(self._lease(task))
                if fence is None:
                    self._queue.put_back(task, time.monotonic() + _BUSY_PAUSE)
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

    def _free_member(self) -> Member | None:
        """One that is idle; if there is none, start another where there is work and room."""
        idle = next((member for member in self._members if member.idle), None)
        loading = sum(member.info is None for member in self._members)
        if idle is None and loading < len(self._queue) and len(self._members) < self.workers:
            taken = {member.number for member in self._members}
            self._start(next(n for n in range(self.workers) if n not in taken))
        return idle

    def _start(self, number: int) -> None:
        self._members.append(self._crew.start(number, self.engine, self.workers))

    def _end_lines(self) -> None:
        for line in self._queue.finished():
            status = line.stopped or "finished"
            try:
                message = line.message or summary(tally(line.job, line.clips.values(), line.ready))
            except (JobError, OSError) as error:
                status, message = "refused", f"The job folder cannot be read: {error}"
            self._say(Event("end", status=status, message=message), line.job.path)

    # -- hearing -----------------------------------------------------------------------------

    def _hear(self, member: Member) -> None:
        while member in self._members:
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
            self._say(message, member.task.job)
        elif isinstance(message, Ended) and member.task is not None:
            task = member.task
            member.free()
            self._give_up(task)
            if message.outcome in ("full", "refused") and self._crew.avoid(member):
                # this machine's own trouble, perhaps: the shot goes to another one
                said = f"{member.name} gave shot {task.clip.index} back: {message.reason}"
                self._say(_about(task, said), task.job)
                self._queue.put_back(task, 0.0)
                self._dismiss(member)
                return
            self._ended(task, message)
            if message.leaving:
                self._lost(member, "left")
        elif isinstance(message, Loaded):
            self._loaded(member, message)
        elif isinstance(message, Refused):
            member.refusal = message.reason

    def _loaded(self, member: Member, loaded: Loaded) -> None:
        info = loaded.info
        if self._fingerprint not in (None, info.fingerprint):
            # never mixed silently: the shots of one job all come from one engine
            member.refusal = (
                f"its {info.name} {info.version} is another one ({info.fingerprint[:12]}) than the "
                f"job's ({str(self._fingerprint)[:12]})"
            )
            self._lost(member, "left")
            return
        member.info = self._info = info
        self._fingerprint = info.fingerprint
        self._false_starts = 0
        said = f"{member.name} opened {info.name} in {loaded.seconds:.1f} s"
        self._say(Event("worker", status="loaded", message=said))

    def _ended(self, task: Task, ended: Ended) -> None:
        now = time.monotonic()
        if ended.outcome in ("busy", "lost"):
            self._queue.put_back(task, now + _BUSY_PAUSE)
        elif ended.outcome == "again":
            task = replace(task, attempts=task.attempts + 1)
            pause = self.policy.pause(task.attempts)
            message = f"Shot {task.clip.index}: {ended.reason}; tried again in {pause:.0f} s"
            self._say(_about(task, message), task.job)
            self._queue.put_back(task, now + pause)
        elif ended.outcome == "stopped":
            self._queue.put_back(task, now)
        else:
            line = self._queue.release(task)
            if ended.outcome in ("full", "refused"):
                self._stop(line, ended.outcome, ended.reason)

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
        for member in self._members:
            if member.task is not None and member.task.job == line.job.path:
                member.stop(self.policy.grace)

    def _look_after(self) -> None:
        """Kill those that stand still and those that do not stop when told."""
        now = time.monotonic()
        for member in list(self._members):
            if member.stop_by is not None and now > member.stop_by:
                self._lost(member, "stopped")
            elif member.overdue(now, self.policy):
                member.ask_where()
                self._lost(member, "hung")

    def _lost(self, member: Member, status: str) -> None:
        """A worker is gone, or has to go. Another takes its place when there is work for it."""
        if status != "died":
            member.kill()
        death = member.bury()
        self._members.remove(member)
        if member.info is None:
            self._false_start(member, death)
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
        self._say(Event("worker", status=status, message=f"{member.name} {what}"))
        if task is not None:
            fence = self._holds.fence(self._lease(task)) if self._holds is not None else None
            try:
                self._blame(task, what, death, fence)
            finally:
                self._give_up(task)

    def _dismiss(self, member: Member) -> None:
        member.kill()
        member.bury()
        self._members.remove(member)

    def _false_start(self, member: Member, death: Death) -> None:
        self._false_starts += 1
        reason = member.refusal or f"its process died while opening it ({death.how})"
        final = bool(member.refusal) or self._false_starts >= self.policy.attempts
        if (final or death.with_machine) and self._crew.avoid(member):
            self._false_starts = 0
            message = f"{member.name} cannot open {self.engine}, and is left out: {reason}"
            self._say(Event("warning", message=message))
        elif final:
            at_work = sum(member.info is not None for member in self._members)
            if not at_work:
                raise EngineError(f"The engine {self.engine} cannot be opened: {reason}")
            self._most = at_work
            message = f"No more than {at_work} workers can open {self.engine}: {reason}"
            self._say(Event("warning", message=message))
        if not self._members:
            self._start(0)

    def _blame(self, task: Task, what: str, death: Death, fence: Fence | None) -> None:
        """A shot took its worker down: once may be chance, after that it is set aside. One whose
        machines go away, too, is not given to every machine there is."""
        if death.with_machine:
            task = replace(task, attempts=task.attempts + 1)
        else:
            task = replace(task, deaths=task.deaths + 1)
        line = self._queue.lines[task.job]
        try:
            if death.trace:
                report = line.job.shot_folder(task.key) / "error.txt"
                write_atomic(report, death.trace.encode())
            if task.deaths >= self.policy.deaths or task.attempts >= self.policy.attempts:
                losses = task.attempts if death.with_machine else task.deaths
                result = set_aside(line.job, task.clip, losses, what, self._info, fence)
                self._queue.release(task)
                if result is not None:
                    self._say(done_event(task.clip, task.key, result, result.status), task.job)
                return
        except OSError as error:
            full = is_full(error)
            message = str(disk_full(line.job)) if full else f"The job folder: {error}"
            self._stop(line, "full" if full else "refused", message)
        message = f"Shot {task.clip.index} lost its worker; it is tried again"
        self._say(_about(task, message), task.job)
        self._queue.put_back(task, 0.0)


def _about(task: Task, message: str) -> Event:
    return Event("warning", task.clip.index, task.key, message=message)
