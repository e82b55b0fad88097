"""Flow matching as the backbone uses it: one straight path from noise to video.

    z_s = (1 - s) x0 + s eps,    v = dz/ds = eps - x0,    s from 1 (noise) to 0 (video)

so ``x0 = z_s - s v``, and an Euler step is ``z + (s_next - s) v``. There is no ``alpha^2 + sigma^2
= 1`` here: at s = 0.9 such a sample would have variance 1.00 where the network was trained on 0.82.
"""

from __future__ import annotations

import math

from torch import Tensor

from .errors import InputError

TRAIN_TIMESTEPS = 1000
"""The network is told ``1000 s``."""


def sigmas(steps: int, shift: float = 3.0) -> tuple[float, ...]:
    """The levels a run goes through: evenly spaced, bent towards noise by ``shift``, then 0.

    ``s = shift u / (shift u + (1 - u))`` over ``u = 1, (T-1)/T, .., 1/T``. Diffusers' Euler
    scheduler spaces ``u`` otherwise by default and ends at .009 where the backbone's own sampling
    ends at .071 (40 steps, shift 3).

    Args:
        steps: T, the number of steps.
        shift: 1 = even; the backbone samples at 3, its 720p variants and distillations at 5.

    Returns:
        T + 1 falling numbers, the first 1, the last 0.
    """
    if steps < 1:
        raise InputError(f"{steps} sampling steps", remedy="Ask for at least one step")
    if not (math.isfinite(shift) and shift > 0):
        raise InputError(f"a schedule shift of {shift}", remedy="Give a positive shift, such as 3")
    even = (1 - i / steps for i in range(steps))
    return (*(shift * u / (shift * u + (1 - u)) for u in even), 0.0)


def noised(x0: Tensor, eps: Tensor, s: float) -> Tensor:
    """``(1 - s) x0 + s eps``; at s = 0 it is ``x0`` and at s = 1 ``eps``, bit for bit.

    Args:
        x0: (B, C, F, H, W) clean latents.
        eps: noise of the same shape.
        s: level, 0..1.
    """
    if x0.shape != eps.shape:
        raise InputError(
            f"latents {tuple(x0.shape)} with noise {tuple(eps.shape)}",
            remedy="Draw the noise in the latents' shape",
        )
    return x0.lerp(eps, s)


def denoised(z: Tensor, v: Tensor, s: float) -> Tensor:
    """The video a velocity points at: ``x0 = z - s v``, in ``z``'s precision."""
    return z - s * v.to(z.dtype)


def timestep(s: float, *, truncate: bool = False) -> float:
    """What the network is told at level ``s``.

    Args:
        truncate: to whole numbers, as the published sampler does (999, 991, 982, ..).
    """
    t = TRAIN_TIMESTEPS * s
    # 249.99999999999997 is 250
    return float(math.floor(t + 1e-6)) if truncate else t
