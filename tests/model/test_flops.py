"""The count of arithmetic, against torch's own counter."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers.models.attention_dispatch import attention_backend
from networks import tiny_inputs, tiny_network
from torch.utils.flop_counter import FlopCounterMode

from unisync_model.flops import forward_flops
from unisync_model.footprint import WindowSize
from unisync_model.transformer import UniSyncTransformer3DModel

PFLOP = 10**15


def counted(model: UniSyncTransformer3DModel, **inputs: Any) -> int:
    # the counter does not know the CPU's fused kernel
    math = attention_backend("_native_math")
    with torch.no_grad(), math, FlopCounterMode(display=False) as counter:
        model(**inputs)
    total: int = counter.get_total_flops()
    return total


@pytest.mark.parametrize(
    ("config", "left_out", "frames"),
    [
        ({}, (), 3),
        ({}, ("motion",), 5),
        ({}, ("motion", "reference"), 1),
        ({"av2v": True, "pafs": "residual"}, (), 3),
        ({"av2v": True, "pafs": "paper", "audio_inject_layers": (1,)}, ("motion",), 2),
        ({"num_layers": 2, "audio_inject_layers": (), "ffn_dim": 72}, (), 3),
    ],
)
def test_every_matrix_product_is_counted(
    config: dict[str, Any], left_out: tuple[str, ...], frames: int
) -> None:
    model = tiny_network(**config)
    inputs = tiny_inputs(frames=frames)
    for name in left_out:
        inputs[name] = None  # type: ignore[assignment]
    if model.config.av2v:
        inputs["video"] = inputs["pose"]
    window = WindowSize(
        frames, 64, 128, reference="reference" not in left_out, motion="motion" not in left_out
    )
    assert forward_flops(model.config, window) == counted(model, **inputs)


def test_a_prefix_of_its_own_is_counted() -> None:
    model, inputs = tiny_network(), tiny_inputs()
    inputs["audio_prefix"] = inputs["audio"][..., :9]
    window = WindowSize(3, 64, 128)
    assert forward_flops(model.config, window, prefix=9) == counted(model, **inputs)


def test_the_published_network_does_a_quadrillion_operations_a_call() -> None:
    with torch.device("meta"):
        config = UniSyncTransformer3DModel().config
    cost = forward_flops(config, WindowSize(20, 512, 512))
    assert cost / PFLOP == pytest.approx(1.02, abs=0.01)
    # attention is what grows beyond proportion: 1.9 times the pixels
    assert forward_flops(config, WindowSize(20, 704, 704)) / cost == pytest.approx(2.6, abs=0.05)
