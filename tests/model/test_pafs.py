"""Pose tokens (eq. 4-9): what they add, where they start, and how their positions stretch."""

from __future__ import annotations

import pytest
import torch
from networks import distance, opened, tiny_inputs, tiny_network, velocity
from torch import nn
from torch.nn import functional

from unisync_model.pafs import PoseAnchor, drop_pose, stretched


def test_residual_starts_as_the_backbones_own_pose_tokens() -> None:
    inputs = tiny_inputs()
    base, ours = tiny_network(), tiny_network(pafs="residual")
    ours.load_state_dict(base.state_dict(), strict=False)
    assert torch.equal(velocity(ours, **inputs), velocity(base, **inputs))
    assert distance(velocity(opened(ours), **inputs), velocity(base, **inputs)) > 1e-3


@pytest.mark.parametrize("variant", ["residual", "paper"])
def test_the_tokens_are_equations_6_and_7(variant: str) -> None:
    anchor = PoseAnchor(8, variant, size=(4, 5, 6))
    with torch.no_grad():
        for parameter in anchor.parameters():
            parameter.add_(torch.randn_like(parameter))
    patches = torch.randn(2, 8, 4, 5, 6)
    tokens = patches.flatten(2).transpose(1, 2)
    table = (
        anchor.pos_t[:, None, None] + anchor.pos_h[None, :, None] + anchor.pos_w[None, None]
    ).flatten(0, 2)
    expected = functional.layer_norm(
        anchor.proj(tokens) + table, (8,), anchor.norm.weight, anchor.norm.bias, 1e-6
    )
    if variant == "residual":
        expected = tokens + expected
    assert torch.allclose(anchor(patches).flatten(2).transpose(1, 2), expected, atol=1e-5)


def test_paper_starts_as_printed() -> None:
    """Gain one: tokens of unit variance, whatever the pose."""
    out = PoseAnchor(64, "paper")(100 * torch.randn(1, 64, 2, 4, 4))
    assert out.std(dim=1, unbiased=False).sub(1).abs().max() < 1e-3


def test_positions_fit_any_grid() -> None:
    anchor = PoseAnchor(4, size=(3, 5, 5))
    small, large = anchor.positions(2, 3, 4), anchor.positions(9, 12, 7)
    assert small.shape == (2, 3, 4, 4)
    assert large.shape == (9, 12, 7, 4)
    # corners of the crop stay corners; time counts from the start and stretches only when it must
    corner = anchor.pos_h[-1] + anchor.pos_w[-1]
    assert torch.allclose(small[1, -1, -1], anchor.pos_t[1] + corner, atol=1e-6)
    assert torch.allclose(large[-1, -1, -1], anchor.pos_t[2] + corner, atol=1e-6)


def test_stretching_is_linear() -> None:
    table = torch.tensor([[0.0], [2.0], [4.0]])
    assert stretched(table, 5).flatten().tolist() == [0, 1, 2, 3, 4]
    assert stretched(table, 3) is table


def test_the_zero_path_learns() -> None:
    model = tiny_network(pafs="residual")
    model(**tiny_inputs()).sample.square().sum().backward()
    assert model.pafs.norm.weight.grad.abs().max() > 0
    nn.init.ones_(model.pafs.norm.weight)
    model.zero_grad()
    model(**tiny_inputs()).sample.square().sum().backward()
    for name, parameter in model.pafs.named_parameters():
        assert parameter.grad.abs().max() > 0, name


def test_a_dropped_pose_is_the_zero_latent() -> None:
    pose = torch.randn(400, 2, 1, 2, 2)
    dropped = drop_pose(pose, 0.1, torch.Generator().manual_seed(0))
    zero = (dropped == 0).flatten(1).all(dim=1)
    assert torch.equal(dropped[~zero], pose[~zero])
    assert 20 <= zero.sum() <= 60
    assert torch.equal(drop_pose(pose, 0.0), pose)
    assert not drop_pose(pose, 1.0).any()
