"""One shot in windows: which frames make a take, and how neighbouring takes are joined.

Memory is bounded by the engine's window, whatever the shot's length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .engines.base import Generated
from .faces.types import FaceState, FaceTrack


@dataclass(frozen=True, slots=True)
class Span:
    """Frames ``start`` (inclusive) to ``stop`` (exclusive) of the new media."""

    start: int
    stop: int

    @property
    def count(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class Made:
    """One frame from the engine: ``crop`` is (S, S, 3) uint8, or None where the plate stays."""

    index: int
    crop: NDArray[np.uint8] | None
    reason: str = ""


def wanted(track: FaceTrack) -> NDArray[np.bool_]:
    """(F,) frames that an engine should re-animate."""
    return np.array([state is not FaceState.PASS for state in track.states], np.bool_)


def spans(
    seen: NDArray[np.bool_],
    wanted: NDArray[np.bool_],
    cuts: Sequence[int],
    window: int,
    overlap: int,
) -> list[Span]:
    """Cut a shot into takes.

    A take never crosses a cut and never holds a frame without a face. A run longer than ``window``
    becomes takes of nearly equal length that share ``overlap`` frames with their neighbours.

    Args:
        seen: (F,) frames with landmarks.
        wanted: (F,) frames to generate; runs without any are left out.
        cuts: first frames of scenes.
    """
    found: list[Span] = []
    for run in _runs(seen, cuts):
        if wanted[run.start : run.stop].any():
            found.extend(_windows(run, window, overlap))
    return found


def _runs(seen: NDArray[np.bool_], cuts: Sequence[int]) -> Iterator[Span]:
    edges = {*cuts, len(seen)}
    start: int | None = None
    for index in range(len(seen) + 1):
        ends = index in edges or index == len(seen) or not seen[index]
        if start is not None and ends:
            yield Span(start, index)
            start = None
        if start is None and index < len(seen) and seen[index]:
            start = index


def _windows(run: Span, window: int, overlap: int) -> Iterator[Span]:
    if run.count <= window:
        yield run
        return
    step = window - overlap
    count = -(-(run.count - overlap) // step)
    for k in range(count):
        start = run.start + k * (run.count - overlap) // count
        stop = run.start + (k + 1) * (run.count - overlap) // count + overlap
        yield Span(start, min(stop, run.stop))


def join(
    takes: Sequence[Span], generate: Callable[[Span], Generated], length: int
) -> Iterator[Made]:
    """Every frame of the shot in order, generated take by take; overlaps are cross-dissolved.

    Args:
        takes: from :func:`spans`, in order.
        generate: runs the engine on one take.
        length: frames of the shot.
    """
    held: dict[int, Made] = {}
    position = 0
    for number, take in enumerate(takes):
        for index in range(position, take.start):
            yield held.pop(index, Made(index, None))
        position = max(position, take.start)
        result = generate(take)
        for offset in range(take.count):
            index = take.start + offset
            made = _made(result, offset, index)
            held[index] = (
                _dissolve(held[index], made, takes[number - 1], take) if (index in held) else made
            )
        following = takes[number + 1].start if number + 1 < len(takes) else take.stop
        for index in range(position, min(following, take.stop)):
            yield held.pop(index)
        position = max(position, min(following, take.stop))
    for index in range(position, length):
        yield held.pop(index, Made(index, None))


def _made(result: Generated, offset: int, index: int) -> Made:
    if result.changed[offset]:
        return Made(index, result.frames[offset])
    return Made(index, None, result.reasons.get(offset, ""))


def _dissolve(before: Made, after: Made, left: Span, right: Span) -> Made:
    """Ramp from the earlier take to the later one across their overlap."""
    if before.crop is None or after.crop is None:
        return before if after.crop is None else after
    weight = (before.index - right.start + 1) / (left.stop - right.start + 1)
    mixed = before.crop * np.float32(1 - weight) + after.crop * np.float32(weight)
    return Made(before.index, np.rint(mixed).astype(np.uint8))
