"""LoRA: UniSync's own adapters and foreign ones for Wan, on and off a loaded network.

Our file is one safetensors: the low rank pairs under PEFT's names, beside them the layers that are
trained whole (`video_embedding`, `pafs`, ...), and `LoraMeta` as JSON in the metadata. Foreign
files come with native, diffusers or flattened (kohya) names; reading them is `lora_names`' work.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from diffusers.loaders.lora_base import LORA_ADAPTER_METADATA_KEY
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file

from .checkpoints.read import SafetensorsWeights
from .checkpoints.safety import Container, container_of, refusal
from .errors import CheckpointError
from .lora_names import Adapter, sorted_out

if TYPE_CHECKING:
    from .transformer import UniSyncTransformer3DModel

META_KEY = "unisync"
OWN_LAYERS = ("video_embedding", "pafs")
"""The layers that UniSync trains whole."""
_PUBLISHED = {(40, 5120): "Wan2.2-S2V-14B"}


@dataclass(frozen=True)
class LoraMeta:
    """What an adapter was trained for, stored in its file."""

    base: str = ""
    """The network it fits, see `base_of`; filled in when saved."""
    variant: str = "none"
    """The PAFS variant that its `pafs` weights are for."""
    pafs_size: tuple[int, ...] = ()
    """Entries of its position tables; filled in when saved."""
    av2v: bool = False
    """Whether it holds a trained `video_embedding`; filled in when saved."""
    fps: tuple[str, ...] = ()
    """Frame rates it was trained at, exact: "25", "24000/1001"."""
    tau: float = 0.8
    """Share of the sampling steps after which TALI injects (alg. 1)."""
    shift: float = 3.0
    """Shift of the flow schedule."""
    steps: int = 0
    """Sampling steps of a distilled adapter, 0 where it is none."""
    licence: str = ""

    @property
    def needs(self) -> dict[str, Any]:
        """What `load_transformer` must be asked for, so that this adapter finds its layers."""
        if self.variant == "none":
            return {"av2v": True} if self.av2v else {}
        return {"av2v": True, "pafs": self.variant, "pafs_size": self.pafs_size}


@dataclass(frozen=True)
class LoadedLora:
    """An adapter on a network, and what it put aside."""

    name: str
    meta: LoraMeta | None
    replaced: dict[str, torch.Tensor]
    """Whole tensors of the network as they were before."""


def base_of(config: Mapping[str, Any]) -> str:
    """The name by which adapters know a network: the published one's, or its size."""
    dim = config["num_attention_heads"] * config["attention_head_dim"]
    layers = config["num_layers"]
    return _PUBLISHED.get((layers, dim), f"S2V-{layers}x{dim}")


def save_lora(
    model: UniSyncTransformer3DModel,
    path: Path | str,
    meta: LoraMeta,
    *,
    adapter_name: str = "default",
    whole: Iterable[str] = OWN_LAYERS,
) -> Path:
    """Writes an adapter of `model` and the layers trained whole as one safetensors file.

    Args:
        meta: what it was trained for; `base`, `pafs_size` and `av2v` are the model's.
        whole: top-level layers to store whole, where the model has them.

    Raises:
        CheckpointError: the model has no adapter of that name.
    """
    path = Path(path)
    if adapter_name not in getattr(model, "peft_config", {}):
        raise CheckpointError(f"the network has no adapter named {adapter_name}", file=path)
    # What diffusers' save_lora_adapter writes, by the same function of PEFT: that method takes no
    # metadata of ours, and warns about modules kept in float32 although it casts none.
    tensors = {
        key: value.detach().cpu().contiguous()
        for key, value in get_peft_model_state_dict(model, adapter_name=adapter_name).items()
    }
    settings = model.peft_config[adapter_name].to_dict()
    children = dict(model.named_children())
    for name in whole:
        layer = children.get(name)
        state = {} if layer is None else layer.state_dict()
        tensors |= {
            f"{name}.{key.replace('.base_layer', '')}": value.detach().cpu().contiguous()
            for key, value in state.items()
            if "lora_" not in key
        }
    size = () if meta.variant == "none" else tuple(model.config.pafs_size)
    held = asdict(
        replace(
            meta,
            base=base_of(model.config),
            pafs_size=size,
            av2v="video_embedding.weight" in tensors,
        )
    )
    metadata = {
        "format": "pt",
        LORA_ADAPTER_METADATA_KEY: json.dumps(settings, default=sorted),  # it holds sets
        META_KEY: json.dumps(held),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, metadata=metadata)
    return path


def load_lora(
    model: UniSyncTransformer3DModel,
    path: Path | str,
    *,
    adapter_name: str = "default",
    scale: float = 1.0,
) -> LoadedLora:
    """Puts the adapter at `path` on `model`: ours or a foreign one for Wan.

    Args:
        adapter_name: under which diffusers' `set_adapters` and `delete_adapters` know it.
        scale: of the low rank pairs and of foreign additive tensors; layers stored whole replace
            the network's own, whatever the scale.

    Raises:
        CheckpointError: a pickle, another base, names or shapes that do not fit, or layers stored
            whole that the network was loaded without.
    """
    path = Path(path)
    if container_of(path) is Container.PICKLE:
        raise refusal(path, "Ask its author for safetensors.")
    weights = SafetensorsWeights([path])
    meta = read_meta(weights.metadata)
    _check_base(meta, weights.metadata, model.config, path)
    tensors = {key: weights.read(key).clone() for key in weights.tensors}
    adapter = sorted_out(tensors, model, path)
    replaced = _put_whole(model, adapter, scale)
    if adapter.pairs:
        known = weights.metadata.get(LORA_ADAPTER_METADATA_KEY)
        with warnings.catch_warnings():
            # a second adapter is what the caller asked for
            warnings.filterwarnings("ignore", message="Already found a `peft_config`")
            model.load_lora_adapter(
                adapter.pairs,
                prefix=None,
                adapter_name=adapter_name,
                metadata=json.loads(known) if known and meta else None,
            )
        model.set_adapters([adapter_name], [scale])
    return LoadedLora(adapter_name, meta, replaced)


def unload_lora(model: UniSyncTransformer3DModel, loaded: LoadedLora) -> None:
    """Takes an adapter off again: the network is what it was before, to the bit."""
    if loaded.name in getattr(model, "peft_config", {}):
        model.delete_adapters(loaded.name)
        if not getattr(model, "peft_config", None):
            model.unload_lora()  # takes PEFT's empty wrappers away as well
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for key, value in loaded.replaced.items():
            parameters[_wrapped(key, parameters)].copy_(value)


def fuse_loras(model: UniSyncTransformer3DModel) -> None:
    """Adds every active adapter to the weights and drops the extra layers; there is no way back.

    The network is then as fast as without an adapter, and can be compiled or quantised as such.
    """
    model.fuse_lora()
    model.unload_lora()


def is_lora(path: Path | str) -> bool:
    """Whether the file at `path` holds an adapter, by its tensors' names."""
    path = Path(path)
    if not path.is_file() or container_of(path) is not Container.SAFETENSORS:
        return False
    return any(".lora_" in key for key in SafetensorsWeights([path]).tensors)


def meta_of(path: Path | str) -> LoraMeta | None:
    """What the adapter at `path` was trained for, or None where it is not one of ours."""
    return read_meta(SafetensorsWeights([Path(path)]).metadata)


def read_meta(metadata: Mapping[str, str]) -> LoraMeta | None:
    """`LoraMeta` out of a safetensors file's metadata, or None where it is not one of ours."""
    if META_KEY not in metadata:
        return None
    held = json.loads(metadata[META_KEY])
    known = {name: held[name] for name in LoraMeta.__dataclass_fields__ if name in held}
    lists = {name: tuple(known.get(name, ())) for name in ("fps", "pafs_size")}
    return LoraMeta(**{**known, **lists})


def check_base(path: Path | str, config: Mapping[str, Any]) -> None:
    """Refuse an adapter that was trained for another network, by its header alone.

    Args:
        config: of the network it is meant for.

    Raises:
        CheckpointError: naming both networks.
    """
    metadata = SafetensorsWeights([Path(path)]).metadata
    _check_base(read_meta(metadata), metadata, config, Path(path))


def _check_base(
    meta: LoraMeta | None,
    metadata: Mapping[str, str],
    config: Mapping[str, Any],
    path: Path,
) -> None:
    wanted = base_of(config)
    stated = meta.base if meta else metadata.get("modelspec.architecture", "wan")
    fits = stated == wanted if meta else "wan" in stated.lower()
    if not fits:
        raise CheckpointError(
            f"this LoRA is for {stated}, the network is {wanted}",
            file=path,
            remedy="Use a LoRA trained for this network.",
        )


def _put_whole(
    model: UniSyncTransformer3DModel, adapter: Adapter, scale: float
) -> dict[str, torch.Tensor]:
    """Replaces or shifts whole tensors; gives back what was there."""
    parameters = dict(model.named_parameters())
    replaced = {}
    with torch.no_grad():
        for key, value in adapter.whole.items():
            own = parameters[_wrapped(key, parameters)]
            replaced[key] = own.detach().clone()
            own.copy_(value)
        for key, value in adapter.added.items():
            own = parameters[_wrapped(key, parameters)]
            replaced.setdefault(key, own.detach().clone())
            own.add_(value.to(own), alpha=scale)
    return replaced


def _wrapped(key: str, parameters: Mapping[str, Any]) -> str:
    """`key` as it is called while an adapter sits on its layer."""
    layer, _, name = key.rpartition(".")
    return key if key in parameters else f"{layer}.base_layer.{name}"


__all__ = [
    "LoadedLora",
    "LoraMeta",
    "base_of",
    "check_base",
    "fuse_loras",
    "is_lora",
    "load_lora",
    "meta_of",
    "read_meta",
    "save_lora",
    "unload_lora",
]
