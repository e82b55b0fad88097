"""The README's picture: one frame before, after, and where it changed.

    python docs/make_picture.py DEMO_FOLDER PICTURE.png

Takes the frame that changed most among all rendered shots of the demo's last job.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unisync_post.job.folder import open_job
from unisync_post.media.frames import read_played, rgb8
from unisync_post.media.probe import probe
from unisync_post.plan.shots import Shot

Picture = NDArray[np.uint8]
GAIN = 4
"""Differences are shown this many times larger."""
NOISE = 16
"""Code values that an encoder may change unseen."""
STEP = 3
"""Every third frame is looked at."""


@dataclass(frozen=True)
class Pair:
    before: Picture
    after: Picture

    @property
    def change(self) -> NDArray[np.int16]:
        return np.abs(self.before.astype(np.int16) - self.after)

    @property
    def extent(self) -> int:
        """How many values changed visibly."""
        return int(np.count_nonzero(self.change > NOISE))


def pairs(shot: Shot, media: Path) -> Iterator[Pair]:
    """Plate and new media, frame beside frame."""
    wanted = list(range(0, shot.length, STEP))
    played = shot.played()
    before = read_played(probe(shot.media), [played[k] for k in wanted])
    after = read_played(probe(media), wanted)
    for old, new in zip(before, after, strict=True):
        yield Pair(rgb8(old), rgb8(new))


def most_changed(demo: Path) -> Pair:
    job = open_job(demo / "out")
    results = job.results()
    best: Pair | None = None
    for clip in job.plan.to_render:
        result = results.get(clip.shot.key) if clip.shot else None
        if clip.shot is None or result is None or result.media is None:
            continue
        for pair in pairs(clip.shot, job.out / result.media):
            if best is None or pair.extent > best.extent:
                best = pair
    if best is None:
        raise SystemExit(f"no rendered shot in {demo / 'out'}; run `unisync demo {demo}` first")
    return best


def main(demo: Path, picture: Path) -> None:
    pair = most_changed(demo)
    change = np.clip(pair.change * GAIN, 0, 255).astype(np.uint8)
    sheet = np.hstack([pair.before, pair.after, change])
    small = cv2.resize(sheet, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    picture.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(picture), small[..., ::-1]):
        raise SystemExit(f"{picture} could not be written")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
