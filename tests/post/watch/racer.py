"""A watcher whose shots only say that they were rendered; started twice by the race test."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from watch_kit import InlineRenderer

from unisync_post.job.folder import JobFolder
from unisync_post.job.result import ShotResult
from unisync_post.plan.plan import ClipPlan
from unisync_post.watch.config import read_config
from unisync_post.watch.report import Report
from unisync_post.watch.service import Watcher


class Logging(InlineRenderer):
    """Writes down each shot, under this process's number."""

    log: Path

    def _render(self, job: JobFolder, clip: ClipPlan) -> ShotResult:
        with self.log.open("a") as file:
            file.write(f"{job.path}\n")
        return super()._render(job, clip)


def main(config: Path) -> None:
    renderer = Logging(quick=True)
    renderer.log = config.with_name(f"rendered.{os.getpid()}")
    settings = read_config(config)
    report = Report(settings, lambda name, text: None)
    Watcher(settings, report=report, open_renderer=lambda name: renderer).run(once=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
