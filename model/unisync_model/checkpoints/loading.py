"""Any accepted layout into a `UniSyncTransformer3DModel`, tensor by tensor.

The network is first made without memory (meta device), then each tensor is read, converted to its
dtype and put in its place. So the peak is the model itself and one tensor more, whatever the
layout.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from accelerate import init_empty_weights
from accelerate.utils import set_module_tensor_to_device
from diffusers import GGUFQuantizationConfig
from diffusers.quantizers import DiffusersAutoQuantizer
from diffusers.quantizers.gguf.utils import GGUFLinear, GGUFParameter

from ..errors import CheckpointError
from .detect import Checkpoint, Layout, Part, open_checkpoint
from .gguf import GgufWeights

if TYPE_CHECKING:
    from ..transformer import UniSyncTransformer3DModel

Pafs = Literal["none", "residual", "paper"]
_SHOWN = 10
# Layers of ours that a base checkpoint does not hold: they start as training starts them.
_OWN = ("video_embedding", "pafs")


def load_transformer(
    path: Path | str,
    *,
    dtype: torch.dtype = torch.bfloat16,
    device: torch.device | str = "cpu",
    av2v: bool | None = None,
    pafs: Pafs | None = None,
    pafs_size: tuple[int, int, int] | None = None,
    quantization: Any = None,
    config: Mapping[str, Any] | None = None,
) -> UniSyncTransformer3DModel:
    """The transformer at `path`, in evaluation mode.

    Args:
        path: any layout of `Layout`: a file, a folder of weights, or a model folder.
        dtype: of the weights; modules that the network keeps in float32 stay float32.
        device: where each tensor goes as soon as it is read.
        av2v: whether the network takes the source video; None follows the checkpoint. Asked for
            and not in the checkpoint, its convolution starts at zero: the base network exactly.
        pafs: the PAFS variant; None follows the checkpoint. Asked for and not in the checkpoint,
            it starts as training starts it.
        pafs_size: entries of its position tables, where the checkpoint holds none.
        quantization: None expands every tensor to `dtype`, GGUF blocks included. "gguf" keeps the
            linear layers of a GGUF file in blocks (diffusers' GGUF layers). Or any quantisation
            config of diffusers, such as `BitsAndBytesConfig`, applied tensor by tensor.
        config: the model's config.json, where it does not lie beside a single file.

    Raises:
        CheckpointError: an unsafe, foreign, damaged or incomplete checkpoint.
    """
    checkpoint = open_checkpoint(path, config=config)
    return build(
        checkpoint,
        dtype=dtype,
        device=device,
        av2v=av2v,
        pafs=pafs,
        pafs_size=pafs_size,
        quantization=quantization,
    )


def build(
    checkpoint: Checkpoint,
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    av2v: bool | None = None,
    pafs: Pafs | None = None,
    pafs_size: tuple[int, int, int] | None = None,
    quantization: Any = None,
) -> UniSyncTransformer3DModel:
    """The network of an opened checkpoint; see `load_transformer`."""
    model = empty_model(checkpoint, av2v=av2v, pafs=pafs, pafs_size=pafs_size)
    parts = wanted_parts(checkpoint, model)
    quantizer = _quantizer(quantization, checkpoint, model, parts, dtype)
    for part in parts:
        _place(model, checkpoint, part, dtype, device, quantizer)
    _start_own_layers(model, dtype, device)
    if quantizer is not None:
        quantizer.postprocess_model(model)
        model.hf_quantizer = quantizer
    model.requires_grad_(False)
    model.eval()
    return model


def empty_model(
    checkpoint: Checkpoint,
    *,
    av2v: bool | None = None,
    pafs: Pafs | None = None,
    pafs_size: tuple[int, int, int] | None = None,
) -> UniSyncTransformer3DModel:
    """The network of `checkpoint` on the meta device: shapes without memory."""
    from ..transformer import UniSyncTransformer3DModel  # imports this package for its loaders

    asked = {"av2v": av2v, "pafs": pafs, "pafs_size": pafs_size}
    config = {**checkpoint.config, **{k: v for k, v in asked.items() if v is not None}}
    with init_empty_weights():
        model: UniSyncTransformer3DModel = UniSyncTransformer3DModel(**config)
    return model


def wanted_parts(checkpoint: Checkpoint, model: UniSyncTransformer3DModel) -> tuple[Part, ...]:
    """The parts that `model` takes, checked: every name there, no name too many, every shape right.

    Layers of ours may be missing as a whole (a base checkpoint) or be left aside on request.

    Raises:
        CheckpointError: names or shapes do not fit; the first ten are listed.
    """
    expected = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    held = {part.target for part in checkpoint.parts}
    missing = [key for key in expected if key not in held and not _is_new(key, held)]
    surplus = [part.source for part in checkpoint.parts if not _known(part.target, expected)]
    _refuse("missing", missing, checkpoint)
    _refuse("surplus", [*checkpoint.surplus, *surplus], checkpoint)
    parts = tuple(part for part in checkpoint.parts if part.target in expected)
    wrong = [
        f"{part.source} is {list(part.shape)}, not {list(expected[part.target])}"
        for part in parts
        if part.shape != expected[part.target]
    ]
    _refuse("of another shape", wrong, checkpoint)
    return parts


def _is_new(key: str, held: set[str]) -> bool:
    """Whether `key` belongs to a layer of ours of which the checkpoint holds nothing."""
    owner = key.split(".")[0]
    return owner in _OWN and not any(name.startswith(f"{owner}.") for name in held)


def _known(key: str, expected: Mapping[str, Any]) -> bool:
    return key in expected or key.split(".")[0] in _OWN


def _refuse(what: str, names: list[str], checkpoint: Checkpoint) -> None:
    if not names:
        return
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    raise CheckpointError(
        f"{len(names)} tensors are {what}: {', '.join(names[:_SHOWN])}{more}",
        file=checkpoint.path,
        remedy="Use a complete S2V checkpoint; `unisync weights inspect` says what this is.",
    )


def _place(
    model: UniSyncTransformer3DModel,
    checkpoint: Checkpoint,
    part: Part,
    dtype: torch.dtype,
    device: torch.device | str,
    quantizer: Any,
) -> None:
    """Reads one tensor and makes it the parameter `part.target`, converted and on its device."""
    name = part.target
    wanted = dtype_of(name, model, dtype)
    value = _packed(model, checkpoint, part) if quantizer is not None else None
    if value is None:
        # copy: what was read may still lie in the file's own pages
        value = checkpoint.read(part).to(device=device, dtype=wanted, copy=True)
    if quantizer is not None and quantizer.check_if_quantized_param(model, value, name, {}):
        quantizer.create_quantized_param(
            model, value, name, torch.device(device), {}, [], dtype=wanted
        )
        return
    set_module_tensor_to_device(model, name, device, value=value, dtype=wanted)


def _packed(model: UniSyncTransformer3DModel, checkpoint: Checkpoint, part: Part) -> Any | None:
    """The tensor still in GGUF blocks, where the layer that takes it computes from blocks."""
    layer, _, kind = part.target.rpartition(".")
    if not isinstance(checkpoint.weights, GgufWeights) or kind != "weight":
        return None
    takes_blocks = isinstance(model.get_submodule(layer), GGUFLinear)
    return checkpoint.weights.packed(part.source) if takes_blocks else None


def dtype_of(name: str, model: UniSyncTransformer3DModel, dtype: torch.dtype) -> torch.dtype:
    """`dtype`, or float32 for a tensor of a module that the network keeps in float32."""
    kept = set(model._keep_in_fp32_modules or ())
    return torch.float32 if kept.intersection(name.split(".")) else dtype


def _start_own_layers(
    model: UniSyncTransformer3DModel, dtype: torch.dtype, device: torch.device | str
) -> None:
    """Gives memory and their start to layers of ours that the checkpoint did not hold."""
    for name in _OWN:
        layer = dict(model.named_children()).get(name)
        if layer is None or not any(value.is_meta for value in layer.parameters()):
            continue
        layer.to_empty(device=device)
        if name == "pafs":
            layer.reset_parameters()
        else:
            torch.nn.init.zeros_(layer.weight)
        for key, value in layer.named_parameters():
            value.data = value.data.to(dtype_of(f"{name}.{key}", model, dtype))


def _quantizer(
    quantization: Any,
    checkpoint: Checkpoint,
    model: UniSyncTransformer3DModel,
    parts: tuple[Part, ...],
    dtype: torch.dtype,
) -> Any:
    """diffusers' quantizer for `quantization`, with the layers it replaces already replaced."""
    if quantization is None:
        return None
    if quantization == "gguf":
        quantization = GGUFQuantizationConfig(compute_dtype=dtype)
    packed = isinstance(quantization, GGUFQuantizationConfig)
    if packed and checkpoint.layout is not Layout.GGUF:
        raise CheckpointError(
            "only a GGUF file can be kept in GGUF blocks",
            file=checkpoint.path,
            remedy="Load it without quantization, or convert it to GGUF.",
        )
    quantizer = DiffusersAutoQuantizer.from_config(quantization, pre_quantized=packed)
    try:
        quantizer.validate_environment(torch_dtype=dtype, device_map=None)
    except (ImportError, RuntimeError) as error:
        raise CheckpointError(
            f"this quantisation cannot be used here: {error}", remedy="Load it without."
        ) from error
    quantizer.preprocess_model(
        model=model,
        device_map=None,
        state_dict=_placeholders(checkpoint, parts) if packed else {},
        keep_in_fp32_modules=list(model._keep_in_fp32_modules or ()),
    )
    return quantizer


def _placeholders(checkpoint: Checkpoint, parts: tuple[Part, ...]) -> dict[str, Any]:
    """What tells diffusers which linear layers stay in blocks: their types, without their data."""
    weights = checkpoint.weights
    assert isinstance(weights, GgufWeights)
    return {
        part.target: GGUFParameter(
            torch.empty((1, 0), dtype=torch.uint8, device="meta"), quant_type=kind
        )
        for part in parts
        if (kind := weights.block_type(part.source)) is not None
    }
