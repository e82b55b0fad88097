"""Checkpoints of a run: everything to go on from, bit for bit, as safetensors and JSON.

A checkpoint is a folder that appears under its name only when it is complete:

    checkpoints/step-00000500/state.safetensors   weights, moments, average
                              state.json          step, configuration, what must not change

Random numbers need no state: all of them come from the seed and the step (:mod:`.batches`).
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.training_utils import EMAModel
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from .config import TrainConfig, flat
from .errors import ResumeError, StorageError
from .trainable import Trainable

FOLDER = "checkpoints"
MAY_CHANGE = ("checkpoints.", "log.", "data.workers", "data.manifest", "adapter.licence")
"""Settings that do not change the weights a run ends with; the data has its own fingerprint."""


@dataclass
class RunState:
    """What a run consists of beside the frozen weights.

    Attributes:
        step: optimiser steps taken.
    """

    trainable: Trainable
    optimizer: torch.optim.Optimizer
    ema: EMAModel | None
    step: int = 0


@dataclass(frozen=True)
class Identity:
    """What must be the same for a run to be gone on with.

    Attributes:
        data: fingerprint of the samples.
        processes: how many devices share a step.
    """

    config: TrainConfig
    data: str
    processes: int

    def stored(self) -> dict[str, Any]:
        settings = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in flat(self.config).items()
        }
        return {"config": settings, "data": self.data, "processes": self.processes}

    def refuse_other(self, held: Mapping[str, Any], file: Path) -> None:
        """Refuse a checkpoint of another run.

        Raises:
            ResumeError: naming the settings that differ.
        """
        mine = self.stored()
        before, now = held["config"], mine["config"]
        changed = [
            f"{name} was {before.get(name)!r} and is {now.get(name)!r}"
            for name in sorted({*before, *now})
            if before.get(name) != now.get(name) and not name.startswith(MAY_CHANGE)
        ]
        names = {"data": "the data", "processes": "the number of processes"}
        changed += [
            f"{names[k]} was {held[k]} and is {mine[k]}" for k in names if held[k] != mine[k]
        ]
        if changed:
            raise ResumeError(
                f"the checkpoint is of another run: {'; '.join(changed)}",
                file=file,
                remedy="Go on with the run's own config.toml, or choose another output folder",
            )


def save_state(state: RunState, identity: Identity, out: Path, keep: int) -> Path:
    """Writes a checkpoint, then drops all but the newest ``keep``.

    Raises:
        StorageError: no room, or the disk failed; nothing half-written stays and nothing older is
            dropped.
    """
    home = out / FOLDER
    final, part = home / f"step-{state.step:08d}", home / f".step-{state.step:08d}.partial"
    if final.is_dir():
        return final  # stopped by a bad step right after a checkpoint
    tensors, numbers = _gathered(state)
    held = {"step": state.step, "numbers": numbers, **identity.stored()}
    try:
        for left in home.glob(".step-*.partial"):
            shutil.rmtree(left)
        part.mkdir(parents=True)
        _room(home, sum(t.numel() * t.element_size() for t in tensors.values()))
        save_file(tensors, part / "state.safetensors")
        (part / "state.json").write_text(json.dumps(held, indent=1), encoding="utf-8")
        _synced(part)
        os.rename(part, final)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(part, ignore_errors=True)
        raise StorageError(
            f"the checkpoint of step {state.step} could not be written: {error}",
            file=final,
            remedy="Make room and start the run again; it goes on from its newest checkpoint",
        ) from error
    for old in checkpoints(out)[:-keep]:
        shutil.rmtree(old)
    return final


def checkpoints(out: Path) -> list[Path]:
    """The complete checkpoints of a run, oldest first."""
    return sorted(path for path in (out / FOLDER).glob("step-*") if path.is_dir())


def load_state(state: RunState, identity: Identity, out: Path) -> Path | None:
    """Puts the newest checkpoint into ``state``.

    Returns:
        Its folder, or None where there is none yet.

    Raises:
        ResumeError: another run's, or one that cannot be read.
    """
    found = checkpoints(out)
    if not found:
        return None
    path = found[-1]
    try:
        held = json.loads((path / "state.json").read_text(encoding="utf-8"))
        tensors = load_file(path / "state.safetensors")
    except (OSError, ValueError, SafetensorError) as error:
        raise ResumeError(
            f"the checkpoint cannot be read: {error}",
            file=path,
            remedy="Delete this folder; the run goes on from the one before",
        ) from error
    identity.refuse_other(held, path)
    _scattered(state, tensors, held["numbers"])
    state.step = held["step"]
    return path


def _gathered(state: RunState) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """All tensors by name, and the plain numbers among the optimiser's state."""
    names = list(state.trainable.parameters)
    tensors = {f"weight.{name}": p.detach() for name, p in state.trainable.parameters.items()}
    numbers: dict[str, Any] = {}
    for index, values in state.optimizer.state_dict()["state"].items():
        for key, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"optimizer.{key}.{names[index]}"] = value
            else:
                numbers[f"optimizer.{key}.{names[index]}"] = value
    if state.ema is not None:
        numbers["ema.step"] = state.ema.optimization_step
        shadows = zip(names, state.ema.shadow_params, strict=True)
        tensors |= {f"average.{name}": shadow for name, shadow in shadows}
    return {key: value.cpu().contiguous().clone() for key, value in tensors.items()}, numbers


def _scattered(state: RunState, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
    names = list(state.trainable.parameters)
    moments: dict[int, dict[str, Any]] = {}
    with torch.no_grad():
        for index, (name, parameter) in enumerate(state.trainable.parameters.items()):
            parameter.copy_(tensors[f"weight.{name}"])
            if state.ema is not None:
                state.ema.shadow_params[index].copy_(tensors[f"average.{name}"])
    places = {name: index for index, name in enumerate(names)}
    for full, value in {**tensors, **numbers}.items():
        kind, _, rest = full.partition(".")
        key, _, name = rest.partition(".")
        if kind == "optimizer":
            moments.setdefault(places[name], {})[key] = value
    groups = state.optimizer.state_dict()["param_groups"]
    state.optimizer.load_state_dict({"state": moments, "param_groups": groups})
    if state.ema is not None:
        state.ema.optimization_step = numbers["ema.step"]


def _room(folder: Path, wanted: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < wanted:
        raise OSError(f"{wanted / 2**20:.0f} MiB are needed and {free / 2**20:.0f} MiB are free")


def _synced(folder: Path) -> None:
    """The files are on the disk before the folder gets its name."""
    for path in (*folder.iterdir(), folder):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
