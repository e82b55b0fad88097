"""The check of the delivered file must see what it is there to see."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from clips import Spec, make_clip

from unisync_adapters.timebase import Rate
from unisync_post.check import inspect_delivered, sha256_of
from unisync_post.faces.types import CropWindow, FaceState, FaceTrack
from unisync_post.media.frames import read_frames
from unisync_post.media.pixels import Box, blend_region
from unisync_post.media.probe import probe
from unisync_post.media.write import write_media
from unisync_post.parts import Part

FRAMES = 6


def deliver(plate: Path, out: Path, touched: int | None) -> Path:
    """The plate again, one frame of it with a grey box in a corner."""
    info = probe(plate)
    box = Box(96, 64, 128, 96)
    grey = np.full((32, 32, 3), 0.5, np.float32)

    def pictures():
        for index, frame in read_frames(info, 0, FRAMES):
            if index == touched:
                changed = blend_region(frame, box, grey, np.ones((32, 32), np.float32))
                yield index, changed, box
            else:
                yield index, frame, False

    write_media(info, pictures(), out, count=FRAMES, rate=Rate.of(25), start_frame=0)
    return out


@pytest.mark.parametrize(("touched", "seen"), [(None, False), (3, True)])
def test_a_change_outside_the_matte_is_seen(
    tmp_path: Path, touched: int | None, seen: bool
) -> None:
    plate = make_clip(tmp_path / "plate.mov", Spec(frames=FRAMES))
    new = deliver(plate, tmp_path / "new.mov", touched)
    nowhere = CropWindow(64, np.full((FRAMES, 2, 3), np.nan))
    landmarks = np.full((FRAMES, 478, 3), np.nan, np.float32)
    unseen = np.full((FRAMES, 4), np.nan, np.float32)
    passed = (FaceState.PASS,) * FRAMES
    angles = (unseen[:, 0],) * 3
    track = FaceTrack(0, unseen, landmarks, *angles, passed, ("",) * FRAMES)
    no_face = Part(track, (), nowhere, landmarks)
    found = inspect_delivered(probe(plate), list(range(FRAMES)), new, [no_face])
    assert found.frames == FRAMES
    assert (found.outside > 50) is seen
    assert found.outside == 0 or seen
    assert np.isnan(found.openings[0]).all()
    assert found.sha256 == hashlib.sha256(new.read_bytes()).hexdigest()


def test_a_hash_is_of_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "two_blocks"
    path.write_bytes(b"a" * (1 << 20) + b"b")
    assert sha256_of(path) == hashlib.sha256(path.read_bytes()).hexdigest()
