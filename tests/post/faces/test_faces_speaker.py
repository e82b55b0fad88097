"""Lip curves, their fit to speech, the choice of a face, its thumbnail."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn_face import place_face

from unisync_post.errors import FaceError
from unisync_post.faces.speaker import choose_face, mouth_opening, mouth_width, speech_fit
from unisync_post.faces.thumbnails import thumbnail_frame, write_thumbnails


@pytest.fixture
def three(shut_mesh, make_track):
    """Three faces: in the middle, at the left and larger, at the right."""
    places = ((600, 0.5), (0, 0.9), (900, 0.4))
    tracks = []
    for k, (x, zoom) in enumerate(places):
        mesh = shut_mesh * np.float32(zoom) + np.float32([x, 0, 0])
        tracks.append(make_track(np.repeat(mesh[None], 6, axis=0), id_=k))
    return tracks


def test_opening_and_width_do_not_depend_on_the_face_s_size(shut_mesh, open_mesh):
    pair = np.stack([shut_mesh, open_mesh])
    opening = mouth_opening(pair)
    assert opening.dtype == np.float32
    assert opening[0] < 0.05 < 0.3 < opening[1]
    assert np.allclose(mouth_opening(pair * 3), opening, atol=1e-6)
    assert np.allclose(mouth_width(pair * 3), mouth_width(pair), atol=1e-6)
    unseen = np.full((2, 478, 3), np.nan, np.float32)
    assert np.isnan(mouth_opening(unseen)).all()


def curve(count=120):
    return np.convolve(np.random.default_rng(2).normal(size=count + 6), np.ones(7) / 7, "valid")


@pytest.mark.parametrize("lag", [-4, 0, 3])
def test_the_lag_is_positive_when_the_lips_are_late(lag):
    speech = curve()
    lips = np.roll(speech, lag)
    fit, found = speech_fit(lips, speech, 6)
    assert found == lag
    assert fit > 0.99


def test_only_frames_with_speech_count():
    speech = curve()
    lips = speech.copy()
    lips[40:80] = 5.0
    masked = lips.copy()
    masked[40:80] = np.nan
    assert speech_fit(masked, speech, 3) == (pytest.approx(1), 0)
    assert speech_fit(lips, speech, 3)[0] < 0.7


def test_nothing_can_be_told_of_a_still_mouth_or_of_too_little():
    assert speech_fit(np.full(50, 0.2), curve(50), 3) == (0.0, 0)
    short = np.full(50, np.nan)
    short[:5] = curve(50)[:5]
    assert speech_fit(short, curve(50), 3) == (0.0, 0)
    assert speech_fit(np.zeros(0), np.zeros(0), 3) == (0.0, 0)
    with pytest.raises(ValueError, match="50"):
        speech_fit(curve(50), curve(40), 3)


@pytest.mark.parametrize(
    ("hint", "expected"),
    [("left", 1), ("right", 2), ("largest", 1), ("0", 0), (" Right ", 2), ("2", 2)],
)
def test_a_hint_is_obeyed(three, hint, expected):
    choice = choose_face(three, hint, fits=[0.9, 0.0, 0.0])
    assert choice.track == expected
    assert choice.reason.startswith("asked for")


def test_a_wrong_hint_lists_the_faces(three):
    with pytest.raises(FaceError) as caught:
        choose_face(three, "7")
    for word in ("'7'", "0 (x", "1 (x", "2 (x", "left, right, largest"):
        assert word in str(caught.value)


def test_the_face_that_speaks_is_chosen_when_it_is_clear(three):
    clear = choose_face(three, None, [0.1, 0.2, 0.55])
    assert clear.track == 2
    assert "0.55" in clear.reason
    near = choose_face(three, None, [0.1, 0.5, 0.55])
    assert near.track == 1
    assert "largest of 3" in near.reason
    weak = choose_face(three, None, [0.0, 0.0, 0.19])
    assert weak.track == 1


def test_without_evidence_the_largest_that_can_be_dubbed(three):
    assert choose_face(three).track == 1
    assert "no original speech" in choose_face(three).reason
    only = choose_face(three[:1], "")
    assert (only.track, only.reason) == (0, "the only face")
    assert choose_face([]).track is None


def test_the_record_lists_every_candidate(three):
    choice = choose_face(three, None, [0.1, 0.2, 0.3], {1: "face-1.png"})
    assert [c["id"] for c in choice.candidates] == [0, 1, 2]
    assert choice.candidates[1]["thumbnail"] == "face-1.png"
    assert choice.candidates[2]["score"] == 0.3
    assert choice.candidates[0]["frames"] == 6


@pytest.mark.parametrize("zoom", [1.0, 0.2])
@pytest.mark.parametrize("x", [120, -18, 333.4])
def test_thumbnails_show_the_face_large_small_or_at_the_edge(
    shut_mesh, make_track, tmp_path, zoom, x
):
    size = round(400 * zoom)
    frame = place_face(x + size / 2, 210, size, frame=(800, 420))
    mesh = shut_mesh * np.float32(zoom) + np.float32([x, 210 - size / 2, 0])
    track = make_track(np.stack([mesh * 0.5, mesh]), id_=3)
    assert thumbnail_frame(track) == 1
    assert write_thumbnails([track], {1: frame}, tmp_path / "new") == {3: "face-3.png"}
    picture = cv2.imread(str(tmp_path / "new" / "face-3.png"))
    assert picture.shape == (192, 192, 3)
    # the middle of the drawn face is skin: red over green over blue
    blue, green, red = picture[100, 80].astype(int)
    assert red > green > blue > 100


def test_a_face_never_seen_has_no_thumbnail(make_track):
    with pytest.raises(FaceError, match="face 4"):
        thumbnail_frame(make_track(np.full((3, 478, 3), np.nan), id_=4))
