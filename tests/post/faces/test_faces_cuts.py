"""Hard cuts, and what only looks like one."""

from __future__ import annotations

import numpy as np
from drawn_face import backdrop

from unisync_post.faces.cuts import AHEAD, with_cuts


def cuts_of(frames):
    return [k for k, (_, cut) in enumerate(with_cuts(frames)) if cut]


def pan(count, seed, step=6):
    wide = backdrop((900, 180), seed)
    return [np.ascontiguousarray(wide[:, k * step : k * step + 320]) for k in range(count)]


def test_cuts_are_found_to_the_frame():
    assert cuts_of(pan(9, 1) + pan(7, 2) + pan(8, 3)) == [0, 9, 16]


def test_a_scene_of_one_frame_and_a_cut_on_the_last():
    assert cuts_of(pan(1, 1)) == [0]
    assert cuts_of([]) == []
    assert cuts_of(pan(6, 1) + pan(1, 5)) == [0, 6]


def test_a_fast_pan_is_no_cut():
    assert cuts_of(pan(30, 1, step=19)) == [0]


def test_a_flash_is_no_cut():
    frames = pan(20, 1)
    for k, light in ((8, 255), (9, 200)):
        frames[k] = np.maximum(frames[k], light).astype(np.uint8)
    assert cuts_of(frames) == [0]


def test_a_fade_is_no_cut():
    frames = [(f * max(0.05, 1 - k / 20)).astype(np.uint8) for k, f in enumerate(pan(20, 1))]
    assert cuts_of(frames) == [0]


def test_frames_pass_through_untouched_and_few_are_held():
    given = pan(12, 1)
    drawn = 0

    def source():
        nonlocal drawn
        for frame in given:
            drawn += 1
            yield frame

    for k, (frame, _) in enumerate(with_cuts(source())):
        assert frame is given[k]
        assert drawn <= k + AHEAD
