"""Levels, noising, timesteps."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from fields import noise
from hypothesis import given, settings
from hypothesis import strategies as st

from unisync_model import flow
from unisync_model.errors import InputError


@settings(deadline=None)
@given(st.integers(1, 100), st.floats(0.2, 20))
def test_levels_fall_from_one_to_zero(steps: int, shift: float) -> None:
    levels = flow.sigmas(steps, shift)
    assert len(levels) == steps + 1
    assert levels[0] == 1
    assert levels[-1] == 0
    assert all(a > b for a, b in pairwise(levels))


def test_levels_are_the_backbones() -> None:
    levels = flow.sigmas(40, 3.0)
    assert levels[-3:] == pytest.approx((0.13636, 0.07143, 0), abs=1e-5)
    timesteps = [flow.timestep(s, truncate=True) for s in levels[1:3]]
    assert timesteps == [991, 982]
    assert flow.timestep(levels[1]) == pytest.approx(991.525, abs=1e-3)


@pytest.mark.parametrize(("steps", "shift"), [(0, 3.0), (4, 0.0), (4, float("nan"))])
def test_a_schedule_that_is_none_is_refused(steps: int, shift: float) -> None:
    with pytest.raises(InputError):
        flow.sigmas(steps, shift)


def test_noising_is_exact_at_both_ends_and_straight_between() -> None:
    x0, eps = noise(1, 16, 3, 4, 4), noise(1, 16, 3, 4, 4, seed=1)
    assert torch.equal(flow.noised(x0, eps, 0.0), x0)
    assert torch.equal(flow.noised(x0, eps, 1.0), eps)
    z = flow.noised(x0, eps, 0.9)
    torch.testing.assert_close(flow.denoised(z, eps - x0, 0.9), x0, atol=1e-6, rtol=1e-5)


def test_noise_of_another_shape_is_refused() -> None:
    with pytest.raises(InputError, match=r"\(1, 16, 3, 4, 4\) with noise \(1, 16, 1, 4, 4\)"):
        flow.noised(noise(1, 16, 3, 4, 4), noise(1, 16, 1, 4, 4), 0.5)
