"""Long shots: covering them, and coming back exact across every seam."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
import torch
from fields import gaussian, noise, towards, window_towards
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from unisync_model.errors import CancelledError, InputError
from unisync_model.flow import noised, sigmas
from unisync_model.sampling import SOLVERS, Branch, Solver, Step, sample
from unisync_model.tali import Tali
from unisync_model.windows import (
    Chunk,
    Layout,
    Window,
    joint,
    sample_autoregressive,
    window_starts,
    window_weights,
)

LATENTS_OF_375_FRAMES = 94

layouts = st.integers(1, 30).flatmap(
    lambda length: st.builds(Layout, st.just(length), st.integers(1, length))
)


def test_starts_of_the_reference_shot() -> None:
    assert window_starts(LATENTS_OF_375_FRAMES) == (0, 15, 30, 45, 60, 74)
    assert window_starts(95) == (0, 15, 30, 45, 60, 75)
    assert window_starts(20) == window_starts(3) == (0,)


@settings(deadline=None)
@given(layouts, st.integers(1, 300))
def test_windows_cover_every_latent_and_their_weights_add_up_to_one(
    layout: Layout, count: int
) -> None:
    windows = layout.windows(count)
    total = torch.zeros(count, dtype=torch.float64)
    for window, weight in zip(windows, window_weights(windows), strict=True):
        assert len(weight) == window.stop - window.start == min(layout.length, count)
        assert (weight > 0).all()
        total[slice(*window)] += weight
    torch.testing.assert_close(total, torch.ones_like(total))
    # ends with the shot, and no window is wholly inside another
    assert windows[0].start == 0
    assert windows[-1].stop == count
    assert len(set(windows)) == len(windows)


@pytest.mark.parametrize(
    ("rate", "length"),
    [
        (Fraction(24000, 1001), 20),
        (Fraction(25), 20),
        (Fraction(30000, 1001), 20),
        (Fraction(50), 28),
        (Fraction(60000, 1001), 28),
    ],
)
def test_fast_rates_take_longer_windows(rate: Fraction, length: int) -> None:
    assert Layout.for_rate(rate).length == length


@pytest.mark.parametrize(("length", "stride"), [(31, 15), (0, 1), (20, 0), (20, 21)])
def test_a_layout_that_cannot_work_is_refused(length: int, stride: int) -> None:
    with pytest.raises(InputError):
        Layout(length, stride)


def test_a_shot_without_latents_is_refused() -> None:
    with pytest.raises(InputError):
        window_starts(0)


def plate_and_noise(count: int = LATENTS_OF_375_FRAMES) -> tuple[Tensor, Tensor]:
    return noise(1, 4, count, 2, 2, seed=7), noise(1, 4, count, 2, 2)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(SOLVERS), layouts, st.integers(1, 100), st.floats(0, 1))
def test_joint_windows_are_exact_across_every_seam(
    solver: Solver, layout: Layout, count: int, tau: float
) -> None:
    plate, eps = plate_and_noise(count)
    tali = Tali(plate, torch.zeros(1, 1, count, 2, 2), eps, tau=tau)
    velocity = joint(window_towards(plate), layout.windows(count))
    made = sample(velocity, eps, sigmas(6), inject=tali, solver=solver)
    torch.testing.assert_close(made, plate, atol=1e-5, rtol=1e-5)


def test_a_375_frame_shot_comes_back_exact_jointly() -> None:
    plate, eps = plate_and_noise()
    made = sample(joint(window_towards(plate), Layout().windows(94)), eps, sigmas(40))
    torch.testing.assert_close(made, plate, atol=1e-5, rtol=1e-5)


def test_one_window_is_the_network_itself() -> None:
    eps = noise(1, 4, 12, 2, 2)

    def velocity(z: Tensor, s: float, window: Window, branch: Branch, /) -> Tensor:
        return gaussian()(z, s)

    windowed = sample(joint(velocity, Layout().windows(12)), eps, sigmas(9), solver="unipc")
    assert torch.equal(windowed, sample(gaussian(), eps, sigmas(9), solver="unipc"))


def test_windows_that_disagree_are_faded_linearly_from_one_to_the_other() -> None:
    windows = Layout(20, 15).windows(35)

    def velocity(z: Tensor, s: float, window: Window, branch: Branch, /) -> Tensor:
        return torch.full_like(z, float(window.start > 0))

    v = joint(velocity, windows)(torch.zeros(1, 1, 35, 1, 1), 0.5)[0, 0, :, 0, 0]
    assert (v[:15] == 0).all()
    assert (v[20:] == 1).all()
    torch.testing.assert_close(v[15:20], torch.arange(1, 6) / 6)


def test_branches_reach_the_windows() -> None:
    asked: list[tuple[Window, str]] = []

    def velocity(z: Tensor, s: float, window: Window, branch: Branch, /) -> Tensor:
        asked.append((window, branch))
        return z

    joint(velocity, Layout().windows(30))(torch.zeros(1, 1, 30, 1, 1), 0.5, "null")
    assert asked == [((0, 20), "null"), ((10, 30), "null")]


def exact_chunks(plate: Tensor) -> Callable[[Window, Tensor], Chunk]:
    def begin(window: Window, finished: Tensor) -> Chunk:
        return Chunk(towards(window.of(plate)))

    return begin


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(SOLVERS), layouts, st.integers(1, 100))
def test_autoregressive_windows_are_exact_across_every_seam(
    solver: Solver, layout: Layout, count: int
) -> None:
    plate, eps = plate_and_noise(count)
    made = sample_autoregressive(
        exact_chunks(plate),
        eps,
        sigmas(5),
        layout.windows(count),
        solver=solver,
    )
    torch.testing.assert_close(made, plate, atol=1e-5, rtol=1e-5)


def test_autoregressive_windows_continue_what_is_finished() -> None:
    """Shared latents keep the earlier result to the bit, whatever the next window would make."""
    count, layout = LATENTS_OF_375_FRAMES, Layout().overlapping(4)
    windows, begun = layout.windows(count), list[tuple[Window, int]]()
    assert [w.start for w in windows] == [0, 16, 32, 48, 64, 74]
    _, eps = plate_and_noise()
    made_before: list[Tensor] = []

    def begin(window: Window, finished: Tensor) -> Chunk:
        begun.append((window, finished.shape[2]))
        made_before.append(finished)
        wanted = torch.full_like(window.of(eps), float(len(begun)))
        held = Tali(wanted, torch.zeros_like(wanted[:, :1]), window.of(eps), tau=0.5)
        return Chunk(towards(wanted), held)

    made = sample_autoregressive(begin, eps, sigmas(6), windows)
    assert begun == list(zip(windows, (0, 20, 36, 52, 68, 84), strict=True))
    for before in made_before:
        assert torch.equal(made[:, :, : before.shape[2]], before)
    values = made[0, 0, :, 0, 0].round().int().tolist()
    assert values == [1] * 20 + [2] * 16 + [3] * 16 + [4] * 16 + [5] * 16 + [6] * 10


def test_autoregressive_runs_count_their_steps_through_and_stop() -> None:
    plate, eps = plate_and_noise(50)
    seen: list[tuple[int, int]] = []

    def callback(step: Step) -> bool:
        seen.append((step.index, step.count))
        return len(seen) < 8

    with pytest.raises(CancelledError):
        sample_autoregressive(
            exact_chunks(plate),
            eps,
            sigmas(5),
            Layout().windows(50),
            callback=callback,
        )
    assert seen == [(i, 15) for i in range(8)]


def test_the_next_window_is_shown_what_is_finished_at_every_level() -> None:
    """The shared latents stand at the level of the step, spatial injection or not."""
    plate, eps = plate_and_noise(36)
    windows, seen = Layout().overlapping(4).windows(36), list[tuple[float, Tensor]]()

    def begin(window: Window, finished: Tensor) -> Chunk:
        def velocity(z: Tensor, s: float, branch: Branch = "full", /) -> Tensor:
            if window.start:
                shared = noised(window.of(finished), window.of(eps)[:, :, :4], s)
                seen.append((s, z[:, :, :4] - shared))
            return gaussian()(z, s)

        whole = torch.zeros(1, 1, 20, 2, 2)
        return Chunk(velocity, Tali(window.of(plate), whole, window.of(eps), tau=0.5))

    sample_autoregressive(begin, eps, sigmas(6), windows)
    assert [s for s, _ in seen] == list(sigmas(6)[:-1])
    assert all(float(difference.abs().max()) < 1e-6 for _, difference in seen)
