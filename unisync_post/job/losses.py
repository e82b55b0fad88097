"""A shot whose worker was lost: once may be chance, after that it is set aside."""

from __future__ import annotations

from dataclasses import replace

from ..engines.base import EngineInfo
from ..lease import Fence
from ..records import write_atomic
from .crew import Death
from .events import Event
from .faults import RetryPolicy, is_full
from .folder import JobFolder
from .queue import Task
from .work import disk_full, done_event, set_aside


def charged(task: Task, death: Death) -> Task:
    """With this loss on its account. One whose machines go away, too, is not given to every
    machine there is: that counts as an attempt."""
    if death.with_machine:
        return replace(task, attempts=task.attempts + 1)
    return replace(task, deaths=task.deaths + 1)


def is_spent(task: Task, policy: RetryPolicy) -> bool:
    """Whether it has cost enough."""
    return task.deaths >= policy.deaths or task.attempts >= policy.attempts


def keep_trace(job: JobFolder, task: Task, death: Death) -> None:
    """Put the worker's last stack beside the shot.

    Raises:
        OSError: the job folder cannot be written.
    """
    if death.trace:
        write_atomic(job.shot_folder(task.key) / "error.txt", death.trace.encode())


def give_up_on(
    job: JobFolder,
    task: Task,
    what: str,
    death: Death,
    info: EngineInfo | None,
    fence: Fence | None,
) -> Event | None:
    """Set a shot aside that is spent; it keeps its original media.

    Returns:
        What to say of it; None: another process has finished it, or has it now.

    Raises:
        OSError: the job folder cannot be written.
    """
    count = task.attempts if death.with_machine else task.deaths
    result = set_aside(job, task.clip, count, what, info, fence)
    return None if result is None else done_event(task.clip, task.key, result, result.status)


def why_stopped(job: JobFolder, error: OSError) -> tuple[str, str]:
    """Status and message of a job whose folder cannot be written."""
    if is_full(error):
        return "full", str(disk_full(job))
    return "refused", f"The job folder: {error}"
