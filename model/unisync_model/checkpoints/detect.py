"""Which layout a path holds, and its tensors under our names.

`open_checkpoint` reads headers only. What it returns knows, for every tensor of our network, which
tensor of the file it comes from; the data is read later, one tensor at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import torch

from ..av2v import PATCH, VIDEO
from ..errors import CheckpointError
from .config import Config, completed, inject_layers, stated
from .fp8 import Fp8Weights, is_fp8
from .gguf import GgufWeights
from .keys import Naming, inject_layers_of, naming_of, to_ours
from .read import PickleWeights, SafetensorsWeights, Weights
from .safety import PICKLE_SUFFIXES, Container, container_of, refusal

CONFIG_KEY = "config"
"""Under which name a single file carries its configuration as JSON."""
PROMPT_EMBEDS = "prompt_embeds.safetensors"
"""What may lie beside the weights of a model folder."""
_PREFIXES = ("", "model.diffusion_model.", "diffusion_model.", "model.")


class Layout(str, Enum):
    """How a published transformer lies on disk."""

    OFFICIAL = "official"
    """Wan-AI's flat repository: config.json and shards, native names."""
    FASTVIDEO = "fastvideo"
    """A diffusers folder with native names inside, `_class_name: WanModel_S2V`."""
    DIFFUSERS_PR = "diffusers-pr"
    """The names of diffusers' pull request 12258."""
    COMFY = "comfy"
    """One safetensors file with native names."""
    COMFY_FP8 = "comfy-fp8"
    """The same in 8 bits, usually with a scale for each layer."""
    GGUF = "gguf"
    """One GGUF file with native names."""
    PICKLE = "pickle"
    """A pickle that the caller chose to trust; only `convert` reads it."""
    UNISYNC = "unisync"
    """Our own names, as `save_pretrained` writes them."""


@dataclass(frozen=True)
class Part:
    """Where one tensor of our network comes from."""

    target: str
    source: str
    shape: tuple[int, ...]
    channels: slice | None = None
    """The half of a fused AV2V convolution: a slice of its input channels."""


@dataclass(frozen=True)
class Checkpoint:
    """A transformer on disk, understood but not loaded."""

    path: Path
    layout: Layout
    naming: Naming
    weights: Weights
    config: Config
    """As `UniSyncTransformer3DModel` takes it."""
    parts: tuple[Part, ...]
    surplus: tuple[str, ...]
    """Names in the files that no tensor of our network answers to."""
    fused_av2v: bool

    def read(self, part: Part) -> torch.Tensor:
        """The data of `part`; it may still lie in the file's pages, so convert or clone it."""
        value = self.weights.read(part.source)
        return value if part.channels is None else value[:, part.channels].contiguous()


def open_checkpoint(
    path: Path | str, *, config: Mapping[str, Any] | None = None, allow_pickle: bool = False
) -> Checkpoint:
    """Reads the headers of the transformer at `path`.

    Args:
        path: a weights file, a folder with weights, or a model folder with `transformer/`.
        config: the model's config.json, where it does not lie beside the weights.
        allow_pickle: read a pickle through torch's restricted unpickler; for conversion only.

    Raises:
        CheckpointError: nothing there can be loaded, and why.
    """
    path = Path(path)
    files, config_file = _files(path)
    container = container_of(files[0])
    if container is Container.PICKLE and not allow_pickle:
        raise refusal(files[0])
    weights = _opened(container, files)
    prefix, naming = _recognised(weights, files[0])
    raw = config or _raw_config(config_file, weights.metadata)
    known = stated(raw, config_file)
    layers = _layers(weights, prefix, naming, known, files[0])
    parts, surplus = _parts(weights, prefix, naming, layers)
    shapes = {part.target: part.shape for part in parts}
    full = completed({**known, "audio_inject_layers": layers}, shapes, files[0])
    fused = any(part.channels is not None for part in parts)
    layout = _layout(path, container, naming, weights, config_file)
    return Checkpoint(path, layout, naming, weights, full, parts, surplus, fused)


def _files(path: Path) -> tuple[list[Path], Path | None]:
    """The weights files at `path`, and the config.json that belongs to them."""
    if not path.is_dir():
        beside = path.parent / "config.json"
        # a folder of ComfyUI's may hold any config; S2V's names its injected blocks
        ours = beside.is_file() and "audio_inject_layers" in _json(beside)
        return [path], beside if ours else None
    if (path / "transformer").is_dir():
        path = path / "transformer"
    single = (file for file in path.glob("*.safetensors") if file.name != PROMPT_EMBEDS)
    files = _shards(path) or sorted(single) or sorted(path.glob("*.gguf"))
    if not files:
        pickles = sorted(file for file in path.iterdir() if file.suffix in PICKLE_SUFFIXES)
        if pickles:
            raise refusal(pickles[0])
        raise CheckpointError(
            "there are no weights in this folder", file=path, remedy="Point at the transformer."
        )
    if len(files) > 1 and not _shards(path):
        names = ", ".join(file.name for file in files[:10])
        raise CheckpointError(
            f"several weights files and no index: {names}", file=path, remedy="Name one of them."
        )
    config = path / "config.json"
    return files, config if config.is_file() else None


def _shards(folder: Path) -> list[Path]:
    """The shards that the folder's index names, all of them present."""
    index = next(iter(sorted(folder.glob("*.safetensors.index.json"))), None)
    if index is None:
        return []
    names = sorted(set(_json(index)["weight_map"].values()))
    for name in names:
        if Path(name).name != name or not (folder / name).is_file():
            raise CheckpointError(
                f"the index names {name}, which is not there", file=index, remedy="Fetch it again."
            )
    return [folder / name for name in names]


def _opened(container: Container, files: list[Path]) -> Weights:
    if container is Container.GGUF:
        return GgufWeights(files[0])
    if container is Container.PICKLE:
        return PickleWeights(files[0])
    weights = SafetensorsWeights(files)
    return Fp8Weights(weights) if is_fp8(weights) else weights


def _recognised(weights: Weights, file: Path) -> tuple[str, Naming]:
    for prefix in _PREFIXES:
        naming = naming_of(
            key.removeprefix(prefix) for key in weights.tensors if key.startswith(prefix)
        )
        if naming is not None:
            return prefix, naming
    raise CheckpointError(_what_else(weights), file=file, remedy="Use Wan2.2-S2V-14B.")


def _what_else(weights: Weights) -> str:
    """The most telling thing to say about weights that are not ours."""
    keys = list(weights.tensors)
    if any(".lora_" in key for key in keys):
        return "this is a LoRA, not a network: load the network first, then this on top of it"
    if any("blocks.0.self_attn.q" in key or "blocks.0.attn1.to_q" in key for key in keys):
        return "this is a Wan network without the audio layers of S2V"
    return f"these are not the weights of Wan2.2-S2V: the first names are {', '.join(keys[:3])}"


def _raw_config(file: Path | None, metadata: Mapping[str, str]) -> Mapping[str, Any]:
    if file is not None:
        return _json(file)
    try:
        held = json.loads(metadata.get(CONFIG_KEY, "{}"))
    except ValueError:
        return {}
    return held if isinstance(held, dict) else {}


def _layers(
    weights: Weights, prefix: str, naming: Naming, known: Config, file: Path
) -> tuple[int, ...]:
    keys = (key.removeprefix(prefix) for key in weights.tensors)
    found = inject_layers_of(keys, naming)
    return found if naming is Naming.OURS else inject_layers(len(found), known, file)


def _parts(
    weights: Weights, prefix: str, naming: Naming, layers: tuple[int, ...]
) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    parts: list[Part] = []
    surplus: list[str] = []
    # without a frame packer the network is incomplete, which is found out right after
    packer = weights.tensors.get(f"{prefix}frame_packer.proj.weight")
    channels = packer.shape[1] if packer else 0
    for key, info in weights.tensors.items():
        ours = to_ours(key.removeprefix(prefix), naming, layers)
        if ours is None or not key.startswith(prefix):
            surplus.append(key)
        elif ours == PATCH and info.shape[1] == 2 * channels:
            parts.extend(_halves(key, info.shape, channels))
        else:
            parts.append(Part(ours, key, info.shape))
    return tuple(parts), tuple(surplus)


def _halves(key: str, shape: tuple[int, ...], channels: int) -> Iterator[Part]:
    """A fused AV2V convolution is the noisy latents' and the source video's, side by side."""
    half = (shape[0], channels, *shape[2:])
    yield Part(PATCH, key, half, slice(0, channels))
    yield Part(VIDEO, key, half, slice(channels, 2 * channels))


def _layout(
    path: Path, container: Container, naming: Naming, weights: Weights, config: Path | None
) -> Layout:
    if container is Container.GGUF:
        return Layout.GGUF
    if container is Container.PICKLE:
        return Layout.PICKLE
    if naming is Naming.OURS:
        return Layout.UNISYNC
    if naming is Naming.PR:
        return Layout.DIFFUSERS_PR
    if config is None or not path.is_dir():
        return Layout.COMFY_FP8 if isinstance(weights, Fp8Weights) else Layout.COMFY
    in_folder = config.parent.name == "transformer" and (
        path != config.parent or (config.parent.parent / "model_index.json").is_file()
    )
    return Layout.FASTVIDEO if in_folder else Layout.OFFICIAL


def _json(file: Path) -> dict[str, Any]:
    try:
        held = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"cannot be read as JSON: {error}", file=file, remedy="Fetch it again."
        ) from error
    if not isinstance(held, dict):
        raise CheckpointError("this JSON is not a configuration", file=file)
    return held
