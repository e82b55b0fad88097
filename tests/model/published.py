"""Tiny networks written the way each publisher writes the big one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from safetensors.torch import save_file

from unisync_model.checkpoints.keys import Naming, from_ours
from unisync_model.transformer import UniSyncTransformer3DModel

State = dict[str, torch.Tensor]


def config_of(model: UniSyncTransformer3DModel, in_channels: int = 16) -> dict[str, Any]:
    """config.json as the official class serialises it: without patch size and text width."""
    config = model.config
    return {
        "_class_name": "WanModel_S2V",
        "dim": config.num_attention_heads * config.attention_head_dim,
        "ffn_dim": config.ffn_dim,
        "freq_dim": config.freq_dim,
        "in_dim": in_channels,
        "out_dim": config.out_channels,
        "num_heads": config.num_attention_heads,
        "num_layers": config.num_layers,
        "text_len": config.text_len,
        "eps": config.eps,
        "cond_dim": config.pose_channels,
        "audio_dim": config.audio_dim,
        "num_audio_token": config.audio_tokens,
        "audio_inject_layers": list(config.audio_inject_layers),
        "enable_adain": True,
        "adain_mode": "attn_norm",
        "zero_timestep": True,
        "enable_framepack": True,
        "framepack_drop_mode": "padd",
        "enable_motioner": False,
        "add_last_motion": True,
        "pafs": config.pafs,
    }


def named(model: UniSyncTransformer3DModel, naming: Naming) -> State:
    layers = model.config.audio_inject_layers
    return {
        from_ours(key, naming, layers): value.clone() for key, value in model.state_dict().items()
    }


def _write_json(file: Path, held: dict[str, Any]) -> None:
    file.write_text(json.dumps(held))


def _shards(folder: Path, state: State, count: int = 3) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    weight_map = {}
    for number in range(count):
        name = f"diffusion_pytorch_model-{number + 1:05}-of-{count:05}.safetensors"
        keys = list(state)[number::count]
        save_file({key: state[key] for key in keys}, folder / name, metadata={"format": "pt"})
        weight_map.update(dict.fromkeys(keys, name))
    index = {"metadata": {}, "weight_map": weight_map}
    _write_json(folder / "diffusion_pytorch_model.safetensors.index.json", index)


def official(model: UniSyncTransformer3DModel, folder: Path) -> Path:
    """The flat repository, with the pickles that lie beside the shards."""
    _shards(folder, named(model, Naming.NATIVE))
    _write_json(folder / "config.json", config_of(model))
    torch.save({"conv1.weight": torch.ones(1)}, folder / "Wan2.1_VAE.pth")
    return folder


def fastvideo(model: UniSyncTransformer3DModel, folder: Path) -> Path:
    """A diffusers folder with native names in `transformer/`."""
    _shards(folder / "transformer", named(model, Naming.NATIVE), count=2)
    _write_json(folder / "transformer/config.json", config_of(model))
    _write_json(folder / "model_index.json", {"_class_name": "WanSpeechToVideoPipeline"})
    return folder


def pull_request(model: UniSyncTransformer3DModel, folder: Path) -> Path:
    """diffusers' pull request 12258."""
    _shards(folder / "transformer", named(model, Naming.PR), count=2)
    config = model.config
    _write_json(
        folder / "transformer/config.json",
        {
            "_class_name": "WanS2VTransformer3DModel",
            "num_attention_heads": config.num_attention_heads,
            "attention_head_dim": config.attention_head_dim,
            "audio_inject_layers": list(config.audio_inject_layers),
            "eps": config.eps,
            "enable_framepack": True,
            "pafs": config.pafs,
        },
    )
    return folder


def comfy(model: UniSyncTransformer3DModel, folder: Path) -> Path:
    """One file, its names behind a prefix, no config but what a user puts beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {
        f"model.diffusion_model.{key}": value for key, value in named(model, Naming.NATIVE).items()
    }
    save_file(state, folder / "wan2.2_s2v_bf16.safetensors")
    _write_json(folder / "config.json", config_of(model))
    return folder / "wan2.2_s2v_bf16.safetensors"


def fp8(tensor: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """A tensor in 8 bits and its scale, as ComfyUI's scaled files hold them."""
    scale = tensor.abs().max() / 448
    return (tensor / scale).to(torch.float8_e4m3fn), scale


def comfy_fp8(model: UniSyncTransformer3DModel, folder: Path) -> Path:
    """The older marker: `scaled_fp8`, `.scale_weight`, `.scale_input`."""
    folder.mkdir(parents=True, exist_ok=True)
    state: State = {"scaled_fp8": torch.zeros(0, dtype=torch.float8_e4m3fn)}
    for key, value in named(model, Naming.NATIVE).items():
        state[key] = value
        if is_block_weight(key):
            layer = key.rpartition(".")[0]
            state[key], state[f"{layer}.scale_weight"] = fp8(value)
            state[f"{layer}.scale_input"] = torch.ones(())
    save_file(state, folder / "wan2.2_s2v_fp8_scaled.safetensors")
    _write_json(folder / "config.json", config_of(model))
    return folder / "wan2.2_s2v_fp8_scaled.safetensors"


def comfy_quant(model: UniSyncTransformer3DModel, folder: Path) -> Path:
    """The newer marker: `.comfy_quant`, `.weight_scale`."""
    folder.mkdir(parents=True, exist_ok=True)
    mark = torch.tensor(list(b'{"format": "float8_e4m3fn"}'), dtype=torch.uint8)
    state: State = {}
    for key, value in named(model, Naming.NATIVE).items():
        state[key] = value
        if is_block_weight(key):
            layer = key.rpartition(".")[0]
            state[key], state[f"{layer}.weight_scale"] = fp8(value)
            state[f"{layer}.comfy_quant"] = mark.clone()
    save_file(state, folder / "wan2.2_s2v_fp8.safetensors")
    _write_json(folder / "config.json", config_of(model))
    return folder / "wan2.2_s2v_fp8.safetensors"


def is_block_weight(key: str) -> bool:
    """The matrices of the blocks and injectors: what quantised files quantise."""
    return (
        key.startswith(("blocks.", "audio_injector.injector."))
        and key.endswith(
            ("q.weight", "k.weight", "v.weight", "o.weight", "ffn.0.weight", "ffn.2.weight")
        )
        and "norm" not in key
    )


def write_gguf(
    kind: gguf.GGMLQuantizationType, *, flat: bool = False
) -> Callable[[UniSyncTransformer3DModel, Path], Path]:
    """A writer of GGUF files whose matrices are packed as `kind`.

    `flat`: convolutions in four dimensions, their real shape in the file's metadata.
    """

    def write(model: UniSyncTransformer3DModel, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"wan2.2_s2v-{kind.name}.gguf"
        writer = gguf.GGUFWriter(file, "wan")
        for key, value in named(model, Naming.NATIVE).items():
            array = value.numpy()
            if is_block_weight(key):
                packed = gguf.quantize(array, kind)
                writer.add_tensor(key, packed, raw_dtype=kind)
                continue
            if flat and array.ndim == 5:
                writer.add_array(f"comfy.gguf.orig_shape.{key}", list(array.shape))
                array = array.reshape(array.shape[0] * array.shape[1], *array.shape[2:])
            writer.add_tensor(key, np.ascontiguousarray(array))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        _write_json(folder / "config.json", config_of(model))
        return file

    return write


def unisync(model: UniSyncTransformer3DModel, folder: Path) -> Path:
    """Our own: what diffusers' `save_pretrained` writes."""
    model.save_pretrained(folder / "transformer")
    return folder
