"""Training the group autoencoder: pictures kept, above all where lips move."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers.training_utils import EMAModel
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ..group_autoencoder import FRAMES, GroupAutoencoder
from .recipe import CodecPhase, CodecRecipe

log = logging.getLogger(__name__)

_CHECKPOINT, _REPORT = 200, 200
_CELL = 8


@dataclass(frozen=True)
class Pictures:
    """What it trains on.

    Attributes:
        frames: (N, F, S, S, 3) uint8, F a multiple of 4.
        masks: (N, F, S, S) bool.
    """

    frames: NDArray[np.uint8]
    masks: NDArray[np.bool_]


@dataclass(frozen=True)
class Kept:
    """Peak signal to noise in decibels, over all of the pictures and inside the masks."""

    whole: float
    mouth: float

    def __str__(self) -> str:
        return f"{self.whole:.2f} dB, mouth {self.mouth:.2f} dB"


def train_codec(
    train: Pictures, held_out: Pictures, recipe: CodecRecipe, seed: int, out: Path
) -> GroupAutoencoder:
    """Train, or go on with, the autoencoder in ``out``; the average of its weights comes back.

    What step n of a phase sees depends on the seed, the phase and n alone, so a run that is cut off
    and started again ends with the same weights.
    """
    torch.manual_seed(seed)
    model = GroupAutoencoder()
    model.set_components(_some_blocks(train))
    model = model.to(memory_format=torch.channels_last)
    for number, phase in enumerate(recipe.phases):
        run = _Run.of(model, phase, recipe.ema, out / f"codec-{number}.pt")
        for step in range(run.resume(), phase.steps):
            draw = np.random.default_rng([seed, number, step])
            torch.manual_seed(int(draw.integers(2**31)))
            loss = _loss(model, _batch(train, recipe, draw), phase, recipe.noise)
            run.step(loss)
            if (step + 1) % _CHECKPOINT == 0 or step + 1 == phase.steps:
                run.save(step + 1)
            if (step + 1) % _REPORT == 0:
                report = f"phase {number}, step {step + 1}: loss {loss.item():.4f}"
                log.info("%s, %s", report, kept(model, held_out))
        run.average.copy_to(model.networks)
    return _normalised(model, train)


@dataclass
class _Run:
    model: GroupAutoencoder
    optimizer: torch.optim.Optimizer
    pace: torch.optim.lr_scheduler.LRScheduler
    average: EMAModel
    path: Path

    @classmethod
    def of(cls, model: GroupAutoencoder, phase: CodecPhase, ema: float, path: Path) -> _Run:
        optimizer = torch.optim.AdamW(
            model.networks, phase.lr, betas=(0.9, 0.98), weight_decay=0.01, foreach=True
        )
        pace = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, phase.lr, phase.steps, pct_start=min(0.05, 100 / phase.steps)
        )
        average = EMAModel(model.networks, decay=ema, foreach=True)
        return cls(model, optimizer, pace, average, path)

    def step(self, loss: Tensor) -> None:
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.networks, 1.0)
        self.optimizer.step()
        self.pace.step()
        self.average.step(self.model.networks)

    def resume(self) -> int:
        """The step to go on with."""
        if not self.path.exists():
            return 0
        held = torch.load(self.path, weights_only=True)
        self.model.load_state_dict(held["model"])
        self.optimizer.load_state_dict(held["optimizer"])
        self.pace.load_state_dict(held["pace"])
        self.average.load_state_dict(held["average"])
        return int(held["step"])

    def save(self, step: int) -> None:
        part = self.path.with_suffix(".partial")
        part.parent.mkdir(parents=True, exist_ok=True)
        held = {"step": step, "average": self.average.state_dict()} | {
            name: getattr(self, name).state_dict() for name in ("model", "optimizer", "pace")
        }
        torch.save(held, part)
        os.replace(part, self.path)


@torch.no_grad()
def kept(model: GroupAutoencoder, pictures: Pictures) -> Kept:
    """What comes back of pictures, as 8-bit decoders deliver them: clipped, not rounded."""
    error, mouth, inside, count = 0.0, 0.0, 0, 0
    for x, mask in _in_order(pictures):
        with torch.autocast("cpu", torch.bfloat16):
            y = model.decode(model.encode(x))
        square = (y.float().clamp(-1, 1) - x).square()
        error, count = error + square.sum().item(), count + square.numel()
        mouth, inside = mouth + (square * mask).sum().item(), inside + 3 * int(mask.sum())
    return Kept(_decibels(error / count), _decibels(mouth / inside))


def _batch(
    pictures: Pictures, recipe: CodecRecipe, draw: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """(B, 3, 4, T, T) pixels and (B, 1, 4, T, T) masks: tiles, mirrored, played back by turns."""
    tiles, masks = [], []
    for _ in range(recipe.batch):
        scene = int(draw.integers(len(pictures.frames)))
        start = FRAMES * int(draw.integers(pictures.frames.shape[1] // FRAMES))
        mask = pictures.masks[scene, start : start + FRAMES]
        top, left = _corner(mask, recipe, draw)
        cut = np.s_[:, top : top + recipe.tile, left : left + recipe.tile]
        tile, mask = pictures.frames[scene, start : start + FRAMES][cut], mask[cut]
        if draw.random() < 0.5:
            tile, mask = tile[:, :, ::-1], mask[:, :, ::-1]
        if draw.random() < 0.3:
            tile, mask = tile[::-1], mask[::-1]
        tiles.append(tile)
        masks.append(mask)
    return to_pixels(np.stack(tiles)), torch.from_numpy(np.stack(masks)).float()[:, None]


def _corner(
    mask: NDArray[np.bool_], recipe: CodecRecipe, draw: np.random.Generator
) -> tuple[int, int]:
    """Of a tile: anywhere on the grid of cells, or laid over the mouth."""
    room = (mask.shape[-1] - recipe.tile) // _CELL
    anywhere = draw.integers(0, room + 1, 2)
    if draw.random() < recipe.near_mouth and mask.any():
        y, x = (int(axis.mean()) for axis in np.nonzero(mask.any(0)))
        middle = np.array([y, x]) // _CELL - recipe.tile // (2 * _CELL)
        anywhere = np.clip(middle + draw.integers(-1, 2, 2), 0, room)
    return _CELL * int(anywhere[0]), _CELL * int(anywhere[1])


def _loss(
    model: GroupAutoencoder, batch: tuple[Tensor, Tensor], phase: CodecPhase, noise: float
) -> Tensor:
    """Absolute and squared error and that of the gradients, the mouth counted more."""
    x, mask = batch
    weight = 1 + (phase.mouth - 1) * mask
    with torch.autocast("cpu", torch.bfloat16):
        z = model.encode(x)
        y = model.decode(z + noise * torch.randn_like(z))
    error = y.float() - x
    across, down = error.diff(dim=-1).abs(), error.diff(dim=-2).abs()
    edges = (weight[..., 1:] * across).mean() + (weight[..., 1:, :] * down).mean()
    plain = (weight * (0.3 * error.abs() + phase.square * error.square())).mean()
    # latents that stay near unit variance are what the network is to predict
    return plain + phase.gradient * edges + 1e-3 * z.float().square().mean()


def _some_blocks(pictures: Pictures) -> Tensor:
    """(N, 768) blocks out of the first group of every other scene."""
    planes = to_pixels(np.ascontiguousarray(pictures.frames[::2, :FRAMES])).flatten(1, 2)
    return functional.pixel_unshuffle(planes, _CELL).permute(0, 2, 3, 1).flatten(0, 2)


@torch.no_grad()
def _normalised(model: GroupAutoencoder, pictures: Pictures) -> GroupAutoencoder:
    """The model, told the mean and deviation of its latents."""
    few = Pictures(pictures.frames[::8], pictures.masks[::8])
    z = torch.cat([model.encode(x) for x, _ in _in_order(few)])
    deviation, mean = torch.std_mean(z, dim=(0, 2, 3, 4))
    model.register_to_config(latents_mean=mean.tolist(), latents_std=deviation.tolist())
    return model


def _in_order(pictures: Pictures, size: int = 8) -> Iterator[tuple[Tensor, Tensor]]:
    """Every third group: (B, 3, 4, S, S) pixels and (B, 1, 4, S, S) masks."""
    starts = range(0, pictures.frames.shape[1] - FRAMES + 1, 3 * FRAMES)
    order = [(n, start) for n in range(len(pictures.frames)) for start in starts]
    for i in range(0, len(order), size):
        some = [np.s_[n, s : s + FRAMES] for n, s in order[i : i + size]]
        masks = torch.from_numpy(np.stack([pictures.masks[s] for s in some]))
        yield to_pixels(np.stack([pictures.frames[s] for s in some])), masks[:, None]


def to_pixels(groups: NDArray[np.uint8]) -> Tensor:
    """(B, 4, H, W, 3) uint8 -> (B, 3, 4, H, W) float32 in -1..1."""
    return torch.from_numpy(np.ascontiguousarray(groups)).float().div(127.5).sub(1).movedim(-1, 1)


def _decibels(mean_square: float) -> float:
    """Of an error over a range of 2."""
    return 10 * math.log10(4 / mean_square)
