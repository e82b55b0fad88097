"""Training the ear: log-mel to features that the true curves of the mouth can be read off.

It stands where wav2vec2 stands for the 14B network: trained first, then frozen.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..audio.encoder import NETWORK_RATE, heard
from ..audio.logmel import HOP, LogMelEncoder
from ..characters.acoustics import roughened
from ..characters.speech import articulation
from ..characters.splits import Split
from ..characters.spoken import Speech, random_speech
from .recipe import EarRecipe

log = logging.getLogger(__name__)

CURVES = ("open", "width", "bite", "round", "tongue", "teeth")
_GRID = Fraction(NETWORK_RATE, HOP)
_APART = 5_000_000
"""The ear's speeches have seeds that no clip's have."""


@dataclass(frozen=True)
class Said:
    """A speech, and the mouth it asks for at the encoder's own rate, (N, 6)."""

    speech: Speech
    curve: Tensor


def speeches(split: Split, count: int, seconds: float) -> list[Said]:
    """So many speeches, and their curves at 100 a second."""
    said = []
    for number in range(count):
        speech = random_speech(_APART + number, seconds, split)
        points = int(seconds * _GRID) + 1
        curve = articulation(speech.phonemes, _GRID, points)
        said.append(Said(speech, torch.from_numpy(curve)))
    return said


def train_ear(
    train: Sequence[Said], held_out: Sequence[Said], recipe: EarRecipe, seed: int, out: Path
) -> LogMelEncoder:
    """Train the encoder with a linear reader of its features, which is then thrown away."""
    torch.manual_seed(seed)
    model = LogMelEncoder(**recipe.shape)
    reader = nn.Linear(model.dim, len(CURVES))
    parameters = [*model.parameters(), *reader.parameters()]
    optimizer = torch.optim.AdamW(parameters, recipe.lr, betas=(0.9, 0.98), weight_decay=0.01)
    pace = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.lr, recipe.steps)
    for step in range(recipe.steps):
        draw = np.random.default_rng([seed, step])
        chosen = [train[int(i)] for i in draw.integers(0, len(train), recipe.batch)]
        waves = [_wave(s.speech, int(draw.integers(2**31))) for s in chosen]
        count = min(min(w.numel() // HOP + 1 for w in waves), min(len(s.curve) for s in chosen))
        features = model(torch.stack([w[: (count - 1) * HOP] for w in waves]))
        wanted = torch.stack([s.curve[:count] for s in chosen])
        loss = (reader(features.transpose(1, 2))[:, :count] - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        pace.step()
        if (step + 1) % 100 == 0:
            log.info("step %d: loss %.5f", step + 1, loss.item())
    figures = agreement(model, reader, held_out)
    log.info("held-out voices: %s", ", ".join(f"{k} {v:.3f}" for k, v in figures.items()))
    part = out.with_name(f"{out.name}.partial")
    model.eval().save_pretrained(part)
    os.replace(part, out)
    return model  # type: ignore[no-any-return]


@torch.no_grad()
def agreement(
    model: LogMelEncoder, reader: nn.Linear, held_out: Sequence[Said]
) -> dict[str, float]:
    """Correlation of what is read with the true curves, over all of the speeches together."""
    read, true = [], []
    for one in held_out:
        states = model.states(one.speech.samples, one.speech.sample_rate).values
        values = reader(states[0].T)
        count = min(len(values), len(one.curve))
        read.append(values[:count])
        true.append(one.curve[:count])
    a, b = torch.cat(read), torch.cat(true)
    pairs = zip(CURVES, a.T, b.T, strict=True)
    return {name: float(torch.corrcoef(torch.stack([x, y]))[0, 1]) for name, x, y in pairs}


def _wave(speech: Speech, seed: int) -> Tensor:
    """(N,) as the encoder hears it, recorded somehow."""
    rough = roughened(speech.samples, speech.sample_rate, seed)
    return torch.from_numpy(heard(rough, speech.sample_rate))
