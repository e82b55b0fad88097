"""Follow and leak: a copy leaks all, a follower follows all, a still mouth neither."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from unisync_model.errors import InputError
from unisync_model.training.measure import bootstrap, closed, pearson, per_window, sync

Curves = list[npt.NDArray[np.float64]]


def curves(seed: int, windows: int = 40, frames: int = 24) -> Curves:
    return list(np.random.default_rng(seed).random((windows, frames)))


def test_a_copy_leaks_and_a_follower_follows() -> None:
    voices, sources = curves(0), curves(1)
    copy, follower = sync(sources, voices, sources), sync(voices, voices, sources)
    assert copy.leak.value == follower.follow.value == pytest.approx(1.0)
    assert copy.follow.value == follower.leak.value == follower.coupling
    assert abs(copy.coupling) < 0.1
    half = sync([0.5 * (a + b) for a, b in zip(voices, sources, strict=True)], voices, sources)
    assert 0.6 < half.follow.value < 0.8
    assert 0.6 < half.leak.value < 0.8


def test_pooled_against_a_window_s_own() -> None:
    """Each window follows by itself, the set does not: openings on levels of their own."""
    voices = curves(0)
    levels = np.random.default_rng(2).normal(0, 20, len(voices))
    outputs = [v + level for v, level in zip(voices, levels, strict=True)]
    assert pearson(outputs, voices) < 0.3
    assert per_window(outputs, voices) == pytest.approx(1.0)


def test_a_still_mouth_follows_nothing() -> None:
    still = [np.full(24, 0.1) for _ in range(40)]
    assert pearson(still, curves(0)) == 0
    assert not per_window(still, curves(0)).any()
    assert closed(still) == 1.0
    assert closed(curves(0)) == pytest.approx(0.15, abs=0.03)


def test_scale_and_offset_do_not_matter() -> None:
    voices, outputs = curves(0), curves(5)
    scaled = [3 * o - 7 for o in outputs]
    assert pearson(scaled, voices) == pytest.approx(pearson(outputs, voices))


def test_the_interval_holds_the_truth_and_narrows_with_windows() -> None:
    rng = np.random.default_rng(3)

    def width(windows: int) -> float:
        voices = curves(0, windows)
        outputs = [v + rng.normal(0, 0.3, v.shape) for v in voices]
        found = bootstrap(outputs, voices, resamples=300)
        assert found.low < found.value < found.high
        return found.high - found.low

    assert width(160) < 0.7 * width(20)


def test_windows_are_drawn_and_not_frames() -> None:
    """Frames that repeat each other are no new evidence."""
    voices = [np.random.default_rng(i).random(6) for i in range(20)]
    outputs = [v + np.random.default_rng(90 + i).normal(0, 0.3, 6) for i, v in enumerate(voices)]
    once = bootstrap(outputs, voices, resamples=300)
    again = bootstrap([o.repeat(8) for o in outputs], [v.repeat(8) for v in voices], resamples=300)
    assert again.low == pytest.approx(once.low, abs=1e-9)
    assert again.high == pytest.approx(once.high, abs=1e-9)


def test_the_same_seed_is_the_same_interval() -> None:
    a, b = curves(0), curves(1)
    assert bootstrap(a, b, resamples=50) == bootstrap(a, b, resamples=50)


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ([], "0 curves with 2"),
        ([np.zeros(3), np.zeros(4)], r"window 1: curves of \(4,\) and \(3,\)"),
        ([np.zeros(3), np.array([0.0, np.nan, 0.0])], "window 1: a curve holds NaN"),
    ],
)
def test_curves_that_do_not_belong_together(outputs: Curves, message: str) -> None:
    with pytest.raises(InputError, match=message):
        pearson(outputs, [np.zeros(3), np.zeros(3)])
