"""Whether weights are what they should be: names, shapes, finite numbers, hashes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from ..errors import CheckpointError
from ..lora import is_lora
from ..registry import FileState, check_record
from .detect import Checkpoint, open_checkpoint
from .inspection import CheckpointInfo, info_of, inspect
from .loading import empty_model, wanted_parts
from .read import SafetensorsWeights, Weights

_RUNS, _RUN = 16, 256


@dataclass(frozen=True)
class VerifyReport:
    """The outcome; `good` when nothing is wrong, which an unknown hash alone is not."""

    info: CheckpointInfo
    problems: tuple[str, ...]
    """What is wrong, a sentence each."""
    tensors: int
    """How many tensors were read."""
    full: bool
    """Whether every value was looked at, or sixteen runs of 256 in each tensor."""
    hashes: dict[str, FileState]
    """Each weights file: does it match the hash that was published or recorded?"""

    @property
    def good(self) -> bool:
        """Whether these weights can be used."""
        return not self.problems


def verify(path: Path | str, *, full: bool = False) -> VerifyReport:
    """Reads the transformer or LoRA at `path` and says what is wrong with it.

    Args:
        full: look at every value instead of a sample.

    Raises:
        CheckpointError: it cannot be opened at all.
    """
    path = Path(path)
    if is_lora(path):
        info: CheckpointInfo = inspect(path)
        weights: Weights = SafetensorsWeights([path])
        problems: list[str] = []
    else:
        checkpoint = open_checkpoint(path)
        info, weights = info_of(checkpoint), checkpoint.weights
        problems = _misfits(checkpoint)
    problems += [
        f"{key} holds NaN or infinity" for key in weights.tensors if not _finite(weights, key, full)
    ]
    hashes = {file.name: check_record(file) for file in weights.files}
    problems += [
        f"{name} is not the file that was published: its SHA-256 differs"
        for name, state in hashes.items()
        if state is FileState.CHANGED
    ]
    return VerifyReport(info, tuple(problems), len(weights.tensors), full, hashes)


def _misfits(checkpoint: Checkpoint) -> list[str]:
    try:
        wanted_parts(checkpoint, empty_model(checkpoint))
    except CheckpointError as error:
        return [error.what]
    return []


def _finite(weights: Weights, key: str, full: bool) -> bool:
    value = weights.read(key).reshape(-1)
    if not value.is_floating_point():
        return True
    if not full and value.numel() > _RUNS * _RUN:
        # runs, not single values: a run costs one page of the file
        starts = torch.linspace(0, value.numel() - _RUN, _RUNS).long()
        value = torch.cat([value[start : start + _RUN] for start in starts.tolist()])
    return bool(torch.isfinite(value).all())
