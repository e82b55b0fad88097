"""The small autoencoder: Wan's layout, no memory, and at the start the best linear code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import pixel_unshuffle

from unisync_model.codec import LatentCodec
from unisync_model.group_autoencoder import GroupAutoencoder
from unisync_model.pipeline_folder import open_vae


@pytest.fixture
def small() -> GroupAutoencoder:
    torch.manual_seed(0)
    model = GroupAutoencoder(fine=16, coarse=16, encoder_blocks=(1, 1), decoder_blocks=(1, 1))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    return model.eval().requires_grad_(False)


def frames(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 32, 40, 3), np.uint8)


def test_four_frames_are_one_latent_of_an_eighth(small: GroupAutoencoder) -> None:
    z = small.encode(torch.rand(2, 3, 4, 32, 40))
    assert z.shape == (2, 16, 1, 4, 5)
    assert small.decode(z).shape == (2, 3, 4, 32, 40)


def test_every_group_stands_by_itself(small: GroupAutoencoder) -> None:
    codec, shot = LatentCodec(small), frames(12)
    whole, later = codec.encode(shot), codec.encode(shot[4:])
    assert torch.equal(whole.latents[:, :, 1:], later.latents)
    assert torch.equal(codec.encode_context(shot[4:5]), later.first)


def test_every_frame_comes_back_and_no_more(small: GroupAutoencoder) -> None:
    codec = LatentCodec(small)
    for count in (1, 4, 7, 12):
        told = codec.encode(frames(count))
        back = np.concatenate(list(codec.decode(told.first, told.latents, count)))
        assert back.shape == (count, 32, 40, 3)


def test_untrained_it_is_the_projection_on_the_principal_components() -> None:
    torch.manual_seed(1)
    # pictures of 16 dimensions, so that 16 components keep them whole
    basis = torch.linalg.qr(torch.randn(768, 16)).Q
    blocks = torch.randn(500, 16) @ basis.T * 0.2 + 0.1
    model = GroupAutoencoder(fine=8, coarse=8, encoder_blocks=(0, 0), decoder_blocks=(0, 0))
    model.set_components(blocks)
    x = blocks[:6].view(1, 2, 3, 768).permute(0, 3, 1, 2)
    pixels = torch.nn.functional.pixel_shuffle(x, 8).unflatten(1, (3, 4))
    assert torch.equal(pixel_unshuffle(pixels.flatten(1, 2), 8), x)
    z = model.encode(pixels)
    assert torch.allclose(model.decode(z), pixels, atol=1e-4)
    every = model.to_components(blocks.T[None, :, :, None])[0, :, :, 0]
    assert torch.allclose(every @ every.T / 500, torch.eye(16), atol=1e-2)


def test_a_folder_says_which_autoencoder_it_holds(small: GroupAutoencoder, tmp_path: Path) -> None:
    small.register_to_config(latents_mean=[0.5] * 16)
    small.save_pretrained(tmp_path)
    opened = open_vae(tmp_path)
    assert isinstance(opened, GroupAutoencoder)
    there, here = LatentCodec(opened).encode(frames(4)), LatentCodec(small).encode(frames(4))
    assert torch.equal(there.latents, here.latents)
