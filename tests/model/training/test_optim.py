"""The pace, and 8-bit moments where they can be had."""

from __future__ import annotations

import importlib.util
import itertools

import pytest
import torch

from unisync_model.errors import ModelError
from unisync_model.training.config import OptimConfig
from unisync_model.training.optim import make_optimizer, pace


def test_warm_up_and_down() -> None:
    config = OptimConfig(warmup=10, decay="cosine")
    rates = [pace(step, 100, config) for step in range(100)]
    assert rates[0] == pytest.approx(0.1, abs=1e-3)
    assert max(rates) == pytest.approx(rates[9], abs=0.03)
    assert all(a > b for a, b in itertools.pairwise(rates[10:]))
    assert rates[-1] < 0.001


def test_a_straight_fall_at_the_end() -> None:
    config = OptimConfig(warmup=0, decay="linear", decay_share=0.4, lr_end=0.1)
    rates = [pace(step, 100, config) for step in range(101)]
    assert rates[:61] == [1.0] * 61
    assert rates[80] == pytest.approx(0.55)
    assert rates[100] == pytest.approx(0.1)


def test_constant_after_the_warm_up() -> None:
    config = OptimConfig(warmup=4, decay="constant")
    assert [pace(step, 9, config) for step in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


def test_eight_bits_need_bitsandbytes() -> None:
    parameter = torch.nn.Parameter(torch.zeros(3))
    assert isinstance(make_optimizer([parameter], OptimConfig()), torch.optim.AdamW)
    if importlib.util.find_spec("bitsandbytes") is None:
        with pytest.raises(ModelError, match=r"adamw8bit needs bitsandbytes.*pip install"):
            make_optimizer([parameter], OptimConfig(kind="adamw8bit"))
