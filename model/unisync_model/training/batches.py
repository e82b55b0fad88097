"""From samples to what the network is given: order, draws, collation.

Everything random about batch number ``position`` comes from (seed, position): which samples, which
windows, pairs, dropouts, noise and levels. So the order of the data needs no state of its own to
be gone on with, and every process can make any batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ..pafs import drop_pose
from ..shot_conditions import LEAD
from .config import BuilderName, TrainConfig
from .errors import DataError
from .loss import draw_levels, noised_batch
from .pairs import build, choose
from .prompts import Prompts
from .samples import Sample, Samples, Shape

ORDER, DRAWS, LAYERS = 0, 1, 2
"""Streams of random numbers that must not meet."""


def seed_of(*numbers: int) -> int:
    """A seed for one thing out of many; neighbouring numbers give unrelated streams."""
    words = np.random.SeedSequence([n % 2**64 for n in numbers]).generate_state(2, np.uint32)
    return int(words[0]) << 31 ^ int(words[1])


def seeded(*numbers: int) -> torch.Generator:
    """A generator for one thing out of many."""
    return torch.Generator().manual_seed(seed_of(*numbers))


class Order:
    """Which samples make batch number ``position``: every sample once an epoch, shuffled.

    Samples of one shape make a batch; a shape's last batch is filled up from its first samples.
    """

    def __init__(self, shapes: Sequence[Shape], batch: int, seed: int) -> None:
        if not shapes:
            raise DataError("there is nothing to train on")
        self._batch, self._seed = batch, seed
        buckets: dict[Shape, list[int]] = {}
        for index, shape in enumerate(shapes):
            buckets.setdefault(tuple(shape), []).append(index)  # type: ignore[arg-type]
        self._buckets = [buckets[shape] for shape in sorted(buckets)]
        self.batches_an_epoch = sum(-(-len(bucket) // batch) for bucket in self._buckets)
        self._epoch: tuple[int, list[tuple[int, ...]]] = (-1, [])

    def __call__(self, position: int) -> tuple[int, ...]:
        epoch, place = divmod(position, self.batches_an_epoch)
        if self._epoch[0] != epoch:
            self._epoch = (epoch, self._planned(epoch))
        return self._epoch[1][place]

    def _planned(self, epoch: int) -> list[tuple[int, ...]]:
        generator = seeded(self._seed, ORDER, epoch)
        batches: list[tuple[int, ...]] = []
        for bucket in self._buckets:
            order = [bucket[i] for i in torch.randperm(len(bucket), generator=generator).tolist()]
            for start in range(0, len(order), self._batch):
                missing = max(0, start + self._batch - len(order))
                filled = [order[i % len(order)] for i in range(missing)]
                batches.append((*order[start : start + self._batch], *filled))
        return [batches[i] for i in torch.randperm(len(batches), generator=generator).tolist()]


@dataclass(frozen=True)
class Batch:
    """B windows of f latents, with the noise they are trained at.

    Attributes:
        names: of the samples.
        builders: which made each pair.
        x0: (B, C, f, h, w); ``video``, ``pose`` and ``eps`` likewise.
        mask: (B, 1, f, h, w).
        audio: (B, layers, dim, LEAD + 4f).
        words: (B, L, text_dim).
        reference: (B, C, 1, h, w).
        motion: (B, C, 19, h, w), or None.
        s: (B,) levels.
    """

    names: tuple[str, ...]
    builders: tuple[BuilderName, ...]
    x0: Tensor
    video: Tensor
    pose: Tensor
    mask: Tensor
    audio: Tensor
    words: Tensor
    reference: Tensor
    motion: Tensor | None
    eps: Tensor
    s: Tensor

    def to(self, device: torch.device | str) -> Batch:
        moved: dict[str, Any] = {
            f.name: value.to(device, non_blocking=True)
            for f in fields(self)
            if isinstance(value := getattr(self, f.name), Tensor)
        }
        return replace(self, **moved)

    def inputs(self, av2v: bool) -> dict[str, Tensor | None]:
        """What `UniSyncTransformer3DModel` is called with."""
        return {
            "hidden_states": noised_batch(self.x0, self.eps, self.s),
            "timestep": 1000 * self.s,
            "encoder_hidden_states": self.words,
            "audio": self.audio[..., LEAD:],
            "audio_prefix": self.audio[..., :LEAD],
            "pose": self.pose,
            "video": self.video if av2v else None,
            "reference": self.reference,
            "motion": self.motion,
        }


class Batches(Dataset[Batch]):
    """Batch number ``position``, made on demand, in any process.

    The draws are made on the CPU whatever the device, so a seed is the same run everywhere.
    """

    def __init__(self, samples: Samples, prompts: Prompts, config: TrainConfig) -> None:
        self._samples, self._prompts, self._config = samples, prompts, config
        shapes = [self._cut(samples.shape(i)) for i in range(len(samples))]
        self.order = Order(shapes, config.data.batch, config.seed)
        self.largest = max(shapes, key=lambda shape: (shape[0] * shape[1] * shape[2], shape))

    def __getitem__(self, position: int) -> Batch:
        chosen = [self._samples.load(i) for i in self.order(position)]
        return drawn(chosen, self._prompts, self._config, position)

    def _cut(self, shape: Shape) -> Shape:
        wanted = self._config.data.latents or shape[0]
        return (min(wanted, shape[0]), *shape[1:])


def drawn(samples: Sequence[Sample], prompts: Prompts, config: TrainConfig, position: int) -> Batch:
    """A batch of samples of one shape, with everything random decided by the position.

    Raises:
        DataError: a sample that no builder can make a pair of.
    """
    generator = seeded(config.seed, DRAWS, position)
    count = len(samples)
    cut = [_windowed(sample, config.data.latents, generator) for sample in samples]
    builders = [
        choose(config.pairs.weights, sample, config.pairs, _uniform(generator)) for sample in cut
    ]
    video = torch.stack(
        [build(b, s, config.pairs, generator) for b, s in zip(builders, cut, strict=True)]
    )
    without = config.dropout
    video *= _kept(count, without.video, generator)
    heard = _kept(count, without.audio, generator).view(count, 1, 1, 1)
    unsaid = (torch.rand(count, generator=generator) < without.words) & (heard.view(count) == 0)
    pose = drop_pose(_stacked(cut, lambda s: s.pose), without.pose, generator)
    motion = None
    if _uniform(generator) >= without.motion and all(s.motion is not None for s in cut):
        motion = _stacked(cut, lambda s: cast(Tensor, s.motion))
    x0 = _stacked(cut, lambda s: s.x0)
    return Batch(
        names=tuple(sample.name for sample in cut),
        builders=tuple(builders),
        x0=x0,
        video=video,
        pose=pose,
        mask=_stacked(cut, lambda s: s.mask),
        audio=_stacked(cut, lambda s: s.audio) * heard,
        words=prompts.states(
            [None if gone else s.prompt for s, gone in zip(cut, unsaid.tolist(), strict=True)]
        ),
        reference=torch.stack([_portrait(s.reference, generator) for s in cut]),
        motion=motion,
        eps=torch.randn(x0.shape, generator=generator),
        s=draw_levels(count, config.loss, generator),
    )


def _windowed(sample: Sample, latents: int, generator: torch.Generator) -> Sample:
    """A random window of ``latents``; shorter samples and 0 as they are."""
    frames = sample.shape[0]
    if not latents or frames <= latents:
        return sample
    start = int(torch.randint(0, frames - latents + 1, (), generator=generator))
    return sample.window(start, start + latents)


def _portrait(references: Tensor, generator: torch.Generator) -> Tensor:
    """One of (C, R, h, w): (C, 1, h, w)."""
    i = int(torch.randint(0, references.shape[1], (), generator=generator))
    return references[:, i : i + 1]


def _stacked(samples: Sequence[Sample], part: Callable[[Sample], Tensor]) -> Tensor:
    return torch.stack([part(sample) for sample in samples])


def _kept(count: int, dropout: float, generator: torch.Generator) -> Tensor:
    """(count, 1, 1, 1, 1) of 0 and 1."""
    draw = torch.rand(count, generator=generator)
    return (draw >= dropout).float().view(count, 1, 1, 1, 1)


def _uniform(generator: torch.Generator) -> float:
    return float(torch.rand((), generator=generator))
