"""A training run: what it needs, said first; then the core's loop, seen with the product's eyes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from unisync_model.checkpoints.detect import open_checkpoint
from unisync_model.checkpoints.loading import empty_model
from unisync_model.codec import LatentCodec
from unisync_model.errors import CheckpointError
from unisync_model.folder import ModelFolder
from unisync_model.memory import GIB, free_bytes
from unisync_model.pipeline_folder import open_vae, parts_of, settings_of
from unisync_model.training.batches import Batches
from unisync_model.training.config import TrainConfig
from unisync_model.training.errors import ConfigError
from unisync_model.training.loop import Probe, Trained, train
from unisync_model.training.need import TrainingNeed, refuse_unless_trainable, training_need
from unisync_model.training.prompts import Prompts
from unisync_model.training.samples import Manifest, Shape
from unisync_model.training.trainable import Trainable, open_base, prepare_trainable

from ..engines.unisync import quiet
from .lists import HELD_OUT, PROMPTS
from .probes import dub_probe, dubs


class Hears(Protocol):
    """Who follows a run."""

    def said(self, text: str) -> None: ...
    def stepped(self, step: int, loss: float) -> None: ...
    def probed(self, step: int, values: Mapping[str, float]) -> None: ...


@dataclass(frozen=True)
class Needs:
    """What a run would train on and take.

    Attributes:
        rows: that can be used; ``skipped``: whose shards are gone.
        largest: latents, height and width of the largest window.
        free: bytes on ``device``.
    """

    rows: int
    skipped: int
    largest: Shape
    trainable: Trainable
    need: TrainingNeed
    device: str
    free: int

    def __str__(self) -> str:
        f, h, w = self.largest
        gone = f", {self.skipped} left out because their shards are gone" if self.skipped else ""
        return (
            f"{self.rows} rows{gone}; windows of up to {f} latents at {8 * w}x{8 * h}\n"
            f"{self.trainable}\n"
            f"memory: {self.need}; {self.free / GIB:.1f} GiB are free on {self.device}"
        )


def needs_of(config: TrainConfig) -> Needs:
    """What a run needs, without loading a weight.

    Raises:
        ConfigError: no base or no manifest is named.
        DataError: rows that cannot be used.
        CheckpointError: there is no network at ``model.base``.
    """
    samples, prompts = _data(config)
    if not config.model.base:
        raise ConfigError("model.base names no weights", remedy="Name a model folder or a file")
    checkpoint = open_checkpoint(Path(config.model.base))
    model = empty_model(checkpoint, av2v=config.model.av2v, pafs=config.model.pafs)
    with torch.device("meta"):
        trainable = prepare_trainable(model, config.trainable, config.seed)
    largest = Batches(samples, prompts, config).largest
    device = _device()
    need = training_need(model.config, config, trainable.total, largest, device != "cpu")
    return Needs(
        len(samples), len(samples.skipped), largest, trainable, need, device, free_bytes(device)
    )


def run(config: TrainConfig, out: Path, listener: Hears, until: int | None = None) -> Trained:
    """Train, or go on with, the run in ``out``.

    Raises:
        MemoryBudgetError: it would not fit; nothing was loaded.
        ModelError: as :func:`unisync_model.training.loop.train`.
    """
    needs = needs_of(config)
    listener.said(str(needs))
    refuse_unless_trainable(needs.need, needs.free)
    samples, prompts = _data(config)
    quiet()
    return train(
        config,
        open_base(config, needs.device),
        samples,
        prompts,
        out,
        probes=_probes(config, prompts, listener, needs.device),
        until=until,
        told=listener.stepped,
    )


def is_first() -> bool:
    """Whether this process speaks for the run (of several started by ``accelerate launch``)."""
    return os.environ.get("RANK", "0") == "0"


def _data(config: TrainConfig) -> tuple[Manifest, Prompts]:
    if not config.data.manifest:
        raise ConfigError("data.manifest names no file", remedy="Name what `unisync prepare` made")
    path = Path(config.data.manifest)
    return Manifest.open(path, config.data.missing), Prompts.open(path.with_name(PROMPTS))


def _probes(
    config: TrainConfig, prompts: Prompts, listener: Hears, device: str
) -> tuple[Probe, ...]:
    """The probe, or a word on why there is none."""
    held_out = Path(config.data.manifest).with_name(HELD_OUT)
    if not config.log.probe_every or not is_first():
        return ()
    if not held_out.is_file() or not held_out.stat().st_size:
        listener.said("no probes: no clip is held out (unisync prepare --hold-out)")
        return ()
    try:
        found = ModelFolder.open(config.model.base)
        codec = LatentCodec(open_vae(parts_of(found).vae).to(device))
    except CheckpointError as error:
        listener.said(f"no probes: {error}")
        return ()
    pairs = dubs(Manifest.open(held_out, config.data.missing))
    if not pairs:
        listener.said("no probes: two held-out clips are needed, a plate and a voice")
        return ()
    return (dub_probe(pairs, prompts, settings_of(found), codec, listener.probed),)


def _device() -> str:
    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if torch.cuda.is_available() else "cpu"
