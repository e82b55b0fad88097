"""Film frames: exact counterfactual pairs, and faces that face trackers see."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from unisync_model.characters.figures.figure import Figure, random_character
from unisync_model.characters.film import Scene, Seat, mouth_mask, render
from unisync_model.errors import InputError

OPEN, SHUT, WIDE = (0.9, 0.5, 0.0), (0.0, 0.5, 0.0), (0.3, 0.95, 0.0)
ANNA, BRUNO = random_character(9130, "film"), random_character(17397, "film")


def mouths(*shapes: Sequence[float]) -> np.ndarray:
    return np.array(shapes, np.float32)


def change(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(H, W) largest difference of a channel."""
    return np.abs(first.astype(int) - second).max(2)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene((Seat(ANNA, size=0.24),), width=320, height=240, seed=3)


def test_the_same_scene_is_the_same_picture_in_another_process(scene: Scene) -> None:
    program = (
        "import hashlib, numpy as np\n"
        "from unisync_model.characters.figures.figure import random_character\n"
        "from unisync_model.characters.film import Scene, Seat, render\n"
        "scene = Scene((Seat(random_character(9130, 'film'), size=0.24),), 320, 240, 3)\n"
        "picture = next(render(scene, np.array([[0.9, 0.5, 0.0]], np.float32)))\n"
        "print(hashlib.sha256(picture.tobytes()).hexdigest())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    (picture,) = render(scene, mouths(OPEN))
    assert (picture.shape, picture.dtype) == ((240, 320, 3), np.uint8)
    assert done.stdout.decode().strip() == hashlib.sha256(picture.tobytes()).hexdigest()


def test_a_frame_does_not_depend_on_the_frames_before_it(scene: Scene) -> None:
    curve = mouths(*[SHUT] * 5, WIDE)
    whole = list(render(scene, curve))
    (alone,) = render(scene, curve, [5])
    assert np.array_equal(whole[5], alone)
    assert change(whole[0], whole[4]).mean() > 1, "they move, and so does the grain"


@pytest.mark.parametrize("outdoors", [False, True])
def test_any_two_speeches_differ_only_inside_the_mask(outdoors: bool) -> None:
    """An exact pair: grain, background, eyes, motion and what hangs out of the picture."""
    near = Seat(BRUNO, 0.8, 0.6, 0.3, turn=-0.8, liveliness=1.0)
    scene = Scene((Seat(ANNA, 0.3, 0.4, 0.2, turn=0.8), near), 320, 180, 5, outdoors=outdoors)
    numbers = [0, 31, 77]
    still = np.tile(mouths([*SHUT, 0, 0, 0]), (2, 78, 1))
    pictures = list(render(scene, still, numbers))
    for spoken in (np.full_like(still, 1), np.random.default_rng(5).random(still.shape)):
        others = render(scene, spoken.astype(np.float32), numbers)
        for number, first, second in zip(numbers, pictures, others, strict=True):
            mask, changed = mouth_mask(scene, number), change(first, second) > 0
            assert mask.mean() < 0.25
            assert changed.sum() > 400
            assert not (changed & ~mask).any()


def test_three_columns_are_a_curve_without_tongue_and_rounding(scene: Scene) -> None:
    short, full = mouths(OPEN), mouths([*OPEN, 0, 0, 0])
    assert np.array_equal(next(render(scene, short)), next(render(scene, full)))


def test_an_open_mouth_is_seen(scene: Scene) -> None:
    shut, spoken = (next(render(scene, mouths(m))) for m in (SHUT, OPEN))
    rows, columns = np.nonzero(change(shut, spoken) > 60)
    assert 0.5 * 240 < rows.min() < rows.max() < 0.8 * 240
    assert 100 < columns.mean() < 220


def test_seeds_are_different_people() -> None:
    figures = [random_character(seed, "film") for seed in range(3)]
    first, *others = (next(render(Scene((Seat(f),), 160, 120), mouths(SHUT))) for f in figures)
    assert all(change(first, other).mean() > 3 for other in others)


def test_each_person_has_their_own_mouth() -> None:
    pair = Scene((Seat(ANNA, x=0.28), Seat(BRUNO, x=0.72)), 320, 180)
    both = np.stack([mouths(SHUT), mouths(SHUT)])
    right_speaks = np.stack([mouths(SHUT), mouths(OPEN)])
    difference = change(next(render(pair, both)), next(render(pair, right_speaks)))
    assert difference[:, :160].max() == 0
    assert difference[:, 160:].max() > 60


def test_a_landscape_drifts_by_and_a_room_stands_still() -> None:
    curve = mouths(*[SHUT] * 50)
    for outdoors in (False, True):
        empty = Scene((), 160, 90, seed=2, grain=0, outdoors=outdoors)
        first, last = render(empty, curve, [0, 49])
        assert (change(first, last).mean() > 1) == outdoors


def test_someone_outside_the_picture_is_not_drawn() -> None:
    empty = Scene((), 160, 120)
    gone = replace(empty, seats=(Seat(ANNA, x=3.0), Seat(BRUNO, y=2.5)))
    first, second = (next(render(s, np.stack([mouths(SHUT)] * 2))) for s in (empty, gone))
    assert np.array_equal(first, second)


def test_mouths_that_do_not_fit_are_refused() -> None:
    pair = Scene((Seat(ANNA), Seat(BRUNO)), 64, 48)
    for wrong, said in (
        (mouths(SHUT), "1 mouth curves for 2 people"),
        (np.zeros((2, 1, 4), np.float32), r"\(2, 1, 4\)"),
        (np.full((2, 1, 3), np.nan, np.float32), "not finite"),
    ):
        with pytest.raises(InputError, match=said):
            next(render(pair, wrong))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("figure", [ANNA, BRUNO], ids=["Anna", "Bruno"])
def test_face_mesh_finds_them_and_reads_their_lips(figure: Figure) -> None:
    """MediaPipe sees every picture, and its lip aperture follows the curve."""
    face_mesh = pytest.importorskip("mediapipe").solutions.face_mesh
    count = 16
    time = np.arange(count)
    curve = np.stack(
        [0.5 + 0.5 * np.sin(0.9 * time), 0.5 + 0.3 * np.sin(0.3 * time), 0 * time], 1
    ).astype(np.float32)
    scene = Scene((Seat(figure, size=0.25),), 384, 288, seed=1)
    apertures = []
    with face_mesh.FaceMesh(refine_landmarks=True, max_num_faces=1) as mesh:
        for picture in render(scene, curve):
            faces = mesh.process(picture).multi_face_landmarks
            assert faces
            points = faces[0].landmark
            apertures.append(points[14].y - points[13].y)
    assert np.corrcoef(apertures, curve[:, 0])[0, 1] > 0.9
