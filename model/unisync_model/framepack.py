"""Motion memory: 19 clean latents of the past, packed coarser the older they are."""

from __future__ import annotations

import torch
from torch import nn

from .rope import TokenGrid, frame_grid, thinned

MOTION_LATENTS = 19
"""Latents of the past the network takes: 73 frames."""

OLDEST, OLDER, NEWEST = 16, 2, 1
"""How many of them each packing takes, oldest first: 4x, 2x and full resolution."""


class FramePacker(nn.Module):
    """The three patch convolutions of Wan2.2-S2V's frame packer.

    Args:
        in_channels: channels of a latent.
        dim: channels of a token.
        patch_size: (t, h, w) of the full resolution patch; the others are 2 and 4 times as large.
    """

    def __init__(self, in_channels: int, dim: int, patch_size: tuple[int, int, int]) -> None:
        super().__init__()
        _, ph, pw = patch_size
        self.proj = _patch_conv(in_channels, dim, patch_size)
        self.proj_2x = _patch_conv(in_channels, dim, (2, 2 * ph, 2 * pw))
        self.proj_4x = _patch_conv(in_channels, dim, (4, 4 * ph, 4 * pw))

    def forward(self, motion: torch.Tensor) -> torch.Tensor:
        """(B, C, 19, h, w) clean latents, newest last -> (B, tokens, dim) in `motion_grids` order.

        h and w are multiples of 8 (64 px): else the coarsest packing would lose a strip.
        """
        oldest, older = motion[:, :, :OLDEST], motion[:, :, OLDEST : OLDEST + OLDER]
        newest = motion[:, :, -NEWEST:]
        packed = [self.proj(newest), self.proj_2x(older), self.proj_4x(oldest)]
        return torch.cat([tokens.flatten(2).transpose(1, 2) for tokens in packed], dim=1)


def _patch_conv(in_channels: int, dim: int, size: tuple[int, int, int]) -> nn.Conv3d:
    return nn.Conv3d(in_channels, dim, kernel_size=size, stride=size)


def motion_grids(height: int, width: int) -> list[TokenGrid]:
    """Where the packed tokens stand, for frames of ``height`` x ``width`` full resolution tokens.

    The newest latent stands right before the noisy frames (t = -1), a packed group at the time of
    its first latent.
    """
    return [
        frame_grid([-1], height, width),
        TokenGrid((-3,), thinned(height, 2), thinned(width, 2)),
        TokenGrid((-19, -14, -9, -4), thinned(height, 4), thinned(width, 4)),
    ]
