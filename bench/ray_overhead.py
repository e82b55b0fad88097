"""What a shot costs beside its rendering: handed to a Ray actor, to a local process, or to nobody.

    python bench/ray_overhead.py [--shots 300]

The engine does nothing, and the shot is one that is finished already, so what is measured is what
comes on top of every shot: its lease, the order, opening the record, the events on their way back,
giving the lease up. One worker, one shot at a time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from unisync_post.demo.make import make_demo_edit
from unisync_post.engines import open_engine
from unisync_post.farm.on import crew_on
from unisync_post.job.crew import Crew, LocalCrew, Member
from unisync_post.job.dub import plan_job
from unisync_post.job.folder import JobFolder
from unisync_post.job.holds import Holds
from unisync_post.job.result import ShotResult
from unisync_post.job.work import render_clip
from unisync_post.job.worker import Ended, Loaded, Order
from unisync_post.plan.options import DubFile, PlanOptions
from unisync_post.records import dump, write_atomic

ENGINE = "draft"
"""It is opened, and asked for nothing."""


def finished_job(folder: Path) -> JobFolder:
    """A job whose first shot has its result."""
    edit = make_demo_edit(folder)
    options = PlanOptions(dub=(DubFile(edit.dubs["fr"], "fr"),))
    job = plan_job(edit.edit, edit.out, options, open_engine(ENGINE))
    key = job.render_key(job.plan.to_render[0])
    write_atomic(job.shot_folder(key) / "result.json", dump(ShotResult(key, "kept")))
    return job


def in_this_process(job: JobFolder) -> Callable[[], None]:
    clip, engine = job.plan.to_render[0], open_engine(ENGINE)
    return lambda: void(render_clip(job, clip, engine))


def by_worker(job: JobFolder, crew: Crew, leased: bool) -> tuple[Member, Callable[[], None]]:
    """One worker of this crew, and what hands it the shot and waits for the answer."""
    clip = job.plan.to_render[0]
    folder, holds = job.lease_folder(job.render_key(clip)), Holds()
    member = crew.start(0, ENGINE, 1)
    while not isinstance(member.pipe.recv(), Loaded):
        pass

    def shot() -> None:
        member.send(Order(job.path, clip.index, True, holds.claim(folder) if leased else None))
        while not isinstance(ended := member.pipe.recv(), Ended):
            pass
        assert ended.outcome == "done", ended
        holds.release(folder)

    return member, shot


def milliseconds(shot: Callable[[], None], count: int) -> float:
    shot()
    begun = time.perf_counter()
    for _ in range(count):
        shot()
    return (time.perf_counter() - begun) / count * 1000


def void(_result: object) -> None:
    return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shots", type=int, default=300)
    count = parser.parse_args().shots
    with TemporaryDirectory() as name:
        job = finished_job(Path(name))
        alone = milliseconds(in_this_process(job), count)
        print(f"this process:      {alone:6.2f} ms a shot")
        member, shot = by_worker(job, LocalCrew(), leased=False)
        print(f"a worker process:  {milliseconds(shot, count):6.2f} ms a shot")
        member.kill()
        begun = time.perf_counter()
        with crew_on("ray", gpu_memory=0, workers=1) as crew:
            assert crew is not None
            member, shot = by_worker(job, crew, leased=True)
            print(
                f"Ray, first worker: {time.perf_counter() - begun:6.1f} s until its engine is open"
            )
            ray = milliseconds(shot, count)
            print(f"a Ray actor:       {ray:6.2f} ms a shot, its lease included")
            print(f"Ray costs {ray - alone:.2f} ms a shot more than this process alone")
            member.kill()


if __name__ == "__main__":
    main()
