"""ComfyUI's fp8 files: values in 8 bits and one scale a layer beside them.

`layer.weight` holds W / s in float8, the scale s lies in `layer.scale_weight` (older files, which
also carry an empty `scaled_fp8` marker) or `layer.weight_scale` (newer ones, which mark each layer
by JSON bytes in `layer.comfy_quant`). The input scales serve fp8 matrix products on the GPU only.
Files that were merely cast to fp8 have no scale, and s = 1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch

from ..errors import CheckpointError
from .read import TensorInfo, Weights

_SCALES = ("scale_weight", "weight_scale")
_SIDE = (*_SCALES, "scale_input", "input_scale", "comfy_quant", "scaled_fp8")
FP8 = ("F8_E4M3", "F8_E5M2")


def is_fp8(weights: Weights) -> bool:
    """Whether any tensor is stored in 8 bits."""
    return any(info.dtype in FP8 for info in weights.tensors.values())


class Fp8Weights:
    """`inner` with the scales applied and the side tensors hidden.

    Raises:
        CheckpointError: a layer is packed in a format that one scale cannot undo (nvfp4, mxfp8).
    """

    def __init__(self, inner: Weights) -> None:
        self._inner = inner
        self.files: tuple[Path, ...] = inner.files
        self.metadata: Mapping[str, str] = inner.metadata
        self.tensors: dict[str, TensorInfo] = {
            key: info for key, info in inner.tensors.items() if key.rpartition(".")[2] not in _SIDE
        }
        for key in inner.tensors:
            if key.endswith(".comfy_quant"):
                self._check_format(key)

    def read(self, key: str) -> torch.Tensor:
        """The tensor, in float32 where it was stored in 8 bits."""
        value = self._inner.read(key)
        if self.tensors[key].dtype not in FP8:
            return value
        scale = self._scale(key)
        value = value.to(torch.float32)
        return value if scale is None else value.mul_(scale)

    def _scale(self, key: str) -> torch.Tensor | None:
        """The scale of `key`: one number, or one for each output row."""
        layer = key.rpartition(".")[0]
        for name in _SCALES:
            if f"{layer}.{name}" in self._inner.tensors and key.endswith(".weight"):
                scale = self._inner.read(f"{layer}.{name}").to(torch.float32)
                return scale.reshape(()) if scale.numel() == 1 else scale.reshape(-1, 1)
        return None

    def _check_format(self, key: str) -> None:
        kind = json.loads(bytes(self._inner.read(key).tolist())).get("format", "?")
        if not str(kind).startswith("float8"):
            raise CheckpointError(
                f"{key.rpartition('.')[0]} is packed as {kind}",
                file=self._inner.tensors[key].file,
                remedy="Use the bf16, fp8-scaled or GGUF file of this model.",
            )
