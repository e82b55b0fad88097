"""A judge of lips: how far a mouth is open, read off a picture of any character.

It only ever measures. It learns from pictures as drawn and from pictures that went through the
codec, of training characters; what it says of others is checked before anyone relies on it.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..group_autoencoder import FRAMES, GroupAutoencoder
from .codec_training import Pictures, to_pixels
from .recipe import ReaderRecipe

log = logging.getLogger(__name__)

_WIDTHS = (24, 40, 64, 96, 128)


class LipReader(nn.Module):
    """(B, 3, S, S) pictures in -1..1 -> (B, 2) opening and width, as the curves count them."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip((3, *_WIDTHS), _WIDTHS, strict=False):
            layers += [nn.Conv2d(before, after, 3, 2, 1), nn.GroupNorm(8, after), nn.SiLU()]
        self.convolutions = nn.Sequential(*layers)
        # where in the crop a mouth is says much about how far the chin has dropped
        self.head = nn.Sequential(
            nn.Conv2d(_WIDTHS[-1], 32, 1), nn.SiLU(), nn.Flatten(), nn.LazyLinear(2)
        )

    def forward(self, pictures: Tensor) -> Tensor:
        return self.head(self.convolutions(pictures))  # type: ignore[no-any-return]

    @torch.no_grad()
    def curve(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(F, S, S, 3) pictures -> (F, 2)."""
        x = torch.from_numpy(np.ascontiguousarray(frames)).float().div(127.5).sub(1)
        return np.asarray(self(x.movedim(-1, 1)).numpy(), np.float32)


@dataclass(frozen=True)
class Read:
    """Pictures with the true curves of their mouths, (N, F, 6)."""

    pictures: Pictures
    curves: NDArray[np.float32]


def train_reader(
    train: Read, held_out: Read, codec: GroupAutoencoder, recipe: ReaderRecipe, seed: int, out: Path
) -> LipReader:
    """Train the judge, and say how well it judges."""
    torch.manual_seed(seed)
    model = LipReader()
    model(torch.zeros(1, 3, *train.pictures.frames.shape[2:4]))
    optimizer = torch.optim.AdamW(model.parameters(), recipe.lr, weight_decay=0.02)
    pace = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.lr, recipe.steps)
    for step in range(recipe.steps):
        x, wanted = _batch(train, codec, recipe, np.random.default_rng([seed, step]))
        with torch.autocast("cpu", torch.bfloat16):
            loss = (model(x).float() - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        pace.step()
        if (step + 1) % 100 == 0:
            log.info("step %d: loss %.5f", step + 1, loss.item())
    drawn, coded = agreement(model, held_out, None), agreement(model, held_out, codec)
    log.info("held-out characters, drawn: %s, through the codec: %s", drawn, coded)
    part = out.with_suffix(".partial")
    torch.save(model.state_dict(), part)
    os.replace(part, out)
    model.eval()
    return model


@torch.no_grad()
def agreement(model: LipReader, read: Read, codec: GroupAutoencoder | None) -> tuple[float, float]:
    """Correlation of opening and of width with the truth, pooled over all pictures."""
    said = []
    for frames in read.pictures.frames:
        groups = to_pixels(frames.reshape(-1, FRAMES, *frames.shape[1:]))
        if codec is not None:
            groups = codec.decode(codec.encode(groups))
        said.append(model(groups.movedim(1, 2).flatten(0, 1)))
    values, truth = torch.cat(said), torch.from_numpy(read.curves[..., :2]).flatten(0, 1)
    opening, width = (
        float(torch.corrcoef(torch.stack([values[:, i], truth[:, i]]))[0, 1]) for i in (0, 1)
    )
    return opening, width


@torch.no_grad()
def _batch(
    read: Read, codec: GroupAutoencoder, recipe: ReaderRecipe, draw: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Pictures, half of them through the codec, shifted and mirrored; and what is true of them."""
    frames, groups, truth = read.pictures.frames, [], []
    for _ in range(recipe.groups):
        n, start = int(draw.integers(len(frames))), int(draw.integers(frames.shape[1] // FRAMES))
        at = np.s_[n, FRAMES * start : FRAMES * (start + 1)]
        group = frames[at]
        groups.append(group[:, :, ::-1] if draw.random() < 0.5 else group)
        truth.append(read.curves[at][:, :2])
    x = to_pixels(np.stack(groups))
    half = len(x) // 2
    x[:half] = codec.decode(codec.encode(x[:half])).float()
    pictures = x.movedim(1, 2).flatten(0, 1)
    shift = tuple(int(i) for i in draw.integers(-3, 4, 2))
    return pictures.roll(shift, (-2, -1)), torch.from_numpy(np.stack(truth)).flatten(0, 1)
