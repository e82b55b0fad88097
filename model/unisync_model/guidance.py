"""Classifier-free guidance: how much of the network's opinion comes from the words and the voice.

With the branches ``null`` (neither), ``text`` (no audio) and ``full``:

* one pass:    ``v = full``
* two passes:  ``v = null + g (full - null)``
* three:       ``v = null + g_t (text - null) + g (full - text)``

Each is computed as ``full`` plus what guidance adds to it, so that a scale of 1 adds nothing to
the bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from .errors import InputError
from .sampling import Velocity


@dataclass(frozen=True)
class Guidance:
    """A ``guide`` for :func:`.sampling.sample`.

    Attributes:
        passes: forward passes a step: 1 (distilled weights), 2, or 3 (audio apart from text).
        scale: g; of text and audio together with two passes, of the audio with three.
        text_scale: g_t, with three passes.
        band: levels (low, high) between which it guides, both included. Outside them one pass is
            enough: near 1 there is nothing to sharpen yet and near 0 it only adds contrast
            (Kynkaanniemi et al. 2024, arXiv 2404.07724).
        weight: (1, 1, F, H, W) 0..1, where it guides in full, usually the latent mouth mask;
            elsewhere the scales fall to 1 and the network's own answer stays. None = everywhere.
    """

    passes: Literal[1, 2, 3] = 2
    scale: float = 4.5
    text_scale: float = 1.0
    band: tuple[float, float] = (0.0, 1.0)
    weight: Tensor | None = None

    def __post_init__(self) -> None:
        if self.passes not in (1, 2, 3):
            raise InputError(f"guidance in {self.passes} passes", remedy="Use 1, 2 or 3 passes")
        low, high = self.band
        if not 0 <= low <= high <= 1:
            raise InputError(
                f"a guidance band of {low}..{high}",
                remedy="Give two levels within 0..1, the lower first",
            )

    def __call__(self, velocity: Velocity, z: Tensor, s: float) -> Tensor:
        """The guided velocity at level ``s``, of z's shape and precision."""
        full = velocity(z, s, "full").to(z.dtype)
        if self.passes == 1 or not self.band[0] <= s <= self.band[1]:
            return full
        null = velocity(z, s, "null").to(z.dtype)
        if self.passes == 2:
            added = (self.scale - 1) * (full - null)
        else:
            text = velocity(z, s, "text").to(z.dtype)
            added = (self.scale - 1) * (full - text) + (self.text_scale - 1) * (text - null)
        return full + (added if self.weight is None else self.weight.to(z) * added)
