"""Meshes and footage for the tests of faces."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import av
import numpy as np
import pytest
from drawn_face import draw_face
from numpy.typing import NDArray

from unisync_post.faces.detect import FaceDetector
from unisync_post.faces.landmarks import FaceMesh, region_of_box, region_of_mesh
from unisync_post.faces.types import FaceState, FaceTrack

Clip = Callable[..., list[NDArray[np.uint8]]]


def _mesh(opening: float) -> NDArray[np.float32]:
    picture = draw_face(400, opening)
    with closing(FaceDetector()) as detector, closing(FaceMesh()) as mesh:
        (found,) = detector.detect(picture)
        region = region_of_box(found.box, found.eyes)
        for _ in range(3):
            seen = mesh.look(picture, region)
            assert seen is not None
            region = region_of_mesh(seen.points)
    return seen.points.astype(np.float32)


@pytest.fixture(scope="session")
def shut_mesh() -> NDArray[np.float32]:
    """(478, 3) landmarks of the drawn face in a 400 px picture, lips closed."""
    return _mesh(0.0)


@pytest.fixture(scope="session")
def open_mesh() -> NDArray[np.float32]:
    """The same with the jaw dropped."""
    return _mesh(1.0)


@pytest.fixture
def make_track() -> Callable[..., FaceTrack]:
    """A track from landmarks (F, 478, 3), all frames to be generated where seen."""

    def make(landmarks: NDArray[np.floating], cuts: tuple[int, ...] = (0,), id_: int = 0):
        seen = np.isfinite(landmarks[:, 0, 0])
        flat = landmarks[:, :, :2]
        boxes = np.concatenate([flat.min(axis=1), flat.max(axis=1)], axis=1)
        angles = np.where(seen, 0.0, np.nan).astype(np.float32)
        states = tuple(FaceState.GENERATE if s else FaceState.PASS for s in seen)
        reasons = tuple("" if s else "no face" for s in seen)
        return FaceTrack(
            id_,
            boxes.astype(np.float32),
            landmarks.astype(np.float32),
            angles,
            angles,
            angles,
            states,
            reasons,
            cuts,
        )

    return make


@pytest.fixture
def footage() -> Clip:
    """Reads frames of a clip from the folder that UNISYNC_FOOTAGE names."""
    folder = os.environ.get("UNISYNC_FOOTAGE")
    if not folder:
        pytest.skip("UNISYNC_FOOTAGE names no folder")

    def read(name: str, count: int, start: int = 0) -> list[NDArray[np.uint8]]:
        path = Path(folder) / name
        if not path.exists():
            pytest.skip(f"{name} is not in the footage")
        with av.open(str(path)) as file:
            frames = []
            for k, frame in enumerate(file.decode(video=0)):
                if k >= start + count:
                    break
                if k >= start:
                    frames.append(frame.to_ndarray(format="rgb24"))
        return frames

    return read
