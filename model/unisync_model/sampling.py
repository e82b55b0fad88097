"""From noise to video: solvers as plain functions on tensors.

All three solvers are one update. Let ``m`` be the predicted video and ``r = s_next / s``; then

    z_next = m + r (z - m)

Euler takes ``m`` from this step alone. DPM-Solver++(2M) (Lu et al. 2022, arXiv 2211.01095,
midpoint form) extrapolates it from two steps, over ``lambda = log((1 - s) / s)``; its general
``alpha``/``sigma`` coefficients collapse to ``1 - r`` because ``alpha = 1 - s``. UniPC of order 2
in its B2 form (Zhao et al. 2023, arXiv 2302.04867) has that same predictor, and before each
step corrects the sample it stands on with the newest prediction.

They are written out rather than borrowed from diffusers because the three must run on one list of
levels (its DPM++ takes no list), start at s = 1 exactly, and leave an injected sample alone: its
UniPC corrector rebuilds the sample from its own history and throws the injection away.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, Protocol

import torch
from torch import Tensor

from .errors import CancelledError, InputError, NonFiniteError
from .flow import denoised

Solver = Literal["euler", "dpmpp", "unipc"]
SOLVERS: tuple[Solver, ...] = ("euler", "dpmpp", "unipc")
Branch = Literal["full", "text", "null"]
"""What the network is shown: all of it; the text without the audio; neither."""


class Velocity(Protocol):
    """The network: ``(z, s) -> v`` of z's shape. Guidance also asks for the other branches."""

    def __call__(self, z: Tensor, s: float, branch: Branch = "full", /) -> Tensor: ...


Guide = Callable[[Velocity, Tensor, float], Tensor]
"""``(velocity, z, s) -> v``: calls the velocity as often as it needs."""

Inject = Callable[[Tensor, int, Sequence[float]], "Tensor | None"]
"""``(z, i, sigmas)`` after step i, z at ``sigmas[i + 1]`` -> z replaced, or None for "as it is"."""


@dataclass(frozen=True)
class Step:
    """One finished step, as a callback sees it.

    Attributes:
        index: 0-based; ``count`` steps in all.
        sigma: the level it started from, and ``sigma_next`` the one it reached.
        z: the latents now, injection included.
        denoised: the video predicted from the level before.
    """

    index: int
    count: int
    sigma: float
    sigma_next: float
    z: Tensor
    denoised: Tensor


Callback = Callable[[Step], "bool | None"]
"""Called after every step; False stops the run."""


@dataclass
class _Point:
    """One evaluation: where the sample stood, what it was predicted to become."""

    s: float
    z: Tensor
    m: Tensor


def sample(
    velocity: Velocity,
    z: Tensor,
    sigmas: Sequence[float],
    *,
    inject: Inject | None = None,
    guide: Guide | None = None,
    solver: Solver = "euler",
    callback: Callback | None = None,
) -> Tensor:
    """Follow a velocity field down a list of levels.

    The order within a step: (guided) velocity, update, injection, callback.

    Args:
        velocity: the field; see :class:`Velocity`.
        z: (B, C, F, H, W) latents at ``sigmas[0]``, usually pure noise. Its precision is kept.
        sigmas: T + 1 falling levels within 1..0 (:func:`.flow.sigmas`).
        inject: replaces parts of the sample after a step (:class:`.tali.Tali`). UniPC's corrector
            rests on a step whose sample was replaced.
        guide: combines several branches of the network (:class:`.guidance.Guidance`).

    Returns:
        latents at ``sigmas[-1]``.

    Raises:
        InputError: levels that do not fall, an unknown solver, a velocity of another shape.
        NonFiniteError: NaN or infinity out of the network, with the step.
        CancelledError: the callback returned False.
    """
    _check(sigmas, solver)
    count, past, replaced = len(sigmas) - 1, list[_Point](), True
    for i, (s, s_next) in enumerate(pairwise(sigmas)):
        v = velocity(z, s) if guide is None else guide(velocity, z, s)
        now = _Point(s, z, denoised(z, _checked(v, z, i, count, s), s))
        if solver == "unipc" and not replaced:
            now.z = _corrected([*past, now])
        past = [*past[-1:], now]
        m = now.m if solver == "euler" else _extrapolated(past, s_next)
        z = m.lerp(now.z, s_next / s)
        injected = None if inject is None else inject(z, i, sigmas)
        replaced = injected is not None
        z = z if injected is None else injected
        if callback is not None and callback(Step(i, count, s, s_next, z, now.m)) is False:
            raise CancelledError(f"stopped after step {i + 1} of {count}")
    return z


def _lambda(s: float) -> float:
    """Half the log signal-to-noise ratio, ``log(alpha / sigma)``; infinite at either end."""
    if s <= 0:
        return math.inf
    return math.log1p(-s) - math.log(s) if s < 1 else -math.inf


def _extrapolated(past: Sequence[_Point], s_next: float) -> Tensor:
    """Second order in lambda: the prediction half a step ahead.

    First order on the first step (no history), on the last (lambda is infinite at s = 0), and
    after s = 1 (lambda was infinite there, so its prediction says nothing about the slope).
    """
    now = past[-1]
    if len(past) < 2 or s_next <= 0:
        return now.m
    before = past[-2]
    ahead = (_lambda(s_next) - _lambda(now.s)) / (_lambda(now.s) - _lambda(before.s))
    return now.m + (0.5 * ahead) * (now.m - before.m)


def _corrected(past: Sequence[_Point]) -> Tensor:
    """UniC: redo the last update knowing the prediction at its end (B2, order as the predictor)."""
    *older, before, now = past
    h = _lambda(now.s) - _lambda(before.s)
    change = now.m - before.m
    if not older:
        m = before.m + 0.5 * change
    else:
        # the 2 x 2 system of the paper's eq. (11), solved by hand
        ratio = (_lambda(older[-1].s) - _lambda(before.s)) / h
        phi_2 = -math.expm1(-h) / h - 1
        phi_3 = -phi_2 / h - 0.5
        b1, b2 = phi_2 / math.expm1(-h), 2 * phi_3 / math.expm1(-h)
        slope = (b1 - b2) / (1 - ratio)
        m = before.m + (slope / ratio) * (older[-1].m - before.m) + (b1 - slope) * change
    return m.lerp(before.z, now.s / before.s)


def _check(sigmas: Sequence[float], solver: str) -> None:
    if solver not in SOLVERS:
        raise InputError(f"no solver is called {solver!r}", remedy=f"Use one of {SOLVERS}")
    falling = all(a > b for a, b in pairwise(sigmas))
    if len(sigmas) < 2 or not falling or not (sigmas[0] <= 1 and sigmas[-1] >= 0):
        raise InputError(
            f"levels {tuple(round(float(s), 4) for s in sigmas)} do not fall within 1..0",
            remedy="Make them with flow.sigmas(steps, shift)",
        )


def _checked(v: Tensor, z: Tensor, i: int, count: int, s: float) -> Tensor:
    if v.shape != z.shape:
        raise InputError(
            f"the velocity is {tuple(v.shape)} and the latents are {tuple(z.shape)}",
            remedy="A velocity has the latents' shape",
        )
    if not torch.isfinite(v).all():
        raise NonFiniteError(
            f"the network returned NaN or infinity at step {i + 1} of {count} (sigma {s:.4f})",
            remedy="Check the weights (unisync weights verify); run in bfloat16 or float32, "
            "not float16",
        )
    return v
