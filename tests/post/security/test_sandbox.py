"""Decoders run in a process of their own, with memory and time limits (fault table, row 17)."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from unisync_post.errors import MediaError
from unisync_post.media.probe import probe
from unisync_post.sandbox import SandboxError, in_sandbox

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits are Linux's")


def fill(size: int) -> int:
    return int(np.ones(size, np.uint8)[-1])


def spin() -> None:
    while True:
        pass


def die() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def probe_missing(path: Path) -> None:
    probe(path)


def test_what_is_done_inside_comes_back() -> None:
    assert in_sandbox(partial(fill, 1 << 20), seconds=60, memory=1 << 30) == 1


@pytest.mark.parametrize(
    ("task", "seconds", "cpu_seconds", "said"),
    [
        (partial(fill, 2 << 30), 60, None, "MemoryError"),
        (spin, 60, 1, "SIGXCPU"),
        (partial(time.sleep, 60), 1, None, "longer than 1 seconds"),
        (die, 60, None, "SIGSEGV"),
    ],
    ids=["memory", "processor", "clock", "crash"],
)
def test_row_17_a_decoder_that_goes_wild_is_ended(
    task: Callable[[], object], seconds: float, cpu_seconds: int | None, said: str
) -> None:
    began = time.monotonic()
    with pytest.raises(SandboxError, match=said):
        in_sandbox(task, seconds=seconds, memory=1 << 30, cpu_seconds=cpu_seconds)
    assert time.monotonic() - began < 30


def test_errors_of_the_family_come_back_whole(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="does not exist") as caught:
        in_sandbox(partial(probe_missing, tmp_path / "gone.mov"), seconds=60)
    assert caught.value.file == str(tmp_path / "gone.mov")
    assert caught.value.remedy
