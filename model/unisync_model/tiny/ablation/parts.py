"""The networks and what else an ablation needs, opened once in a process."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file

from ...audio.logmel import LogMelEncoder
from ...checkpoints.loading import load_transformer
from ...codec import LatentCodec
from ...errors import CheckpointError
from ...folder import ModelFolder
from ...group_autoencoder import GroupAutoencoder
from ...lora import fuse_loras, load_lora, meta_of
from ...pipeline_folder import open_vae, parts_of, settings_of
from ...prompt import PromptEmbeds
from ...registry import sha256
from ...settings import SamplingSettings
from ...training.prompts import Prompts
from ...transformer import UniSyncTransformer3DModel
from ..reader import LipReader

READER = "reader.safetensors"
"""The judge of lips, in the model's folder."""


@dataclass(frozen=True)
class Parts:
    """The model's parts but its network, and the judge of its lips."""

    codec: LatentCodec
    ear: LogMelEncoder
    prompts: Prompts
    settings: SamplingSettings
    reader: LipReader


@functools.lru_cache(maxsize=1)
def open_parts(model: Path) -> Parts:
    """The parts in a model folder.

    Raises:
        CheckpointError: a part is missing, or the folder is not a tiny model's.
    """
    found = ModelFolder.open(model)
    parts = parts_of(found)
    vae = open_vae(parts.vae)
    if not isinstance(vae, GroupAutoencoder):
        raise CheckpointError(
            "this is not a tiny model: its autoencoder is Wan's",
            file=model,
            remedy="Ablate the shipped model, or one of `python -m unisync_model.tiny`",
        )
    return Parts(
        LatentCodec(vae.eval().requires_grad_(False)),
        LogMelEncoder.open(parts.audio_encoder),
        Prompts.of(PromptEmbeds.load(parts.prompt_embeds)),
        settings_of(found),
        open_reader(model / READER),
    )


@functools.cache
def open_network(model: Path, adapter: Path | None) -> UniSyncTransformer3DModel:
    """The model's transformer with an adapter merged in; None is the model's own.

    Raises:
        CheckpointError: no weights, or an adapter for another network.
    """
    found = ModelFolder.open(model)
    adapter = adapter or found.lora
    meta = meta_of(adapter) if adapter else None
    network = load_transformer(
        found.transformer, dtype=torch.float32, **(meta.needs if meta else {})
    )
    if adapter:
        load_lora(network, adapter)
        fuse_loras(network)
    return network


def open_reader(file: Path) -> LipReader:
    """The judge of lips.

    Raises:
        CheckpointError: it is not there.
    """
    if not file.is_file():
        raise CheckpointError(
            "nobody here can read lips",
            file=file,
            remedy="`python -m unisync_model.tiny WORK --only folder` puts the reader beside the "
            "model",
        )
    reader = LipReader()
    reader.load_state_dict(load_file(file))
    return reader.eval()


def hash_of(model: Path) -> str:
    """SHA-256 over the names and contents of all weights and settings of a model folder."""
    whole = hashlib.sha256()
    for file in sorted(model.rglob("*")):
        if file.suffix in (".safetensors", ".json"):
            whole.update(f"{file.relative_to(model).as_posix()} {sha256(file)}\n".encode())
    return whole.hexdigest()
