"""Mouth mattes (eq. 12) and pose drawings."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from unisync_post.faces import MatteConfig, crop_window, draw_pose, mouth_matte, to_crop
from unisync_post.faces.canonical import RIGID

SIZE = 512
LIPS = [61, 291, 0, 17, 13, 14, 37, 267, 84, 314]


@pytest.fixture
def crops(shut_mesh, open_mesh, make_track):
    """The drawn face in the crop, shut and open, in one window."""
    pair = np.stack([shut_mesh, open_mesh])
    return to_crop(pair, crop_window(make_track(np.stack([shut_mesh] * 2)), SIZE))


@pytest.mark.parametrize("which", [0, 1])
def test_each_matte_lies_in_the_next(crops, which):
    matte = mouth_matte(crops[which], SIZE)
    assert set(np.unique(matte.raw)) == {0, 255}
    assert set(np.unique(matte.dilated)) == {0, 255}
    assert np.all(matte.dilated[matte.raw > 0] == 255)
    assert matte.soft.dtype == np.float32
    assert matte.soft.max() == 1
    assert matte.soft.min() == 0
    # exactly nothing outside, exactly all on the mouth
    assert not matte.soft[matte.dilated == 0].any()
    assert np.all(matte.soft[matte.raw > 0] > 0.99)
    assert 0.5 < (matte.soft > 0).sum() / (matte.dilated > 0).sum() <= 1


@pytest.mark.parametrize("which", [0, 1])
def test_it_reaches_from_under_the_nose_to_below_the_chin(crops, which):
    soft = mouth_matte(crops[which], SIZE).soft
    face = crops[which]

    def at(index, down=0):
        return soft[round(float(face[index, 1])) + down, round(float(face[index, 0]))]

    assert all(at(k) > 0.99 for k in LIPS)
    assert at(2) == 0
    assert at(4) == 0
    assert at(98) == at(327) == 0
    assert at(199) == 1
    assert at(152) > 0
    assert at(152, down=40) == 0
    assert at(234) == at(454) == 0


def test_it_grows_with_the_face_and_follows_it(crops):
    small = mouth_matte(crops[0] * 0.5, SIZE // 2).soft
    large = cv2.resize(mouth_matte(crops[0], SIZE).soft, (SIZE // 2,) * 2)
    assert np.abs(small - large).mean() < 0.005
    shifted = crops[0] + np.float32([7, -4, 0])
    expected = np.roll(mouth_matte(crops[0], SIZE).soft, (-4, 7), axis=(0, 1))
    assert np.allclose(mouth_matte(shifted, SIZE).soft, expected, atol=1e-6)


def test_a_small_movement_changes_it_little(crops):
    a = mouth_matte(crops[0], SIZE).soft
    b = mouth_matte(crops[0] + np.float32([0.25, 0.1, 0]), SIZE).soft
    assert np.abs(a - b).max() < 0.12


def test_its_limits_can_be_set(crops):
    plain = mouth_matte(crops[0], SIZE)
    roomy = mouth_matte(crops[0], SIZE, MatteConfig(room=0.12))
    softer = mouth_matte(crops[0], SIZE, MatteConfig(feather=0.04))
    assert np.flatnonzero(roomy.dilated.any(axis=1))[-1] > (
        np.flatnonzero(plain.dilated.any(axis=1))[-1] + 10
    )
    assert (softer.soft == 1).sum() < (plain.soft == 1).sum()
    assert np.array_equal(softer.dilated, plain.dilated)


def test_no_face_no_matte_and_a_black_pose():
    unseen = np.full((478, 3), np.nan, np.float32)
    matte = mouth_matte(unseen, 64)
    assert not matte.raw.any()
    assert not matte.soft.any()
    assert not draw_pose(unseen, 64).any()


def test_a_face_outside_the_crop_has_no_matte(crops):
    assert not mouth_matte(crops[0] + np.float32([2000, 0, 0]), SIZE).soft.any()


def test_the_pose_knows_nothing_of_the_mouth(crops):
    shut = crops[0]
    talking = shut.copy()
    # everything below the nose tip but the rigid points and the eyes moves
    lower = (shut[:, 1] > shut[4, 1]) & (np.arange(478) < 468)
    lower[list(RIGID)] = False
    talking[lower, :2] += np.float32([5, 30])
    assert lower[[13, 14, 61, 152, 98, 2]].all()
    assert np.array_equal(draw_pose(talking, SIZE), draw_pose(shut, SIZE))


def test_the_pose_follows_the_head(crops):
    still, moved = draw_pose(crops[0], SIZE), draw_pose(crops[0] + np.float32([20, 10, 0]), SIZE)
    assert still.shape == (SIZE, SIZE, 3)
    assert still.any()
    assert np.array_equal(np.roll(still, (10, 20), axis=(0, 1)), moved)
