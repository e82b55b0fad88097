"""How long one look at a watched folder takes when nothing has changed.

    python bench/watch_scan.py [--files 20000] [--repeat 5]

The files lie in packages of forty (an edit, stems, media) with an edit and its dub at the top level
for every hundredth of them. The budget is 0.3 s for 20,000 files. A look at a folder is a scan of
the whole tree and the comparison of every file with the look before.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from unisync_post.watch.ready import Looks
from unisync_post.watch.scan import scan

BUDGET = 0.3
PACKAGE = 40


def fill(folder: Path, count: int) -> None:
    """Empty files: a look opens none of them."""
    loose = count // 100
    for number in range(loose // 2):
        (folder / f"Reel{number:05d}.xml").touch()
        (folder / f"Reel{number:05d}_FR.wav").touch()
    for number in range((count - loose) // PACKAGE):
        media = folder / f"EP{number:05d}" / "media"
        media.mkdir(parents=True)
        (media.parent / "edit.xml").touch()
        for take in range(PACKAGE - 1):
            (media / f"A001C{take:03d}.mov").touch()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--repeat", type=int, default=5)
    wanted = parser.parse_args()
    with TemporaryDirectory() as name:
        fill(Path(name), wanted.files)
        looks: dict[str, Looks] = {}
        times = []
        for _ in range(wanted.repeat + 1):
            start = time.perf_counter()
            found = scan(Path(name))
            now = time.monotonic()
            for drop in found:
                looks.setdefault(drop.name, Looks()).look(drop.files, now)
            times.append(time.perf_counter() - start)
        files = sum(len(drop.files) for drop in found)
    best, worst = min(times[1:]), max(times[1:])
    print(f"{files} idle files in {len(found)} drops: {best:.3f} s a look, {worst:.3f} s at worst")
    print(f"budget {BUDGET} s: {'kept' if best < BUDGET else 'MISSED'}")
    sys.exit(best >= BUDGET)


if __name__ == "__main__":
    main()
