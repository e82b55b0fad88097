"""Head angles from the mesh: exact on placed faces, right-handed on mirrored ones."""

from __future__ import annotations

import math

import numpy as np
import pytest

from unisync_post.faces.canonical import RIGID, rest
from unisync_post.faces.pose3d import head_pose


def turned(yaw=0.0, pitch=0.0, roll=0.0, scale=180.0):
    """A mesh that holds the rigid points of a face at rest, turned by these degrees."""
    a, b, c = (math.radians(v) for v in (yaw, pitch, roll))
    about_y = np.array([[math.cos(a), 0, -math.sin(a)], [0, 1, 0], [math.sin(a), 0, math.cos(a)]])
    about_x = np.array([[1, 0, 0], [0, math.cos(b), math.sin(b)], [0, -math.sin(b), math.cos(b)]])
    about_z = np.array([[math.cos(c), -math.sin(c), 0], [math.sin(c), math.cos(c), 0], [0, 0, 1]])
    mesh = np.zeros((478, 3))
    rotation = about_z @ about_y @ about_x
    mesh[list(RIGID)] = scale * rest(RIGID) @ rotation.T + (300, 200, 5)
    return mesh


@pytest.mark.parametrize("yaw", [-50, -10, 0, 35])
@pytest.mark.parametrize("pitch", [0, 15])
def test_angles_come_back(yaw, pitch):
    pose = head_pose(turned(yaw=yaw, pitch=pitch))
    assert pose.scale == pytest.approx(180)
    assert pose.shift == pytest.approx((300, 200, 5))
    assert pose.yaw == pytest.approx(yaw, abs=1)
    if yaw == 0:
        assert pose.pitch == pytest.approx(pitch)


@pytest.mark.parametrize("roll", [-40, 12])
def test_roll_comes_back(roll):
    pose = head_pose(turned(roll=roll))
    assert pose.roll == pytest.approx(roll)
    assert pose.yaw == pytest.approx(0, abs=1e-6)


def test_the_signs_are_those_of_the_picture():
    # looks to the image's right: the nose tip moves right of the eyes' middle
    right = turned(yaw=25)
    assert right[4, 0] > right[[33, 263], 0].mean()
    # looks up: the nose tip rises against the eyes
    assert turned(pitch=20)[4, 1] < turned()[4, 1]
    # leans clockwise: the left eye of the picture is the higher one
    lean = turned(roll=15)
    assert lean[33, 1] < lean[263, 1]


def test_the_fit_shrugs_off_an_expression():
    mesh = turned(yaw=20, roll=5)
    raised = mesh.copy()
    raised[[70, 63, 105, 66, 107, 300, 293, 334, 296, 336], 1] -= 6
    assert head_pose(raised).yaw == pytest.approx(head_pose(mesh).yaw, abs=3)
    assert head_pose(raised).roll == pytest.approx(5, abs=2)
