"""The source video beside the noisy latents (eq. 1-2, 8): two convolutions are the paper's one."""

from __future__ import annotations

import pytest
import torch
from networks import distance, opened, tiny_inputs, tiny_network, velocity
from torch import nn

from unisync_model.av2v import fuse_av2v
from unisync_model.errors import CheckpointError


def test_at_its_start_the_network_is_the_base_bit_for_bit() -> None:
    inputs = tiny_inputs()
    video = torch.randn_like(inputs["hidden_states"])
    base = tiny_network()
    ours = tiny_network(av2v=True, pafs="residual")
    missing, surplus = ours.load_state_dict(base.state_dict(), strict=False)
    assert not surplus
    assert all(key.startswith(("video_embedding", "pafs.")) for key in missing)
    assert torch.equal(velocity(ours, **inputs, video=video), velocity(base, **inputs))


def test_no_video_is_the_zero_latent() -> None:
    model, inputs = opened(tiny_network(av2v=True)), tiny_inputs()
    zeros = torch.zeros_like(inputs["hidden_states"])
    assert torch.equal(velocity(model, **inputs, video=zeros), velocity(model, **inputs))


def test_the_zero_start_learns() -> None:
    model, inputs = tiny_network(av2v=True), tiny_inputs()
    model(
        **inputs, video=torch.randn_like(inputs["hidden_states"])
    ).sample.square().sum().backward()
    assert model.video_embedding.weight.grad.abs().max() > 0


def test_the_fused_convolution_is_the_sum() -> None:
    model, inputs = opened(tiny_network(av2v=True)), tiny_inputs()
    z, video, reference = inputs["hidden_states"], torch.randn(1, 16, 3, 8, 16), inputs["reference"]
    fused = fuse_av2v(model.state_dict())
    assert "video_embedding.weight" not in fused
    paper = nn.Conv3d(32, 32, (1, 2, 2), (1, 2, 2))
    paper.load_state_dict({k: fused[f"patch_embedding.{k}"] for k in ("weight", "bias")})
    with torch.no_grad():
        split = model.patch_embedding(z) + model.video_embedding(video)
        assert distance(paper(torch.cat([z, video], 1)), split) < 1e-5
        # the portrait shares the convolution, with nothing in its second half
        alone = paper(torch.cat([reference, torch.zeros_like(reference)], 1))
        assert distance(alone, model.patch_embedding(reference)) < 1e-5


def test_the_whole_network_with_the_papers_convolution() -> None:
    """A network whose one convolution takes 2C channels gives the same velocity."""
    model, inputs = opened(tiny_network(av2v=True)), tiny_inputs()
    video = torch.randn_like(inputs["hidden_states"])
    expected = velocity(model, **inputs, video=video)
    fused = fuse_av2v(model.state_dict())
    paper = nn.Conv3d(32, 32, (1, 2, 2), (1, 2, 2))
    paper.load_state_dict({k: fused[f"patch_embedding.{k}"] for k in ("weight", "bias")})

    def concatenated(_: nn.Module, args: tuple[torch.Tensor], __: torch.Tensor) -> torch.Tensor:
        (z,) = args
        second = video if z.shape == video.shape else torch.zeros_like(z)
        return paper(torch.cat([z, second], 1))

    model.patch_embedding.register_forward_hook(concatenated)
    assert distance(velocity(model, **inputs), expected) < 1e-5


def test_weights_without_video_are_not_fused() -> None:
    with pytest.raises(CheckpointError, match="video_embedding"):
        fuse_av2v(tiny_network().state_dict())
