"""Long audio in overlapping spans, so that memory does not grow with the shot.

Attention over audio costs memory with the square of its length. A shot longer than one span is
heard in equal spans; neighbours overlap, the outer quarters of the overlap are thrown away (the
network hears an edge there that the shot does not have), and between them one fades into the
other. A network whose receptive field is shorter than that quarter gives what it would have given
unsplit; for one with global attention the difference is small and smooth.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def span_starts(count: int, length: int, overlap: int) -> list[int]:
    """First states of the spans of ``length`` that cover ``count`` states.

    Neighbours share at least ``overlap`` states; the last span ends at the last state.
    """
    if count <= length:
        return [0]
    steps = -(-(count - length) // (length - overlap))
    return [i * (count - length) // steps for i in range(steps + 1)]


def joined(of_span: Callable[[int, int], Tensor], count: int, length: int, overlap: int) -> Tensor:
    """``count`` states heard in spans, each given by ``of_span(first, stop)``.

    Args:
        of_span: states ``first`` to ``stop`` of the shot, (layers, dim, stop - first), on any
            device.
        count: states in the whole shot.
        length: states in a span.
        overlap: states that neighbours share at least.

    Returns:
        (layers, dim, count) on the CPU.
    """
    if count <= length:
        return of_span(0, count).cpu()
    starts = span_starts(count, length, overlap)
    result = torch.empty(0)
    done = 0
    for first in starts:
        part = of_span(first, first + length).cpu()
        if first == 0:
            result = part.new_empty(*part.shape[:-1], count)
            result[..., :length] = part
        else:
            shared = done - first
            fade = _fade(shared, part)
            before = result[..., first:done]
            result[..., first:done] = torch.lerp(before, part[..., :shared], fade)
            result[..., done : first + length] = part[..., shared:]
        done = first + length
    return result


def _fade(shared: int, like: Tensor) -> Tensor:
    """0 over the first quarter of the overlap, 1 over the last, a line between."""
    middle = torch.arange(shared, dtype=like.dtype).add_(0.5).div_(shared)
    return (2 * middle - 0.5).clamp_(0, 1)
