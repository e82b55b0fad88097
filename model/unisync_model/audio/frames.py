"""Speech features at exact frame times.

The picture is never resampled to the network's rate; the features come to the picture. Frame i of
a shot stands at t_i = start + i / rate, an exact fraction, and every index below is integer
arithmetic on it: an hour in, 24000/1001 is as exact as at the first frame.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import Literal

import torch
import torch.nn.functional as functional
from torch import Tensor

from ..errors import InputError
from .encoder import SpeechStates

Grid = Literal["native", "parity"]

PARITY_RATE = 30
"""The official front end's grid, frames a second."""


def at_frames(
    states: SpeechStates,
    rate: Fraction,
    start: Fraction,
    count: int,
    grid: Grid = "native",
) -> Tensor:
    """The features of ``count`` frames from ``start``.

    ``native`` interpolates linearly between the two states around t_i. ``parity`` is the official
    S2V front end, for comparison with it: the states are first stretched to 30 a second (both
    ends pinned), then frame i takes number round(30 t_i), so above 30 fps frames share features.
    Before the first and after the last state, that state holds.

    Args:
        states: (layers, dim, T) on their own clock.
        rate: frames a second.
        start: seconds from the first audio sample to frame 0; may be negative.
        count: how many frames.
        grid: ``native`` or ``parity``.

    Returns:
        (layers, dim, count), of the states' dtype and device; differentiable.

    Raises:
        InputError: no frames asked for, a rate that is not positive, an unknown grid.
    """
    if count < 1 or rate <= 0:
        raise InputError(f"cannot sample {count} frames at {rate} a second")
    if grid == "native":
        first = (start - states.start) * states.rate
        return _between(states.values, first, states.rate / rate, count)
    if grid == "parity":
        return _official(states, rate, start, count)
    raise InputError(f"unknown audio grid {grid!r}", remedy="Choose native or parity")


def null_audio(features: Tensor) -> Tensor:
    """The unconditional branch's audio: all zeros.

    Silence is something else, and sounds like silence: the network draws a closed mouth for it.
    Zero features say that there is nothing to know (classifier-free guidance).
    """
    return torch.zeros_like(features)


def _between(values: Tensor, first: Fraction, step: Fraction, count: int) -> Tensor:
    """Linear interpolation of (layers, dim, T) at the positions first + i * step."""
    last = values.shape[-1] - 1
    unit = first.denominator * step.denominator
    offset, stride = int(first * unit), int(step * unit)
    index, weight = [], []
    for i in range(count):
        whole, rest = divmod(offset + i * stride, unit)
        inside = 0 <= whole < last
        index.append(min(max(whole, 0), last))
        weight.append(rest / unit if inside else 0.0)
    low = torch.tensor(index, device=values.device)
    high = (low + 1).clamp(max=last)
    share = torch.tensor(weight, dtype=values.dtype, device=values.device)
    return torch.lerp(values[..., low], values[..., high], share)


def _official(states: SpeechStates, rate: Fraction, start: Fraction, count: int) -> Tensor:
    """Wan2.2-S2V's own sampling: 30 a second with both ends pinned, the nearest, zeros after."""
    length = max(1, floor(states.values.shape[-1] * PARITY_RATE / states.rate))
    grid = functional.interpolate(states.values, size=length, mode="linear", align_corners=True)
    # round() of a Fraction goes to the even neighbour at a half, as numpy's does officially
    picks = [max(round(PARITY_RATE * (start - states.start + i / rate)), 0) for i in range(count)]
    grid = functional.pad(grid, (0, 1))
    return grid[..., torch.tensor([min(pick, length) for pick in picks], device=grid.device)]
