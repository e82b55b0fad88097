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
        copy_error: when all is sampled, settle what hardly changed (:func:`settled`); 0 = leave it.
    """

    video: Tensor
    mask: Tensor
    noise: Tensor
    tau: float | None = None
    tau_sigma: float | None = None
    level: Level = "flow"
    index: Index = "next"
    resample: torch.Generator | None = None
    copy_error: float = 0.0
    _free: bool = field(init=False, repr=False, default=False)

    def __post_init__(self) -> None:
        self._check()
        # A mask that holds nothing injects nothing, so that the run is the plain one bit for bit
        # under every solver.
        object.__setattr__(self, "_free", bool((self.mask >= 1).all()))

    def __call__(self, z: Tensor, i: int, sigmas: Sequence[float]) -> Tensor | None:
        """``z`` after step ``i``, at level ``sigmas[i + 1]``, with the plate put back.

        Returns:
            (B, C, F, H, W), or None where this step changes nothing.
        """
        made: Tensor | None = None
        if self._injects(i, sigmas):
            held = self._noised(sigmas[i + 1 if self.index == "next" else i])
            made = held.to(z).lerp(z, self.mask.to(z))
        if self.copy_error and not sigmas[i + 1]:
            made = settled(z if made is None else made, self.video, self.copy_error)
        return made

    def window(self, start: int, stop: int) -> Tali:
        """The same over latents ``start .. stop - 1``."""
        at = (slice(None), slice(None), slice(start, stop))
        return replace(self, video=self.video[at], mask=self.mask[at], noise=self.noise[at])

    def _injects(self, i: int, sigmas: Sequence[float]) -> bool:
        if self._free:
            return False
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
        if not 0 <= self.copy_error < math.inf:
            raise InputError(f"copy_error is {self.copy_error}", remedy="Give 0 or more")
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


def settled(z: Tensor, plate: Tensor, error: float) -> Tensor:
    """Finished latents with what hardly differs from the plate put back to it.

    A cell that says the same as the plate's is a copy with the network's error; one that says
    something else is a change with that error. Cell by cell the change is kept by the gain

        g = max(0, 1 - error / d),    z <- plate + g (z - plate)

    d being its mean square over the channels: Wiener's gain with the power of the change estimated
    from the cell itself (positive-part James-Stein). Skin and beard under the mask stay the plate's
    where the lips do not move them. It is not in the paper.

    Args:
        z: (B, C, F, H, W); ``plate`` the same.
        error: mean square, in latent units, of what a copied cell differs by.
    """
    change = z - plate.to(z)
    d = change.square().mean(dim=1, keepdim=True)
    gain = (1 - error / d.clamp(min=torch.finfo(d.dtype).tiny)).clamp(min=0)
    return plate.to(z) + gain * change
