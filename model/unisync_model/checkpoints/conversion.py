"""One layout into another, one tensor at a time."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ..av2v import PATCH, VIDEO
from ..errors import CheckpointError
from .config import Config, official, pull_request
from .detect import CONFIG_KEY, Checkpoint, Layout, Part, open_checkpoint
from .keys import Naming, from_ours
from .loading import empty_model, wanted_parts
from .read import DTYPES
from .write import SHARD_BYTES, Planned, write_file, write_shards

TARGETS = (
    Layout.UNISYNC,
    Layout.OFFICIAL,
    Layout.FASTVIDEO,
    Layout.DIFFUSERS_PR,
    Layout.COMFY,
)
"""What can be written: 8 bit and GGUF files have better makers."""
_NAMING = {Layout.UNISYNC: Naming.OURS, Layout.DIFFUSERS_PR: Naming.PR}
_FLOATS = (torch.float32, torch.float16, torch.bfloat16)


def convert(
    source: Path | str,
    target: Path | str,
    layout: Layout = Layout.UNISYNC,
    *,
    dtype: torch.dtype | None = None,
    fuse_av2v: bool = False,
    allow_pickle: bool = False,
    config: Mapping[str, Any] | None = None,
    shard_bytes: int = SHARD_BYTES,
) -> list[Path]:
    """Writes the transformer at `source` to `target` in another layout.

    Args:
        source: any layout that `load_transformer` accepts.
        target: a folder that does not exist yet or, for `comfy`, a file. In the folder the weights
            lie in `transformer/`, only the official layout is flat.
        dtype: of the tensors; None keeps the source's, and bfloat16 for 8 bit and GGUF files.
        fuse_av2v: write the paper's single convolution of 2C channels (eq. 2) instead of our two.
        allow_pickle: read a pickle through torch's restricted unpickler.
        config: the model's config.json, where it does not lie beside a single file.
        shard_bytes: where to begin another file.

    Returns:
        The files written.

    Raises:
        CheckpointError: the source cannot be read, is incomplete, or the target exists.
    """
    source, target = Path(source), Path(target)
    if layout not in TARGETS:
        choices = ", ".join(choice.value for choice in TARGETS)
        raise CheckpointError(f"{layout.value} is not written here, only {choices}")
    if target.exists():
        raise CheckpointError("this exists already", file=target, remedy="Name a new target.")
    checkpoint = open_checkpoint(source, config=config, allow_pickle=allow_pickle)
    if fuse_av2v and not checkpoint.config["av2v"]:
        raise CheckpointError(
            "there is no source video convolution to fuse", file=source, remedy="Leave it out."
        )
    plan = list(_plan(checkpoint, layout, dtype, fuse_av2v))
    stated = _config(checkpoint.config, layout, fuse_av2v)
    if layout is Layout.COMFY:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_file(target, plan, {"format": "pt", CONFIG_KEY: json.dumps(stated)})
        return [target]
    # under another name until it is whole: a conversion cut short leaves no folder that looks good
    partial_target = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial_target, ignore_errors=True)
    folder = partial_target if layout is Layout.OFFICIAL else partial_target / "transformer"
    folder.mkdir(parents=True)
    config_file = folder / "config.json"
    config_file.write_text(json.dumps(stated, indent=2) + "\n", encoding="utf-8")
    files = [config_file, *write_shards(folder, plan, {"format": "pt"}, shard_bytes)]
    partial_target.rename(target)
    return [target / file.relative_to(partial_target) for file in files]


def _plan(
    checkpoint: Checkpoint, layout: Layout, dtype: torch.dtype | None, fuse: bool
) -> Iterator[Planned]:
    parts = wanted_parts(checkpoint, empty_model(checkpoint))
    video = next((part for part in parts if part.target == VIDEO), None)
    layers = checkpoint.config["audio_inject_layers"]
    for part in parts:
        together = [part]
        if fuse and part is video:
            continue
        if fuse and part.target == PATCH and video is not None:
            together.append(video)
        yield Planned(
            from_ours(part.target, _NAMING.get(layout, Naming.NATIVE), layers),
            (part.shape[0], len(together) * part.shape[1], *part.shape[2:])
            if len(together) > 1
            else part.shape,
            dtype or _kept(checkpoint, part),
            partial(_joined, checkpoint, together),
        )


def _joined(checkpoint: Checkpoint, parts: list[Part]) -> torch.Tensor:
    if len(parts) == 1:
        return checkpoint.read(parts[0])
    return torch.cat([checkpoint.read(part) for part in parts], dim=1)


def _kept(checkpoint: Checkpoint, part: Part) -> torch.dtype:
    stored = DTYPES.get(checkpoint.weights.tensors[part.source].dtype)
    return stored if stored in _FLOATS else torch.bfloat16


def _config(config: Config, layout: Layout, fused: bool) -> Config:
    if layout is Layout.UNISYNC:
        return {
            "_class_name": "UniSyncTransformer3DModel",
            **config,
            "audio_inject_layers": list(config["audio_inject_layers"]),
        }
    if layout is Layout.DIFFUSERS_PR:
        return pull_request(config, fused=fused)
    return official(config, fused=fused)
