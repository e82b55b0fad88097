"""Every number the tiny model is made with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from ..training.config import (
    AdapterConfig,
    CheckpointsConfig,
    DataConfig,
    DropoutConfig,
    LogConfig,
    LossConfig,
    ModelConfig,
    OptimConfig,
    PairsConfig,
    TrainableConfig,
    TrainConfig,
)

RATE = Fraction(25)

WINDOW = 6
"""Latents the network is trained on: 24 frames."""
SIZE = 128
"""Pixels, of the square crop."""

GRAIN = 1.5
"""Film grain at most, 8-bit codes: what no code of this size can keep is left out."""


@dataclass(frozen=True)
class CodecPhase:
    """A stretch of the autoencoder's training, from the average that the one before ended with.

    Attributes:
        mouth: weight of an error in the mouth, against 1.
        square, gradient: weights of the squared error, and of the error of differences between
            neighbouring pixels, against .3 of the absolute error.
    """

    steps: int
    lr: float
    mouth: float
    square: float
    gradient: float


@dataclass(frozen=True)
class CodecRecipe:
    """The autoencoder.

    Attributes:
        scenes, frames: drawn for it, each scene with one speech; ``held_out`` more to judge it.
        tile: side of the square it trains on, pixels.
        batch: tiles of a step.
        near_mouth: share of the tiles that are laid over the mouth.
        noise: standard deviation of what is added to a latent before it is decoded: the decoder
            must bear what a network predicts.
        phases: edges and mouths first; then what signal to noise counts, everywhere.
    """

    scenes: int = 1500
    held_out: int = 60
    frames: int = 16
    grain: float = GRAIN
    tile: int = 64
    batch: int = 24
    near_mouth: float = 0.6
    noise: float = 0.05
    ema: float = 0.998
    phases: tuple[CodecPhase, ...] = (
        CodecPhase(steps=6000, lr=7e-4, mouth=5.0, square=3.0, gradient=0.5),
        CodecPhase(steps=1500, lr=3e-4, mouth=2.0, square=8.0, gradient=0.2),
    )


@dataclass(frozen=True)
class EarRecipe:
    """The audio encoder.

    Attributes:
        shape: arguments of :class:`..audio.logmel.LogMelEncoder`.
        speeches, seconds: how many, and how long each.
    """

    shape: Mapping[str, int] = field(
        default_factory=lambda: {"dim": 64, "mels": 80, "hidden": 160, "depth": 5, "kernel": 7}
    )
    speeches: int = 1500
    held_out: int = 60
    seconds: float = 4.0
    batch: int = 24
    steps: int = 600
    lr: float = 2e-3


@dataclass(frozen=True)
class ReaderRecipe:
    """The judge of lips; ``groups`` of four pictures a step."""

    groups: int = 12
    steps: int = 1500
    lr: float = 2e-3


@dataclass(frozen=True)
class PairsRecipe:
    """What the network learns from.

    Attributes:
        scenes: of the training split; each with so many ``speeches`` over so many ``frames``.
    """

    scenes: int = 1500
    speeches: int = 3
    frames: int = 48
    grain: float = GRAIN
    size: int = SIZE


def _base() -> TrainConfig:
    return TrainConfig(
        steps=5000,
        gradient_checkpointing=False,
        model=ModelConfig(av2v=False, pafs="none", storage="fp32"),
        data=DataConfig(latents=WINDOW, batch=16),
        dropout=DropoutConfig(motion=1.0),
        loss=LossConfig(space="x0", mouth=4.0),
        optim=OptimConfig(lr=1.5e-3, betas=(0.9, 0.98), warmup=200),
        trainable=TrainableConfig(method="full"),
        checkpoints=CheckpointsConfig(every=250, keep=1),
        log=LogConfig(every=25, probe_every=0),
    )


def _adapter() -> TrainConfig:
    return TrainConfig(
        steps=6500,
        gradient_checkpointing=False,
        compile=True,
        model=ModelConfig(storage="fp32"),
        data=DataConfig(latents=WINDOW, batch=16),
        pairs=PairsConfig(characters=0.9, zeromouth=0.1),
        dropout=DropoutConfig(video=0.05, pose=0.05, motion=1.0),
        loss=LossConfig(mean=1.0, space="x0", mouth=10.0),
        optim=OptimConfig(lr=1e-3, betas=(0.9, 0.98), warmup=200),
        trainable=TrainableConfig(rank=64, alpha=64.0),
        checkpoints=CheckpointsConfig(every=250, keep=1),
        log=LogConfig(every=25, probe_every=500),
        adapter=AdapterConfig(fps=(str(RATE),), licence="Apache-2.0"),
    )


@dataclass(frozen=True)
class NetworkRecipe:
    """The network's shape, and how its two stages are trained.

    Attributes:
        tile: side of what both stages see, latent cells.
        whole_every: of so many samples stage two sees one whole.
    """

    heads: int = 3
    head_dim: int = 64
    ffn_dim: int = 768
    layers: int = 6
    text_dim: int = 16
    freq_dim: int = 64
    audio_tokens: int = 4
    tile: int = 10
    whole_every: int = 7
    base: TrainConfig = field(default_factory=_base)
    adapter: TrainConfig = field(default_factory=_adapter)


@dataclass(frozen=True)
class AblationRecipe:
    """Adapters with a part left out, for :mod:`.ablation`.

    Attributes:
        steps: of each, and of the control that they are compared with: fewer than the shipped one's
            suffice to tell them apart.
    """

    steps: int = 600


@dataclass(frozen=True)
class Recipe:
    """All stages.

    Attributes:
        seed: of every random choice that is not a scene's own.
    """

    seed: int = 0
    codec: CodecRecipe = field(default_factory=CodecRecipe)
    ear: EarRecipe = field(default_factory=EarRecipe)
    reader: ReaderRecipe = field(default_factory=ReaderRecipe)
    pairs: PairsRecipe = field(default_factory=PairsRecipe)
    network: NetworkRecipe = field(default_factory=NetworkRecipe)
    ablation: AblationRecipe = field(default_factory=AblationRecipe)
