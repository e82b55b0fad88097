"""A toy world in latents: flat faces whose mouth cells light up as the voice tells them to.

The opening curve is all there is to hear and to see, so a network that follows can be told from
one that copies in seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from unisync_model.shot_conditions import LEAD
from unisync_model.training.config import TrainConfig
from unisync_model.training.config_file import config_of
from unisync_model.training.prompts import Prompts
from unisync_model.training.samples import Sample, Shape

CHANNELS, LAYERS, DIM, TEXT = 16, 5, 6, 12
"""As `networks.TINY` has them."""
SIDE = 8
MOUTH = (slice(4, 7), slice(2, 6))
Curve = npt.NDArray[np.float32]


def curve(frames: int, generator: torch.Generator) -> Tensor:
    """(frames,) an opening between 0 and 1 that changes from latent to latent."""
    steps = torch.rand(-(-frames // 4), generator=generator)
    return steps.repeat_interleave(4)[:frames]


@dataclass(frozen=True)
class Scene:
    """A face and two voices for it."""

    face: Tensor
    curves: tuple[Tensor, Tensor]

    def latents(self, voice: int) -> Tensor:
        """(C, f, h, w) with the mouth of one of the voices."""
        opening = self.curves[voice][LEAD:].view(-1, 4).mean(1)
        x = self.face[:, None].repeat(1, len(opening), 1, 1)
        x[(slice(None), slice(None), *MOUTH)] = _mouth(opening)
        return x


def _mouth(opening: Tensor) -> Tensor:
    """(C, f, 3, 4): every channel goes from dark to light as the mouth opens."""
    signs = torch.tensor([1.0, -1.0]).repeat(CHANNELS // 2)
    return ((2 * opening - 1)[None] * signs[:, None])[..., None, None].expand(-1, -1, 3, 4)


def read_opening(latents: Tensor) -> Curve:
    """The opening of (C, f, h, w), a number a latent."""
    signs = torch.tensor([1.0, -1.0]).repeat(CHANNELS // 2).view(-1, 1, 1, 1)
    mouth = latents[(slice(None), slice(None), *MOUTH)]
    return ((mouth * signs).mean(dim=(0, 2, 3)) + 1).div(2).numpy()  # type: ignore[no-any-return]


def toy_scene(seed: int, latents: int = 4) -> Scene:
    generator = torch.Generator().manual_seed(seed)
    frames = LEAD + 4 * latents
    face = torch.randn(CHANNELS, 1, 1, generator=generator).expand(-1, SIDE, SIDE)
    return Scene(face, (curve(frames, generator), curve(frames, generator)))


def toy_sample(seed: int, latents: int = 4, paired: bool = True) -> Sample:
    """Voice 0 is the target's, voice 1 the condition's."""
    scene = toy_scene(seed, latents)
    mask = torch.zeros(1, latents, SIDE, SIDE)
    mask[(slice(None), slice(None), *MOUTH)] = 1
    audio = torch.zeros(LAYERS, DIM, LEAD + 4 * latents)
    audio += (4 * scene.curves[0] - 2) * torch.tensor([1.0, -1, 1, -1, 1, -1])[:, None]
    return Sample(
        name=f"scene-{seed}",
        x0=scene.latents(0),
        pose=torch.zeros(CHANNELS, latents, SIDE, SIDE),
        mask=mask,
        audio=audio,
        reference=scene.face[:, None].clone(),
        video=scene.latents(1) if paired else None,
        altered="characters" if paired else None,
    )


class Toys:
    """``Samples`` made when asked for."""

    def __init__(self, seeds: Sequence[int], latents: int = 4) -> None:
        self._seeds, self._latents = tuple(seeds), latents

    def __len__(self) -> int:
        return len(self._seeds)

    def shape(self, index: int) -> Shape:
        return (self._latents, SIDE, SIDE)

    def load(self, index: int) -> Sample:
        return toy_sample(self._seeds[index], self._latents)

    @property
    def fingerprint(self) -> str:
        return f"{self._seeds}"


def toy_prompts() -> Prompts:
    generator = torch.Generator().manual_seed(7)
    return Prompts(
        (torch.randn(3, TEXT, generator=generator),), torch.randn(2, TEXT, generator=generator)
    )


def toy_config(**tables: Any) -> TrainConfig:
    """A short float32 run on one thread, saving often."""
    values: dict[str, Any] = {
        "steps": 4,
        "precision": "fp32",
        "gradient_checkpointing": False,
        "model": {"storage": "fp32"},
        "data": {"batch": 2},
        "optim": {"warmup": 2, "lr": 2e-3},
        "trainable": {"rank": 4, "alpha": 4.0},
        "log": {"every": 1, "probe_every": 0},
        "checkpoints": {"every": 100},
    }
    for name, table in tables.items():
        values[name] = {**values.get(name, {}), **table} if isinstance(table, dict) else table
    return config_of(values)
