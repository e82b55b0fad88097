"""One streaming pass over drawn faces: what is seen, bridged, passed, and why."""

from __future__ import annotations

from contextlib import closing

import cv2
import numpy as np
import pytest
from drawn_face import backdrop, draw_face, place_face

from unisync_adapters.timebase import Rate
from unisync_post.faces import FaceConfig, FaceState, track_faces
from unisync_post.faces.detect import FaceDetector, tiles

RATE = Rate.of(25)


def letters(track):
    return "".join({"generate": "g", "bridge": "b", "pass": "."}[s.value] for s in track.states)


def test_landmarks_follow_a_moving_face_to_a_fraction_of_a_pixel():
    xs = 300 + 1.3 * np.arange(12)
    (track,) = track_faces((place_face(x, 180.5) for x in xs), RATE)
    assert letters(track) == "g" * 12
    moved = track.landmarks[:, [33, 133, 263, 362, 4], 0].mean(axis=1)
    assert np.abs((moved - moved[0]) - (xs - xs[0])).max() < 0.6
    assert np.abs(track.yaw).max() < 6
    assert np.abs(track.roll).max() < 3


def test_the_same_frames_give_the_same_tracks():
    frames = [place_face(300 + k, 180, opening=k / 6) for k in range(6)]
    (one,), (two,) = track_faces(frames, RATE), track_faces(iter(frames), RATE)
    assert one.landmarks.tobytes() == two.landmarks.tobytes()


def test_landmarks_stand_where_they_are_not_half_a_pixel_beside():
    (face,) = track_faces([place_face(320, 180)] * 3, RATE)
    mirrored = [np.ascontiguousarray(place_face(320, 180)[:, ::-1])] * 3
    (back,) = track_faces(mirrored, RATE)
    left, right = face.landmarks[0, [33, 133, 61], 0], back.landmarks[0, [263, 362, 291], 0]
    assert abs(float((left + right).mean()) - 639) < 0.5


def test_no_face_no_track_and_no_noise(capfd):
    assert track_faces([backdrop(seed=k) for k in (1, 1, 1, 2, 2, 2)], RATE) == []
    assert track_faces([], RATE) == []
    assert capfd.readouterr().err == ""


def test_faces_are_numbered_from_left_to_right():
    frames = [place_face(160, 180, base=place_face(470, 180)) for _ in range(6)]
    tracks = track_faces(frames, RATE)
    assert [t.id for t in tracks] == [0, 1]
    assert tracks[0].boxes[0, 0] < tracks[1].boxes[0, 0]


def test_a_short_gap_is_bridged_and_a_long_one_passed():
    seen = [place_face(300 + k, 180) for k in range(34)]
    frames = [backdrop() if k in (8, 9, 10) or 18 <= k < 26 else f for k, f in enumerate(seen)]
    (track,) = track_faces(frames, RATE)
    assert letters(track) == "g" * 8 + "b" * 3 + "g" * 7 + "." * 8 + "g" * 8
    assert set(track.reasons[18:26]) == {"no face"}
    assert not any(track.reasons[k] for k in (*range(18), *range(26, 34)))
    # the bridge runs from bank to bank
    eye = track.landmarks[7:12, 33, 0]
    assert np.all(np.diff(eye) > 0.3)
    assert np.isnan(track.landmarks[18:26]).all()


def test_a_face_that_leaves_is_passed_from_then_on():
    frames = [place_face(500 + 18 * k, 180) for k in range(20)]
    (track,) = track_faces(frames, RATE)
    assert letters(track).startswith("gggg")
    assert letters(track).endswith("...")
    assert track.reasons[-1] == "no face"


def test_a_face_that_comes_in_is_followed_back_to_where_it_came_from():
    frames = [backdrop()] * 5 + [place_face(320, 180)] * 9
    (track,) = track_faces(frames, RATE)
    assert letters(track) == "....." + "g" * 9


def test_a_second_face_is_followed_back_to_where_it_came_in():
    one, two = place_face(160, 180), place_face(470, 180, base=place_face(160, 180))
    frames = [one] * 8 + [two] * 8
    tracks = track_faces(frames, RATE)
    # searches for new faces are some frames apart: 8 lies between two of them
    assert [letters(t) for t in tracks] == ["g" * 16, "." * 8 + "g" * 8]


def test_a_hard_cut_parts_scenes():
    one = [place_face(200 + 2 * k, 180, seed=3) for k in range(8)]
    two = [place_face(440 - 2 * k, 190, 260, seed=9) for k in range(8)]
    tracks = track_faces(one + two, RATE)
    alone_one, alone_two = track_faces(one, RATE)[0], track_faces(two, RATE)[0]
    assert [t.cuts for t in tracks] == [(0, 8), (0, 8)]
    assert letters(tracks[0]) == "g" * 8 + "." * 8
    # nothing leaks over the cut: each scene is what it is alone
    assert np.array_equal(tracks[0].landmarks[:8], alone_one.landmarks)
    assert np.array_equal(tracks[1].landmarks[8:], alone_two.landmarks)


def test_a_gap_is_never_bridged_across_a_cut():
    one = [place_face(200, 180, seed=3)] * 7 + [backdrop(seed=3)] * 2
    two = [place_face(210, 180, seed=9)] * 7
    tracks = track_faces(one + two, RATE)
    assert all(FaceState.BRIDGE not in t.states for t in tracks)


def test_a_jump_cut_keeps_the_face_but_not_its_movement():
    one = [place_face(300, 180, seed=3)] * 8
    two = [place_face(325, 180, seed=8)] * 8
    (track,) = track_faces(one + two, RATE)
    assert track.cuts == (0, 8)
    assert letters(track) == "g" * 16
    assert abs(track.landmarks[8, 4, 0] - track.landmarks[7, 4, 0] - 25) < 1


def test_a_small_face_is_found_by_tiles():
    frame = backdrop((1920, 1080), seed=4)
    frames = [place_face(1500, 300, 90, base=frame)] * 6
    with closing(FaceDetector()) as detector:
        assert detector.detect(frames[0]) == []
        assert len(detector.search(frames[0])) == 1
    (track,) = track_faces(frames, RATE, FaceConfig(min_width=30))
    assert letters(track) == "gggggg"
    assert track.width < 50
    assert abs(float(track.boxes[0, [0, 2]].mean()) - 1500) < 4


def test_a_face_too_small_is_passed_with_that_reason():
    frames = [place_face(320, 180)] * 5
    (track,) = track_faces(frames, RATE, FaceConfig(min_width=300))
    assert set(track.reasons) == {"too small"}
    assert set(track.states) == {FaceState.PASS}


def test_what_covers_the_mouth_is_seen():
    frames = [place_face(320, 180, opening=0.4 + 0.4 * np.sin(k)) for k in range(40)]
    for k in range(14, 26):
        cv2.ellipse(frames[k], (320, 222), (46, 26), 0, 0, 360, (40, 40, 44), -1)
    (track,) = track_faces(frames, RATE)
    assert letters(track)[:12] == "g" * 12
    assert letters(track)[28:] == "g" * 12
    assert letters(track)[15:25] == "." * 10
    assert set(track.reasons[15:25]) == {"occluded"}


def test_a_hand_of_the_skin_s_own_colour_is_seen_too():
    frames = [place_face(320, 180, opening=0.4 + 0.4 * np.sin(k)) for k in range(40)]
    for k in range(14, 26):
        cv2.ellipse(frames[k], (320, 222), (46, 26), 0, 0, 360, (222, 176, 150), -1)
    (track,) = track_faces(frames, RATE)
    assert letters(track)[16:24] == "." * 8
    assert set(track.reasons[16:24]) == {"occluded"}


@pytest.mark.parametrize("count", [1, 2])
def test_the_shortest_shots(count):
    (track,) = track_faces([place_face(320, 180)] * count, RATE)
    assert letters(track) == "g" * count


def test_progress_counts_every_frame():
    told: list[int] = []
    track_faces([draw_face(200)] * 7, RATE, progress=told.append)
    assert told == list(range(1, 8))


@pytest.mark.parametrize("frame", [(640, 360), (1080, 1920), (3840, 2160), (100, 60)])
def test_tiles_cover_the_frame_and_overlap(frame):
    squares = list(tiles(*frame))
    covered = np.zeros(frame[::-1], np.uint8)
    for x0, y0, x1, y1 in squares:
        assert x1 - x0 == y1 - y0 <= 576
        assert 0 <= x0 < x1 <= frame[0]
        assert 0 <= y0 < y1 <= frame[1]
        covered[y0:y1, x0:x1] += 1
    assert covered.min() >= 1
    if len(squares) > 1:
        assert covered.max() >= 2
