"""Random SIGKILLs over jobs of quick shots: what is lost, done twice, or done again.

    python bench/kill_loop.py [--kills 200] [--shots 24] [--seed 1]

Job after job is rendered by a real coordinator with two resident workers. At random instants one of
the three processes is killed, the coordinator as often as a worker; a killed coordinator is started
again. When a job is through, every shot must be there, whole, and finished only once.

* lost: shots without a finished record, or whose media is not what the record says;
* doubled: finished records that were written a second time;
* redone: takes of the engine beyond one a shot, the price of the kills.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "post" / "job"), str(ROOT / "bench")]

from job_kit import Cut, Painter, plan_for, write_dub, write_edit, write_plate  # noqa: E402

from unisync_post.engines.base import EngineInfo, Generated, Take  # noqa: E402
from unisync_post.job.faults import RetryPolicy  # noqa: E402
from unisync_post.job.folder import JobFolder, open_job  # noqa: E402
from unisync_post.job.run import render_job  # noqa: E402

PATIENT = RetryPolicy(attempts=10_000, deaths=10_000)
"""Neither shots nor the engine are given up: it is not they that kill the workers here."""
LONGEST = 10.0
"""Seconds between two kills, at most."""


class Quick(Painter):
    """Paints, and counts its takes in the file TAKES."""

    @property
    def info(self) -> EngineInfo:
        return replace(super().info, name="kill_loop:Quick")

    def generate(self, take: Take) -> Generated:
        with open(os.environ["TAKES"], "ab") as file:
            file.write(b".")
        return super().generate(take)


Stamp = tuple[int, int]


def records(job: JobFolder) -> dict[str, Stamp]:
    """The finished records of a job: inode and time of each."""
    found = {}
    for clip in job.plan.to_render:
        result = job.result(clip)
        if result is not None and result.status == "rendered":
            key = job.render_key(clip)
            stat = (job.shot_folder(key) / "result.json").stat()
            found[key] = (stat.st_ino, stat.st_mtime_ns)
    return found


def whole(job: JobFolder) -> int:
    """Shots whose record is finished and whose media is, to the byte, what it says."""
    count = 0
    for clip in job.plan.to_render:
        result = job.result(clip)
        if result is not None and result.media is not None:
            data = (job.out / result.media).read_bytes()
            count += hashlib.sha256(data).hexdigest() == result.sha256
    return count


def start(job: JobFolder) -> subprocess.Popen[bytes]:
    """A coordinator in a process of its own."""
    return subprocess.Popen([sys.executable, __file__, "--coordinate", str(job.path)])


def kill_one(coordinator: psutil.Process, chance: random.Random) -> str:
    """Kill the coordinator or one of its workers; says which."""
    workers = [child for child in coordinator.children() if "spawn_main" in str(child.cmdline())]
    victim = chance.choice([coordinator, *chance.sample(workers, min(1, len(workers)))])
    victim.kill()
    return "coordinator" if victim is coordinator else "worker"


def torment(job: JobFolder, kills: int, chance: random.Random) -> Counter[str]:
    """Render one job under at most ``kills`` kills."""
    seen: dict[str, Stamp] = {}
    counts: Counter[str] = Counter()
    process = start(job)
    while True:
        left = 0.0 if counts["kills"] == kills else chance.uniform(0.1, LONGEST)
        try:
            process.wait(left or None)
        except subprocess.TimeoutExpired:
            try:
                counts[kill_one(psutil.Process(process.pid), chance)] += 1
                counts["kills"] += 1
            except psutil.NoSuchProcess:
                pass
            time.sleep(0.05)
        now = records(job)
        counts["doubled"] += sum(now.get(key) != stamp for key, stamp in seen.items())
        seen = now
        if process.poll() is not None:
            if len(now) == len(job.plan.to_render):
                break
            process = start(job)
    counts["shots"] = len(job.plan.to_render)
    counts["lost"] = counts["shots"] - whole(job)
    counts["left over"] = len(list((job.out / "media").glob(".*")))
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--shots", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--coordinate", type=Path, help=argparse.SUPPRESS)
    work = parser.parse_args()
    if work.coordinate is not None:
        render_job(open_job(work.coordinate), workers=2, policy=PATIENT)
        return 0
    chance = random.Random(work.seed)
    total: Counter[str] = Counter()
    begun = time.monotonic()
    with TemporaryDirectory() as name:
        folder = Path(name)
        paths = [*sys.path[:2], os.environ.get("PYTHONPATH", "")]
        os.environ |= {"TAKES": str(folder / "takes"), "PYTHONPATH": os.pathsep.join(paths)}
        plate, dub = write_plate(folder / "plate.mov", 3), write_dub(folder / "dub.wav")
        cuts = [Cut(plate, 2 + n % 34, 4) for n in range(work.shots)]
        edit = write_edit(folder / "edit" / "Reel.xml", cuts)
        while total["kills"] < work.kills:
            job = plan_for(edit, dub, folder / f"out{total['jobs']}", Quick())
            total += torment(job, work.kills - total["kills"], chance)
            total["jobs"] += 1
            print(f"{total['kills']} of {work.kills} kills", flush=True)
        takes = (folder / "takes").stat().st_size
    print(
        f"{total['kills']} kills ({total['coordinator']} of the coordinator, {total['worker']} of "
        f"a worker) over {total['jobs']} jobs with {total['shots']} shots "
        f"in {time.monotonic() - begun:.0f} s"
    )
    print(f"lost {total['lost']}, doubled {total['doubled']}, redone {takes - total['shots']}")
    print(f"temporary files left over: {total['left over']}")
    return 1 if total["lost"] or total["doubled"] or total["left over"] else 0


if __name__ == "__main__":
    sys.exit(main())
