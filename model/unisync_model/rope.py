"""Rotary positions of the three kinds of tokens: noisy frames, reference picture, motion memory.

Every token stands at integer coordinates (t, h, w). Noisy latents count t from zero, the reference
picture stands far after them and the motion memory before them, at negative t: so one attention
sees a past, a present and a portrait without confusing them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

REFERENCE_T = 30
"""Where the reference picture stands in time; noisy latents must stay before it."""

THETA = 10000.0
"""Wan's rotary base."""

RotaryEmbedding = tuple[torch.Tensor, torch.Tensor]
"""(cos, sin), each (1, L, 1, head_dim) float32, every value twice: the two of a rotated pair."""


@dataclass(frozen=True)
class TokenGrid:
    """A box of tokens, flattened in (t, h, w) order: the coordinates along each axis."""

    t: tuple[int, ...]
    h: tuple[int, ...]
    w: tuple[int, ...]

    @property
    def tokens(self) -> int:
        return len(self.t) * len(self.h) * len(self.w)


def frame_grid(t: Iterable[int], height: int, width: int) -> TokenGrid:
    """Whole frames of ``height`` x ``width`` tokens at the times ``t``."""
    return TokenGrid(tuple(t), tuple(range(height)), tuple(range(width)))


def thinned(size: int, factor: int) -> tuple[int, ...]:
    """``size // factor`` coordinates spread over 0..size-1, cut to integers as the backbone was
    trained: ``thinned(8, 2) == (0, 2, 4, 7)``."""
    return tuple(np.linspace(0, size - 1, size // factor).astype(int).tolist())


def axis_dims(head_dim: int) -> tuple[int, int, int]:
    """How the channels of a head are shared by (t, h, w): 128 -> 44, 42, 42."""
    side = 2 * (head_dim // 6)
    return head_dim - 2 * side, side, side


def _axis_angles(positions: Sequence[int], dim: int) -> torch.Tensor:
    """(n, dim) float64: position * theta^(-2i/dim), every angle twice."""
    frequencies = THETA ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    angles = torch.outer(torch.tensor(positions, dtype=torch.float64), frequencies)
    return angles.repeat_interleave(2, dim=1)


def _grid_table(grid: TokenGrid, axes: Sequence[torch.Tensor]) -> torch.Tensor:
    """Tables (T, dt), (H, dh), (W, dw) spread over the grid: (tokens, dt + dh + dw)."""
    t, h, w = (table.shape[0] for table in axes)
    spread = [
        axes[0].view(t, 1, 1, -1).expand(t, h, w, -1),
        axes[1].view(1, h, 1, -1).expand(t, h, w, -1),
        axes[2].view(1, 1, w, -1).expand(t, h, w, -1),
    ]
    return torch.cat(spread, dim=-1).view(grid.tokens, -1)


def rotary_embedding(
    grids: Sequence[TokenGrid], head_dim: int, device: torch.device | str = "cpu"
) -> RotaryEmbedding:
    """cos and sin for the tokens of all grids, one grid after the other.

    The angles are exact (float64 on the CPU, a few hundred numbers); only the result is float32,
    and only the small tables of each axis travel to ``device``.
    """
    cos, sin = [], []
    for grid in grids:
        positions = (grid.t, grid.h, grid.w)
        angles = [_axis_angles(p, d) for p, d in zip(positions, axis_dims(head_dim), strict=True)]
        cos.append(_grid_table(grid, [a.cos().float().to(device) for a in angles]))
        sin.append(_grid_table(grid, [a.sin().float().to(device) for a in angles]))
    return torch.cat(cos)[None, :, None], torch.cat(sin)[None, :, None]
