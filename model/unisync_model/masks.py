"""The mouth mask at the latents' scale.

A latent cell sees 4 frames of 8 x 8 pixels, so a cell belongs to the mouth as soon as one of those
pixels does: max-pooling, never averaging. In S2V's frame layout latent j stands for frames
4j .. 4j+3, the first frame's own latent being kept apart.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import max_pool3d, pad

from .errors import InputError

FRAMES = 4
"""Frames a latent stands for."""
PIXELS = 8
"""Side of a latent cell."""


def latent_mask(mask: Tensor, margin: int = 1) -> Tensor:
    """Max-pool a pixel mask to latent cells, then grow it.

    It grows because a cell's change reaches its neighbours' pixels through the decoder; what must
    not change at all is composited in pixels afterwards.

    Args:
        mask: (F, H, W), bool or numbers; whatever is not 0 is mouth. H and W are multiples of 8;
            the last latent may stand for fewer than 4 frames.
        margin: cells grown on every side, and latents before and after.

    Returns:
        (1, 1, f, h, w) float32 of 0 and 1, f = ceil(F / 4), h = H / 8, w = W / 8.

    Raises:
        InputError: another number of axes, or sides that are no multiple of 8.
    """
    if mask.ndim != 3 or mask.shape[1] % PIXELS or mask.shape[2] % PIXELS or not mask.numel():
        raise InputError(
            f"the mouth mask is {tuple(mask.shape)}",
            remedy=f"Give (frames, height, width), sides in multiples of {PIXELS}",
        )
    frames, height, width = mask.shape
    whole = pad(mask != 0, (0, 0, 0, 0, 0, -frames % FRAMES))
    cells = whole.view(-1, FRAMES, height // PIXELS, PIXELS, width // PIXELS, PIXELS)
    pooled = cells.amax(dim=(1, 3, 5)).float()[None, None]
    return dilated(pooled, time=margin, space=margin)


def dilated(mask: Tensor, *, time: int, space: int) -> Tensor:
    """Grow a (B, 1, f, h, w) mask by whole cells; diagonal neighbours count."""
    kernel = (2 * time + 1, 2 * space + 1, 2 * space + 1)
    return max_pool3d(mask, kernel, stride=1, padding=(time, space, space))


def held_prefix(like: Tensor, count: int) -> Tensor:
    """A mask that holds the first ``count`` latents and frees the rest.

    Returns:
        (1, 1, F, H, W) of ``like``'s kind, ``like`` being (B, C, F, H, W).
    """
    mask = torch.ones_like(like[:1, :1])
    mask[:, :, :count] = 0
    return mask
