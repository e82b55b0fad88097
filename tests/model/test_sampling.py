"""Solvers against fields with a known end, against diffusers, and against bad networks."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from fields import gaussian, noise, towards
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from unisync_model.errors import CancelledError, InputError, NonFiniteError
from unisync_model.flow import sigmas
from unisync_model.guidance import Guidance
from unisync_model.sampling import SOLVERS, Branch, Solver, Step, Velocity, sample

SHAPE = (1, 4, 2, 3, 3)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(SOLVERS), st.integers(1, 40), st.floats(1, 8), st.integers(0, 2**31))
def test_an_exact_field_gives_the_exact_video(
    solver: Solver, steps: int, shift: float, seed: int
) -> None:
    x0 = noise(*SHAPE, seed=seed + 1)
    made = sample(towards(x0), noise(*SHAPE, seed=seed), sigmas(steps, shift), solver=solver)
    torch.testing.assert_close(made, x0, atol=1e-5, rtol=1e-5)


def test_higher_order_pays_on_a_curved_field() -> None:
    z = noise(*SHAPE)

    def error(solver: Solver, steps: int) -> float:
        made = sample(gaussian(), z.double(), sigmas(steps, 3.0), solver=solver)
        return float((made - 0.5 * z).abs().max())

    for solver in ("dpmpp", "unipc"):
        assert error(solver, 20) < 0.25 * error("euler", 20)
    # and each converges on the closed form
    for solver in SOLVERS:
        assert error(solver, 160) < 0.4 * error(solver, 40)


class Wavy:
    """A field with no structure a solver could exploit; remembers where it was asked."""

    def __init__(self) -> None:
        self.asked: list[Tensor] = []

    def __call__(self, z: Tensor, s: float, branch: Branch = "full", /) -> Tensor:
        self.asked.append(z)
        return torch.sin(2 * z + 3 * s) + s * z


@pytest.mark.parametrize("corrector", [True, False])
@pytest.mark.parametrize("steps", [4, 12])
def test_unipc_walks_as_diffusers_does(steps: int, corrector: bool) -> None:
    from diffusers import UniPCMultistepScheduler

    scheduler = UniPCMultistepScheduler(
        prediction_type="flow_prediction",
        use_flow_sigmas=True,
        flow_shift=1.0,
        disable_corrector=[] if corrector else list(range(steps)),
    )
    levels = sigmas(steps, 3.0)[:-1]
    # just under 1, as diffusers makes it: its logarithms do not stand the end
    levels = (1 - 1e-6, *levels[1:])
    scheduler.set_timesteps(sigmas=np.array(levels))
    # a sample the injection hands back unchanged still rests the corrector
    theirs = _walk(scheduler, Wavy())
    ours = sample(
        Wavy(),
        noise(*SHAPE),
        (*levels, 0.0),
        solver="unipc",
        inject=None if corrector else lambda z, i, sigmas: z,
    )
    torch.testing.assert_close(ours, theirs, atol=2e-4, rtol=1e-4)


def test_dpmpp_walks_as_diffusers_does() -> None:
    from diffusers import DPMSolverMultistepScheduler

    scheduler = DPMSolverMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy 2 and its copy keyword
        scheduler.set_timesteps(20)
    levels = tuple(float(s) for s in scheduler.sigmas)
    theirs = _walk(scheduler, Wavy())
    ours = sample(Wavy(), noise(*SHAPE), levels, solver="dpmpp")
    torch.testing.assert_close(ours, theirs, atol=2e-4, rtol=1e-4)


def _walk(scheduler: object, velocity: Velocity) -> Tensor:
    z = noise(*SHAPE)
    levels = scheduler.sigmas.tolist()  # type: ignore[attr-defined]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for t, s in zip(scheduler.timesteps, levels[:-1], strict=True):  # type: ignore[attr-defined]
            z = scheduler.step(velocity(z, s), t, z).prev_sample  # type: ignore[attr-defined]
    return z


@pytest.mark.parametrize("solver", SOLVERS)
def test_an_injected_sample_is_what_the_next_step_starts_from(solver: Solver) -> None:
    """Diffusers' corrector would throw the injection away (measured: 4.4 at a spread of 1)."""
    field, given = Wavy(), []

    def inject(z: Tensor, i: int, levels: object) -> Tensor:
        given.append(torch.full_like(z, float(i)))
        return given[-1]

    last: list[Tensor] = []
    sample(
        field,
        noise(*SHAPE),
        sigmas(6),
        solver=solver,
        inject=inject,
        callback=lambda step: last.append(step.z),
    )
    assert all(torch.equal(a, b) for a, b in zip(given, field.asked[1:], strict=False))
    assert torch.equal(last[-1], given[-1])


def test_the_callback_sees_every_step_and_stops_the_run() -> None:
    seen: list[Step] = []

    def watch(step: Step) -> bool:
        seen.append(step)
        return step.index < 2

    with pytest.raises(CancelledError, match="step 3 of 5"):
        sample(towards(noise(*SHAPE)), noise(*SHAPE), sigmas(5), callback=watch)
    assert [(s.index, s.count) for s in seen] == [(0, 5), (1, 5), (2, 5)]
    assert seen[0].sigma == 1
    assert seen[0].sigma_next == seen[1].sigma


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_network_that_breaks_is_named_with_its_step(bad: float) -> None:
    def velocity(z: Tensor, s: float, branch: Branch = "full", /) -> Tensor:
        return z * (bad if s < 0.8 else 1)

    with pytest.raises(NonFiniteError, match=r"step 4 of 5 \(sigma 0\.6667\)"):
        sample(velocity, noise(*SHAPE), sigmas(5))


def test_bad_arguments_are_named() -> None:
    z, velocity = noise(*SHAPE), towards(noise(*SHAPE))
    with pytest.raises(InputError, match="'heun'"):
        sample(velocity, z, sigmas(3), solver="heun")  # type: ignore[arg-type]
    for levels in [(1.0,), (0.0, 1.0), (2.0, 1.0, 0.0), (1.0, 1.0, 0.0)]:
        with pytest.raises(InputError, match="do not fall"):
            sample(velocity, z, levels)
    with pytest.raises(InputError, match="the velocity is"):
        sample(lambda z, s, b="full", /: z[:, :, :1], z, sigmas(3))


class Branches:
    """Answers a constant for each branch and counts the calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __call__(self, z: Tensor, s: float, branch: Branch = "full", /) -> Tensor:
        self.calls.append(branch)
        return torch.full_like(z, {"full": 4.0, "text": 2.0, "null": 1.0}[branch])


@pytest.mark.parametrize(
    ("guide", "value", "calls"),
    [
        (Guidance(passes=1), 4.0, ["full"]),
        (Guidance(passes=2, scale=4.5), 1 + 4.5 * 3, ["full", "null"]),
        (Guidance(passes=3, scale=4, text_scale=1), 1 + 1 + 4 * 2, ["full", "null", "text"]),
        (Guidance(passes=3, scale=4, text_scale=3), 1 + 3 + 4 * 2, ["full", "null", "text"]),
        (Guidance(passes=2, band=(0.2, 0.5)), 4.0, ["full"]),
    ],
)
def test_guidance_combines_its_passes(guide: Guidance, value: float, calls: list[str]) -> None:
    branches = Branches()
    v = guide(branches, noise(*SHAPE), 0.6)
    torch.testing.assert_close(v, torch.full(SHAPE, float(value)))
    assert sorted(branches.calls) == sorted(calls)


def test_guidance_outside_the_mouth_is_the_networks_own_answer() -> None:
    weight = torch.zeros(1, 1, *SHAPE[2:])
    weight[..., 1:] = 1
    v = Guidance(passes=2, scale=3.0, weight=weight)(Branches(), noise(*SHAPE), 0.6)
    assert (v[..., 0] == 4).all()
    assert (v[..., 1:] == 10).all()


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(SOLVERS), st.sampled_from([1, 2, 3]), st.floats(1, 8))
def test_guidance_between_equal_answers_changes_nothing(
    solver: Solver, passes: int, scale: float
) -> None:
    x0, z = noise(*SHAPE, seed=5), noise(*SHAPE)
    guide = Guidance(passes=passes, scale=scale)  # type: ignore[arg-type]
    guided = sample(towards(x0), z, sigmas(8), guide=guide, solver=solver)
    assert torch.equal(guided, sample(towards(x0), z, sigmas(8), solver=solver))


@pytest.mark.parametrize("wrong", [{"passes": 4}, {"band": (0.9, 0.2)}, {"band": (0.0, 1.5)}])
def test_guidance_that_is_none_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Guidance(**wrong)  # type: ignore[arg-type]
