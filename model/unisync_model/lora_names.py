"""The names and shapes inside a LoRA file, sorted out against the network it shall go on.

A pair is written as `lora_A`/`lora_B` (PEFT, DiffSynth) or `lora_down`/`lora_up` (kohya, ComfyUI),
with an `alpha` whose ratio to the rank scales it. Distilled adapters add whole tensors as `diff`
(weight) and `diff_b` (bias). The module is named natively, as in diffusers, or natively with
underscores for dots; in front of it may stand the name of whatever held the network.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from .checkpoints.keys import Naming, from_ours
from .errors import CheckpointError

if TYPE_CHECKING:
    from .transformer import UniSyncTransformer3DModel

_PREFIXES = (
    "model.diffusion_model.",
    "diffusion_model.",
    "base_model.model.",
    "transformer.",
    "lora_unet_",
    "",
)
_SIDES = {"A": "lora_A", "down": "lora_A", "B": "lora_B", "up": "lora_B"}
# ".default" and the like are PEFT's name of the adapter
_PAIR = re.compile(r"(.+)\.lora_(A|B|down|up)(?:\.\w+)?\.weight")
_ADDED = {"diff": "weight", "diff_b": "bias"}
_SHOWN = 10


@dataclass(frozen=True)
class Adapter:
    """A LoRA file under the network's own names."""

    pairs: dict[str, torch.Tensor] = field(default_factory=dict)
    """`<module>.lora_A.weight` (r, in) and `<module>.lora_B.weight` (out, r), alpha applied."""
    whole: dict[str, torch.Tensor] = field(default_factory=dict)
    """Tensors that replace the network's."""
    added: dict[str, torch.Tensor] = field(default_factory=dict)
    """Tensors that are added to the network's."""


def sorted_out(
    tensors: Mapping[str, torch.Tensor], model: UniSyncTransformer3DModel, file: Path
) -> Adapter:
    """The tensors of a LoRA file under our names, every one of them fitting `model`.

    Raises:
        CheckpointError: a module that the network does not have, or another shape.
    """
    modules, names = _modules(model), _spellings(model)
    adapter, alphas, unknown = Adapter(), dict[str, float](), []
    for key, value in tensors.items():
        module, kind = _split(key)
        ours = _resolved(module, names)
        if ours is None:
            unknown.append(key)
        elif kind in _SIDES.values():
            adapter.pairs[f"{ours}.{kind}.weight"] = value
        elif kind == "alpha":
            alphas[ours] = float(value)
        elif kind in _ADDED:
            adapter.added[f"{ours}.{_ADDED[kind]}"] = value
        else:
            adapter.whole[f"{ours}.{kind}" if ours else kind] = value
    _refuse("have no place in this network", unknown, file)
    _refuse("are of another shape", _misfits(adapter, modules, model), file)
    for module, alpha in alphas.items():
        down, up = (f"{module}.{side}.weight" for side in ("lora_A", "lora_B"))
        if up in adapter.pairs:
            adapter.pairs[up] = adapter.pairs[up] * (alpha / adapter.pairs[down].shape[0])
    return adapter


def base_layer(module: Any) -> Any:
    """The layer itself, where an adapter already sits on it."""
    return module.get_base_layer() if hasattr(module, "get_base_layer") else module


def _modules(model: UniSyncTransformer3DModel) -> dict[str, Any]:
    """The network's own modules by name, without those that adapters brought."""
    return {
        name: base_layer(module)
        for name, module in model.named_modules()
        if ".base_layer" not in name and ".lora_" not in name
    }


def _spellings(model: UniSyncTransformer3DModel) -> dict[str, str]:
    """Every published spelling of every module that has weights, to ours."""
    layers = model.config["audio_inject_layers"]
    names: dict[str, str] = {}
    for ours, module in _modules(model).items():
        if not list(module.parameters(recurse=False)):
            continue
        names[ours] = ours
        for naming in (Naming.NATIVE, Naming.PR):
            try:
                theirs = from_ours(f"{ours}.", naming, layers).rstrip(".")
            except KeyError:  # pragma: no cover - a layer that no publisher has
                continue
            names[theirs] = ours
            names[theirs.replace(".", "_")] = ours
    return names


def _split(key: str) -> tuple[str, str]:
    """A file's key as (module, kind): a side of a pair, alpha, a difference, or a parameter."""
    if match := _PAIR.fullmatch(key):
        return match[1], _SIDES[match[2]]
    module, _, kind = key.rpartition(".")
    return module, kind


def _resolved(module: str, names: Mapping[str, str]) -> str | None:
    for prefix in _PREFIXES:
        if module.startswith(prefix) and module.removeprefix(prefix) in names:
            return names[module.removeprefix(prefix)]
    return None


def _misfits(
    adapter: Adapter, modules: Mapping[str, Any], model: UniSyncTransformer3DModel
) -> list[str]:
    wrong = []
    for key, value in adapter.pairs.items():
        module, side = key.removesuffix(".weight").rsplit(".", 1)
        wanted, held = _width(modules[module], side), value.shape[1 if side == "lora_A" else 0]
        if held != wanted:
            wrong.append(f"{key} is {list(value.shape)}, the layer has {wanted}")
    state = {key: value.shape for key, value in model.state_dict().items()}
    for key, value in {**adapter.whole, **adapter.added}.items():
        layer, _, name = key.rpartition(".")
        shape = state.get(key, state.get(f"{layer}.base_layer.{name}"))
        if shape != value.shape:
            wrong.append(f"{key} is {list(value.shape)}, not {list(shape or ())}")
    return wrong


def _width(layer: Any, side: str) -> int:
    """How many numbers go into (A) or come out of (B) a linear layer or a convolution."""
    names = ("in_features", "in_channels") if side == "lora_A" else ("out_features", "out_channels")
    return next((int(getattr(layer, name)) for name in names if hasattr(layer, name)), -1)


def _refuse(what: str, names: list[str], file: Path) -> None:
    if not names:
        return
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    own = any(name.startswith(("video_embedding", "pafs")) for name in names)
    raise CheckpointError(
        f"{len(names)} tensors of this LoRA {what}: {', '.join(names[:_SHOWN])}{more}",
        file=file,
        remedy=(
            "Load the network with av2v=True and the adapter's PAFS variant."
            if own
            else "Use a LoRA trained for this network."
        ),
    )
