"""A watch folder for tests: in this process with a clock of its own, or as the real command."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from unisync_post.engines.base import EngineInfo
from unisync_post.job.events import Event
from unisync_post.job.folder import JobFolder
from unisync_post.job.result import ShotResult
from unisync_post.job.work import finished, render_clip, unique
from unisync_post.plan.plan import ClipPlan
from unisync_post.records import clear_stale, dump, write_atomic
from unisync_post.watch.config import WatchConfig
from unisync_post.watch.helper import Helper, Outcome, run_task
from unisync_post.watch.report import Report
from unisync_post.watch.service import Watcher
from unisync_post.watch.status import Status, StatusFiles

JOB_KIT = Path(__file__).parents[1] / "job"
sys.path.insert(0, str(JOB_KIT))

from job_kit import Cut, Painter, write_dub, write_edit, write_plate  # noqa: E402

__all__ = ["Cut", "Painter", "write_dub", "write_edit", "write_plate"]


class Clock:
    """Seconds that pass only when told."""

    def __init__(self) -> None:
        self.now = 5000.0

    def __call__(self) -> float:
        return self.now


class InlineHelper(Helper):
    """Does its task at once, in this process."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._outcome: Outcome | None = None

    def start(self, task: Callable[..., object], *words: object) -> None:
        self._outcome, self.busy = run_task(task, words), True

    def take(self) -> Outcome | None:
        outcome, self._outcome, self.busy = self._outcome, None, False
        return outcome

    def close(self) -> None:
        self.busy, self._outcome = False, None


@dataclass
class InlineRenderer:
    """Renders a shot a turn of the watcher, each job in turn; ``quick`` only says so.

    ``before`` is called before each shot and may raise what a worker would report as the end of
    the job.
    """

    engine: Painter = field(default_factory=Painter)
    quick: bool = False
    before: Callable[[], None] = lambda: None
    waiting: dict[Path, tuple[JobFolder, list[ClipPlan]]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    submitted: list[tuple[str, int]] = field(default_factory=list)
    ready: bool = True
    events: list[Event] = field(default_factory=list)
    at_once: int = 1

    @property
    def info(self) -> EngineInfo:
        return replace(self.engine.info, name="painter")

    @property
    def depth(self) -> int:
        return sum(len(todo) for _, todo in self.waiting.values())

    def time_left(self, job: JobFolder) -> float | None:
        return 12.5

    def submit(
        self, job: JobFolder, clips: Iterable[ClipPlan] | None = None, *, priority: int = 0
    ) -> None:
        self.submitted.append((job.name, priority))
        todo = [c for c in unique(job, job.plan.to_render) if finished(job, c) is None]
        self.waiting[job.path] = (job, todo)

    def cancel(self, job: JobFolder) -> None:
        if self.waiting.pop(job.path, None):
            self.events.append(Event("end", status="cancelled", job=str(job.path)))

    def poll(self, timeout: float) -> list[Event]:
        events, self.events = self.events, []
        for _ in range(min(self.at_once, len(self.waiting))):
            path, (job, todo) = next(iter(self.waiting.items()))
            del self.waiting[path]
            if job.cancelled:
                end = Event("end", status="cancelled", message="It was cancelled", job=str(path))
                events.append(end)
                continue
            events += self._one(job, todo)
        return events

    def _one(self, job: JobFolder, todo: list[ClipPlan]) -> list[Event]:
        events = []
        if todo:
            clip = todo.pop(0)
            self.order.append(job.name)
            try:
                self.before()
            except OSError as error:
                return [Event("end", status="full", message=str(error), job=str(job.path))]
            result = self._render(job, clip)
            events.append(Event("done", clip.index, status=result.status, job=str(job.path)))
        if todo:
            self.waiting[job.path] = (job, todo)
        else:
            events.append(Event("end", status="finished", job=str(job.path)))
        return events

    def _render(self, job: JobFolder, clip: ClipPlan) -> ShotResult:
        if not self.quick:
            return render_clip(job, clip, self.engine)
        key = job.render_key(clip)
        clear_stale(job.shot_folder(key))
        result = ShotResult(key, "kept", "left as it is", frames=clip.shot.length)
        write_atomic(job.shot_folder(key) / "result.json", dump(result))
        return result

    def close(self) -> None:
        self.waiting.clear()


@dataclass
class Bench:
    """A watcher in this process, its clock and its folders."""

    folder: Path
    out: Path
    config: WatchConfig
    clock: Clock = field(default_factory=Clock)
    renderer: InlineRenderer = field(default_factory=InlineRenderer)
    others: dict[str, InlineRenderer] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    _watcher: Watcher | None = None

    @classmethod
    def at(cls, home: Path, *, quick: bool = True, **settings: Any) -> Bench:
        folder, out = home / "in", home / "out"
        folder.mkdir(parents=True, exist_ok=True)
        words = {"settle": 2.0, "poll": 0.5, "recheck": 5.0, "handles": 2, "engine": "painter"}
        config = WatchConfig(folder, out, **{**words, **settings})
        return cls(folder, out, config, renderer=InlineRenderer(quick=quick))

    @property
    def watcher(self) -> Watcher:
        if self._watcher is None:
            self._watcher = Watcher(
                self.config,
                report=Report(self.config, lambda name, text: self.said.append(f"{name} {text}")),
                open_renderer=lambda name: self.others.get(name, self.renderer),
                open_helper=InlineHelper,
                clock=self.clock,
            )
        return self._watcher

    def pass_time(self, seconds: float) -> None:
        """Turns of the watcher while this much time goes by."""
        end = self.clock.now + seconds
        while self.clock.now < end:
            self.watcher.turn(0)
            self.clock.now += 0.25

    def until(self, drop: str, state: str, limit: float = 60) -> Status:
        """Turns until a drop is in a state."""
        end = self.clock.now + limit
        while self.clock.now < end:
            self.watcher.turn(0)
            self.clock.now += 0.25
            status = self.status(drop)
            if status is not None and status.state.value == state:
                return status
        raise AssertionError(f"{drop} never was {state}: {self.status(drop)}\n{self.said}")

    def status(self, drop: str) -> Status | None:
        spare = self.out / ".watch" / "status"
        return StatusFiles(self.config.status or self.folder, spare).read(drop)

    def restart(self) -> None:
        """The watcher ends and another one begins, later."""
        self.watcher.close()
        self._watcher = None
        self.clock.now += 1000

    def kill(self) -> None:
        """The watcher is gone without a word, its lease file says that it lives."""
        if self._watcher is not None and self._watcher._wake is not None:
            self._watcher._wake.close()
        self._watcher = None


@dataclass
class Running:
    """The real command, as a process of its own."""

    home: Path
    settings: str = ""
    process: subprocess.Popen[str] | None = None

    @property
    def folder(self) -> Path:
        return self.home / "in"

    @property
    def out(self) -> Path:
        return self.home / "out"

    def start(self, *words: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.home / "watch.toml"
        config.write_text(
            'folder = "in"\nout = "out"\nsettle = 0.6\npoll = 0.2\nrecheck = 1.0\nhandles = 2\n'
            f"patience = 5\n{self.settings or ENGINE}\n"
        )
        environment = {**os.environ, "PYTHONPATH": str(JOB_KIT), "OMP_NUM_THREADS": "1"}
        log = (self.home / "log.txt").open("a")
        self.process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, "watch", str(config), *words],
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
        )
        log.close()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=300)

    def status(self, drop: str) -> dict[str, Any]:
        path = self.folder / f"{drop}.unisync.json"
        found: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {}
        return found

    def until(self, drop: str, *states: str, limit: float = 600) -> dict[str, Any]:
        end = time.monotonic() + limit
        while time.monotonic() < end:
            status = self.status(drop)
            if status.get("state") in states:
                return status
            assert self.process is not None
            if self.process.poll() is not None and self.process.returncode:
                break
            time.sleep(0.05)
        log = (self.home / "log.txt").read_text()
        raise AssertionError(f"{drop} never was {states}: {self.status(drop)}\n{log}")


ENGINE = 'engine = "bad_engines:Sound"'
COMMAND = "from unisync_post.cli import main; main()"


def drop_edit(folder: Path, name: str, edit: Path, dub: Path, language: str = "FR") -> Path:
    """Copy an edit and its dub in, as a person would: the edit last."""
    shutil.copy(dub, folder / f"{Path(name).stem}_{language}.wav")
    return Path(shutil.copy(edit, folder / name))
