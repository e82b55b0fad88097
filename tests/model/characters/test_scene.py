"""Drawn people: exact counterfactual pairs, and faces that face trackers see."""

from __future__ import annotations

import numpy as np
import pytest

from unisync_model.characters.character import Character
from unisync_model.characters.scene import Scene, Seat, render

OPEN, SHUT, WIDE = (0.9, 0.5, 0.0), (0.0, 0.5, 0.0), (0.3, 0.95, 0.0)


def mouths(*shapes: tuple[float, float, float]) -> np.ndarray:
    return np.array(shapes, np.float32)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene((Seat(Character(1), size=0.24),), width=320, height=240, seed=3)


def test_the_same_scene_is_the_same_picture(scene: Scene) -> None:
    first, second = (next(render(scene, mouths(OPEN))) for _ in range(2))
    assert first.shape == (240, 320, 3)
    assert np.array_equal(first, second)


def test_a_frame_does_not_depend_on_the_frames_before_it(scene: Scene) -> None:
    curve = mouths(*[SHUT] * 5, WIDE)
    whole = list(render(scene, curve))
    (alone,) = render(scene, curve, [5])
    assert np.array_equal(whole[5], alone)


def test_another_mouth_changes_the_lower_face_only(scene: Scene) -> None:
    """An exact pair: grain, background, eyes and head motion are bit-equal."""
    shut, spoken = (next(render(scene, mouths(m))).astype(int) for m in (SHUT, OPEN))
    rows, columns = np.nonzero(np.abs(shut - spoken).max(2))
    assert len(rows) > 500
    assert rows.min() > 0.42 * 240
    half = 1.3 * 0.24 * 240
    assert columns.min() > 160 - half
    assert columns.max() < 160 + half


def test_seeds_are_different_people() -> None:
    pictures = [
        next(render(Scene((Seat(Character(s)),), 160, 120), mouths(SHUT))) for s in range(3)
    ]
    assert all(np.abs(pictures[0].astype(int) - p).mean() > 3 for p in pictures[1:])


def test_a_beard_can_be_asked_for() -> None:
    assert not Character(0, beard=False).beard
    assert Character(0, beard=True) != Character(0, beard=False)
    assert Character(5) == Character(5)


def test_each_person_has_their_own_mouth() -> None:
    pair = Scene((Seat(Character(1), x=0.28), Seat(Character(2), x=0.72)), 320, 180)
    both = np.stack([mouths(SHUT), mouths(SHUT)])
    right_speaks = np.stack([mouths(SHUT), mouths(OPEN)])
    difference = np.abs(
        next(render(pair, both)).astype(int) - next(render(pair, right_speaks))
    ).max(2)
    assert difference[:, :160].max() == 0
    assert difference[:, 160:].max() > 60


def test_too_few_mouths_are_refused() -> None:
    pair = Scene((Seat(Character(1)), Seat(Character(2))), 64, 48)
    with pytest.raises(ValueError, match="2 people"):
        next(render(pair, mouths(SHUT)))


@pytest.mark.filterwarnings("ignore")
def test_face_mesh_finds_them_and_reads_their_lips() -> None:
    """MediaPipe sees every picture, and its lip aperture follows the curve."""
    face_mesh = pytest.importorskip("mediapipe").solutions.face_mesh
    count = 16
    time = np.arange(count)
    curve = np.stack(
        [0.5 + 0.5 * np.sin(0.9 * time), 0.5 + 0.3 * np.sin(0.3 * time), 0 * time], 1
    ).astype(np.float32)
    for seed in (1, 3):
        scene = Scene((Seat(Character(seed), size=0.25),), 384, 288, seed=seed)
        apertures = []
        with face_mesh.FaceMesh(refine_landmarks=True, max_num_faces=1) as mesh:
            for picture in render(scene, curve):
                faces = mesh.process(picture).multi_face_landmarks
                assert faces, f"no face in seed {seed}"
                points = faces[0].landmark
                apertures.append(points[14].y - points[13].y)
        assert np.corrcoef(apertures, curve[:, 0])[0, 1] > 0.9
