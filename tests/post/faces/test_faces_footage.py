"""Real and drawn people, where UNISYNC_FOOTAGE names a folder with them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from unisync_adapters.timebase import Rate
from unisync_post.faces import FaceConfig, FaceState, crop_window, mouth_matte, to_crop, track_faces
from unisync_post.faces.speaker import mouth_opening

RATE = Rate.of(25)
FACES = (
    "faces/address_a.mp4",
    "faces/demo1_video.mp4",
    "faces/green_screen_glasses.mov",
    "faces/portrait_d12.mp4",
    "faces/studio_woman_22fps.mp4",
    "stylised/a.mp4",
    "stylised/c.mp4",
)


@pytest.mark.parametrize("name", FACES[-3:])
def test_a_second_of_one_face(footage, name):
    (track,) = track_faces(footage(name, 20), RATE)
    assert set(track.states) == {FaceState.GENERATE}


@pytest.mark.slow
@pytest.mark.parametrize("name", FACES)
def test_one_face_is_seen_in_every_frame_and_fits_its_window(footage, name):
    frames = footage(name, 100)
    (track,) = track_faces(frames, RATE)
    assert set(track.states) == {FaceState.GENERATE}
    crops = to_crop(track.landmarks, crop_window(track, 512))
    assert crops[:, :, :2].min() > 20
    assert crops[:, :, :2].max() < 491
    for points in crops[::20]:
        matte = mouth_matte(points, 512)
        assert np.mean(matte.soft[matte.raw > 0]) > 0.98


@pytest.mark.slow
@pytest.mark.parametrize(("name", "count"), [("kara", 2), ("jijin", 2), ("Aragaki", 3)])
def test_several_faces_keep_their_places(footage, name, count):
    tracks = track_faces(footage(f"several_faces/{name}.mp4", 60), RATE)
    assert [t.id for t in tracks] == list(range(count))
    middles = [float(np.median(t.boxes[:, [0, 2]])) for t in tracks]
    assert middles == sorted(middles)
    assert all(t.seen.all() for t in tracks)


@pytest.mark.slow
def test_nostrils_over_an_open_mouth_are_no_face(footage):
    assert len(track_faces(footage("several_faces/kara.mp4", 60, 180), RATE)) == 2


@pytest.mark.slow
def test_a_blurred_background_is_no_face(footage):
    assert len(track_faces(footage("faces/portrait_s18.mp4", 70, 212), RATE)) == 1


def test_drawn_animals_are_no_faces(footage):
    assert track_faces(footage("no_face/steamboat.mp4", 30), RATE) == []


def test_a_mirrored_picture_turns_the_head_the_other_way(footage):
    frames = footage("faces/studio_woman_22fps.mp4", 8)
    (track,) = track_faces(frames, RATE)
    (mirror,) = track_faces([np.ascontiguousarray(f[:, ::-1]) for f in frames], RATE)
    assert np.median(track.yaw) > 8
    assert np.allclose(track.yaw, -mirror.yaw, atol=4)
    assert np.allclose(track.roll, -mirror.roll, atol=2)
    assert np.allclose(track.pitch, mirror.pitch, atol=3)


def test_a_face_far_away_in_hd_is_the_same_face(footage):
    frames = footage("faces/studio_woman_22fps.mp4", 8)
    small = [cv2.resize(f, (210, 210), interpolation=cv2.INTER_AREA) for f in frames]
    wide = []
    for picture in small:
        canvas = np.full((1080, 1920, 3), 90, np.uint8)
        canvas[500:710, 1300:1510] = picture
        wide.append(canvas)
    (near,) = track_faces(frames, RATE)
    (far,) = track_faces(wide, RATE, FaceConfig(min_width=40))
    assert set(far.states) == {FaceState.GENERATE}
    back = (far.landmarks[:, :, :2] - (1300, 500)) / 0.3
    # 0.3 of the size: 1 pixel there is 3 here
    assert np.abs(back - near.landmarks[:, :, :2]).mean() < 3
    assert np.abs(mouth_opening(far.landmarks) - mouth_opening(near.landmarks)).max() < 0.06


@pytest.mark.slow
def test_a_cut_between_two_people(footage):
    one, two = footage("faces/portrait_d12.mp4", 30), footage("faces/address_a.mp4", 30)
    tracks = track_faces(one + two, RATE)
    assert [t.cuts for t in tracks] == [(0, 30)] * 2
    assert [int(t.seen.sum()) for t in tracks] == [30, 30]
