"""Whose shot is next, and how failures are sorted: no processes, no clock."""

from __future__ import annotations

import errno
from pathlib import Path
from types import SimpleNamespace

import av.error
import pytest

from unisync_post.errors import DiskFullError, MediaError
from unisync_post.job.faults import Fault, RetryPolicy, classify, is_device_error, is_full
from unisync_post.job.queue import Line, Queue, Task


def queue_of(**jobs: tuple[int, int]) -> Queue:
    """A queue of jobs: name = (priority, shots)."""
    queue = Queue()
    for name, (priority, shots) in jobs.items():
        path = Path(name)
        line = Line(SimpleNamespace(path=path), priority, {})  # type: ignore[arg-type]
        line.waiting.extend(Task(path, SimpleNamespace(), f"{n}") for n in range(shots))  # type: ignore[arg-type]
        queue.lines[path] = line
    return queue


def served(queue: Queue, count: int) -> str:
    """First letters of the jobs whose shots are taken."""
    names = []
    for _ in range(count):
        task = queue.take(0.0)
        assert task is not None
        queue.release(task)
        names.append(task.job.name[0])
    return "".join(names)


def test_a_feature_does_not_starve_a_trailer() -> None:
    assert served(queue_of(feature=(0, 100), trailer=(0, 2), spot=(0, 1)), 6) == "ftsftf"


def test_a_higher_priority_goes_first_and_alone() -> None:
    assert served(queue_of(feature=(0, 9), urgent=(5, 2), rush=(5, 1)), 5) == "uruff"


def test_a_shot_that_waits_for_its_pause_lets_others_go_first() -> None:
    queue = queue_of(job=(0, 2))
    first = queue.take(0.0)
    assert first is not None
    queue.put_back(first, due=7.0)
    second = queue.take(0.0)
    assert second is not None
    assert (first.key, second.key) == ("0", "1")
    assert queue.take(6.9) is None
    assert queue.next_due(6.0) == 1.0
    again = queue.take(7.0)
    assert again is not None
    assert again.key == "0"


def test_a_job_is_over_when_nothing_waits_and_nothing_runs() -> None:
    queue = queue_of(job=(0, 1))
    task = queue.take(0.0)
    assert task is not None
    assert list(queue.finished()) == []
    queue.release(task)
    assert [line.job.path for line in queue.finished()] == [Path("job")]
    assert not queue.lines


def caused(outer: Exception, inner: BaseException) -> Exception:
    outer.__cause__ = inner
    return outer


class OutOfMemoryError(RuntimeError):
    """torch.cuda.OutOfMemoryError by another name."""


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (OSError(errno.EIO, "I/O"), Fault.TRANSIENT),
        (OSError(errno.ESTALE, "stale"), Fault.TRANSIENT),
        (FileNotFoundError(errno.ENOENT, "gone"), Fault.TRANSIENT),
        (MemoryError(), Fault.TRANSIENT),
        (OutOfMemoryError("full"), Fault.TRANSIENT),
        (RuntimeError("CUDA error: device-side assert triggered"), Fault.TRANSIENT),
        (caused(MediaError("unreadable"), OSError(errno.EIO, "I/O")), Fault.TRANSIENT),
        (MediaError("Frame 3 does not decode"), Fault.PERMANENT),
        (caused(MediaError("bad"), av.error.InvalidDataError(1, "Invalid")), Fault.PERMANENT),
        (RuntimeError("shape mismatch"), Fault.PERMANENT),
        (PermissionError(errno.EACCES, "no"), Fault.PERMANENT),
    ],
)
def test_errors_are_sorted_by_what_caused_them(error: Exception, fault: Fault) -> None:
    assert classify(error) is fault


def test_a_full_disk_is_seen_through_what_it_caused() -> None:
    full = caused(MediaError("New media could not be written"), OSError(errno.ENOSPC, "full"))
    assert is_full(full)
    assert is_full(OSError(errno.EDQUOT, "quota"))
    assert not is_full(DiskFullError("said so"))
    assert not is_device_error(full)


def test_pauses_double() -> None:
    assert [RetryPolicy(backoff=1.5).pause(n) for n in (1, 2, 3)] == [1.5, 3.0, 6.0]
