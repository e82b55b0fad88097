"""What is looked at while a run goes: the leak metric and sheets of source, truth and output.

A probe is a function of a :class:`.loop.Moment`; how latents become an opening or pictures is the
caller's, who has the codec and the reader of mouths.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from torch import Tensor

from ..errors import InputError
from ..settings import SamplingSettings
from .generate import generated
from .loop import Moment, Probe
from .measure import Curve, sync
from .prompts import Prompts
from .samples import Sample

Read = Callable[[Tensor], Curve]
"""(C, f, h, w) latents -> (F,) the mouth's opening."""

Show = Callable[[Tensor], npt.NDArray[np.uint8]]
"""(C, f, h, w) latents -> (F, H, W, 3) pictures."""


def leak_probe(
    windows: Sequence[Sample], prompts: Prompts, settings: SamplingSettings, read: Read
) -> Probe:
    """Dubs held-out pairs and logs ``follow``, ``leak``, their window means and the opening.

    The truth and the source are read like the output, so that what the reader or the codec loses
    is the same for all three.

    Args:
        windows: pairs: ``video`` is the source, ``x0`` the truth under the new voice.

    Raises:
        InputError: a window that is no pair.
    """
    voices, sources = [read(w.x0) for w in windows], [read(_source(w)) for w in windows]

    def probe(moment: Moment) -> None:
        outputs = [read(generated(moment.model, w, prompts, settings)) for w in windows]
        found = sync(outputs, voices, sources)
        values = {
            "follow": found.follow.value,
            "follow_low": found.follow.low,
            "leak": found.leak.value,
            "leak_high": found.leak.high,
            "follow_window": found.follow_window,
            "leak_window": found.leak_window,
            "opening": found.opening,
        }
        moment.log.scalars(values, moment.step)

    return probe


def sheet_probe(
    windows: Sequence[Sample],
    prompts: Prompts,
    settings: SamplingSettings,
    show: Show,
    columns: int = 6,
) -> Probe:
    """Dubs pairs and logs a sheet of each: source, truth, output below each other, in time."""
    known = [[_row(show(z), columns) for z in (_source(w), w.x0)] for w in windows]

    def probe(moment: Moment) -> None:
        for window, rows in zip(windows, known, strict=True):
            made = _row(show(generated(moment.model, window, prompts, settings)), columns)
            moment.log.picture(f"sheet/{window.name}", np.concatenate([*rows, made]), moment.step)

    return probe


def _source(window: Sample) -> Tensor:
    if window.video is None:
        raise InputError(
            f"{window.name} has no rendering with other lips", remedy="Probe with pairs"
        )
    return window.video


def _row(frames: npt.NDArray[np.uint8], columns: int) -> npt.NDArray[np.uint8]:
    """Frames evenly out of (F, H, W, 3), beside each other: (H, columns * W, 3)."""
    chosen = np.linspace(0, len(frames) - 1, columns).round().astype(int)
    return np.concatenate(list(frames[chosen]), axis=1)
