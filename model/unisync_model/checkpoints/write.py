"""safetensors files written one tensor at a time.

The library's own writer wants a whole file's tensors in memory at once, which for the 14B in one
file is 30 GB; the format itself asks for nothing of the kind: the length of a JSON header, the
header, the bytes. Format: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from .read import DTYPE_NAMES

SHARD_BYTES = 5 * 10**9
"""diffusers' usual size of a shard."""
STEM = "diffusion_pytorch_model"


@dataclass(frozen=True)
class Planned:
    """One tensor of a file to be written."""

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    make: Callable[[], torch.Tensor]
    """Gives the data, called once, when its turn has come."""

    @property
    def nbytes(self) -> int:
        """Bytes in the file."""
        return int(torch.Size(self.shape).numel()) * self.dtype.itemsize


def write_file(file: Path, plan: Sequence[Planned], metadata: Mapping[str, str]) -> None:
    """Writes `plan` as one safetensors file, by way of a temporary name in the same folder."""
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    offset = 0
    for planned in plan:
        header[planned.name] = {
            "dtype": DTYPE_NAMES[planned.dtype],
            "shape": list(planned.shape),
            "data_offsets": [offset, offset + planned.nbytes],
        }
        offset += planned.nbytes
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the data starts on a multiple of eight
    partial = file.with_name(f".{file.name}.partial")
    try:
        with partial.open("wb") as stream:
            stream.write(len(text).to_bytes(8, "little") + text)
            for planned in plan:
                value = planned.make().to(planned.dtype).contiguous()
                value.reshape(-1).view(torch.uint8).numpy().tofile(stream)
        os.replace(partial, file)
    finally:
        partial.unlink(missing_ok=True)


def write_shards(
    folder: Path,
    plan: Sequence[Planned],
    metadata: Mapping[str, str],
    shard_bytes: int = SHARD_BYTES,
) -> list[Path]:
    """Writes `plan` into `folder` as diffusers does: one file, or shards and their index."""
    groups = _groups(plan, shard_bytes)
    if len(groups) == 1:
        file = folder / f"{STEM}.safetensors"
        write_file(file, groups[0], metadata)
        return [file]
    files, weight_map = [], {}
    for number, group in enumerate(groups, start=1):
        file = folder / f"{STEM}-{number:05}-of-{len(groups):05}.safetensors"
        write_file(file, group, metadata)
        files.append(file)
        weight_map.update({planned.name: file.name for planned in group})
    index = {"metadata": {"total_size": sum(p.nbytes for p in plan)}, "weight_map": weight_map}
    target = folder / f"{STEM}.safetensors.index.json"
    target.write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    return [*files, target]


def _groups(plan: Sequence[Planned], shard_bytes: int) -> list[list[Planned]]:
    groups: list[list[Planned]] = [[]]
    size = 0
    for planned in plan:
        if groups[-1] and size + planned.nbytes > shard_bytes:
            groups.append([])
            size = 0
        groups[-1].append(planned)
        size += planned.nbytes
    return groups
