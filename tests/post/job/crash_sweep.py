"""Dub an edit once for every numbered I/O point: die there, start again, compare what is there.

Run as a script, so that everything is imported once: each run is a fork of a process that has done
nothing yet. Prints a JSON record.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from job_kit import Painter, plan_for

from unisync_post.crashpoints import STATUS
from unisync_post.job.assemble import assemble
from unisync_post.job.dub import dub_edit
from unisync_post.job.run import render_job
from unisync_post.media.vad import speech_spans
from unisync_post.plan.options import DubFile, PlanOptions


def dub(edit: Path, sound: Path, out: Path, engine: str) -> None:
    """With ``engine`` the whole way as `unisync dub` goes it, else without workers and review."""
    if engine:
        options = PlanOptions(dub=(DubFile(sound, "fr"),), handles=2)
        dub_edit(edit, out, options, engine=engine, workers=1)
        return
    painter = Painter()
    job = plan_for(edit, sound, out, painter)
    render_job(job, engine=painter)
    assemble(job)


def contents(out: Path) -> dict[str, str]:
    """Hash of every file below OUT.

    Left out: lock files, which hold nothing; and of a shot's record (and the page that shows it)
    the seconds it took, which no two runs share.
    """
    found = {}
    for path in sorted(out.rglob("*")):
        if path.is_file() and path.name != "lock":
            data = path.read_bytes()
            if path.name == "result.json":
                record = json.loads(data)
                assert set(record.pop("seconds")) <= {"faces", "lips", "check"}
                data = json.dumps(record).encode()
            elif path.name == "index.html":
                data = b""
            found[str(path.relative_to(out))] = hashlib.sha256(data).hexdigest()
    return found


def in_a_fork(work: argparse.Namespace, log: Path, die_at: int) -> int:
    """Exit status of a process that dubs and may die at a point."""
    log.unlink(missing_ok=True)
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.environ |= {"UNISYNC_CRASH_LOG": str(log), "UNISYNC_CRASH_AT": str(die_at)}
        try:
            dub(work.edit, work.dub, work.out, work.engine)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("edit", "dub", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--engine", default="")
    parser.add_argument("--every", type=int, default=1)
    work = parser.parse_args()
    torch.set_num_threads(1)
    speech_spans(np.zeros(16_000, np.float32))  # the model is read once for all forks
    log = work.out.with_name("points")
    assert in_a_fork(work, log, 0) == 0
    points = [line.strip() for line in log.read_text().splitlines()]
    whole = contents(work.out)
    wrong: dict[str, list[str]] = {}
    survived = 0
    for number in range(1, len(points) + 1, work.every):
        shutil.rmtree(work.out)
        status = in_a_fork(work, log, number)
        survived += status == 0
        again = in_a_fork(work, log, 0)
        here = contents(work.out)
        names = [name for name in whole.keys() | here.keys() if whole.get(name) != here.get(name)]
        if status not in (0, STATUS) or again or names:
            wrong[f"{number} {points[number - 1]}"] = [f"{status}, {again}", *sorted(names)]
    tried = len(range(1, len(points) + 1, work.every))
    print(json.dumps({"points": points, "tried": tried, "survived": survived, "wrong": wrong}))


if __name__ == "__main__":
    main()
