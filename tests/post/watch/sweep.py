"""A drop, with the watcher killed at each of its I/O points in turn and another one started.

    python sweep.py HOME MEDIA_FOLDER

Prints the number of points, and fails at the first after which the results are not the same bytes.
Every run is a fork of this process, which has loaded everything and done nothing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path

import torch
from watch_kit import Bench, drop_edit

from unisync_post import crashpoints
from unisync_post.plan import listen  # noqa: F401  loaded once, before the forks


def one_run(home: Path, stage: Path, point: int) -> int:
    """A watcher's life until the drop is done or it dies; returns its exit status."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.environ.update(UNISYNC_CRASH_LOG=str(home / "points"), UNISYNC_CRASH_AT=str(point))
    try:
        bench = Bench.at(home, media=(stage,))
        bench.until("Reel.xml", "done")
        os._exit(0)
    except BaseException as error:
        print(f"point {point}: {error}", file=sys.stderr)
        os._exit(1)


def results(home: Path) -> dict[str, str]:
    """Everything that was made, but for the watcher's own notes."""
    out = home / "out"
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and ".watch" not in path.parts and path.name != "lock"
    }


def begin(home: Path, stage: Path) -> None:
    shutil.rmtree(home, ignore_errors=True)
    (home / "in").mkdir(parents=True)
    drop_edit(home / "in", "Reel.xml", stage / "Reel.xml", stage / "dub_fr.wav")


def main(home: Path, stage: Path) -> None:
    torch.set_num_threads(1)
    begin(home, stage)
    assert one_run(home, stage, 0) == 0
    points = (home / "points").read_text().splitlines()
    whole = results(home)
    for point in range(1, len(points) + 1):
        begin(home, stage)
        died = one_run(home, stage, point)
        assert died == crashpoints.STATUS, f"point {point} was not reached: {died}"
        assert one_run(home, stage, 0) == 0, f"after point {point}, {points[point - 1]}"
        assert results(home) == whole, f"after point {point}, {points[point - 1]}"
        assert not [path for path in (home / "in").iterdir() if path.name.endswith(".tmp")]
    print(len(points), "points")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
