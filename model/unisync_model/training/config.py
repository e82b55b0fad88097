"""Everything that decides a training run, as frozen records; :mod:`.config_file` reads them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

from .errors import ConfigError

BuilderName = Literal["characters", "relip", "scramble", "lowpass", "zeromouth", "literal"]
Group = Literal["attention", "audio_attention", "ffn"]


@dataclass(frozen=True)
class ModelConfig:
    """The network that training starts from.

    Attributes:
        base: weights or a model folder; empty where the caller hands the network over.
        av2v: it is shown the source video (eq. 2); False for the first stage, the AI2V base.
        pafs: pose anchoring (eq. 4-9).
        storage: of the frozen weights; what is trained is always float32.
    """

    base: str = ""
    av2v: bool = True
    pafs: Literal["none", "residual", "paper"] = "residual"
    storage: Literal["fp32", "bf16", "nf4"] = "bf16"


@dataclass(frozen=True)
class DataConfig:
    """What it learns from.

    Attributes:
        manifest: a JSONL file, see :mod:`.samples`.
        missing: a row whose tensors are gone stops the run, or is left out and counted.
        latents: of a window, cut from longer samples at a random place; 0 = samples as they are.
        batch: samples of a step on one device.
        accumulate: batches of a step, one after the other.
        workers: processes that read ahead; 0 reads in turn.
    """

    manifest: str = ""
    missing: Literal["error", "skip"] = "error"
    latents: int = 0
    batch: int = 1
    accumulate: int = 1
    workers: int = 0


@dataclass(frozen=True)
class PairsConfig:
    """How the condition gets other lips than the target (:mod:`.pairs`): weights of the builders,
    renormalised over those that a sample has the tensors for.

    Attributes:
        scramble_latents: how far away in the clip the other moment is at least (2 = 8 frames).
        lowpass_cells: standard deviation of the blur in space, latent cells.
        lowpass_latents: and in time, latents.
    """

    characters: float = 1.0
    relip: float = 1.0
    scramble: float = 0.0
    lowpass: float = 0.0
    zeromouth: float = 0.0
    literal: float = 0.0
    scramble_latents: int = 2
    lowpass_cells: float = 2.0
    lowpass_latents: float = 2.0

    @property
    def weights(self) -> dict[BuilderName, float]:
        return {
            "characters": self.characters,
            "relip": self.relip,
            "scramble": self.scramble,
            "lowpass": self.lowpass,
            "zeromouth": self.zeromouth,
            "literal": self.literal,
        }


@dataclass(frozen=True)
class DropoutConfig:
    """Shares of the samples that go without a condition.

    Attributes:
        video: the source video; zeros.
        audio: the voice; zeros, what guidance compares with.
        words: of the samples without a voice, those that are also told the negative words, so that
            both of guidance's branches are trained.
        pose: the pose; zeros.
        motion: the frames before; left out for the whole batch.
    """

    video: float = 0.1
    audio: float = 0.1
    words: float = 0.5
    pose: float = 0.1
    motion: float = 0.5


@dataclass(frozen=True)
class LossConfig:
    """Eq. 3: which noise levels are trained, and what an error costs where (:mod:`.loss`).

    Attributes:
        mean: of the normal whose logistic is the level before the shift; larger = noisier.
        std: its standard deviation.
        shift: bends levels towards noise, as in sampling.
        mouth: weight of a mouth cell; others count 1.
        space: "velocity", or "x0": the error of the predicted video times 1 / (s^2 + floor).
        floor: keeps low levels from drowning the rest; .04 did, .4 is a good start.
    """

    mean: float = 0.0
    std: float = 1.0
    shift: float = 3.0
    mouth: float = 3.0
    space: Literal["velocity", "x0"] = "velocity"
    floor: float = 0.4


@dataclass(frozen=True)
class OptimConfig:
    """AdamW and its pace.

    Attributes:
        kind: "adamw8bit" keeps its moments in 8 bits (bitsandbytes, CUDA).
        lr: at the top.
        warmup: steps from 0 to the top.
        decay: down to ``lr_end`` times the top along this line.
        decay_share: of the run, its end, over which it comes down.
        clip: norm of the gradient at most; 0 = none.
    """

    kind: Literal["adamw", "adamw8bit"] = "adamw"
    lr: float = 1e-4
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.01
    warmup: int = 100
    decay: Literal["constant", "linear", "cosine"] = "cosine"
    decay_share: float = 1.0
    lr_end: float = 0.0
    clip: float = 1.0


@dataclass(frozen=True)
class TrainableConfig:
    """What is trained: an adapter and the layers that UniSync trains whole, or all of it.

    Attributes:
        method: "lora", or "full" for a base of one's own.
        rank: of the pairs; ``alpha`` over it scales them.
        groups: which linear layers get one.
        whole: top-level layers trained whole beside them.
    """

    method: Literal["lora", "full"] = "lora"
    rank: int = 64
    alpha: float = 64.0
    dropout: float = 0.0
    groups: tuple[Group, ...] = ("attention", "audio_attention", "ffn")
    whole: tuple[str, ...] = ("video_embedding", "pafs")


@dataclass(frozen=True)
class EmaConfig:
    """The running average that is saved and probed; early on it forgets faster by itself."""

    on: bool = True
    decay: float = 0.999


@dataclass(frozen=True)
class CheckpointsConfig:
    """States to go on from: one every so many steps, the last few kept."""

    every: int = 500
    keep: int = 2


@dataclass(frozen=True)
class LogConfig:
    """TensorBoard: scalars and probes every so many steps; 0 = never."""

    every: int = 10
    probe_every: int = 500


@dataclass(frozen=True)
class AdapterConfig:
    """What the adapter's file says of itself (:class:`..lora.LoraMeta`).

    Attributes:
        fps: exact frame rates it was trained at, such as "24000/1001".
        tau: share of the steps in which TALI is meant to hold the plate.
    """

    fps: tuple[str, ...] = ()
    tau: float = 0.8
    licence: str = ""


@dataclass(frozen=True)
class TrainConfig:
    """A run. The same configuration, data and number of processes give the same weights.

    Attributes:
        steps: optimiser steps.
        precision: what the network computes in; weights and moments stay float32.
        gradient_checkpointing: recompute the blocks instead of keeping what is in them.
        compile: the blocks, in the first steps (:func:`..speed.compile_blocks`); on a CPU it needs
            a C++ compiler, and a step of the tiny model then takes 0.6 of its time.
    """

    steps: int = 1000
    seed: int = 0
    precision: Literal["fp32", "bf16"] = "bf16"
    gradient_checkpointing: bool = True
    compile: bool = False
    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    pairs: PairsConfig = field(default_factory=PairsConfig)
    dropout: DropoutConfig = field(default_factory=DropoutConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    trainable: TrainableConfig = field(default_factory=TrainableConfig)
    ema: EmaConfig = field(default_factory=EmaConfig)
    checkpoints: CheckpointsConfig = field(default_factory=CheckpointsConfig)
    log: LogConfig = field(default_factory=LogConfig)
    adapter: AdapterConfig = field(default_factory=AdapterConfig)

    def __post_init__(self) -> None:
        for name, value in flat(self).items():
            _check_range(name, value)
        if not any(self.pairs.weights.values()):
            raise ConfigError("every pair builder has weight 0", remedy="Give one a weight")
        if not 0 <= self.optim.betas[0] < 1 or not 0 <= self.optim.betas[1] < 1:
            raise ConfigError(f"optim.betas = {self.optim.betas}", remedy="Give two within 0..1")


_AT_LEAST_ONE = (
    "steps", "data.batch", "data.accumulate", "trainable.rank", "checkpoints.every",
    "checkpoints.keep", "pairs.scramble_latents",
)  # fmt: skip
_POSITIVE = (
    "optim.lr", "loss.std", "loss.shift", "loss.mouth", "loss.floor", "trainable.alpha",
    "pairs.lowpass_cells", "pairs.lowpass_latents",
)  # fmt: skip
_SIGNED = ("loss.mean", "seed")
_SHARES = (
    "dropout.video", "dropout.audio", "dropout.words", "dropout.pose", "dropout.motion",
    "trainable.dropout", "optim.decay_share", "optim.lr_end", "ema.decay", "adapter.tau",
)  # fmt: skip


def _check_range(name: str, value: Any) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return
    low, high = 0.0, math.inf
    if name in _AT_LEAST_ONE:
        low = 1
    elif name in _SIGNED:
        low = -math.inf
    elif name in _SHARES:
        high = 1.0
    if not low <= value <= high or math.isinf(value) or (name in _POSITIVE and value <= 0):
        fit = f"within {low:g}..{high:g}" if math.isfinite(high) else f"of at least {low:g}"
        fit = "above 0" if name in _POSITIVE else fit
        raise ConfigError(f"{name} = {value}", remedy=f"Give a number {fit}")


def flat(config: Any) -> dict[str, Any]:
    """Every setting by its dotted name."""
    found: dict[str, Any] = {}
    for f in fields(config):
        value = getattr(config, f.name)
        inner = flat(value).items() if is_dataclass(value) else [("", value)]
        found |= {f"{f.name}.{key}" if key else f.name: v for key, v in inner}
    return found
