"""Features at frame times: exact at every rate, an hour in, and the official grid."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
import torch.nn.functional as functional

from unisync_model.audio import SpeechStates, at_frames, null_audio
from unisync_model.errors import InputError

RATES = [
    Fraction(24000, 1001),
    Fraction(25),
    Fraction(30000, 1001),
    Fraction(50),
    Fraction(60000, 1001),
]
HOUR = 3600


def line(seconds: int, dtype: torch.dtype = torch.float64, rate: int = 50) -> SpeechStates:
    """State k says its own time, k / rate."""
    clock = torch.arange(seconds * rate + 1, dtype=torch.float64) / rate
    return SpeechStates(clock.to(dtype).expand(2, 3, -1), Fraction(rate))


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("start", [Fraction(0), Fraction(7, 3), Fraction(1001, 48000)])
def test_a_line_in_time_comes_back(rate: Fraction, start: Fraction) -> None:
    got = at_frames(line(12), rate, start, 200)
    want = [float(start + i / rate) for i in range(200)]
    assert got.shape == (2, 3, 200)
    assert got[1, 2].tolist() == pytest.approx(want, rel=1e-15, abs=1e-15)


@pytest.mark.parametrize("rate", RATES)
def test_nothing_drifts_in_an_hour(rate: Fraction) -> None:
    count = int(HOUR * rate)
    got = at_frames(line(HOUR), rate, Fraction(0), count)[0, 0]
    last = Fraction(count - 1) / rate
    assert abs(Fraction(got[-1].item()) - last) < Fraction(1, 10**12)
    # and starting the clock there is the same as counting to it
    there = at_frames(line(HOUR), rate, last, 1)[0, 0]
    assert there.item() == got[-1].item()


def test_float32_states_are_as_near_as_float32_goes() -> None:
    rate = RATES[-1]
    got = at_frames(line(60, torch.float32), rate, Fraction(0), 3000)[0, 0]
    want = torch.tensor([float(i / rate) for i in range(3000)])
    assert (got - want).abs().max() <= 8e-6  # two units in the last place at 60


def test_states_that_begin_late_and_frames_that_begin_early() -> None:
    states = SpeechStates(line(2).values, Fraction(50), Fraction(1, 10))
    got = at_frames(states, Fraction(10), Fraction(-1, 5), 8)[0, 0]
    assert got.tolist() == pytest.approx([0, 0, 0, 0, 0.1, 0.2, 0.3, 0.4])
    after = at_frames(line(2), Fraction(1), Fraction(0), 6)[0, 0]
    assert after.tolist() == [0, 1, 2, 2, 2, 2]


@pytest.mark.parametrize("rate", [Fraction(16), *RATES])
def test_parity_is_the_official_grid(rate: Fraction) -> None:
    torch.manual_seed(0)
    values = torch.randn(25, 4, 249)  # five seconds
    got = at_frames(SpeechStates(values, Fraction(50)), rate, Fraction(0), int(4 * rate), "parity")
    grid = functional.interpolate(values, size=149, mode="linear", align_corners=True)
    numerator, denominator = rate.numerator, rate.denominator
    for i in range(int(4 * rate)):
        twice = 2 * 30 * i * denominator
        near = {twice // (2 * numerator), -(-twice // (2 * numerator))}
        best = min(near, key=lambda k: (abs(2 * k * numerator - twice), k % 2))
        assert torch.equal(got[..., i], grid[..., best])


def test_parity_ends_in_zeros_and_shares_above_thirty() -> None:
    values = torch.rand(1, 2, 249) + 1
    states = SpeechStates(values, Fraction(50))
    got = at_frames(states, Fraction(30), Fraction(0), 200, grid="parity")
    assert (got[..., :149] > 0).all()
    assert not got[..., 149:].any()
    fast = at_frames(states, Fraction(60000, 1001), Fraction(0), 80, grid="parity")
    shared = sum(torch.equal(fast[..., i], fast[..., i + 1]) for i in range(79))
    assert shared == 39
    native = at_frames(states, Fraction(60000, 1001), Fraction(0), 80)
    assert not any(torch.equal(native[..., i], native[..., i + 1]) for i in range(79))


def test_gradients_flow_to_the_encoder() -> None:
    values = torch.randn(1, 2, 50, requires_grad=True)
    at_frames(SpeechStates(values, Fraction(100)), Fraction(25), Fraction(0), 8).sum().backward()
    assert values.grad is not None
    assert values.grad.sum() == pytest.approx(16)


def test_null_audio_is_zeros_like() -> None:
    features = torch.randn(1, 25, 8, 12, dtype=torch.bfloat16)
    null = null_audio(features)
    assert null.shape == features.shape
    assert null.dtype == features.dtype
    assert not null.any()


def test_bad_questions() -> None:
    for rate, count in ((Fraction(25), 0), (Fraction(0), 4)):
        with pytest.raises(InputError, match="cannot sample"):
            at_frames(line(1), rate, Fraction(0), count)
    with pytest.raises(InputError, match="'cubic'"):
        at_frames(line(1), Fraction(25), Fraction(0), 4, grid="cubic")  # type: ignore[arg-type]
