"""The two stages of the paper at a tiny size: an AI2V base, then UniSync's fine-tune to AV2V."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from ..audio.logmel import LogMelEncoder
from ..checkpoints.loading import load_transformer
from ..dense import DenseAttnProcessor
from ..lora import load_lora
from ..prompt import PromptEmbeds
from ..training.config import TrainConfig
from ..training.loop import Probe, train
from ..training.prompts import Prompts
from ..training.samples import Samples
from ..transformer import UniSyncTransformer3DModel
from .pairs import Tiles
from .recipe import NetworkRecipe

_WORDS = 2


def words(recipe: NetworkRecipe, seed: int) -> PromptEmbeds:
    """What stands for the prompt: two constant texts that only tell the branches apart."""
    draw = torch.Generator().manual_seed(seed)
    texts = torch.randn(2, _WORDS, recipe.text_dim, generator=draw)
    return PromptEmbeds(texts[0], texts[1])


def new_base(recipe: NetworkRecipe, ear: LogMelEncoder, seed: int) -> UniSyncTransformer3DModel:
    """An AI2V network of random weights."""
    torch.manual_seed(seed)
    return UniSyncTransformer3DModel(  # type: ignore[no-any-return]
        num_attention_heads=recipe.heads,
        attention_head_dim=recipe.head_dim,
        ffn_dim=recipe.ffn_dim,
        num_layers=recipe.layers,
        text_dim=recipe.text_dim,
        text_len=_WORDS,
        freq_dim=recipe.freq_dim,
        audio_dim=ear.dim,
        audio_layers=ear.layers,
        audio_tokens=recipe.audio_tokens,
        audio_inject_layers=tuple(range(recipe.layers)),
    )


def train_base(
    model: UniSyncTransformer3DModel,
    samples: Samples,
    prompts: Prompts,
    recipe: NetworkRecipe,
    out: Path,
    until: int | None = None,
) -> Path | None:
    """Stage one: the face from a portrait, the pose and the voice; on tiles over the mouth.

    Returns:
        The transformer's folder, or None before the last step.
    """
    tiles = Tiles(samples, recipe.tile)
    return _trained(recipe.base, model, tiles, prompts, out, (), until)


def train_adapter(
    base: Path,
    samples: Samples,
    prompts: Prompts,
    recipe: NetworkRecipe,
    config: TrainConfig,
    out: Path,
    probes: Sequence[Probe] = (),
    until: int | None = None,
) -> Path | None:
    """Stage two: the base shown the source video and anchored to the pose.

    Args:
        config: the recipe's own, or a variant of it.

    Returns:
        The adapter's file, or None before the last step.
    """
    model = opened(base, config)
    tiles = Tiles(samples, recipe.tile, recipe.whole_every)
    return _trained(config, model, tiles, prompts, out, probes, until)


def opened(base: Path, config: TrainConfig) -> UniSyncTransformer3DModel:
    """The base with UniSync's own layers as training starts them."""
    return load_transformer(
        base, dtype=torch.float32, av2v=config.model.av2v, pafs=config.model.pafs
    )


def with_adapter(base: Path, adapter: Path, config: TrainConfig) -> UniSyncTransformer3DModel:
    """What stage two made, for looking at it."""
    model = opened(base, config)
    load_lora(model, adapter)
    model.set_attn_processor(DenseAttnProcessor())
    model.eval()
    return model


def _trained(
    config: TrainConfig,
    model: UniSyncTransformer3DModel,
    samples: Samples,
    prompts: Prompts,
    out: Path,
    probes: Sequence[Probe],
    until: int | None,
) -> Path | None:
    if not torch.cuda.is_available():
        model.set_attn_processor(DenseAttnProcessor())
    return train(config, model, samples, prompts, out, probes=probes, until=until).result
