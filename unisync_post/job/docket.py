"""What a pool has to do, and what it says of it: the shots of all its jobs and their events."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ..errors import JobError
from ..plan.plan import ClipPlan
from .events import Event, Listener
from .faults import RetryPolicy
from .folder import JobFolder
from .queue import Line, Queue, Task
from .tally import summary, tally
from .work import finished, unique
from .worker import Ended

BUSY_PAUSE = 1.0
"""Seconds before a shot that another process holds is looked at again."""


class Docket(Queue):
    """The queue of a pool, whose jobs are heard of.

    Args:
        policy: how soon a shot is tried again.
        listen: hears each event as it comes.
    """

    def __init__(self, policy: RetryPolicy, listen: Listener) -> None:
        super().__init__()
        self._policy, self._listen = policy, listen
        self.events: list[Event] = []

    def say(self, event: Event, job: Path | None = None) -> None:
        """Tell an event, of this job or of the pool."""
        event = replace(event, job=str(job or ""))
        line = self.lines.get(job) if job else None
        if line is not None:
            line.forecast.hear(event)
        self._listen(event)
        self.events.append(event)

    def warn(self, task: Task, message: str) -> None:
        """Say what has happened to a shot."""
        self.say(Event("warning", task.clip.index, task.key, message=message), task.job)

    def add(self, job: JobFolder, clips: Iterable[ClipPlan] | None, priority: int) -> Line:
        """Queue a job's unfinished shots: all, or these."""
        wanted = {
            job.render_key(clip): clip
            for clip in unique(job, job.plan.to_render if clips is None else clips)
        }
        todo = {key for key, clip in wanted.items() if finished(job, clip) is None}
        line = self.lines.setdefault(job.path, Line(job, priority, {}))
        line.priority, line.stopped, line.message = priority, "", ""
        for key, clip in wanted.items():
            if key in todo and key not in line.clips:
                line.waiting.append(Task(job.path, clip, key))
        line.ready += len(wanted.keys() - todo - line.clips.keys())
        line.clips.update(wanted)
        frames = sum(task.clip.shot.length for task in line.waiting if task.clip.shot)
        self.say(Event("job", done=line.ready, total=frames, message=job.name), job.path)
        return line

    def ended(self, task: Task, ended: Ended) -> Line:
        """A worker is done with a shot, which waits again unless it is over."""
        now = time.monotonic()
        if ended.outcome in ("busy", "lost"):
            self.put_back(task, now + BUSY_PAUSE)
        elif ended.outcome == "again":
            task = replace(task, attempts=task.attempts + 1)
            pause = self._policy.pause(task.attempts)
            message = f"Shot {task.clip.index}: {ended.reason}; tried again in {pause:.0f} s"
            self.warn(task, message)
            self.put_back(task, now + pause)
        elif ended.outcome == "stopped":
            self.put_back(task, now)
        else:
            self.release(task)
        return self.lines[task.job]

    def end_lines(self) -> None:
        """Tell the end of the jobs that have nothing left to do."""
        for line in self.finished():
            status = line.stopped or "finished"
            try:
                message = line.message or summary(tally(line.job, line.clips.values(), line.ready))
            except (JobError, OSError) as error:
                status, message = "refused", f"The job folder cannot be read: {error}"
            self.say(Event("end", status=status, message=message), line.job.path)
