"""The flow-matching loss (eq. 1 and 3) over noise levels and places.

    z_s = (1 - s) x0 + s eps,    v = eps - x0,    loss = w(s) m(place) (v_predicted - v)^2

Eq. 3's omega(t), heavy in the middle, is the density the levels are drawn from: a logit-normal
(Esser et al. 2024, arXiv 2403.03206), bent towards noise as the backbone's sampling is. Drawing
from it and weighting by it are the same loss in expectation.

The predicted video's error is ``s`` times the velocity's, so a loss in x0's space is
``s^2 / (s^2 + floor)`` times the velocity's squared error. Without a floor it is the velocity's
own. With .04 the levels below .2 got twenty times the weight of pure noise, and lips, which are
decided near noise, hardly learned; .4 is close to even.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError
from .config import LossConfig


@dataclass(frozen=True)
class Loss:
    """Of a batch.

    Attributes:
        total: (), what is minimised.
        mouth: (), the plain squared error inside the mask; for the log, without gradient.
        rest: (), outside it.
    """

    total: Tensor
    mouth: Tensor
    rest: Tensor


def draw_levels(count: int, settings: LossConfig, generator: torch.Generator) -> Tensor:
    """(count,) levels s within 0..1: ``u = sigmoid(N(mean, std))``, then the flow's shift."""
    normal = torch.randn(count, generator=generator, dtype=torch.float64)
    u = torch.sigmoid(settings.mean + settings.std * normal)
    return (settings.shift * u / (1 + (settings.shift - 1) * u)).float()


def noised_batch(x0: Tensor, eps: Tensor, s: Tensor) -> Tensor:
    """``(1 - s) x0 + s eps`` with a level for each sample.

    Args:
        x0: (B, C, f, h, w); ``eps`` the same; ``s``: (B,).
    """
    return x0.lerp(eps, s.view(-1, 1, 1, 1, 1).to(x0))


def flow_loss(
    v: Tensor, x0: Tensor, eps: Tensor, s: Tensor, mask: Tensor, settings: LossConfig
) -> Loss:
    """What a predicted velocity costs.

    Places are weighted within each sample (a large mouth does not make a sample count more),
    levels between them.

    Args:
        v: (B, C, f, h, w) predicted; ``x0``, ``eps`` the same.
        s: (B,).
        mask: (B, 1, f, h, w) of 0 and 1.

    Raises:
        InputError: shapes that do not belong together.
    """
    if v.shape != x0.shape or eps.shape != x0.shape or mask.shape != (len(v), 1, *v.shape[2:]):
        raise InputError(
            f"a velocity {tuple(v.shape)} for latents {tuple(x0.shape)}, noise "
            f"{tuple(eps.shape)} and mask {tuple(mask.shape)}"
        )
    error = (v.float() - (eps - x0)).square().mean(dim=1, keepdim=True)
    place = 1 + (settings.mouth - 1) * mask
    each = (error * place).flatten(1).sum(1) / place.flatten(1).sum(1)
    total = (each * level_weight(s, settings)).mean()
    seen = error.detach()
    return Loss(total, _mean(seen, mask), _mean(seen, 1 - mask))


def level_weight(s: Tensor, settings: LossConfig) -> Tensor:
    """(B,): what the squared error of the velocity counts at each level."""
    if settings.space == "velocity":
        return torch.ones_like(s)
    return s**2 / (s**2 + settings.floor)


def _mean(error: Tensor, where: Tensor) -> Tensor:
    return (error * where).sum() / where.sum().clamp(min=1)
