"""Latent injection: what it promises, and what the printed algorithm would give instead."""

from __future__ import annotations

import math

import pytest
import torch
from fields import gaussian, noise, towards
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from unisync_model.errors import InputError
from unisync_model.flow import noised, sigmas
from unisync_model.sampling import SOLVERS, Solver, sample
from unisync_model.tali import Tali, injected_steps, settled

SHAPE = (1, 4, 3, 4, 4)
PLATE, OTHER, EPS = noise(*SHAPE, seed=1), noise(*SHAPE, seed=2), noise(*SHAPE, seed=3)


def mouth() -> Tensor:
    mask = torch.zeros(1, 1, *SHAPE[2:])
    mask[..., 2:, 1:3] = 1
    return mask


solvers = st.sampled_from(SOLVERS)


@settings(max_examples=60, deadline=None)
@given(solvers, st.floats(0, 1), st.integers(1, 40), st.booleans())
def test_an_exact_field_of_the_plate_gives_the_plate_at_every_tau(
    solver: Solver, tau: float, steps: int, by_sigma: bool
) -> None:
    tali = (
        Tali(PLATE, mouth(), EPS, tau_sigma=tau) if by_sigma else Tali(PLATE, mouth(), EPS, tau=tau)
    )
    made = sample(towards(PLATE), EPS, sigmas(steps), inject=tali, solver=solver)
    torch.testing.assert_close(made, PLATE, atol=1e-5, rtol=1e-5)


@settings(max_examples=30, deadline=None)
@given(solvers, st.integers(1, 40), st.floats(1, 8))
def test_tau_one_is_the_plate_outside_the_mask_bit_for_bit(
    solver: Solver, steps: int, shift: float
) -> None:
    mask = mouth()
    made = sample(
        towards(OTHER),
        EPS,
        sigmas(steps, shift),
        inject=Tali(PLATE, mask, EPS, tau=1.0),
        solver=solver,
    )
    assert torch.equal(made * (1 - mask), PLATE * (1 - mask))
    torch.testing.assert_close(made * mask, OTHER * mask, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("solver", SOLVERS)
def test_an_empty_mask_at_tau_one_is_the_plate_bit_for_bit(solver: Solver) -> None:
    nothing = Tali(PLATE, torch.zeros(1, 1, *SHAPE[2:]), EPS, tau=1.0)
    assert torch.equal(sample(gaussian(), EPS, sigmas(7), inject=nothing, solver=solver), PLATE)


@settings(max_examples=30, deadline=None)
@given(solvers, st.floats(0, 1), st.integers(1, 20))
def test_a_full_mask_is_plain_sampling_bit_for_bit(solver: Solver, tau: float, steps: int) -> None:
    full = Tali(PLATE, torch.ones(1, 1, *SHAPE[2:]), EPS, tau=tau)
    held = sample(gaussian(), EPS, sigmas(steps), inject=full, solver=solver)
    assert torch.equal(held, sample(gaussian(), EPS, sigmas(steps), solver=solver))


def test_steps_are_counted_without_float_dust() -> None:
    assert injected_steps(0.8, 40) == 32
    assert [injected_steps(tau, 40) for tau in (0.0, 0.2, 1.0)] == [0, 8, 40]
    # algorithm 1, literally, in floats: t > (1 - tau) T
    assert sum(t > (1 - 0.8) * 40 for t in range(1, 41)) == 33
    assert injected_steps(0.8, 4) == 4


def levels_injected(tali: Tali, levels: tuple[float, ...]) -> list[float]:
    z = torch.zeros(SHAPE)
    return [levels[i + 1] for i in range(len(levels) - 1) if tali(z, i, levels) is not None]


def test_the_last_injected_level_is_the_reference_table() -> None:
    for tau, shift, last in ((0.8, 3, 0.4286), (0.8, 5, 0.5556), (0.2, 3, 0.9231), (1.0, 3, 0)):
        injected = levels_injected(Tali(PLATE, mouth(), EPS, tau=tau), sigmas(40, shift))
        assert injected[-1] == pytest.approx(last, abs=1e-4)


@pytest.mark.parametrize(("steps", "held"), [(4, 3), (8, 6), (40, 31)])
def test_a_sigma_stops_few_step_weights_where_it_stops_the_long_run(steps: int, held: int) -> None:
    by_sigma = Tali(PLATE, mouth(), EPS, tau_sigma=0.45)
    injected = levels_injected(by_sigma, sigmas(steps, 3))
    assert len(injected) == held
    assert min(injected) > 0.45
    # by ratio, four steps would never let go of the plate
    assert len(levels_injected(Tali(PLATE, mouth(), EPS, tau=0.8), sigmas(4, 3))) == 4


def test_the_background_is_at_the_level_the_sample_reached() -> None:
    levels, background = sigmas(10), (mouth() == 0).expand(SHAPE)
    z = Tali(PLATE, mouth(), EPS, tau=1.0)(OTHER, 3, levels)
    assert z is not None
    torch.testing.assert_close(z[background], noised(PLATE, EPS, levels[4])[background])
    assert torch.equal(z[~background], OTHER[~background])


def test_a_soft_mask_blends() -> None:
    half = torch.full((1, 1, *SHAPE[2:]), 0.5)
    z = Tali(PLATE, half, EPS, tau=1.0)(OTHER, 9, sigmas(10))
    assert z is not None
    torch.testing.assert_close(z, (PLATE + OTHER) / 2)


def test_as_printed_it_leaves_noise_in_the_background() -> None:
    """Index literal, tau 1: sigma .071 stays (40 steps, shift 3). Corrected: nothing."""

    def residue(**printed: object) -> float:
        tali = Tali(PLATE, mouth(), EPS, tau=1.0, **printed)  # type: ignore[arg-type]
        made = sample(towards(PLATE), EPS, sigmas(40), inject=tali)
        outside = (mouth() == 0).expand(SHAPE)
        return float((made - PLATE)[outside].std() / (EPS - PLATE)[outside].std())

    assert residue() == 0
    assert residue(index="literal") == pytest.approx(0.0714, abs=2e-3)


def test_as_printed_it_is_too_loud_and_resampling_leaves_the_path() -> None:
    shape = (1, 16, 8, 32, 32)
    plate, eps = noise(*shape, seed=1), noise(*shape, seed=2)
    nothing, levels = torch.zeros(1, 1, *shape[2:]), (1.0, 0.9, 0.5, 0.0)

    def first(**printed: object) -> Tensor:
        z = Tali(plate, nothing, eps, tau=1.0, **printed)(eps, 0, levels)  # type: ignore[arg-type]
        assert z is not None
        return z

    assert float(first().std()) == pytest.approx(math.hypot(0.1, 0.9), abs=0.01)
    assert float(first(level="vp").std()) == pytest.approx(1.0, abs=0.01)
    again = first(resample=torch.Generator().manual_seed(9))
    assert float(again.std()) == pytest.approx(math.hypot(0.1, 0.9), abs=0.01)
    assert float((again - first()).abs().max()) > 1
    assert torch.equal(again, first(resample=torch.Generator().manual_seed(9)))


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"tau": 0.8, "tau_sigma": 0.4},
        {"tau": 1.2},
        {"tau_sigma": -0.1},
        {"tau": 0.8, "mask": torch.zeros(1, 1, 3, 4, 5)},
        {"tau": 0.8, "noise": torch.zeros(1, 4, 2, 4, 4)},
    ],
)
def test_arguments_that_do_not_fit_are_named(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Tali(**{"video": PLATE, "mask": mouth(), "noise": EPS, **wrong})  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(st.floats(0.01, 2), st.floats(0, 4))
def test_a_change_is_settled_by_wieners_gain_and_a_copy_becomes_the_plate(
    error: float, size: float
) -> None:
    change = torch.full(SHAPE, size) * torch.tensor([1.0, -1.0]).repeat(SHAPE[1] // 2).view(
        -1, 1, 1, 1
    )
    made = settled(PLATE + change, PLATE, error)
    if size**2 < 0.99 * error:
        assert torch.equal(made, PLATE)
    else:
        gain = max(0.0, 1 - error / size**2)
        torch.testing.assert_close(made, PLATE + gain * change, atol=1e-4, rtol=1e-4)


def test_each_cell_is_settled_by_itself() -> None:
    z = PLATE.clone()
    z[..., 1, 2] += 1.0
    z[..., 2, 2] += 0.1
    made = settled(z, PLATE, 0.05)
    assert torch.equal(made[..., 2, 2], PLATE[..., 2, 2])
    torch.testing.assert_close(made[..., 1, 2], PLATE[..., 1, 2] + 0.95)


@pytest.mark.parametrize("tau", [0.0, 0.5, 1.0])
def test_settling_waits_for_the_last_step(tau: float) -> None:
    levels = sigmas(6)
    tali = Tali(PLATE, mouth(), EPS, tau=tau, copy_error=0.5)
    plain = Tali(PLATE, mouth(), EPS, tau=tau)
    for i in range(5):
        one, other = tali(OTHER, i, levels), plain(OTHER, i, levels)
        assert (one is None) == (other is None)
        assert one is None or other is None or torch.equal(one, other)
    settled_last, last = tali(OTHER, 5, levels), plain(OTHER, 5, levels)
    assert settled_last is not None
    torch.testing.assert_close(settled_last, settled(OTHER if last is None else last, PLATE, 0.5))


def test_a_negative_copy_error_is_refused() -> None:
    with pytest.raises(InputError, match="copy_error is -1"):
        Tali(PLATE, mouth(), EPS, tau=1.0, copy_error=-1)
