"""TALI, temporal-adaptive latent injection (the paper's eq. 10-11, algorithm 1), corrected.

After an early step, everything but the mouth is replaced by the plate, noised to the level the
sample has just reached:

    z <- M z + (1 - M) ((1 - s_next) z_video + s_next eps)

Three things differ from the printed algorithm, each of which can be had back for an ablation:

* eq. 11 noises with ``alpha^2 + sigma^2 = 1`` (``level="vp"``). The network lives on straight
  paths, where that sample is too loud and shows too much signal.
* it uses the level of the step just taken, ``s`` (``index="literal"``), so the background is a
  step noisier than the next call expects, and at tau = 1 noise remains in the result.
* it draws eps anew each step (``resample``). One eps, equal to the initial noise, keeps the
  background on one straight path: exactly what the network's own steps would have to reach.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor

from .errors import InputError
from .flow import noised

Level = Literal["flow", "vp"]
Index = Literal["next", "literal"]


def injected_steps(tau: float, steps: int) -> int:
    """How many of the first steps inject: algorithm 1's ``t > (1 - tau) T``, counted in floats.

    ``(1 - .8) * 40`` is 7.9999.. and would inject a 33rd time; hence the epsilon.
    """
    return math.ceil(tau * steps - 1e-9)


@dataclass(frozen=True)
class Tali:
    """Holds everything outside the mouth to the plate; an ``inject`` for :func:`.sampling.sample`.

    Exactly one of ``tau`` and ``tau_sigma`` says for how long. The same ``tau`` ends at another
    noise level under another shift or step count (.43 for 40 steps at shift 3), and for four
    steps .8 is 1; few-step distilled weights therefore take ``tau_sigma``.

    Attributes:
        video: (B, C, F, H, W) the plate's latents, z_video.
        mask: (B or 1, 1, F, H, W) 1 = generated (the mouth), 0 = held; between = blended.
        noise: (B, C, F, H, W) eps: the noise the run starts from.
        tau: share of the steps that inject, 0..1. At 1 the result *is* the plate outside the mask.
        tau_sigma: inject while the level reached is above this.
        level: "flow", or "vp" as printed.
        index: "next" level, or "literal" as printed.
        resample: draw eps anew from this each step, as printed.
    """

    video: Tensor
    mask: Tensor
    noise: Tensor
    tau: float | None = None
    tau_sigma: float | None = None
    level: Level = "flow"
    index: Index = "next"
    resample: torch.Generator | None = None
    _free: bool = field(init=False, repr=False, default=False)

    def __post_init__(self) -> None:
        self._check()
        # A mask that holds nothing injects nothing, so that the run is the plain one bit for bit
        # under every solver.
        object.__setattr__(self, "_free", bool((self.mask >= 1).all()))

    def __call__(self, z: Tensor, i: int, sigmas: Sequence[float]) -> Tensor | None:
        """``z`` after step ``i``, at level ``sigmas[i + 1]``, with the plate put back.

        Returns:
            (B, C, F, H, W), or None where this step does not inject.
        """
        if self._free or not self._injects(i, sigmas):
            return None
        held = self._noised(sigmas[i + 1 if self.index == "next" else i])
        return held.to(z).lerp(z, self.mask.to(z))

    def window(self, start: int, stop: int) -> Tali:
        """The same over latents ``start .. stop - 1``."""
        at = (slice(None), slice(None), slice(start, stop))
        return replace(self, video=self.video[at], mask=self.mask[at], noise=self.noise[at])

    def _injects(self, i: int, sigmas: Sequence[float]) -> bool:
        if self.tau_sigma is not None:
            return sigmas[i + 1] > self.tau_sigma
        return i < injected_steps(self.tau or 0.0, len(sigmas) - 1)

    def _noised(self, s: float) -> Tensor:
        eps = self.noise
        if self.resample is not None:
            eps = torch.randn(
                eps.shape, generator=self.resample, device=self.resample.device, dtype=eps.dtype
            ).to(eps.device)
        if self.level == "vp":
            return math.sqrt(1 - s * s) * self.video + s * eps
        return noised(self.video, eps, s)

    def _check(self) -> None:
        if (self.tau is None) == (self.tau_sigma is None):
            raise InputError(
                "TALI was given both tau and tau_sigma, or neither",
                remedy="Give tau (share of the steps), or tau_sigma for few-step weights",
            )
        for name, value in (("tau", self.tau), ("tau_sigma", self.tau_sigma)):
            if value is not None and not 0 <= value <= 1:
                raise InputError(f"{name} is {value}", remedy=f"Give {name} within 0..1")
        wanted = (self.video.shape[0], 1, *self.video.shape[2:])
        if self.mask.shape not in {wanted, (1, *wanted[1:])}:
            raise InputError(
                f"the mask is {tuple(self.mask.shape)} and the latents are "
                f"{tuple(self.video.shape)}",
                remedy=f"Give a mask {wanted}, as masks.latent_mask makes it",
            )
        if self.noise.shape != self.video.shape:
            raise InputError(
                f"the noise is {tuple(self.noise.shape)} and the latents are "
                f"{tuple(self.video.shape)}",
                remedy="Use the noise the run starts from",
            )
