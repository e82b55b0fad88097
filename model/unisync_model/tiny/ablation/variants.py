"""The networks that an ablation must train; each differs from the control in one thing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ...training.config import PairsConfig, TrainConfig
from ..recipe import AblationRecipe

CONTROL, NO_PAFS, LITERAL = "control", "no-pafs", "literal"


def variants(recipe: AblationRecipe, adapter: TrainConfig) -> dict[str, TrainConfig]:
    """Each variant's run: as long as the others, from the same base, data order, noise and seed.

    * ``control``: the whole recipe.
    * ``no-pafs``: neither the anchor (eq. 6, 7) nor any pose to anchor to (eq. 4, 5): the backbone
      would add its own pose tokens, and the paper's network without PAFS has none.
    * ``literal``: eq. 2 and 3 as printed; the clip is its own condition.

    Args:
        adapter: how the shipped adapter is trained.
    """
    control = replace(adapter, steps=recipe.steps)
    return {
        CONTROL: control,
        NO_PAFS: replace(
            control,
            model=replace(control.model, pafs="none"),
            dropout=replace(control.dropout, pose=1.0),
            trainable=replace(control.trainable, whole=("video_embedding",)),
        ),
        LITERAL: replace(
            control, pairs=PairsConfig(characters=0.0, relip=0.0, zeromouth=0.0, literal=1.0)
        ),
    }


def home(work: Path, name: str) -> Path:
    """The folder of a variant's run."""
    return work / "ablation" / name


def adapter_file(work: Path, name: str) -> Path:
    """What its run ends with."""
    return home(work, name) / "adapter.safetensors"
