"""A shot in windows: every frame once, no take across a cut, seams that do not show."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unisync_post.engines.base import Generated
from unisync_post.takes import Span, join, spans

bools = st.lists(st.booleans(), min_size=1, max_size=120)


@st.composite
def shots(draw: st.DrawFn):
    seen = np.array(draw(bools))
    wanted = seen & np.array(draw(st.lists(st.booleans(), min_size=len(seen), max_size=len(seen))))
    cuts = sorted({0, *draw(st.lists(st.integers(0, len(seen) - 1), max_size=4))})
    window = draw(st.integers(8, 40))
    return seen, wanted, cuts, window, draw(st.integers(0, window // 3))


def painted(value: int, changed: bool = True):
    """An engine that paints every frame of a take with one value."""

    def generate(take: Span) -> Generated:
        frames = np.full((take.count, 2, 2, 3), value, np.uint8)
        return Generated(frames, np.full(take.count, changed))

    return generate


@given(shots())
def test_takes_cover_what_is_wanted_and_never_cross_a_cut(shot) -> None:
    seen, wanted, cuts, window, overlap = shot
    takes = spans(seen, wanted, cuts, window, overlap)
    covered = np.zeros(len(seen), int)
    for take in takes:
        assert 0 < take.count <= window
        assert seen[take.start : take.stop].all()
        assert not any(take.start < cut < take.stop for cut in cuts)
        covered[take.start : take.stop] += 1
    assert (covered[wanted] >= 1).all()
    assert covered.max(initial=0) <= 2
    assert takes == sorted(takes, key=lambda take: take.start)


@given(shots())
@settings(deadline=None)
def test_every_frame_comes_out_once_and_in_order(shot) -> None:
    seen, wanted, cuts, window, overlap = shot
    takes = spans(seen, wanted, cuts, window, overlap)
    made = list(join(takes, painted(77), len(seen)))
    assert [one.index for one in made] == list(range(len(seen)))
    inside = {i for take in takes for i in range(take.start, take.stop)}
    for one in made:
        assert (one.crop is not None) == (one.index in inside)
        if one.crop is not None:
            assert (one.crop == 77).all()


def test_an_overlap_ramps_from_one_take_to_the_next() -> None:
    takes = [Span(0, 12), Span(8, 20)]
    values = iter((10, 110))
    made = list(join(takes, lambda take: painted(next(values))(take), 20))
    levels = [int(one.crop[0, 0, 0]) for one in made if one.crop is not None]
    assert levels[:8] == [10] * 8
    assert levels[8:12] == [30, 50, 70, 90]
    assert levels[12:] == [110] * 8


def test_a_frame_only_one_take_could_make_is_taken_from_it() -> None:
    takes = [Span(0, 6), Span(4, 10)]
    engines = iter((painted(10), painted(110, changed=False)))
    made = list(join(takes, lambda take: next(engines)(take), 10))
    assert [one.crop is not None for one in made] == [True] * 6 + [False] * 4


@pytest.mark.parametrize("length", [241, 300, 457, 1000])
def test_long_runs_become_takes_of_nearly_equal_length(length: int) -> None:
    all_frames = np.ones(length, bool)
    counts = [take.count for take in spans(all_frames, all_frames, [0], 240, 24)]
    assert max(counts) - min(counts) <= 1
