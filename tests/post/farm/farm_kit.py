"""A small planned job for farms, rendered by engines of ``farm_engines`` in real processes."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

JOB_KIT = Path(__file__).parents[1] / "job"
sys.path.insert(0, str(JOB_KIT))

from bad_engines import Sound  # noqa: E402
from job_kit import Cut, Painter, plan_for, write_dub, write_edit, write_plate  # noqa: E402

from unisync_post.engines import open_engine  # noqa: E402
from unisync_post.engines.base import EngineInfo  # noqa: E402
from unisync_post.farm.plan import make_farm_plan, write_farm_plan  # noqa: E402
from unisync_post.job.folder import JobFolder  # noqa: E402

__all__ = [
    "Cut",
    "Painter",
    "Sound",
    "Titled",
    "plan_for",
    "write_dub",
    "write_edit",
    "write_plate",
]


class Titled(Sound):
    """Nothing wrong with it. New media names the title, so that all engines here make one and the
    same file."""

    @property
    def info(self) -> EngineInfo:
        return replace(super().info, title="painter")


PYTHONPATH = os.pathsep.join((str(Path(__file__).parent), str(JOB_KIT)))
"""Where other processes find ``farm_engines`` and ``bad_engines``."""
STARTED: list[subprocess.Popen[str]] = []
UNISYNC = (sys.executable, "-c", "from unisync_post.cli import main; main()")


def plan_farm_job(edit: Path, dub: Path, out: Path, engine: str) -> JobFolder:
    """A job with its ``farm.json``; ``engine`` such as ``farm_engines:Gated``."""
    job = plan_for(edit, dub, out, open_engine(engine))
    write_farm_plan(job, make_farm_plan(job, gpu_memory=0, pace=5.0))
    return job


def media_of(out: Path) -> dict[str, str]:
    """Hash of every new media file by its name."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((out / "media").iterdir())
        if not path.name.startswith(".")
    }


def start(*words: str | Path, **variables: str) -> subprocess.Popen[str]:
    """`unisync` with these words as a process of its own, both outputs in one pipe."""
    process = subprocess.Popen(
        [*UNISYNC, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **variables},
    )
    STARTED.append(process)
    return process


def end_all() -> None:
    """End what a test that failed has left running."""
    while STARTED:
        process = STARTED.pop()
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def ended(process: subprocess.Popen[str], within: float = 600) -> tuple[int, str]:
    """Exit status and output; ``within`` seconds, for what would never end."""
    said = process.communicate(timeout=within)[0]
    return process.returncode, said


def until(true: Callable[[], object], within: float = 600) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + within
    while not true():
        assert time.monotonic() < end, "it did not become true"
        time.sleep(0.05)
