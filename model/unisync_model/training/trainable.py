"""What is trained of a network: low rank pairs, layers trained whole, or everything."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import LoraConfig
from safetensors import SafetensorError
from torch import nn

from ..checkpoints.loading import load_transformer
from ..lora import LoraMeta, save_lora
from ..memory import PROFILES
from ..placement import quantization
from ..transformer import UniSyncTransformer3DModel
from .config import Group, TrainableConfig, TrainConfig
from .errors import ConfigError, StorageError

log = logging.getLogger(__name__)

ADAPTER = "default"
_LAYERS: Mapping[Group, str] = {
    "attention": r"(attn1|attn2)\.(to_q|to_k|to_v|to_out\.0)",
    "audio_attention": r"audio_attn\.(to_q|to_k|to_v|to_out\.0)",
    "ffn": r"ffn\.net\.(0\.proj|2)",
}


@dataclass(frozen=True)
class Trainable:
    """The parameters that change.

    Attributes:
        parameters: by name, in the network's order; float32.
        counts: how many numbers, by group: "lora" and the layers trained whole, or "all".
        frozen: how many numbers stay.
    """

    parameters: Mapping[str, nn.Parameter]
    counts: Mapping[str, int]
    frozen: int

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def __iter__(self) -> Iterator[nn.Parameter]:
        return iter(self.parameters.values())

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {count:,}" for name, count in self.counts.items())
        return f"{self.total:,} parameters are trained ({parts}), {self.frozen:,} stay"


def open_base(config: TrainConfig, device: torch.device | str = "cpu") -> UniSyncTransformer3DModel:
    """The network a run starts from; UniSync's own layers start as training starts them.

    Raises:
        ConfigError: no base is named.
        ModelError: nf4 without bitsandbytes; weights that cannot be loaded.
    """
    wanted = config.model
    if not wanted.base:
        raise ConfigError("model.base names no weights", remedy="Name a model folder or a file")
    dtype = torch.float32 if wanted.storage == "fp32" else torch.bfloat16
    # UniSync's own layers start at random: the same ones in every process of a run
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return load_transformer(
            Path(wanted.base),
            dtype=dtype,
            device=device,
            av2v=wanted.av2v,
            pafs=wanted.pafs,
            quantization=quantization(PROFILES["24gb-nf4"]) if wanted.storage == "nf4" else None,
        )


def prepare_trainable(
    model: UniSyncTransformer3DModel, config: TrainableConfig, seed: int
) -> Trainable:
    """Puts the adapter on, freezes the rest, and makes what is trained float32.

    Args:
        seed: of the pairs' random halves, so that a run is the same again.

    Raises:
        ConfigError: no layer to put a pair on, or a whole layer that the network lacks.
    """
    model.requires_grad_(False)
    if config.method == "full":
        model.requires_grad_(True)
    else:
        _put_pairs(model, config, seed)
        children = dict(model.named_children())
        for name in config.whole:
            if children.get(name) is None:
                raise ConfigError(
                    f"trainable.whole names {name}, which this network does not have",
                    remedy="Load it with av2v and pafs, or take the name out",
                )
            for key, parameter in children[name].named_parameters():
                # a pair may sit inside; its base stays trained as the whole layer asks
                parameter.requires_grad_(True if "lora_" not in key else parameter.requires_grad)
    chosen = {name: p for name, p in model.named_parameters() if p.requires_grad}
    for parameter in chosen.values():
        parameter.data = parameter.data.float()
    return _counted(model, chosen, config)


def save_trained(model: UniSyncTransformer3DModel, config: TrainConfig, out: Path) -> Path:
    """The result, whole or not at all: an adapter that the pipeline loads, or a transformer folder.

    Returns:
        ``out/adapter.safetensors`` or ``out/transformer``.

    Raises:
        StorageError: it could not be written; the run's checkpoints are untouched.
    """
    full = config.trainable.method == "full"
    final = out / ("transformer" if full else "adapter.safetensors")
    part = out / f".{final.name}.partial"
    try:
        if full:
            model.save_pretrained(part)
            shutil.rmtree(final, ignore_errors=True)
        else:
            meta = _meta(model, config)
            save_lora(model, part, meta, adapter_name=ADAPTER, whole=config.trainable.whole)
        os.replace(part, final)
    except (OSError, SafetensorError) as error:
        raise StorageError(
            f"the result could not be written: {error}",
            file=final,
            remedy="Make room and start the run again; only this is left to do",
        ) from error
    return final


def _meta(model: UniSyncTransformer3DModel, config: TrainConfig) -> LoraMeta:
    return LoraMeta(
        variant=model.config.pafs,
        fps=config.adapter.fps,
        tau=config.adapter.tau,
        shift=config.loss.shift,
        licence=config.adapter.licence,
    )


def _put_pairs(model: UniSyncTransformer3DModel, config: TrainableConfig, seed: int) -> None:
    if not config.groups:
        raise ConfigError("trainable.groups is empty", remedy='Name "attention", "ffn", ..')
    layers = "|".join(_LAYERS[group] for group in config.groups)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model.add_adapter(
            LoraConfig(
                r=config.rank,
                lora_alpha=config.alpha,  # type: ignore[arg-type, unused-ignore]
                lora_dropout=config.dropout,
                target_modules=rf"blocks\.\d+\.({layers})",
            ),
            ADAPTER,
        )


def _counted(
    model: UniSyncTransformer3DModel, chosen: dict[str, nn.Parameter], config: TrainableConfig
) -> Trainable:
    counts: dict[str, int] = {}
    for name, parameter in chosen.items():
        group = "lora" if "lora_" in name else name.split(".")[0]
        group = "all" if config.method == "full" else group
        counts[group] = counts.get(group, 0) + parameter.numel()
    total = sum(p.numel() for p in model.parameters())
    return Trainable(chosen, counts, total - sum(counts.values()))
