"""The loss: zero at the truth, its weights where they are said to be, its levels in the middle."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from unisync_model.errors import InputError
from unisync_model.flow import noised
from unisync_model.training.config import LossConfig
from unisync_model.training.loss import draw_levels, flow_loss, level_weight, noised_batch

PLAIN = LossConfig(mouth=1.0)


def latents(seed: int = 0, batch: int = 3) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x0, eps = (torch.randn(batch, 4, 3, 6, 6, generator=generator) for _ in range(2))
    mask = torch.zeros(batch, 1, 3, 6, 6)
    mask[..., 4:, 2:4] = 1
    return x0, eps, torch.rand(batch, generator=generator), mask


def test_the_true_velocity_costs_nothing() -> None:
    x0, eps, s, mask = latents()
    loss = flow_loss(eps - x0, x0, eps, s, mask, LossConfig())
    assert loss.total == loss.mouth == loss.rest == 0


def test_plain_it_is_the_mean_squared_error() -> None:
    x0, eps, s, mask = latents()
    v = torch.zeros_like(x0)
    loss = flow_loss(v, x0, eps, s, mask, PLAIN)
    torch.testing.assert_close(loss.total, (eps - x0).square().mean())


def test_an_error_in_the_mouth_counts_by_its_weight() -> None:
    x0, eps, s, mask = latents()
    settings = replace(PLAIN, mouth=5.0)
    inside = flow_loss(eps - x0 + mask, x0, eps, s, mask, settings)
    outside = flow_loss(eps - x0 + (1 - mask), x0, eps, s, mask, settings)
    share = float(mask.mean())
    torch.testing.assert_close(
        inside.total / outside.total, torch.tensor(5.0 * share / (1 - share))
    )
    assert (float(inside.mouth), float(inside.rest)) == pytest.approx((1.0, 0.0), abs=1e-6)


def test_in_x0_space_it_is_the_predicted_video_s_error() -> None:
    x0, eps, s, mask = latents()
    settings = replace(PLAIN, space="x0", floor=0.4)
    v = torch.randn(x0.shape, generator=torch.Generator().manual_seed(3))
    z = noised_batch(x0, eps, s)
    video = z - s.view(-1, 1, 1, 1, 1) * v
    expected = ((video - x0).square().mean(dim=(1, 2, 3, 4)) / (s**2 + 0.4)).mean()
    torch.testing.assert_close(flow_loss(v, x0, eps, s, mask, settings).total, expected)


def test_the_floor_evens_the_levels_out() -> None:
    s = torch.tensor([0.1, 1.0])
    in_x0 = [level_weight(s, replace(PLAIN, space="x0", floor=a)) / s**2 for a in (0.04, 0.4)]
    # what drowned the noisy levels, and what does not
    assert float(in_x0[0][0] / in_x0[0][1]) > 20
    assert float(in_x0[1][0] / in_x0[1][1]) < 4


def test_noise_is_the_sampler_s() -> None:
    x0, eps, s, _ = latents()
    each = torch.cat(
        [noised(x0[i : i + 1], eps[i : i + 1], float(level)) for i, level in enumerate(s)]
    )
    torch.testing.assert_close(noised_batch(x0, eps, s), each)


def test_levels_are_logit_normal_in_the_middle_and_bent_by_the_shift() -> None:
    draw = draw_levels(20_000, replace(PLAIN, shift=1.0), torch.Generator().manual_seed(0))
    middle = ((draw > 0.25) & (draw < 0.75)).float().mean()
    assert 0.71 < middle < 0.74  # P(|N| < log 3), against one half if they were even
    assert float(draw.median()) == pytest.approx(0.5, abs=0.01)
    bent = draw_levels(20_000, PLAIN, torch.Generator().manual_seed(0))
    assert float(bent.median()) == pytest.approx(0.75, abs=0.01)  # 3 u / (1 + 2 u)
    assert draw.min() > 0
    assert bent.max() < 1


def test_shapes_are_checked() -> None:
    x0, eps, s, mask = latents()
    with pytest.raises(InputError, match=r"a velocity \(3, 4, 3, 6, 6\)"):
        flow_loss(x0, x0, eps, s, mask[:, :, :2], PLAIN)
