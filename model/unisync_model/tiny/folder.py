"""The tiny model as a model folder: what the pipeline opens, in the few megabytes it needs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from ..audio.logmel import LogMelEncoder
from ..checkpoints.loading import load_transformer
from ..group_autoencoder import GroupAutoencoder
from ..pipeline import UniSyncPipeline
from ..prompt import PromptEmbeds
from ..settings import SamplingSettings
from .recipe import WINDOW

SETTINGS = SamplingSettings(
    steps=2,
    shift=5.0,
    tau=1.0,
    mask_margin=0,
    copy_error=0.06,
    passes=2,
    scale=1.25,
    mouth_guidance=True,
    window=WINDOW,
)
"""How it is sampled, chosen on the validation split. In a drawn world the voice decides the lips:
fewer steps come nearer to the truth, and a plate held to the end costs the lips nothing. The codec
keeps a change almost within its cell, so the plate need not be left free around the mouth."""

ENGINE = """\
# How the product runs these weights: at the size and framing they were trained at.
title = "UniSync tiny"
size = 128
side = 0.91
down = 0.34
draft = true
"""


def write_folder(
    base: Path, adapter: Path, vae: Path, audio_encoder: Path, words: PromptEmbeds, out: Path
) -> None:
    """Everything in bfloat16 but the codec's linear maps; the adapter stays a file of its own."""
    UniSyncPipeline(
        load_transformer(base, dtype=torch.float32),
        GroupAutoencoder.from_pretrained(vae, local_files_only=True),
        LogMelEncoder.open(audio_encoder),
        words,
        SETTINGS,
    ).save_pretrained(out)
    (out / "lora").mkdir(exist_ok=True)
    shutil.copy(adapter, out / "lora" / "adapter.safetensors")
    (out / "engine.toml").write_text(ENGINE, encoding="utf-8")
    for file in sorted(out.rglob("*.safetensors")):
        _halve(file)
    for file in out.rglob("config.json"):
        _unplaced(file)


def _halve(path: Path) -> None:
    """The same file with its float32 tensors in bfloat16."""
    from safetensors import safe_open

    with safe_open(str(path), "pt") as held:
        metadata = held.metadata()
    tensors = {
        name: t.bfloat16() if t.dtype == torch.float32 else t for name, t in load_file(path).items()
    }
    save_file(tensors, path, metadata)


def _unplaced(path: Path) -> None:
    """The same configuration without the folder that diffusers says it was loaded from."""
    held = json.loads(path.read_text(encoding="utf-8"))
    held.pop("_name_or_path", None)
    path.write_text(json.dumps(held, indent=2, sort_keys=True) + "\n", encoding="utf-8")
