"""A small autoencoder with the Wan VAE's latent layout: 4 x 8 x 8 pixels in 16 numbers.

Four frames become one latent, every group by itself. Where the Wan VAE remembers what came before,
this one has no memory: a cut between two latents is a cut between two groups whatever came before,
and one frame is a group that stands still. Its convolutions are flat and few, so that the tiny
UniSync runs, and trains, on a CPU.

Both ways are a fixed linear map of 4 x 8 x 8 blocks (their principal components) plus what a
convolutional network adds to it. The network starts at zero: training starts from the best linear
code and can only look further than a block.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional

FRAMES = 4
"""To a group."""

_PLANES = 3 * FRAMES
_FINE, _COARSE = 4, 8
"""Pixels to a cell of the two levels the networks work at."""


class GroupAutoencoder(ModelMixin, ConfigMixin):
    """Groups of four pictures to latents and back; see the module.

    Args:
        z_dim: channels of a latent.
        fine, coarse: channels where a cell is 4 and 8 pixels wide.
        encoder_blocks, decoder_blocks: residual blocks at the (fine, coarse) level.
        latents_mean, latents_std: of every channel over the training pictures; the caller
            normalises with them, as with the Wan VAE.
        scale_factor_temporal, scale_factor_spatial: what they are, for whoever asks the config.
    """

    @register_to_config
    def __init__(
        self,
        z_dim: int = 16,
        fine: int = 96,
        coarse: int = 192,
        encoder_blocks: tuple[int, int] = (2, 3),
        decoder_blocks: tuple[int, int] = (3, 4),
        latents_mean: tuple[float, ...] = (0.0,) * 16,
        latents_std: tuple[float, ...] = (1.0,) * 16,
        scale_factor_temporal: int = FRAMES,
        scale_factor_spatial: int = _COARSE,
    ) -> None:
        super().__init__()
        block = _PLANES * _COARSE**2
        self.to_components = nn.Conv2d(block, z_dim, 1)
        self.from_components = nn.Conv2d(z_dim, block, 1)
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(_FINE),
            nn.Conv2d(_PLANES * _FINE**2, fine, 3, padding=1),
            *(_Residual(fine) for _ in range(encoder_blocks[0])),
            nn.PixelUnshuffle(_COARSE // _FINE),
            nn.Conv2d(4 * fine, coarse, 1),
            *(_Residual(coarse) for _ in range(encoder_blocks[1])),
            nn.Conv2d(coarse, z_dim, 1),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(z_dim, coarse, 3, padding=1),
            *(_Residual(coarse) for _ in range(decoder_blocks[1])),
            nn.Conv2d(coarse, 4 * fine, 1),
            nn.PixelShuffle(_COARSE // _FINE),
            *(_Residual(fine) for _ in range(decoder_blocks[0])),
            nn.Conv2d(fine, _PLANES * _FINE**2, 3, padding=1),
            nn.PixelShuffle(_FINE),
        )
        _to_zero(self.encoder[-1])
        _to_zero(self.decoder[-2])

    def encode(self, pixels: Tensor) -> Tensor:
        """(B, 3, 4, H, W) in -1..1, H and W multiples of 8 -> (B, C, 1, H / 8, W / 8)."""
        planes = pixels.flatten(1, 2)
        linear = self.to_components(functional.pixel_unshuffle(planes, _COARSE))
        return (linear + self.encoder(planes))[:, :, None]  # type: ignore[no-any-return]

    def decode(self, latents: Tensor) -> Tensor:
        """(B, C, 1, h, w) -> (B, 3, 4, 8h, 8w), not clipped."""
        z = latents[:, :, 0]
        linear = functional.pixel_shuffle(self.from_components(z), _COARSE)
        planes: Tensor = linear + self.decoder(z)
        return planes.view(-1, 3, FRAMES, *planes.shape[-2:])

    @torch.no_grad()
    def set_components(self, blocks: Tensor) -> None:
        """Fit the linear maps: latents are principal components, each of unit variance.

        Args:
            blocks: (N, 768) the 4 x 8 x 8 blocks of training pictures, as ``pixel_unshuffle``
                orders them.
        """
        mean = blocks.mean(0)
        around = blocks - mean
        power, axes = torch.linalg.eigh(around.T @ around / len(blocks))
        size = self.config.z_dim
        axes, spread = axes.flip(1)[:, :size], power.flip(0)[:size].clamp(min=1e-8).sqrt()
        inward, outward = (axes / spread).T, axes * spread
        for layer, weight, bias in (
            (self.to_components, inward, -(inward @ mean)),
            (self.from_components, outward, mean),
        ):
            layer.load_state_dict({"weight": weight[..., None, None], "bias": bias})

    @property
    def networks(self) -> list[nn.Parameter]:
        """What training changes; the linear maps stay as fitted."""
        return [*self.encoder.parameters(), *self.decoder.parameters()]


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, channels)
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        _to_zero(self.second)

    def forward(self, x: Tensor) -> Any:
        hidden = self.first(functional.silu(self.norm(x)))
        return x + self.second(functional.silu(hidden))


def _to_zero(layer: nn.Module) -> None:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
