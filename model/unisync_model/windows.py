"""Shots longer than the network sees at once.

The network is trained on 20 latents (80 frames) and cannot take more than 30: its positions for
the reference picture begin there, and restart at 0 in every window. Two ways to cover a shot:

* joint: windows overlap, all of them take the same step together, and where they overlap their
  velocities are averaged with triangular weights (MultiDiffusion, Bar-Tal et al. 2023, arXiv
  2302.08113). Possible because plate, pose and audio are known for the whole shot. No drift.
* autoregressive, the backbone's own: window after window, each told the frames before it (its
  motion context) and held, in the latents it shares with the one before, to that one's result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from .errors import InputError
from .masks import held_prefix
from .sampling import Branch, Callback, Guide, Inject, Solver, Velocity, sample
from .tali import Tali

MAX_LATENTS = 30
"""Latents a window may have before its positions meet the reference picture's."""


class Window(NamedTuple):
    """Latents ``start .. stop - 1`` of a shot."""

    start: int
    stop: int

    def of(self, latents: Tensor) -> Tensor:
        """That stretch of (B, C, F, H, W)."""
        return latents[:, :, self.start : self.stop]


class WindowVelocity(Protocol):
    """The network over one window: ``(z of the window, s, window) -> v`` of z's shape."""

    def __call__(self, z: Tensor, s: float, window: Window, branch: Branch, /) -> Tensor: ...


@dataclass(frozen=True)
class Layout:
    """How long the windows are and how far apart, in latents (4 frames each)."""

    length: int = 20
    stride: int = 15

    def __post_init__(self) -> None:
        if not 1 <= self.length <= MAX_LATENTS:
            raise InputError(
                f"windows of {self.length} latents",
                remedy=f"Use 1 to {MAX_LATENTS}: positions of longer windows meet the reference's",
            )
        if not 1 <= self.stride <= self.length:
            raise InputError(
                f"windows of {self.length} latents every {self.stride}",
                remedy="Use a stride of at least 1 and no more than the length",
            )

    @classmethod
    def for_rate(cls, rate: Fraction) -> Layout:
        """The backbone's 20 latents; above 30 pictures a second 28, to see as much time."""
        return cls(28, 21) if rate > 30 else cls()

    def overlapping(self, latents: int) -> Layout:
        """The same length, sharing ``latents`` with the window before."""
        return replace(self, stride=self.length - latents)

    def windows(self, count: int) -> tuple[Window, ...]:
        """Cover ``count`` latents; the last window is moved back to end with the shot."""
        starts = window_starts(count, self.length, self.stride)
        return tuple(Window(start, min(start + self.length, count)) for start in starts)


def window_starts(count: int, length: int = 20, stride: int = 15) -> tuple[int, ...]:
    """First latents of the windows over a shot: 94 latents -> 0, 15, 30, 45, 60, 74.

    A shot no longer than a window gets one window of its own length.
    """
    if count < 1:
        raise InputError(f"a shot of {count} latents", remedy="Give at least one frame")
    last = max(count - length, 0)
    return (*range(0, last, stride), last)


def window_weights(windows: Sequence[Window]) -> tuple[Tensor, ...]:
    """Triangular weights, divided by their sum: over every latent they add up to one.

    Returns:
        for each window (length,) float64.
    """
    shapes = [_triangle(stop - start) for start, stop in windows]
    total = torch.zeros(max(stop for _, stop in windows), dtype=torch.float64)
    for window, shape in zip(windows, shapes, strict=True):
        total[slice(*window)] += shape
    return tuple(
        shape / total[slice(*window)] for window, shape in zip(windows, shapes, strict=True)
    )


def _triangle(length: int) -> Tensor:
    rise = torch.arange(1, length + 1, dtype=torch.float64)
    return torch.minimum(rise, rise.flip(0))


def joint(velocity: WindowVelocity, windows: Sequence[Window]) -> Velocity:
    """The velocity of the whole shot: its windows', averaged where they overlap.

    Args:
        velocity: called once a window, in order; only one window is worked on at a time.
        windows: as :meth:`Layout.windows` gives them.
    """
    weights = window_weights(windows)

    def of_the_shot(z: Tensor, s: float, branch: Branch = "full", /) -> Tensor:
        total = torch.zeros_like(z)
        for window, weight in zip(windows, weights, strict=True):
            v = velocity(window.of(z), s, window, branch).to(z)
            window.of(total).add_(v * weight.to(z)[:, None, None])
        return total

    return of_the_shot


class Chunk(NamedTuple):
    """What one autoregressive window is sampled with; all three are the window's alone."""

    velocity: Velocity
    inject: Inject | None = None
    guide: Guide | None = None


def sample_autoregressive(
    begin: Callable[[Window, Tensor], Chunk],
    z: Tensor,
    sigmas: Sequence[float],
    windows: Sequence[Window],
    *,
    solver: Solver = "euler",
    callback: Callback | None = None,
) -> Tensor:
    """Window after window; shared latents keep the earlier window's result, bit for bit.

    While a window is sampled, the latents it shares with the finished part are held to that
    part's, noised to the level reached, in every step: TALI in time instead of space.

    Args:
        begin: ``(window, finished)`` -> what to sample the window with. ``finished`` is (B, C,
            done, H, W): every latent so far, ``done > window.start`` where windows overlap.
            Turning what came before into motion context is the caller's part.
        z: (B, C, F, H, W) the noise of the whole shot.
        windows: each beginning no later than the one before ends (:meth:`Layout.windows`).
        callback: sees one count of steps through all windows; latents are the window's.

    Returns:
        (B, C, F, H, W). Raises as :func:`.sampling.sample`.
    """
    finished, steps = z[:, :, :0], len(sigmas) - 1
    for number, window in enumerate(windows):
        chunk, noise, done = begin(window, finished), window.of(z), finished.shape[2]
        shared = _held(window.of(finished), noise) if done > window.start else None
        made = sample(
            chunk.velocity,
            noise,
            sigmas,
            inject=_both(chunk.inject, shared),
            guide=chunk.guide,
            solver=solver,
            callback=_counted(callback, number * steps, len(windows) * steps),
        )
        finished = torch.cat([finished, made[:, :, done - window.start :]], dim=2)
    return finished


def _held(before: Tensor, noise: Tensor) -> Inject:
    """Injects the finished latents ``before`` at the head of a window of ``noise``'s shape."""
    count = before.shape[2]
    video = torch.cat([before, noise[:, :, count:]], dim=2)
    return Tali(video, held_prefix(noise, count), noise, tau=1.0)


def _both(first: Inject | None, second: Inject | None) -> Inject | None:
    """One injection after the other."""
    if first is None or second is None:
        return first or second

    def inject(z: Tensor, i: int, sigmas: Sequence[float]) -> Tensor | None:
        once = first(z, i, sigmas)
        twice = second(z if once is None else once, i, sigmas)
        return once if twice is None else twice

    return inject


def _counted(callback: Callback | None, before: int, count: int) -> Callback | None:
    """The callback, told the steps of all windows."""
    if callback is None:
        return None
    return lambda step: callback(replace(step, index=before + step.index, count=count))
