"""States and reasons from sightings: limits, hysteresis, bridges, islands, ids."""

from __future__ import annotations

import math

import numpy as np
import pytest

from unisync_post.faces import FaceConfig
from unisync_post.faces.boxes import is_same_face
from unisync_post.faces.smooth import gaussian, runs, without_outliers
from unisync_post.faces.state import Sighting, assemble

COLOURS = np.zeros((70, 3), np.float32)
CONFIG = FaceConfig(smooth=0)


def letters(track):
    return "".join({"generate": "g", "bridge": "b", "pass": "."}[s.value] for s in track.states)


@pytest.fixture
def sight(shut_mesh):
    """A sighting of the drawn face, turned by degrees and scaled."""

    def make(yaw=0.0, zoom=1.0, x=0.0):
        a = math.radians(yaw)
        turn = np.array([[math.cos(a), 0, -math.sin(a)], [0, 1, 0], [math.sin(a), 0, math.cos(a)]])
        middle = shut_mesh.mean(axis=0)
        points = zoom * (shut_mesh - middle) @ turn.T + middle + (x, 0, 0)
        return Sighting(points.astype(np.float32), 1.0, COLOURS)

    return make


def test_a_face_that_turns_away_is_passed_until_it_is_clearly_back(sight):
    yaws = [0, 30, 55, 62, 58, 61, 58, 56, 50, 50, 30, 0]
    (track,) = assemble([{k: sight(y) for k, y in enumerate(yaws)}], [0], len(yaws), CONFIG)
    assert np.allclose(track.yaw - track.yaw[0], yaws, atol=2)
    # 58 and 56 lie under the limit of 60 but not clearly; 50 does
    assert letters(track) == "ggg.....gggg"
    assert set(track.reasons[3:8]) == {"turned away"}


def test_too_small_is_measured_in_plate_pixels(sight):
    zooms = [1.0] * 4 + [0.2] * 4 + [1.0] * 4
    (track,) = assemble([{k: sight(zoom=z) for k, z in enumerate(zooms)}], [0], 12, CONFIG)
    assert letters(track) == "gggg....gggg"
    assert track.reasons[5] == "too small"


def test_islands_too_short_for_a_change_of_state_are_passed(sight):
    yaws = [80] * 4 + [0] * 2 + [80] * 4 + [0] * 5
    (track,) = assemble([{k: sight(y) for k, y in enumerate(yaws)}], [0], 15, CONFIG)
    assert letters(track) == "." * 10 + "ggggg"
    assert track.reasons[4] == "turned away"


def test_a_bridge_needs_two_banks(sight):
    seen = {k: sight(80 if k > 8 else 0) for k in range(14) if k not in (6, 7, 8)}
    (track,) = assemble([seen], [0], 14, CONFIG)
    assert letters(track) == "g" * 6 + "." * 8


@pytest.mark.parametrize(("gap", "expected"), [(5, "b"), (6, ".")])
def test_the_longest_bridge(sight, gap, expected):
    seen = {k: sight(x=k) for k in range(20) if not 6 <= k < 6 + gap}
    (track,) = assemble([seen], [0], 20, CONFIG)
    assert letters(track) == "g" * 6 + expected * gap + "g" * (14 - gap)
    if expected == "b":
        assert np.allclose(np.diff(track.landmarks[:, 4, 0]), 1, atol=1e-3)


def test_ids_count_from_the_first_seen_then_from_the_left(sight):
    late = {k: sight(x=-200) for k in range(5, 10)}
    right = {k: sight(x=300) for k in range(10)}
    left = {k: sight() for k in range(10)}
    tracks = assemble([late, right, left], [0], 10, CONFIG)
    first, second, third = (float(t.boxes[9, 0]) for t in tracks)
    assert third < first < second
    assert letters(tracks[2]) == "....." + "g" * 5


def test_smoothing_is_zero_phase_and_leaves_straight_lines_alone():
    line = np.linspace(0, 50, 40)[:, None] * np.ones((1, 3))
    assert np.allclose(gaussian(line, 3.0), line)
    noise = np.random.default_rng(0).normal(size=(40, 2))
    assert np.allclose(gaussian(noise[::-1], 2.0)[::-1], gaussian(noise, 2.0))
    assert np.array_equal(gaussian(noise, 0), noise)
    assert np.array_equal(gaussian(noise[:1], 3.0), noise[:1])


def test_an_outlier_goes_whichever_way_the_picture_is_turned():
    track = np.column_stack([np.arange(9.0), np.zeros(9)])
    track[4] += (3, 40)
    turn = np.array([[0.6, 0.8], [-0.8, 0.6]])
    clean = without_outliers(track)
    assert abs(clean[4, 1]) == 0
    assert np.allclose(without_outliers(track @ turn), clean @ turn)


def test_runs_end_at_gaps_and_cuts():
    held = np.array([1, 1, 0, 1, 1, 1, 1, 0], bool)
    assert runs(held, (0, 5)) == [(0, 2), (3, 5), (5, 7)]
    assert runs(np.zeros(3, bool)) == []


def test_a_box_within_a_face_is_that_face():
    face, nostrils, beside = (0, 0, 100, 130), (30, 70, 75, 120), (90, 0, 190, 130)
    assert is_same_face(face, nostrils)
    assert is_same_face(face, (10, 10, 110, 140))
    assert not is_same_face(face, beside)
    assert not is_same_face(face, (5, 5, 5, 5))
