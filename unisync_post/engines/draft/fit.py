"""Fit the speech network: augmentation, losses, the loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from .lessons import Lesson
from .mel import BANDS
from .net import STRIDE, SpeechNet


@dataclass(frozen=True)
class FitConfig:
    """How a network is fitted.

    Attributes:
        steps: optimiser steps.
        chunk: outputs of one training chunk (20 ms each).
        clip_chunks, line_chunks: of footage and of synthetic lines in a batch.
        rate: peak of the one-cycle learning rate.
        rule_weight, closure_weight: of the losses on synthetic lines.
    """

    steps: int = 1000
    chunk: int = 180
    clip_chunks: int = 12
    line_chunks: int = 6
    rate: float = 2e-3
    decay: float = 0.05
    rule_weight: float = 0.5
    closure_weight: float = 0.3


def fit(
    clips: Sequence[Lesson], lines: Sequence[Lesson], config: FitConfig, seed: int
) -> SpeechNet:
    """Train one network from scratch.

    The same inputs, seed and machine give the same weights; another machine gives the same up to
    floating-point summation order.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = SpeechNet()
    optimiser = torch.optim.AdamW(net.parameters(), lr=config.rate, weight_decay=config.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, config.rate, total_steps=config.steps, pct_start=0.15
    )
    for _ in range(config.steps):
        loss = torch.zeros(())
        if clips:
            batch = draw(clips, config.clip_chunks, config.chunk, rng)
            loss = loss + lip_loss(net(batch.mel)[..., :2], batch)
        if lines:
            batch = draw(lines, config.line_chunks, config.chunk, rng)
            loss = loss + _line_loss(net(batch.mel), batch, config)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return net.eval()


@dataclass(frozen=True)
class Batch:
    """mel (B, bands, 2 T), lips (B, T, 2), seen (B, T), closed (B, T) NaN where unknown."""

    mel: Tensor
    lips: Tensor
    seen: Tensor
    closed: Tensor


def lip_loss(predicted: Tensor, batch: Batch) -> Tensor:
    """Smooth L1 plus half of one minus the correlation of each chunk.

    Args:
        predicted: (B, T, 2).
    """
    lips, weight = batch.lips, batch.seen[..., None]
    total = weight.sum(1).clamp_min(1)
    distance = (functional.smooth_l1_loss(predicted, lips, reduction="none") * weight).sum(1)
    p = (predicted - ((predicted * weight).sum(1) / total)[:, None]) * weight
    q = (lips - ((lips * weight).sum(1) / total)[:, None]) * weight
    correlation = (p * q).sum(1) / (p.square().sum(1) * q.square().sum(1) + 1e-4).sqrt()
    return (distance / total).mean() + 0.5 * (1 - correlation).mean()


def _line_loss(predicted: Tensor, batch: Batch, config: FitConfig) -> Tensor:
    inside = batch.seen > 0
    shut = functional.binary_cross_entropy_with_logits(
        predicted[..., 2][inside], batch.closed[inside], pos_weight=torch.tensor(3.0)
    )
    return config.rule_weight * lip_loss(predicted[..., :2], batch) + config.closure_weight * shut


def draw(lessons: Sequence[Lesson], count: int, chunk: int, rng: np.random.Generator) -> Batch:
    """Random augmented chunks, longer lessons more often."""
    weights = np.array([lesson.length for lesson in lessons], float)
    picks = rng.choice(len(lessons), count, p=weights / weights.sum())
    parts = [_chunk(lessons[i], chunk, rng) for i in picks]
    return Batch(*(torch.from_numpy(np.stack(rows)) for rows in zip(*parts, strict=True)))


def _chunk(
    lesson: Lesson, chunk: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """One chunk at a random place and speed, nearest output for targets, linear for mel."""
    speed = rng.uniform(0.85, 1.17)
    span = chunk * speed
    begin = rng.uniform(min(0.0, lesson.length - span), max(0.0, lesson.length - span))
    at = begin + np.arange(chunk) * speed
    nearest = np.clip(np.rint(at).astype(int), 0, lesson.length - 1)
    inside = (at >= 0) & (at <= lesson.length - 1)
    columns = STRIDE * begin + np.arange(STRIDE * chunk) * speed
    low = np.clip(np.floor(columns).astype(int), 0, lesson.mel.shape[1] - 2)
    part = np.clip(columns - low, 0, 1).astype(np.float32)
    mel = lesson.mel[:, low] * (1 - part) + lesson.mel[:, low + 1] * part
    return (
        augmented(mel, rng),
        lesson.lips[:, nearest].T,
        lesson.seen[nearest] * inside.astype(np.float32),
        lesson.closed[nearest],
    )


def augmented(mel: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Another level, microphone, vocal tract and noise floor; one unit of mel is 20 dB of power."""
    where = np.clip(np.arange(BANDS) * rng.uniform(0.92, 1.08) + rng.uniform(-2, 2), 0, BANDS - 1)
    low = np.minimum(where.astype(int), BANDS - 2)
    part = (where - low)[:, None].astype(np.float32)
    warped = mel[low] * (1 - part) + mel[low + 1] * part
    tilt = np.linspace(-1, 1, BANDS)[:, None] * rng.normal(0, 0.2)
    bump = np.sin(np.linspace(0, rng.uniform(1, 7), BANDS) + rng.uniform(0, 6.3))[:, None]
    out = warped + tilt + bump * rng.normal(0, 0.12) + rng.normal(0, 0.25)
    floor = rng.uniform(-1.5, -0.3) + rng.normal(0, 0.08, mel.shape)
    out = np.maximum(np.logaddexp(4.6 * out, 4.6 * floor) / 4.6, -1.5)
    if rng.random() < 0.5:
        first = rng.integers(0, BANDS - 8)
        out[first : first + rng.integers(1, 9)] = out.mean()
    result: NDArray[np.float32] = out.astype(np.float32)
    return result
