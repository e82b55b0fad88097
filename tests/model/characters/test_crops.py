"""Face crops: exact counterfactuals, exact truth, the same in every process."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from itertools import islice

import cv2
import numpy as np
import pytest

from unisync_model.characters.crops import CLOSE, PRODUCT, face_crop, render_truth
from unisync_model.characters.figures.figure import random_character
from unisync_model.characters.figures.mouth import MouthShape
from unisync_model.characters.figures.palette import LOOKS, Look
from unisync_model.characters.frame import Frame
from unisync_model.characters.posing import LANDMARKS, landmarks
from unisync_model.characters.splits import SPLITS, character_seeds, split_of
from unisync_model.characters.stage import Stage, random_scene
from unisync_model.characters.things import Thing
from unisync_model.errors import InputError

REST = (0.0, 0.5, 0.0, 0.0, 0.0, 0.0)
WIDE_OPEN = (1.0, 0.6, 0.0, 0.0, 0.0, 0.0)


def held(*shape: float, frames: int = 1) -> np.ndarray:
    return np.tile(np.array(shape, np.float32), (frames, 1))


def partnered() -> int:
    return next(seed for seed in range(100) if random_scene(seed).partner is not None)


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("share", [CLOSE, PRODUCT])
def test_any_two_speeches_differ_only_inside_the_mask(look: Look, share: float) -> None:
    rng = np.random.default_rng(5)
    for seed in (3, 40):
        crop = face_crop(random_scene(seed, look), 96, share)
        frames = [0, 31, 77]
        masks = crop.masks(frames)
        curves = np.stack([held(*REST, frames=78), held(*WIDE_OPEN, frames=78),
                           rng.random((78, 6), np.float32)])  # fmt: skip
        pictures = crop.render_all(curves, frames)
        for other in pictures[1:]:
            changed = (other != pictures[0]).any(-1)
            assert not (changed & ~masks).any()
            assert changed.sum() > 100
        assert masks.mean() < (0.5 if share == CLOSE else 0.2)


def test_the_mask_holds_with_a_partner_and_a_hand_in_front() -> None:
    stage = random_scene(partnered())
    hand = Thing("hand", -5.0, 20.0, 0.1, 0.9, 0.2)
    crop = face_crop(replace(stage, thing=hand), 96)
    pictures = crop.render_all(np.stack([held(*REST), held(*WIDE_OPEN)]))
    changed = (pictures[0] != pictures[1]).any(-1)
    assert changed.any()
    assert not (changed & ~crop.masks([0])).any()


def test_nothing_of_an_open_mouth_is_cut_off_by_the_mask() -> None:
    """Beyond a rim of three pixels inside it, the change has died away."""
    crop = face_crop(replace(random_scene(21), grain=0.0, thing=None), 128, PRODUCT)
    closed, opened = crop.render_all(np.stack([held(*REST), held(*WIDE_OPEN)]))[:, 0]
    mask = crop.masks([0])[0].astype(np.uint8)
    rim = mask.astype(bool) & ~cv2.erode(mask, np.ones((3, 3), np.uint8)).astype(bool)
    change = np.abs(opened.astype(int) - closed).max(2)
    assert change[rim].max() < 0.15 * change.max()


@pytest.mark.parametrize("look", LOOKS)
def test_a_mouth_at_rest_changes_nothing_but_the_lips(look: Look) -> None:
    """No seam along the mask: there, the repainted mouth's box is the picture without a mouth."""
    stage = replace(random_scene(1006, look), thing=None)
    layers = face_crop(stage, 128).layers
    (number,) = frames = [10]
    made = render_truth(stage, held(*REST, frames=11), frames)
    lipless = Frame(layers, number).still
    change = np.abs(made.frames[0].astype(int) - lipless).max(2)
    x, y = made.points[0, LANDMARKS.index("upper_lip_inner")]
    rows, columns = np.nonzero(change > 2)
    assert np.abs(rows - y).max() < 0.17 * 128
    assert np.abs(columns - x).max() < 0.30 * 128


def test_a_thing_in_front_covers_the_mouth() -> None:
    stage = replace(random_scene(3), grain=0.0)
    held_up = Thing("microphone", -5.0, 20.0, 0.0, 0.75, 0.0)
    curves = np.stack([held(*REST), held(*WIDE_OPEN)])

    def change(thing: Thing | None) -> int:
        pictures = face_crop(replace(stage, thing=thing), 96).render_all(curves)
        return int(np.abs(pictures[0].astype(int) - pictures[1]).sum())

    assert change(held_up) < 0.7 * change(None)


def test_a_frame_does_not_depend_on_the_others() -> None:
    curve = np.random.default_rng(1).random((9, 6), np.float32)
    stage = random_scene(partnered())
    whole = face_crop(stage, 64).render(curve)
    (alone,) = face_crop(stage, 64).render(curve, [8])
    assert np.array_equal(whole[8], alone)


def test_three_columns_are_a_curve_without_tongue_and_rounding() -> None:
    crop = face_crop(random_scene(2), 64)
    short, full = held(0.7, 0.4, 0.0), held(0.7, 0.4, 0.0, 0.0, 0.0, 0.0)
    assert np.array_equal(crop.render(short), crop.render(full))


_PRINT = (
    "import hashlib, numpy as np\n"
    "from unisync_model.characters.crops import render_truth\n"
    "from unisync_model.characters.stage import Stage, random_scene\n"
    "curve = np.linspace(0, 1, 12, dtype=np.float32).reshape(2, 6)\n"
    "for seed in (7, 8, 9):\n"
    "    made = render_truth(random_scene(seed), curve, size=64)\n"
    "    for part in (made.frames, made.masks, made.poses, made.points):\n"
    "        print(hashlib.sha256(part.tobytes()).hexdigest())\n"
)


def test_another_process_draws_the_same() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PRINT], check=True, capture_output=True, text=True
    )
    curve = np.linspace(0, 1, 12, dtype=np.float32).reshape(2, 6)
    here = []
    for seed in (7, 8, 9):
        made = render_truth(random_scene(seed), curve, size=64)
        for part in (made.frames, made.masks, made.poses, made.points):
            here.append(hashlib.sha256(part.tobytes()).hexdigest())
    assert done.stdout.split() == here


def test_a_pose_drawing_knows_no_lips_but_the_head() -> None:
    stage = random_scene(11)
    shut, spoken = (render_truth(stage, held(*m, frames=30), [0, 29], 128, PRODUCT)
                    for m in (REST, WIDE_OPEN))  # fmt: skip
    assert np.array_equal(shut.poses, spoken.poses)
    assert np.array_equal(shut.boxes, spoken.boxes)
    assert (shut.poses[0] != shut.poses[1]).any()
    # contour, nose, lips, iris of either eye; thin lines are mixed with the black beside them
    flat = shut.poses[0].reshape(-1, 3).astype(int)
    for colour in ((255, 255, 255), (255, 0, 255), (255, 64, 64), (0, 200, 255), (0, 255, 128)):
        assert np.abs(flat - colour).max(1).min() < 90, colour


def test_landmarks_follow_the_mouth_and_leave_the_eyes() -> None:
    points = {}
    for name, shape in (("rest", REST), ("half", (0.5, *REST[1:])), ("open", WIDE_OPEN)):
        made = render_truth(random_scene(4), held(*shape))
        points[name] = dict(zip(LANDMARKS, made.points[0], strict=True))
    gaps = [
        float(np.linalg.norm(p["lower_lip_inner"] - p["upper_lip_inner"])) for p in points.values()
    ]
    assert gaps[0] < 1
    assert gaps[0] + 4 < gaps[1] < gaps[2] - 4
    assert points["open"]["chin"][1] > points["rest"]["chin"][1] + 6
    for name in LANDMARKS[:5]:
        assert np.array_equal(points["rest"][name], points["open"][name])


def test_landmarks_lie_where_the_mouth_is_drawn() -> None:
    """Between the lips' inner edges an open mouth is not the closed one's skin."""
    for seed in range(4):
        stage = replace(random_scene(seed), thing=None, grain=0.0)
        shut = render_truth(stage, held(*REST))
        opened = render_truth(stage, held(*WIDE_OPEN))
        change = np.abs(shut.frames[0].astype(int) - opened.frames[0]).max(2)
        names = [LANDMARKS.index(n) for n in ("upper_lip_inner", "lower_lip_inner")]
        x, y = opened.points[0, names].mean(0).round().astype(int)
        assert change[y, x] > 15


def test_crops_hold_the_mouth_and_the_chin() -> None:
    """Framing of a hundred scenes, by their landmarks alone."""
    shares, chins = [], []
    corners = [LANDMARKS.index(n) for n in ("mouth_left", "mouth_right")]
    for seed in range(100):
        stage = random_scene(seed)
        made_rest = render_points(stage, REST)
        shares.append(np.linalg.norm(np.diff(made_rest[corners], axis=0)) / 128)
        chins.append(render_points(stage, WIDE_OPEN)[-1, 1] / 128)
    assert 0.30 < np.median(shares) < 0.40
    assert np.mean(np.array(chins) < 1.0) > 0.9


def render_points(stage: Stage, shape: tuple[float, ...]) -> np.ndarray:
    layers = face_crop(stage, 128).layers
    mouth = MouthShape(*shape)
    return landmarks(layers.stage.figure, layers.pose(20), layers.view, mouth)


def test_a_small_crop_is_the_large_one_seen_small() -> None:
    stage = replace(random_scene(6), grain=0.0)
    small, large = (face_crop(stage, s).render(held(*WIDE_OPEN))[0] for s in (96, 192))
    shrunk = cv2.resize(large, (96, 96), interpolation=cv2.INTER_AREA)
    error = np.mean((small.astype(float) - shrunk) ** 2)
    assert 10 * np.log10(255**2 / error) > 24


def test_seeds_are_different_characters_in_every_look() -> None:
    figures = [random_character(seed) for seed in range(60)]
    assert {figure.look for figure in figures} == set(LOOKS)
    assert len({figure.shape.mouth_half for figure in figures}) == 60
    assert random_character(3) == random_character(3)
    assert len({figure.beard for figure in figures}) >= 5


def test_characters_are_split_by_seed_and_partners_stay_in_it() -> None:
    found = {split: set(islice(character_seeds(split), 50)) for split in SPLITS}
    assert not found["train"] & found["val"] | found["val"] & found["test"]
    assert not found["train"] & found["test"]
    for seed in range(150):
        partner = random_scene(seed).partner
        if partner is not None:
            assert split_of("character", partner.figure.seed) == split_of("character", seed)


def test_wrong_requests_are_refused() -> None:
    crop = face_crop(random_scene(0), 32)
    with pytest.raises(InputError, match=r"\(1, 2, 4\)"):
        crop.render(np.zeros((2, 4), np.float32))
    with pytest.raises(InputError, match="finite"):
        crop.render(np.full((1, 6), np.nan, np.float32))
    with pytest.raises(InputError, match="curves with 2 frames"):
        crop.render(held(*REST, frames=2), [1, 2])
    with pytest.raises(InputError, match="8 pixels"):
        face_crop(random_scene(0), 8)
    with pytest.raises(InputError, match="film, toon"):
        random_scene(0, "clay")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="train, val, test"):
        character_seeds("dev")  # type: ignore[arg-type]


def test_no_module_loads_what_training_or_the_product_need() -> None:
    subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, pkgutil, importlib, unisync_model.characters as c\n"
            "for m in pkgutil.walk_packages(c.__path__, c.__name__ + '.'):\n"
            "    importlib.import_module(m.name)\n"
            "bad = {'torch', 'av', 'opentimelineio', 'click', 'unisync_post'} & set(sys.modules)\n"
            "assert not bad, bad\n",
        ],
        check=True,
    )


@pytest.mark.filterwarnings("ignore")
def test_face_mesh_finds_every_look_and_reads_its_lips() -> None:
    face_mesh = pytest.importorskip("mediapipe").solutions.face_mesh
    curve = held(*REST, frames=10)
    curve[:, 0] = 0.5 + 0.5 * np.sin(0.9 * np.arange(10))
    for look in LOOKS:
        stage = replace(random_scene(30, look), thing=None, partner=None)
        apertures = []
        with face_mesh.FaceMesh(refine_landmarks=True, max_num_faces=1) as mesh:
            for picture in face_crop(stage, 256, PRODUCT).render(curve):
                faces = mesh.process(picture).multi_face_landmarks
                assert faces, f"no face in look {look}"
                points = faces[0].landmark
                apertures.append(points[14].y - points[13].y)
        assert np.corrcoef(apertures, curve[:, 0])[0, 1] > 0.85, look
