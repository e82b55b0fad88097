"""A drawn face that talks: takes for the engine without any footage."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1] / "faces"))

from drawn_face import draw_face

from unisync_adapters.timebase import Rate
from unisync_post.engines.base import Driver, Take
from unisync_post.faces.detect import FaceDetector
from unisync_post.faces.landmarks import FaceMesh, region_of_box, region_of_mesh
from unisync_post.faces.matte import mouth_matte

SIZE = 256
MakeTake = Callable[..., Take]


def _measured(pictures: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
    found = []
    with closing(FaceDetector()) as detector, closing(FaceMesh()) as mesh:
        (face,) = detector.detect(pictures[0])
        region = region_of_box(face.box, face.eyes)
        for picture in pictures:
            for _ in range(2):
                seen = mesh.look(picture, region)
                assert seen is not None
                region = region_of_mesh(seen.points)
            found.append(seen.points)
    return np.array(found, np.float32)


@pytest.fixture(scope="session")
def drawn() -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """(12, S, S, 3) pictures of a mouth that opens and closes, and their landmarks."""
    openings = [0, 0, 0.2, 0.5, 0.8, 1, 0.9, 0.6, 0.3, 0.1, 0, 0]
    pictures = [draw_face(SIZE, opening) for opening in openings]
    return np.array(pictures), _measured(pictures)


@pytest.fixture(scope="session")
def make_take(drawn: tuple[NDArray[np.uint8], NDArray[np.float32]]) -> MakeTake:
    """Build a take of ``count`` frames; ``speech`` is its dub, at 16 kHz from frame 0."""

    def build(
        count: int = 24, speech: NDArray[np.float32] | None = None, **changes: object
    ) -> Take:
        pictures, marks = drawn
        order = np.arange(count) % len(pictures)
        samples = np.zeros(32000, np.float32) if speech is None else speech
        masks = np.stack([mouth_matte(points, SIZE).dilated for points in marks])
        take = Take(
            frames=pictures[order],
            landmarks=marks[order],
            generate=np.ones(count, bool),
            mouth=masks[order],
            pose=pictures[order],
            yaw=np.zeros(count, np.float32),
            driver=Driver(samples, 16000, Fraction(0)),
            rate=Rate.of(25),
        )
        return replace(take, **changes)  # type: ignore[arg-type]

    return build


@pytest.fixture(scope="session")
def babble() -> NDArray[np.float32]:
    """Two seconds of buzzing vowels, four syllables a second, between silences."""
    time = np.arange(32000) / 16000
    buzz = sum(np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, 30))
    syllables = np.clip(np.sin(2 * np.pi * 4 * time), 0, 1) * (time > 0.3) * (time < 1.7)
    spoken: NDArray[np.float32] = (0.2 * buzz * syllables).astype(np.float32)
    return spoken
