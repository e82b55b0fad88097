"""What a weights file or folder is, from its headers alone."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..lora import LoraMeta, is_lora, read_meta
from ..registry import recorded
from .detect import Checkpoint, open_checkpoint
from .read import SafetensorsWeights, Weights

Mode = Literal["lora", "training-free"]
Av2v = Literal["none", "split", "fused"]


@dataclass(frozen=True)
class CheckpointInfo:
    """What `unisync weights inspect` prints."""

    path: Path
    kind: Literal["transformer", "lora"]
    layout: str
    tensors: int
    parameters: int
    dtypes: dict[str, int]
    """Parameters stored in each element type, by the file's own name of it."""
    nbytes: int
    """Size of the weights files."""
    licence: str | None
    config: dict[str, Any]
    """As `UniSyncTransformer3DModel` takes it; empty for a LoRA."""
    av2v: Av2v = "none"
    pafs: str = "none"
    surplus: tuple[str, ...] = ()
    lora: LoraMeta | None = None

    @property
    def mode(self) -> Mode:
        """`lora` where UniSync's own layers are present, else the base's `training-free`."""
        return "lora" if self.av2v != "none" and self.pafs != "none" else "training-free"


def inspect(path: Path | str) -> CheckpointInfo:
    """Reads headers only: a second even for the 14B.

    Raises:
        CheckpointError: nothing there is a transformer or a LoRA of ours.
    """
    path = Path(path)
    if is_lora(path):
        return _of_lora(path)
    return info_of(open_checkpoint(path))


def info_of(checkpoint: Checkpoint) -> CheckpointInfo:
    """What an opened checkpoint is."""
    config = checkpoint.config
    held: Av2v = "fused" if checkpoint.fused_av2v else "split"
    return CheckpointInfo(
        path=checkpoint.path,
        kind="transformer",
        layout=checkpoint.layout.value,
        **_counts(checkpoint.weights),
        licence=licence_of(checkpoint.path),
        config=config,
        av2v=held if config["av2v"] else "none",
        pafs=config["pafs"],
        surplus=checkpoint.surplus,
    )


def licence_of(path: Path) -> str | None:
    """The licence recorded when the weights were pulled, or their model card's."""
    folders = [path if path.is_dir() else path.parent, path.parent]
    for folder in folders:
        if (record := recorded(folder)) is not None:
            return record.licence
    for folder in folders:
        card = folder / "README.md"
        if card.is_file():
            found = re.search(r"^licen[sc]e:\s*(\S+)", card.read_text(encoding="utf-8"), re.M)
            if found:
                return found[1]
    return None


def _of_lora(path: Path) -> CheckpointInfo:
    weights = SafetensorsWeights([path])
    extras = {key.split(".")[0] for key in weights.tensors if ".lora_" not in key}
    meta = read_meta(weights.metadata)
    return CheckpointInfo(
        path=path,
        kind="lora",
        layout="unisync" if meta else "foreign",
        **_counts(weights),
        licence=licence_of(path),
        config={},
        av2v="split" if "video_embedding" in extras else "none",
        pafs=(meta.variant if meta else "residual") if "pafs" in extras else "none",
        lora=meta,
    )


def _counts(weights: Weights) -> dict[str, Any]:
    dtypes: Counter[str] = Counter()
    for info in weights.tensors.values():
        dtypes[info.dtype] += info.count
    return {
        "tensors": len(weights.tensors),
        "parameters": dtypes.total(),
        "dtypes": dict(dtypes),
        "nbytes": sum(file.stat().st_size for file in weights.files),
    }
