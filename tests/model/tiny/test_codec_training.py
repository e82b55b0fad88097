"""Training the group autoencoder: cut off and gone on with, it ends the same; and it learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from unisync_model.group_autoencoder import GroupAutoencoder
from unisync_model.tiny import codec_training
from unisync_model.tiny.codec_training import Pictures, kept, train_codec
from unisync_model.tiny.recipe import CodecPhase, CodecRecipe

PHASES = (CodecPhase(6, 1e-3, 5.0, 3.0, 0.5), CodecPhase(4, 5e-4, 2.0, 8.0, 0.2))
RECIPE = CodecRecipe(tile=32, batch=2, phases=PHASES)


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    """Two scenes of moving stripes with a mouth of noise."""
    y, x = np.mgrid[:64, :64]
    frames = np.stack(
        [np.stack([np.sin((x + k * y + 3 * t) / (5 + k)) for t in range(8)]) for k in range(1, 3)]
    )
    pixels = np.repeat((127 + 100 * frames)[..., None], 3, -1).astype(np.uint8)
    masks = np.zeros(pixels.shape[:-1], bool)
    masks[:, :, 40:56, 20:44] = True
    pixels[masks] = np.random.default_rng(0).integers(0, 256, (masks.sum(), 3))
    return Pictures(pixels, masks)


def weights(model: GroupAutoencoder) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_cut_off_and_gone_on_with_it_ends_the_same(
    pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train_codec(pictures, pictures, RECIPE, 0, tmp_path / "whole")
    monkeypatch.setattr(codec_training, "_CHECKPOINT", 2)
    steps = 0

    def dies_later(*args: object) -> torch.Tensor:
        nonlocal steps
        steps += 1
        if steps == 9:  # in the second phase, after a checkpoint of its own
            raise KeyboardInterrupt
        return loss(*args)

    loss = codec_training._loss
    monkeypatch.setattr(codec_training, "_loss", dies_later)
    with pytest.raises(KeyboardInterrupt):
        train_codec(pictures, pictures, RECIPE, 0, tmp_path / "cut")
    again = train_codec(pictures, pictures, RECIPE, 0, tmp_path / "cut")
    assert torch.equal(weights(whole), weights(again))
    assert whole.config.latents_std == again.config.latents_std


def test_the_latents_are_told_with_their_mean_and_deviation(
    pictures: Pictures, tmp_path: Path
) -> None:
    model = train_codec(pictures, pictures, RECIPE, 0, tmp_path)
    x = codec_training.to_pixels(pictures.frames[0, :4][None])
    with torch.no_grad():
        z = model.encode(x)
    assert z.mean((0, 2, 3, 4)).tolist() == pytest.approx(model.config.latents_mean, abs=1e-4)


@pytest.mark.slow
def test_it_keeps_more_than_the_linear_code(pictures: Pictures, tmp_path: Path) -> None:
    recipe = CodecRecipe(tile=32, batch=4, phases=(CodecPhase(120, 1e-3, 5.0, 3.0, 0.5),))
    linear = GroupAutoencoder()
    linear.set_components(codec_training._some_blocks(pictures))
    trained = train_codec(pictures, pictures, recipe, 0, tmp_path)
    assert kept(trained, pictures).whole > kept(linear, pictures).whole + 1
