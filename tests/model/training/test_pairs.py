"""Pair builders: the condition is the target outside the mouth, and not the target inside it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toy import toy_sample

from unisync_model.errors import InputError
from unisync_model.training.config import BuilderName, PairsConfig
from unisync_model.training.errors import DataError
from unisync_model.training.pairs import BUILDERS, build, choose, lowpassed, scrambled, swapped
from unisync_model.training.samples import Sample

EVERY = dict.fromkeys(BUILDERS, 1.0)


def sample(seed: int, latents: int, altered: str = "characters", filled: float = 0.4) -> Sample:
    """Noise for latents and a ragged mouth."""
    generator = torch.Generator().manual_seed(seed)
    given = toy_sample(seed, latents)
    mask = (torch.rand(given.mask.shape, generator=generator) < filled).float()
    noise = [torch.randn(given.x0.shape, generator=generator) for _ in range(2)]
    return replace(given, x0=noise[0], video=noise[1], altered=altered, mask=mask)


@given(
    name=st.sampled_from(BUILDERS),
    seed=st.integers(0, 10**6),
    latents=st.integers(4, 9),
    filled=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
)
@settings(max_examples=60, deadline=None)
def test_condition_and_target_differ_only_in_the_mouth(
    name: BuilderName, seed: int, latents: int, filled: float
) -> None:
    altered = name if name in ("characters", "relip") else "relip"
    pair = sample(seed, latents, altered, filled)
    before = pair.x0.clone()
    made = build(name, pair, PairsConfig(), torch.Generator().manual_seed(seed))
    outside = (pair.mask == 0).expand_as(made)
    assert made.shape == pair.x0.shape
    assert torch.equal(made[outside], pair.x0[outside])
    assert torch.equal(pair.x0, before)
    inside = ~outside
    if name == "literal" or not inside.any():
        assert torch.equal(made, pair.x0)
    else:
        assert (made[inside] != pair.x0[inside]).float().mean() > 0.99


def test_zeromouth_holds_no_mouth_and_renderings_hold_the_other() -> None:
    pair = sample(1, 4)
    generator = torch.Generator().manual_seed(0)
    inside = (pair.mask != 0).expand_as(pair.x0)
    assert not build("zeromouth", pair, PairsConfig(), generator)[inside].any()
    assert pair.video is not None
    made = build("characters", pair, PairsConfig(), generator)
    assert torch.equal(made[inside], pair.video[inside])


@given(seed=st.integers(0, 10**6), latents=st.integers(4, 12), apart=st.integers(1, 2))
@settings(max_examples=30, deadline=None)
def test_scrambled_lips_are_from_another_moment(seed: int, latents: int, apart: int) -> None:
    at = torch.arange(latents, dtype=torch.float32).view(1, -1, 1, 1).expand(3, -1, 2, 2)
    mask = torch.ones(1, latents, 2, 2)
    made = scrambled(at, mask, apart, torch.Generator().manual_seed(seed))
    distance = (made - at).abs()[0, :, 0, 0]
    around = torch.minimum(distance, latents - distance)
    assert (around >= apart).all()
    assert set(made[0, :, 0, 0].tolist()) == set(range(latents))


def test_scramble_refuses_a_clip_without_another_moment() -> None:
    x = torch.zeros(2, 3, 2, 2)
    with pytest.raises(InputError, match="3 latents have no moment 2 latents away"):
        scrambled(x, torch.ones(1, 3, 2, 2), 2, torch.Generator())


def test_lowpass_keeps_the_average_and_drops_the_movement() -> None:
    time = torch.linspace(0, 40, 24).view(1, -1, 1, 1).expand(2, -1, 8, 8)
    x = 3 + time.sin()
    made = lowpassed(x, torch.ones(1, 24, 8, 8), 2.0, 2.0)
    assert made[:, 6:18].std() < 0.1 * x[:, 6:18].std()  # its ends go on
    assert float(made[:, 6:18].mean()) == pytest.approx(3.0, abs=0.15)
    still = torch.full((2, 5, 4, 4), 1.7)
    torch.testing.assert_close(lowpassed(still, torch.ones(1, 5, 4, 4), 2.0, 2.0), still)


def test_only_builders_that_a_sample_has_the_tensors_for() -> None:
    pair = sample(0, 3, "relip")  # too short to scramble
    drawn = {choose(EVERY, pair, PairsConfig(), i / 100) for i in range(100)}
    assert drawn == {"relip", "lowpass", "zeromouth", "literal"}
    alone = replace(pair, video=None, altered=None)
    with pytest.raises(DataError, match=r"no pair can be made of scene-0 by characters, relip"):
        choose(PairsConfig().weights, alone, PairsConfig(), 0.3)
    with pytest.raises(DataError, match="scene-0 has no characters rendering"):
        build("characters", pair, PairsConfig(), torch.Generator())


def test_builders_come_by_their_weights() -> None:
    pair = sample(0, 6)
    weights: dict[BuilderName, float] = {"characters": 3.0, "zeromouth": 1.0}
    draws = [choose(weights, pair, PairsConfig(), (i + 0.5) / 400) for i in range(400)]
    assert draws.count("characters") == 300
    assert choose(weights, pair, PairsConfig(), 1 - 1e-17) == "zeromouth"


def test_masks_of_another_window_are_refused() -> None:
    x = torch.zeros(2, 3, 4, 4)
    with pytest.raises(InputError, match="over the same window and crop"):
        swapped(x, x, torch.zeros(1, 4, 4, 4))
