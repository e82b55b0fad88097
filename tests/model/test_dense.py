"""Attention written out gives the fused kernel's numbers and gradients."""

from __future__ import annotations

import torch
from tiny import tiny_transformer

from unisync_model.dense import DenseAttnProcessor


def outcome(dense: bool) -> tuple[torch.Tensor, torch.Tensor]:
    model = tiny_transformer().train().requires_grad_(True)
    if dense:
        model.set_attn_processor(DenseAttnProcessor())
    draw = torch.Generator().manual_seed(5)
    z = torch.randn(2, 16, 3, 8, 8, generator=draw)
    (v,) = model(
        z,
        torch.tensor([900.0, 100.0]),
        torch.randn(2, 4, 16, generator=draw),
        audio=torch.randn(2, 25, 32, 12, generator=draw),
        pose=z * 0.5,
        video=z * 0.3,
        reference=z[:, :, :1],
        return_dict=False,
    )
    v.square().mean().backward()
    return v.detach(), model.blocks[0].attn1.to_q.weight.grad


def test_the_numbers_and_the_gradients_are_the_same() -> None:
    (fused, slope), (dense, same) = outcome(False), outcome(True)
    assert torch.allclose(fused, dense, atol=1e-4 * fused.std().item())
    assert torch.allclose(slope, same, atol=1e-4 * slope.abs().max().item())
