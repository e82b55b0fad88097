"""Pose-Anchored Fidelity Strategy (eq. 4-9): pose tokens added to the video tokens.

The pose video goes through the VAE (eq. 4) and a patch convolution (eq. 5); this module does what
follows: Linear (eq. 6), position and LayerNorm (eq. 7); the sum with the video tokens (eq. 9) is
the transformer's, before reference and motion tokens join.

Where this departs from the paper, and why:

* The convolution of eq. 5 is the backbone's own pose convolution, which is pretrained for exactly
  this place; the paper does not say that it starts from there.
* ``residual``, the default, *adds* LayerNorm(Linear(u) + PE) to the pretrained pose tokens u, with
  LayerNorm's gain and bias at zero: the network starts as the base model, bit for bit, and the path
  grows from there. As printed, unit-variance noise would be added to pretrained tokens at step 0.
* ``paper`` is the printed form, for the ablation: LayerNorm(Linear(u) + PE) alone, gain one.
* PE is three tables (time, height, width) that are summed and stretched, not one of S tokens: a
  fixed S would pin one crop size and one window length.
* Linear starts as the identity.
"""

from __future__ import annotations

from typing import Literal

import torch
from diffusers.models.normalization import FP32LayerNorm
from torch import nn
from torch.nn import functional

PafsVariant = Literal["residual", "paper"]


class PoseAnchor(nn.Module):
    """Eq. 6 and 7.

    Args:
        dim: channels of a token.
        size: entries of the (time, height, width) position tables.
    """

    def __init__(
        self,
        dim: int,
        variant: PafsVariant = "residual",
        size: tuple[int, int, int] = (32, 64, 64),
        eps: float = 1e-6,
    ) -> None:
        super().__init__()
        self.variant = variant
        self.proj = nn.Linear(dim, dim)
        self.norm = FP32LayerNorm(dim, eps, elementwise_affine=True)
        self.pos_t, self.pos_h, self.pos_w = (nn.Parameter(torch.empty(n, dim)) for n in size)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """The start of training; also for weights that a base checkpoint does not hold."""
        nn.init.eye_(self.proj.weight)
        nn.init.zeros_(self.proj.bias)
        nn.init.constant_(self.norm.weight, 0.0 if self.variant == "residual" else 1.0)
        nn.init.zeros_(self.norm.bias)
        for table in (self.pos_t, self.pos_h, self.pos_w):
            nn.init.normal_(table, std=0.02)

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        """Patches of the pose latents, (B, D, f, h, w) -> the same shape, to add to the video's."""
        u = patches.permute(0, 2, 3, 4, 1)
        anchor = self.norm(self.proj(u) + self.positions(*u.shape[1:4]))
        anchored: torch.Tensor = u + anchor if self.variant == "residual" else anchor
        return anchored.permute(0, 4, 1, 2, 3)

    def positions(self, frames: int, height: int, width: int) -> torch.Tensor:
        """PE for any grid: (f, h, w, D).

        Time counts latents from the window's start and stretches only beyond its table; height and
        width always stretch, since the crop holds the same face at every size.
        """
        t = self.pos_t[:frames] if frames <= len(self.pos_t) else stretched(self.pos_t, frames)
        h, w = stretched(self.pos_h, height), stretched(self.pos_w, width)
        return t[:, None, None] + h[None, :, None] + w[None, None, :]


def stretched(table: torch.Tensor, count: int) -> torch.Tensor:
    """(n, D) -> (count, D): linear between the entries, ends on ends."""
    if count == len(table):
        return table
    rows = functional.interpolate(
        table.t()[None].float(), size=count, mode="linear", align_corners=True
    )
    return rows[0].t().to(table.dtype)


def drop_pose(
    pose: torch.Tensor, probability: float, generator: torch.Generator | None = None
) -> torch.Tensor:
    """Pose dropout: whole samples of (B, C, f, h, w) become the zero latent.

    Zeros are what the backbone knows as "no pose"; the VAE's encoding of black is something else.
    """
    draw = torch.rand(pose.shape[0], generator=generator, device="cpu")
    keep = (draw >= probability).to(pose)
    return pose * keep.view(-1, 1, 1, 1, 1)
