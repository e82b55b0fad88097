"""What a tiny network can do, on scenes, voices and words it never met.

Everything is measured on pictures that went through the codec both ways, as an output must; the
true curve of the new voice is the drawing's own, not a reading.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..audio.logmel import LogMelEncoder
from ..characters.splits import Split
from ..codec import Frames, LatentCodec
from ..masks import latent_mask
from ..settings import SamplingSettings
from ..training.generate import generated
from ..training.loop import Moment, Probe
from ..training.measure import Curve, Interval, bootstrap, closed, pearson
from ..training.prompts import Prompts
from ..training.samples import Sample
from ..transformer import UniSyncTransformer3DModel
from .clips import Clip, clip
from .folder import SETTINGS
from .pairs import tensors
from .reader import LipReader
from .recipe import GRAIN, RATE, WINDOW

_FRAMES = 4 * WINDOW


@dataclass(frozen=True)
class Case:
    """A window to dub: the source's lips say speech 0, the new voice is speech 1.

    Attributes:
        sample: what the network is given; ``silent``: the same with a silent voice.
        first: (C, 1, h, w) the source's first frame alone, for the decoder.
    """

    clip: Clip
    sample: Sample
    silent: Sample
    first: Tensor

    @property
    def source(self) -> Frames:
        source: Frames = self.clip.frames[0]
        return source

    @property
    def truth(self) -> Frames:
        truth: Frames = self.clip.frames[1]
        return truth

    @property
    def plate(self) -> Tensor:
        """(C, f, h, w) the source's latents."""
        assert self.sample.video is not None
        return self.sample.video


def cases(
    split: Split, chosen: Sequence[int], codec: LatentCodec, ear: LogMelEncoder
) -> list[Case]:
    """A case for each scene."""
    return [_case(clip(seed, split, 3, _FRAMES, GRAIN, True), codec, ear) for seed in chosen]


def _case(drawn: Clip, codec: LatentCodec, ear: LogMelEncoder) -> Case:
    t = tensors(drawn, codec, ear)
    # what is shown free in use, which is less than what is trained
    mask = latent_mask(torch.from_numpy(drawn.masks), SETTINGS.mask_margin)[0]

    def sample(voice: int) -> Sample:
        return Sample(
            name=f"{drawn.split}-{drawn.seed}",
            x0=t[f"x0.{voice}"],
            pose=t["pose"],
            mask=mask,
            audio=t[f"audio.{voice}"],
            # the pipeline shows the source's first frame
            reference=t["portraits.0"][:, :1],
            video=t["x0.0"],
            altered="characters",
            rate=RATE,
        )

    return Case(drawn, sample(1), sample(2), t["portraits.0"][:, :1])


def decoded(codec: LatentCodec, case: Case, z: Tensor) -> Frames:
    """(F, S, S, 3) pictures of a window's latents."""
    return np.concatenate(list(codec.decode(case.first[None], z[None], _FRAMES)))


@dataclass(frozen=True)
class Score:
    """Over a set of cases.

    Attributes:
        follow: pooled correlation of the opening read off the output with the new voice's true
            curve; ``leak`` with the source's.
        ceiling: follow of the true pictures through the codec; ``coupling``: of the two true
            curves with each other; ``copied``: leak of the source through the codec.
        width: follow of the mouth's width, and its ceiling.
        shut: share of frames under a silent voice with an opening below .15.
        mouth: dB in the mask against the true pictures: (source through the codec, output, true
            pictures through the codec).
        outside: dB outside it: (output, source through the codec).
    """

    follow: Interval
    leak: Interval
    ceiling: float
    coupling: float
    copied: float
    width: tuple[float, float]
    shut: float
    mouth: tuple[float, float, float]
    outside: tuple[float, float]

    @property
    def way(self) -> float:
        """Share of the way, in dB, from a copy of the source to the codec's ceiling."""
        copy, made, best = self.mouth
        return (made - copy) / (best - copy)

    def lines(self) -> list[str]:
        copy, made, best = self.mouth
        return [
            f"follow {self.follow}, of {self.ceiling:.3f} that the codec leaves",
            f"leak {self.leak}; the voices agree by {self.coupling:.3f}, a copy {self.copied:.3f}",
            f"width follow {self.width[0]:.3f} of {self.width[1]:.3f}",
            f"silence: {100 * self.shut:.0f} % of frames shut",
            f"mouth {made:.2f} dB: {100 * self.way:.0f} % of the way from a copy ({copy:.2f}) to "
            f"the codec ({best:.2f})",
            f"outside {self.outside[0]:.2f} dB, the codec {self.outside[1]:.2f}",
        ]


def score(
    model: UniSyncTransformer3DModel,
    told: Sequence[Case],
    prompts: Prompts,
    settings: SamplingSettings,
    codec: LatentCodec,
    reader: LipReader,
    seeds: Sequence[int] = (0,),
) -> Score:
    """Dub every case with every seed, once more under silence, and measure."""

    def dubbed(case: Case, sample: Sample, seed: int) -> Frames:
        noise = 1000 * case.clip.seed + seed
        return decoded(codec, case, generated(model, sample, prompts, settings, noise))

    runs = [case for case in told for _ in seeds]
    made = [dubbed(case, case.sample, seed) for case in told for seed in seeds]
    hushed = [dubbed(case, case.silent, seeds[0]) for case in told]
    truths = [decoded(codec, case, case.sample.x0) for case in told]
    copies = [decoded(codec, case, case.plate) for case in told]
    voices, sources = [c.clip.curves[1] for c in told], [c.clip.curves[0] for c in told]
    read = _by_case([reader.curve(frames) for frames in made], len(seeds))
    of_truth = [reader.curve(frames) for frames in truths]
    openings, olds = _column(voices, 0), _column(sources, 0)
    return Score(
        follow=bootstrap(_column(read, 0), _again(openings, len(seeds))),
        leak=bootstrap(_column(read, 0), _again(olds, len(seeds))),
        ceiling=pearson(_column(of_truth, 0), openings),
        coupling=pearson(openings, olds),
        copied=pearson(_column([reader.curve(f) for f in copies], 0), olds),
        width=(
            pearson(_column(read, 1), _again(_column(voices, 1), len(seeds))),
            pearson(_column(of_truth, 1), _column(voices, 1)),
        ),
        shut=closed([reader.curve(f)[:, 0] for f in hushed]),
        mouth=(
            _decibels(copies, [c.truth for c in told], told, True),
            _decibels(made, [c.truth for c in runs], runs, True),
            _decibels(truths, [c.truth for c in told], told, True),
        ),
        outside=(
            _decibels(made, [c.source for c in runs], runs, False),
            _decibels(copies, [c.source for c in told], told, False),
        ),
    )


def curve_probe(
    told: Sequence[Case],
    prompts: Prompts,
    settings: SamplingSettings,
    codec: LatentCodec,
    reader: LipReader,
) -> Probe:
    """Logs what the network can do so far: the learning curve of a run."""

    def probe(moment: Moment) -> None:
        found = score(moment.model, told, prompts, settings, codec, reader)
        values = {
            "follow": found.follow.value,
            "leak": found.leak.value,
            "mouth_db": found.mouth[1],
            "way": found.way,
            "outside_db": found.outside[0],
        }
        moment.log.scalars(values, moment.step)

    return probe


def _by_case(curves: Sequence[NDArray[np.float32]], seeds: int) -> list[NDArray[np.float32]]:
    """Each case's seeds one after another: what is resampled is scenes."""
    return [np.concatenate(curves[i : i + seeds]) for i in range(0, len(curves), seeds)]


def _again(curves: Sequence[Curve], times: int) -> list[Curve]:
    return [np.tile(curve, times) for curve in curves]


def _column(curves: Sequence[NDArray[np.float32]], number: int) -> list[Curve]:
    return [curve[:, number] for curve in curves]


def _decibels(
    made: Sequence[Frames], true: Sequence[Frames], told: Sequence[Case], inside: bool
) -> float:
    """Peak signal to noise inside or outside the masks, over all cases together."""
    error, count = 0.0, 0
    for a, b, case in zip(made, true, told, strict=True):
        where = case.clip.masks == inside
        square = (a[where].astype(np.float64) - b[where]) ** 2
        error, count = error + float(square.sum()), count + square.size
    return 10 * math.log10(255**2 * count / error)


def sheet(told: Sequence[Case], made: Sequence[Frames], columns: int = 8) -> Frames:
    """(H, W, 3): source, truth and output of each case below each other, in time."""
    chosen = np.linspace(0, _FRAMES - 1, columns).round().astype(int)
    rows = [
        np.concatenate(list(frames[chosen]), axis=1)
        for case, output in zip(told, made, strict=True)
        for frames in (case.source, case.truth, output)
    ]
    return np.concatenate(rows)


def outputs(
    model: UniSyncTransformer3DModel,
    told: Sequence[Case],
    prompts: Prompts,
    settings: SamplingSettings,
    codec: LatentCodec,
) -> list[Frames]:
    """The pictures of every case, as :func:`score` makes them."""
    with torch.no_grad():
        return [
            decoded(codec, c, generated(model, c.sample, prompts, settings, 1000 * c.clip.seed))
            for c in told
        ]
