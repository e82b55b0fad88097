"""GGUF files: native names, weights in blocks of integers with a scale each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.quantizers.gguf.utils import GGUFParameter
from gguf import GGMLQuantizationType, GGUFReader, dequantize

from ..errors import CheckpointError
from .read import TensorInfo

_PLAIN = {
    GGMLQuantizationType.F32: np.dtype(np.float32),
    GGMLQuantizationType.F16: np.dtype(np.float16),
}
# GGML knows four dimensions; writers note a convolution's five in the file's metadata.
_ORIGINAL_SHAPE = "comfy.gguf.orig_shape."


class GgufWeights:
    """One GGUF file.

    Raises:
        CheckpointError: the file is truncated or damaged.
    """

    def __init__(self, file: Path) -> None:
        self.files = (file,)
        try:
            reader = GGUFReader(file)
        except (ValueError, OSError, IndexError) as error:
            raise CheckpointError(
                f"the file is truncated or damaged: {error}",
                file=file,
                remedy="Fetch it again; `unisync weights verify` compares its hash.",
            ) from error
        self.metadata: dict[str, str] = {
            name: str(field.contents())
            for name, field in reader.fields.items()
            if not name.startswith("GGUF.")
        }
        shapes = {
            name.removeprefix(_ORIGINAL_SHAPE): tuple(int(side) for side in field.contents())
            for name, field in reader.fields.items()
            if name.startswith(_ORIGINAL_SHAPE)
        }
        self._where = {
            tensor.name: (tensor.data_offset, tensor.n_bytes) for tensor in reader.tensors
        }
        self._kinds = {held.name: held.tensor_type for held in reader.tensors}
        self.tensors = {
            tensor.name: TensorInfo(
                shapes.get(tensor.name, tuple(int(side) for side in reversed(tensor.shape))),
                tensor.tensor_type.name,
                file,
            )
            for tensor in reader.tensors
        }

    def read(self, key: str) -> torch.Tensor:
        """The tensor expanded: float16 or float32 as it was stored, float32 from blocks."""
        info = self.tensors[key]
        raw, kind = self._bytes(key), self._kinds[key]
        if kind in _PLAIN:
            return torch.from_numpy(raw.view(_PLAIN[kind])).reshape(info.shape)
        return torch.from_numpy(dequantize(raw, kind)).reshape(info.shape)

    def block_type(self, key: str) -> GGMLQuantizationType | None:
        """How the tensor is packed in blocks, or None where it is stored as plain floats."""
        kind = self._kinds[key]
        return None if kind in _PLAIN else kind

    def packed(self, key: str) -> Any | None:
        """The tensor still in blocks, as diffusers' `GGUFParameter` (rows, bytes a row).

        None where it is stored as plain floats.
        """
        kind = self.block_type(key)
        if kind is None:
            return None
        rows = torch.from_numpy(self._bytes(key)).reshape(self.tensors[key].shape[0], -1)
        return GGUFParameter(rows, quant_type=kind)

    def _bytes(self, key: str) -> Any:
        offset, count = self._where[key]
        return np.fromfile(self.files[0], dtype=np.uint8, count=count, offset=offset)
