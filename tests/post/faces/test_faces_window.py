"""The stabilised window: follows the head exactly, leads nothing, crosses no cut."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from unisync_post.faces import Framing, crop_frame, crop_window, to_crop
from unisync_post.faces.canonical import RIGID

FRAMES = 24


def moved(mesh, x=0.0, y=0.0, angle=0.0, zoom=1.0):
    """A mesh under a similarity of the picture; z scales along."""
    cos, sin = zoom * math.cos(angle), zoom * math.sin(angle)
    flat = mesh[:, :2] @ np.array([[cos, sin], [-sin, cos]]) + (x, y)
    return np.concatenate([flat, zoom * mesh[:, 2:]], axis=1)


@pytest.fixture
def wandering(shut_mesh, make_track):
    jitter = np.random.default_rng(3).normal(0, 0.7, (FRAMES, 2))
    return make_track(
        np.stack(
            [
                moved(shut_mesh, 2 * k + dx, 9 + dy, 0.05 * math.sin(k / 5), 1 + 0.005 * k)
                for k, (dx, dy) in enumerate(jitter)
            ]
        )
    )


def test_a_still_face_is_centred_upright_and_whole(shut_mesh, open_mesh, make_track):
    window = crop_window(make_track(np.stack([shut_mesh] * 5)), 512)
    shut = to_crop(np.stack([shut_mesh] * 5), window)[0]
    dropped = to_crop(np.stack([open_mesh] * 5), window)[0]
    margin = 0.08 * 512
    for face in (shut, dropped):
        assert face[:, :2].min() > margin
        assert face[:, :2].max() < 511 - margin
    eyes = shut[[33, 263], :2]
    assert abs(eyes[0, 1] - eyes[1, 1]) < 8
    assert abs(eyes[:, 0].mean() - 255.5) < 8
    # the face fills more than half of the crop
    assert np.ptp(shut[:, 1]) > 0.55 * 512


def test_turning_scaling_and_shifting_the_picture_turns_scales_and_shifts_the_window(
    wandering, make_track
):
    angle, zoom = 0.4, 1.7
    there = make_track(np.stack([moved(m, 31, -12, angle, zoom) for m in wandering.landmarks]))
    one, two = crop_window(wandering), crop_window(there)
    lifted = np.eye(3)
    cos, sin = zoom * math.cos(angle), zoom * math.sin(angle)
    lifted[:2] = [[cos, -sin, 31], [sin, cos, -12]]
    for a, b in zip(one.matrices, two.matrices, strict=True):
        assert np.allclose((np.vstack([b, [0, 0, 1]]) @ lifted)[:2], a, atol=0.01)


def test_played_backwards_the_window_moves_backwards(wandering, make_track):
    back = make_track(wandering.landmarks[::-1])
    forward = crop_window(wandering).matrices
    assert np.allclose(crop_window(back).matrices[::-1], forward, atol=1e-9)


def test_the_window_ignores_the_mouth(shut_mesh, make_track):
    rest = np.stack([shut_mesh] * FRAMES)
    talking = rest.copy()
    outside = np.setdiff1d(np.arange(478), RIGID)
    talking[:, outside, 1] += 20 * np.sin(np.arange(FRAMES))[:, None]
    a, b = crop_window(make_track(rest)), crop_window(make_track(talking))
    assert np.array_equal(a.matrices, b.matrices)


def test_a_steady_movement_is_followed_without_lag_to_the_ends(shut_mesh, make_track):
    track = make_track(np.stack([moved(shut_mesh, 3.3 * k) for k in range(FRAMES)]))
    crops = to_crop(track.landmarks, crop_window(track))
    assert np.abs(crops - crops[0]).max() < 0.01


def test_jitter_is_smoothed_away(shut_mesh, make_track):
    noise = np.random.default_rng(1).normal(0, 1.0, (60, 1, 2))
    shaken = np.repeat(shut_mesh[None], 60, axis=0)
    shaken[:, :, :2] += noise
    window = crop_window(make_track(shaken))
    assert np.diff(window.matrices[:, :, 2], axis=0).std() < 0.25 * np.diff(noise, axis=0).std()


def test_one_wild_frame_hardly_moves_the_window(shut_mesh, make_track):
    wild = np.repeat(shut_mesh[None], 31, axis=0)
    wild[15, :, :2] *= 1.3
    still = crop_window(make_track(np.repeat(shut_mesh[None], 31, axis=0)))
    assert np.allclose(crop_window(make_track(wild)).matrices, still.matrices, atol=1e-6)


def test_a_cut_resets_the_window(shut_mesh, make_track):
    here = np.stack([moved(shut_mesh, 2 * k) for k in range(10)])
    there = np.stack([moved(shut_mesh, 300 - k, zoom=1.5) for k in range(10)])
    both = crop_window(make_track(np.concatenate([here, there]), cuts=(0, 10)))
    alone = [crop_window(make_track(part)).matrices for part in (here, there)]
    assert np.array_equal(both.matrices, np.concatenate(alone))
    uncut = crop_window(make_track(np.concatenate([here, there])))
    assert not np.allclose(uncut.matrices[9], alone[0][9], atol=1)


def test_frames_without_a_face_have_no_window(shut_mesh, make_track):
    landmarks = np.repeat(shut_mesh[None], 9, axis=0)
    landmarks[3:5] = np.nan
    window = crop_window(make_track(landmarks))
    assert np.isnan(window.matrices[3:5]).all()
    assert np.isfinite(np.delete(window.matrices, (3, 4), axis=0)).all()
    assert np.isnan(to_crop(landmarks, window)[3:5]).all()


def dotted(x, y, size=(800, 820)):
    """A soft dot at a sub-pixel position."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    dot = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 4.0**2))
    return np.repeat((255 * dot).astype(np.uint8)[..., None], 3, axis=2)


def centroid(picture):
    weight = picture[..., 0].astype(float)
    rows, columns = np.mgrid[: weight.shape[0], : weight.shape[1]]
    return (columns * weight).sum() / weight.sum(), (rows * weight).sum() / weight.sum()


@pytest.mark.parametrize("zoom", [0.37, 0.8, 1.0, 2.3])
@pytest.mark.parametrize("angle", [0.0, 0.3])
def test_a_crop_shows_a_point_where_the_matrix_says(zoom, angle):
    cos, sin = zoom * math.cos(angle), zoom * math.sin(angle)
    linear = np.array([[cos, sin], [-sin, cos]])
    at, goal = np.array([400.25, 390.75]), np.array([128.3, 120.6])
    matrix = np.column_stack([linear, goal - linear @ at])
    crop = crop_frame(dotted(*at), matrix, 256)
    assert np.allclose(centroid(crop), goal, atol=0.06)


def test_the_identity_changes_no_pixel():
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    assert np.array_equal(crop_frame(picture, np.eye(2, 3), 64), picture)


def test_shrinking_does_not_alias():
    stripes = np.zeros((400, 400, 3), np.uint8)
    stripes[:, ::2] = 255
    small = crop_frame(stripes, np.array([[0.19, 0, 0], [0, 0.19, 0]]), 64)
    assert np.ptp(small[8:-8, 8:-8].astype(int)) < 20


def test_beyond_the_frame_the_crop_mirrors_it():
    picture = cv2.resize(
        np.arange(48, dtype=np.uint8).reshape(4, 4, 3) * 5, (80, 80), interpolation=cv2.INTER_CUBIC
    )
    crop = crop_frame(picture, np.array([[1.0, 0, 30], [0, 1.0, 0]]), 80)
    assert np.array_equal(crop[:, 30 - 12], picture[:, 12])
    # wholly outside there is still a picture
    assert crop_frame(picture, np.array([[1.0, 0, 900], [0, 1.0, 900]]), 32).shape == (32, 32, 3)


def test_a_framing_zooms_around_its_own_middle(shut_mesh, make_track):
    track = make_track(np.stack([shut_mesh] * 3))
    whole, close = crop_window(track, 256), crop_window(track, 256, Framing(0.75, 0.23))
    assert np.allclose(close.matrices[:, :, :2], 2 * whole.matrices[:, :, :2])
    middle = (256 - 1) / 2
    seen = to_crop(track.landmarks, whole)[..., :2] - middle
    assert np.allclose(to_crop(track.landmarks, close)[..., :2] - middle, 2 * seen, atol=1e-3)


def test_a_lower_framing_moves_the_face_up_by_as_much(shut_mesh, make_track):
    track = make_track(np.stack([shut_mesh] * 3))
    whole, lower = crop_window(track, 256), crop_window(track, 256, Framing(1.5, 0.38))
    up = to_crop(track.landmarks, whole) - to_crop(track.landmarks, lower)
    assert np.allclose(up[..., 1], 256 * 0.15 / 1.5, atol=0.5)
