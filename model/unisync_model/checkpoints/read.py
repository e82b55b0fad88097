"""Weights read one tensor at a time, so that no second copy of the model is ever in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError, safe_open

from ..errors import CheckpointError

# safetensors' own names of its element types
DTYPES: dict[str, torch.dtype] = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
DTYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}


@dataclass(frozen=True)
class TensorInfo:
    """One tensor as its file's header declares it."""

    shape: tuple[int, ...]
    """The logical shape, also where the data is quantised in blocks."""
    dtype: str
    """The file's own name of the element type: `BF16`, `F8_E4M3`, `Q4_0`, ..."""
    file: Path

    @property
    def count(self) -> int:
        """How many numbers the tensor holds."""
        total = 1
        for side in self.shape:
            total *= side
        return total


class Weights(Protocol):
    """The tensors of a checkpoint: all headers at once, the data one tensor at a time."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The files, in the order in which they are best read."""

    @property
    def metadata(self) -> Mapping[str, str]:
        """The free text that the files carry."""

    @property
    def tensors(self) -> Mapping[str, TensorInfo]:
        """Every tensor's header by its name in the file, in reading order."""

    def read(self, key: str) -> torch.Tensor:
        """The tensor `key` on the CPU, in its logical shape, quantised blocks expanded."""


class SafetensorsWeights:
    """One safetensors file or several shards.

    Raises:
        CheckpointError: a file is truncated or damaged, or two of them hold the same name.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = tuple(files)
        self.metadata: dict[str, str] = {}
        self.tensors: dict[str, TensorInfo] = {}
        for file in self.files:
            with _opened(file) as shard:
                self.metadata.update(shard.metadata() or {})
                for key in shard.keys():  # noqa: SIM118 - a reader, not a mapping
                    if key in self.tensors:
                        raise CheckpointError(f"{key} is in two files", file=file)
                    header = shard.get_slice(key)
                    self.tensors[key] = TensorInfo(
                        tuple(header.get_shape()), str(header.get_dtype()), file
                    )

    def read(self, key: str) -> torch.Tensor:
        """The tensor, still lying in the file's own pages: convert or clone it to keep it.

        The file is opened for each tensor, so that pages already used are not held mapped.
        """
        with _opened(self.tensors[key].file) as shard:
            value: torch.Tensor = shard.get_tensor(key)
        return value


class PickleWeights:
    """A pickle that the caller chose to trust, through torch's restricted unpickler.

    Raises:
        CheckpointError: it holds anything but tensors.
    """

    def __init__(self, file: Path) -> None:
        try:
            held = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # torch names neither file nor kind of damage consistently
            raise CheckpointError(
                "the restricted unpickler refuses this file: it holds more than tensors",
                file=file,
                remedy="Ask its author for safetensors.",
            ) from error
        # Trainers wrap the tensors once more under one of these names.
        for name in ("state_dict", "model", "module"):
            if isinstance(held, dict) and isinstance(held.get(name), dict):
                held = held[name]
        if not isinstance(held, dict) or not all(
            isinstance(value, torch.Tensor) for value in held.values()
        ):
            raise CheckpointError("this pickle is not a plain list of tensors", file=file)
        self.files = (file,)
        self.metadata: dict[str, str] = {}
        self._held: dict[str, torch.Tensor] = held
        self.tensors = {
            key: TensorInfo(tuple(value.shape), DTYPE_NAMES.get(value.dtype, "?"), file)
            for key, value in held.items()
        }

    def read(self, key: str) -> torch.Tensor:
        """The tensor `key`."""
        return self._held[key]


def _opened(file: Path) -> Any:
    try:
        return safe_open(str(file), framework="pt", device="cpu")
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"the file is truncated or damaged: {error}",
            file=file,
            remedy="Fetch it again; `unisync weights verify` compares its hash.",
        ) from error
