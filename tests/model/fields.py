"""Velocity fields whose answer is known."""

from __future__ import annotations

import torch
from torch import Tensor

from unisync_model.sampling import Branch, Velocity
from unisync_model.windows import Window, WindowVelocity


def noise(*shape: int, seed: int = 0) -> Tensor:
    """Standard normal latents."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def towards(x0: Tensor) -> Velocity:
    """The exact field of a single video: v = (z - x0) / s."""

    def velocity(z: Tensor, s: float, branch: Branch = "full", /) -> Tensor:
        return (z - x0) / s

    return velocity


def window_towards(x0: Tensor) -> WindowVelocity:
    """The same, seen a window at a time."""

    def velocity(z: Tensor, s: float, window: Window, branch: Branch, /) -> Tensor:
        return (z - window.of(x0)) / s

    return velocity


def gaussian(spread: float = 0.5) -> Velocity:
    """The exact field of normal data of standard deviation ``spread``: curved, still closed-form.

    A sample keeps its place in the distribution: from z at s = 1 it ends at ``spread * z``.
    """

    def velocity(z: Tensor, s: float, branch: Branch = "full", /) -> Tensor:
        variance = (1 - s) ** 2 * spread**2 + s**2
        return (s - (1 - s) * spread**2) / variance * z

    return velocity
