"""Whoever decodes has limits on memory and time (fault table, row 17)."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from traps import in_limits

from unisync_post.errors import MediaError
from unisync_post.job.worker import Loaded, serve
from unisync_post.media.probe import probe
from unisync_post.sandbox import MEMORY, SandboxError, limit_decoder
from unisync_post.watch.helper import Helper

if sys.platform != "linux":
    pytest.skip("limits are Linux's", allow_module_level=True)

import resource


def fill(size: int) -> int:
    return int(np.ones(size, np.uint8)[-1])


def spin() -> None:
    while True:
        pass


def renewed() -> str:
    """A limit is moved on from shot to shot: three of them may use more than one allows."""
    for _ in range(3):
        limit_decoder(1 << 30, 1)
        _burn(0.9)
    return "done"


def _burn(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_row_17_what_keeps_to_the_limits_is_not_disturbed() -> None:
    assert in_limits(partial(fill, 1 << 26)) == 1
    assert in_limits(renewed) == "done"


@pytest.mark.parametrize(
    ("task", "cpu_seconds", "said"),
    [(partial(fill, 2 << 30), None, "MemoryError"), (spin, 1, "SIGXCPU")],
    ids=["memory", "processor"],
)
def test_row_17_a_decoder_that_goes_wild_is_ended(
    task: Callable[[], object], cpu_seconds: int | None, said: str
) -> None:
    with pytest.raises(SandboxError, match=said):
        in_limits(task, cpu_seconds=cpu_seconds)


def test_row_17_errors_of_the_family_come_back_whole(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="does not exist") as caught:
        in_limits(partial(probe, tmp_path / "gone.mov"))
    assert caught.value.file == str(tmp_path / "gone.mov")
    assert caught.value.remedy


def limits_of(pid: int) -> tuple[int, int]:
    """Soft limits of a process: private memory, and the size of a core file."""
    kinds = (resource.RLIMIT_DATA, resource.RLIMIT_CORE)
    memory, core = (resource.prlimit(pid, kind)[0] for kind in kinds)
    return memory, core


def test_row_17_the_pools_workers_are_limited() -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, None, "draft"), daemon=True)
    process.start()
    try:
        assert isinstance(ours.recv(), Loaded)
        assert process.pid is not None
        memory, core = limits_of(process.pid)
    finally:
        process.kill()
        process.join()
    assert MEMORY < memory < 2 * MEMORY
    assert core == 0


def test_row_17_the_watchers_helper_is_limited() -> None:
    before = limits_of(os.getpid())
    helper = Helper("reader")
    try:
        helper.start(limits_of, 0)
        while (outcome := helper.take()) is None:
            time.sleep(0.01)
    finally:
        helper.close()
    assert outcome.error is None
    memory, core = outcome.value  # type: ignore[misc]
    assert MEMORY < memory < 2 * MEMORY
    assert core == 0
    assert limits_of(os.getpid()) == before, "the watcher itself is not"
