"""Pair builders: the condition is the target's picture with other lips (against eq. 2-3).

Eq. 2-3 condition on the clip that they target, which teaches copying: the right lips are in the
condition and the voice can be ignored. Every builder here makes a condition that differs from the
target inside the mouth mask and nowhere else, bit for bit; ``literal`` makes none, for the
ablation.

* ``characters``: the scene rendered again with another voice; exact.
* ``relip``: the clip re-lipped by an engine; the target is the true clip.
* ``scramble``: the mouth of another moment of the clip.
* ``lowpass``: the mouth's latents blurred in space and time.
* ``zeromouth``: the mouth's latents zeroed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor
from torch.nn.functional import conv1d, pad

from ..errors import InputError
from .config import BuilderName, PairsConfig
from .errors import DataError
from .samples import Sample


def build(
    name: BuilderName, sample: Sample, settings: PairsConfig, generator: torch.Generator
) -> Tensor:
    """The condition of a sample by one builder.

    Returns:
        (C, f, h, w), equal to ``sample.x0`` outside ``sample.mask``.

    Raises:
        DataError: "characters" or "relip" of a sample that has no such rendering.
        InputError: "scramble" of a clip too short to have another moment.
    """
    x0, mask = sample.x0, sample.mask
    if name == "literal":
        return x0
    if name in ("characters", "relip"):
        if sample.video is None or sample.altered != name:
            raise DataError(f"{sample.name} has no {name} rendering")
        return swapped(x0, sample.video, mask)
    if name == "scramble":
        return scrambled(x0, mask, settings.scramble_latents, generator)
    if name == "lowpass":
        return lowpassed(x0, mask, settings.lowpass_cells, settings.lowpass_latents)
    return swapped(x0, torch.zeros_like(x0), mask)


def choose(
    weights: Mapping[BuilderName, float], sample: Sample, settings: PairsConfig, draw: float
) -> BuilderName:
    """One of the builders that can work on this sample, by weight.

    Args:
        draw: 0 <= draw < 1.

    Raises:
        DataError: none of the weighted builders can.
    """
    able = {name: w for name, w in weights.items() if w > 0 and _can(name, sample, settings)}
    if not able:
        wanted = ", ".join(name for name, w in weights.items() if w > 0)
        raise DataError(
            f"no pair can be made of {sample.name} by {wanted}",
            remedy="Give pairs.scramble, lowpass or zeromouth a weight, or prepare another "
            "rendering of it",
        )
    left = draw * sum(able.values())
    for name, weight in able.items():
        left -= weight
        if left < 0:
            return name
    return name


def swapped(x0: Tensor, other: Tensor, mask: Tensor) -> Tensor:
    """``other`` inside the mask, ``x0`` outside, neither of them blended.

    Args:
        x0: (.., C, f, h, w); ``other`` the same; ``mask``: (.., 1, f, h, w), not 0 is mouth.
    """
    if x0.shape != other.shape or mask.shape != (*x0.shape[:-4], 1, *x0.shape[-3:]):
        raise InputError(
            f"latents {tuple(x0.shape)}, others {tuple(other.shape)}, mask {tuple(mask.shape)}",
            remedy="Give all three over the same window and crop",
        )
    return torch.where(mask != 0, other, x0)


def scrambled(x0: Tensor, mask: Tensor, apart: int, generator: torch.Generator) -> Tensor:
    """The mouth from another moment of the clip, played on from there and around its end.

    Args:
        x0: (C, f, h, w).
        apart: latents between the two moments at least, either way around.

    Raises:
        InputError: a clip shorter than ``2 * apart`` latents.
    """
    frames = x0.shape[1]
    if frames < 2 * apart:
        raise InputError(
            f"{frames} latents have no moment {apart} latents away",
            remedy="Use longer windows or a smaller pairs.scramble_latents",
        )
    shift = int(torch.randint(apart, frames - apart + 1, (), generator=generator))
    return swapped(x0, x0.roll(shift, dims=1), mask)


def lowpassed(x0: Tensor, mask: Tensor, cells: float, latents: float) -> Tensor:
    """The mouth's latents blurred by Gaussians: what lips there were, not what they said.

    Args:
        x0: (C, f, h, w).
        cells: standard deviation in space; ``latents``: in time.
    """
    blurred = x0
    for axis, sigma in ((1, latents), (2, cells), (3, cells)):
        blurred = _blurred(blurred, axis, sigma)
    return swapped(x0, blurred, mask)


def _blurred(x: Tensor, axis: int, sigma: float) -> Tensor:
    """A Gaussian along one axis of (C, f, h, w); beyond the ends the last value goes on."""
    reach = max(1, round(3 * sigma))
    at = torch.arange(-reach, reach + 1, dtype=x.dtype)
    kernel = torch.exp(-0.5 * (at / sigma) ** 2)
    moved = x.movedim(axis, -1)
    lines = pad(moved.reshape(-1, 1, moved.shape[-1]), (reach, reach), mode="replicate")
    out = conv1d(lines, (kernel / kernel.sum())[None, None])
    return out.view(moved.shape).movedim(-1, axis)


def _can(name: BuilderName, sample: Sample, settings: PairsConfig) -> bool:
    if name in ("characters", "relip"):
        return sample.altered == name
    if name == "scramble":
        return sample.shape[0] >= 2 * settings.scramble_latents
    return True


BUILDERS: tuple[BuilderName, ...] = cast(tuple[BuilderName, ...], tuple(PairsConfig().weights))
"""Every builder's name."""
