"""What is measured of a dubbed window: always against the right picture, since truth is drawn.

The picture is the *composited* one (eq. 12), which is what is seen. Where "before compositing" is
said it is the network's own: outside the matte the composite is the plate, whatever was made there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import avg_pool2d, max_pool2d

from ...codec import Frames
from ...training.measure import Curve, Statistic, pearson
from ..reader import LipReader
from ..score import Case

RING = 8
"""Pixels to either side of the mask's edge in which a seam is looked for: the matte's slope."""
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_PEAK = 255.0
_PATCH = 7

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Tally:
    """A measure of one window, such that windows can be pooled.

    Attributes:
        a, b: (n,) what the measure's statistic takes: two curves, or a sum and its count.
    """

    a: Curve
    b: Curve


@dataclass(frozen=True)
class Measure:
    """A column of the tables.

    Attributes:
        what: in words.
        unit: empty for a pure number.
        better: where good figures lie.
        stands_for: which of the paper's metrics it takes the place of.
        statistic: over windows' (a, b).
        digits: worth printing.
    """

    what: str
    unit: str
    better: Literal["high", "low"]
    stands_for: str
    statistic: Statistic
    digits: int


Soften = Callable[[Mask], Plane]
"""(F, S, S) masks -> (F, S, S) 0..1, eq. 12's matte: blurred inside the mask, 0 outside."""


@dataclass(frozen=True)
class Dubbed:
    """A case's pictures, (F, S, S, 3) uint8: as the network made them, and composited."""

    case: Case
    made: Frames
    final: Frames


def decibels(errors: Sequence[Curve], counts: Sequence[Curve]) -> float:
    """Peak signal to noise of squared errors of 8-bit codes; infinite where there is no error."""
    error = _mean(errors, counts)
    return 10 * math.log10(_PEAK**2 / error) if error else math.inf


def root_mean(errors: Sequence[Curve], counts: Sequence[Curve]) -> float:
    """Root of the mean square."""
    return math.sqrt(_mean(errors, counts))


def _mean(sums: Sequence[Curve], counts: Sequence[Curve]) -> float:
    return float(np.concatenate(sums).sum() / np.concatenate(counts).sum())


MEASURES: Mapping[str, Measure] = {
    "follow": Measure(
        "correlation of the mouth's opening with the new voice's", "", "high", "LSE-C", pearson, 3
    ),
    "leak": Measure("the same with the source's", "", "low", "", pearson, 3),
    "mouth": Measure("PSNR in the mouth against the truth", "dB", "high", "FID", decibels, 2),
    "outside": Measure(
        "PSNR outside it against the plate, before compositing", "dB", "high", "FID", decibels, 2
    ),
    "identity": Measure(
        "SSIM of the whole picture with the truth, before compositing",
        "",
        "high",
        "CSIM",
        _mean,
        3,
    ),
    "seam": Measure(
        f"RMS gradient of the error within {RING} pixels of the matte's edge",
        "codes/pixel",
        "low",
        "FID",
        root_mean,
        2,
    ),
    "flicker": Measure(
        "RMS error of the change from frame to frame, in the mouth",
        "codes",
        "low",
        "FVD",
        root_mean,
        2,
    ),
    "drift": Measure(
        "the same outside it, before compositing", "codes", "low", "FVD", root_mean, 2
    ),
}


def measured(dubbed: Dubbed, reader: LipReader) -> dict[str, Tally]:
    """Every measure of one window."""
    case, made, final = dubbed.case, dubbed.made, dubbed.final
    masks = case.clip.masks
    said = reader.curve(final)[:, 0]
    error, error_before = _error(final, case.truth), _error(made, case.source)
    both = masks[1:] | masks[:-1]
    similar = similarity(made, case.truth)
    return {
        "follow": Tally(said, case.clip.curves[1][:, 0]),
        "leak": Tally(said, case.clip.curves[0][:, 0]),
        "mouth": _squares(error, masks),
        "outside": _squares(error_before, ~masks),
        "identity": _sums(similar, np.ones(similar.shape, bool)),
        "seam": seam(error, masks),
        "flicker": _squares(np.diff(error, axis=0), both),
        "drift": _squares(np.diff(error_before, axis=0), ~both),
    }


def seam(error: Plane, masks: Mask) -> Tally:
    """How steeply the error changes around the masks' edges: a step is seen, a slope is not.

    Args:
        error: (F, S, S, 3) composite minus truth; ``masks``: (F, S, S).
    """
    ring = around(masks, RING)
    pairs = (
        (np.diff(error, axis=1), ring[:, 1:] & ring[:, :-1]),
        (np.diff(error, axis=2), ring[:, :, 1:] & ring[:, :, :-1]),
    )
    sums = [_squares(steps, where) for steps, where in pairs]
    return Tally(np.sum([t.a for t in sums], axis=0), np.sum([t.b for t in sums], axis=0))


def around(masks: Mask, reach: int) -> Mask:
    """(F, S, S) pixels no further than ``reach`` from the masks' edges, on either side."""
    x = torch.from_numpy(masks)[:, None].float()

    def grown(y: torch.Tensor) -> torch.Tensor:
        return max_pool2d(y, 2 * reach + 1, 1, reach)

    ring: Mask = (grown(x) * grown(1 - x))[:, 0].numpy() > 0
    return ring


def similarity(one: Frames, other: Frames) -> Plane:
    """SSIM of the luma (Wang et al. 2004) over windows of 7 x 7: (F, S - 6, S - 6)."""
    x, y = (torch.from_numpy(frames.astype(np.float32) @ _LUMA)[:, None] for frames in (one, other))

    def over(z: torch.Tensor) -> torch.Tensor:
        return avg_pool2d(z, _PATCH, 1)

    mx, my = over(x), over(y)
    vx, vy, cov = over(x * x) - mx * mx, over(y * y) - my * my, over(x * y) - mx * my
    c1, c2 = (0.01 * _PEAK) ** 2, (0.03 * _PEAK) ** 2
    top = (2 * mx * my + c1) * (2 * cov + c2)
    found: Plane = (top / ((mx * mx + my * my + c1) * (vx + vy + c2)))[:, 0].numpy()
    return found


def _error(frames: Frames, true: Frames) -> Plane:
    return frames.astype(np.float32) - true


def _squares(error: Plane, where: Mask) -> Tally:
    """Squared errors under a mask, over all channels."""
    return _sums(np.square(error), where)


def _sums(values: Plane, where: Mask) -> Tally:
    chosen = values[where]
    return Tally(np.array([chosen.sum(dtype=np.float64)]), np.array([float(chosen.size)]))


def composited(made: Frames, plate: Frames, alpha: Plane) -> Frames:
    """Eq. 12 in 8-bit R'G'B': ``alpha`` of the network's picture over the plate.

    Args:
        alpha: (F, S, S) 0..1.
    """
    m = alpha[..., None]
    blended: Frames = np.rint(m * made + (1 - m) * plate.astype(np.float32)).astype(np.uint8)
    return blended
