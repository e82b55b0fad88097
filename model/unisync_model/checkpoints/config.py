"""The network's configuration, out of a published config.json and the shapes of the weights.

Shapes decide whatever they can: published configs leave keys out (patch size and text width are
not serialised by the official class), and a ComfyUI or GGUF file has none at all. Only what no
shape shows is read from the config: heads, injected blocks, eps, text length, the PAFS variant.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import CheckpointError

Config = dict[str, Any]
Shapes = Mapping[str, tuple[int, ...]]

S2V_INJECT_LAYERS = (0, 4, 8, 12, 16, 20, 24, 27, 30, 33, 36, 39)
"""Which blocks of the 14B own an audio injector."""
_HEAD_DIM = 128  # of every published Wan model
_AUDIO = "condition_embedder.causal_audio_encoder"

# Switches of the official class that name another network than ours.
_REQUIRED = {
    "enable_adain": True,
    "adain_mode": "attn_norm",
    "zero_timestep": True,
    "enable_framepack": True,
    "framepack_drop_mode": "padd",
    "enable_motioner": False,
    "add_last_motion": True,
    "enable_tsm": False,
    "trainable_token_pos_emb": False,
}
_PLAIN = ("eps", "text_len", "audio_inject_layers", "residual_fp32")


def stated(raw: Mapping[str, Any], file: Path | None = None) -> Config:
    """What a config.json, official or diffusers', says and shapes do not.

    Raises:
        CheckpointError: it switches on a part that this network does not have.
    """
    for name, wanted in _REQUIRED.items():
        if raw.get(name, wanted) != wanted:
            raise CheckpointError(
                f"the config asks for {name} = {raw[name]!r}, this network has only {wanted!r}",
                file=file,
                remedy="Use Wan2.2-S2V-14B or a model trained from it.",
            )
    config: Config = {name: raw[name] for name in _PLAIN if name in raw}
    if heads := raw.get("num_heads", raw.get("num_attention_heads")):
        config["num_attention_heads"] = int(heads)
    if raw.get("pafs", "none") != "none":
        config["pafs"] = raw["pafs"]
    if "audio_inject_layers" in config:
        config["audio_inject_layers"] = tuple(sorted(config["audio_inject_layers"]))
    return config


def inject_layers(count: int, config: Config, file: Path) -> tuple[int, ...]:
    """The blocks that own the `count` audio injectors of a file that only numbers them.

    Raises:
        CheckpointError: the config names another number of blocks, or there is none to ask.
    """
    layers: Sequence[int] = config.get("audio_inject_layers", S2V_INJECT_LAYERS)
    if len(layers) == count:
        return tuple(layers)
    if "audio_inject_layers" in config:
        raise CheckpointError(
            f"the config names {len(layers)} blocks with audio, the weights hold {count}", file=file
        )
    raise CheckpointError(
        f"these weights hold {count} audio injectors and do not say which blocks own them",
        file=file,
        remedy="Put the model's config.json beside the file, or pass config=.",
    )


def completed(config: Config, shapes: Shapes, file: Path) -> Config:
    """`config` with everything that the tensors' shapes (under our names) show.

    Raises:
        CheckpointError: a tensor that every S2V checkpoint has is missing.
    """
    try:
        return {**_from_shapes(config, shapes), **config}
    except (KeyError, ValueError) as error:
        raise CheckpointError(
            f"this is no complete Wan2.2-S2V network: {error} is missing", file=file
        ) from error


def _from_shapes(config: Config, shapes: Shapes) -> Config:
    dim, _, *patch = shapes["patch_embedding.weight"]
    heads = config.get("num_attention_heads", dim // _HEAD_DIM)
    blocks = {int(key.split(".")[1]) for key in shapes if key.startswith("blocks.")}
    found: Config = {
        "patch_size": tuple(patch),
        "num_attention_heads": heads,
        "attention_head_dim": dim // heads,
        # the frame packer never sees the source video, so its width tells a fused AV2V file
        "in_channels": shapes["frame_packer.proj.weight"][1],
        "out_channels": shapes["proj_out.weight"][0] // math.prod(patch),
        "text_dim": shapes["condition_embedder.text_embedder.linear_1.weight"][1],
        "freq_dim": shapes["condition_embedder.time_embedder.linear_1.weight"][1],
        "ffn_dim": shapes["blocks.0.ffn.net.0.proj.weight"][0],
        "num_layers": max(blocks) + 1,
        "audio_dim": shapes[f"{_AUDIO}.encoder.conv1_local.conv.weight"][1],
        "audio_layers": shapes[f"{_AUDIO}.weights"][1],
        "audio_tokens": shapes[f"{_AUDIO}.encoder.conv1_local.conv.weight"][0] // (dim // 4),
        "pose_channels": shapes["pose_embedder.weight"][1],
        "av2v": "video_embedding.weight" in shapes,
        "pafs": "none",
    }
    if "pafs.proj.weight" in shapes:
        found["pafs"] = "residual"
        found["pafs_size"] = tuple(shapes[f"pafs.pos_{axis}"][0] for axis in "thw")
    return found


def official(config: Mapping[str, Any], *, fused: bool) -> Config:
    """Our configuration in the words of the official config.json."""
    return {
        "_class_name": "WanModel_S2V",
        **_REQUIRED,
        "model_type": "s2v",
        "dim": config["num_attention_heads"] * config["attention_head_dim"],
        "ffn_dim": config["ffn_dim"],
        "freq_dim": config["freq_dim"],
        "text_dim": config["text_dim"],
        "text_len": config["text_len"],
        "in_dim": config["in_channels"] * (2 if fused else 1),
        "out_dim": config["out_channels"],
        "num_heads": config["num_attention_heads"],
        "num_layers": config["num_layers"],
        "eps": config["eps"],
        "cond_dim": config["pose_channels"],
        "audio_dim": config["audio_dim"],
        "num_audio_token": config["audio_tokens"],
        "audio_inject_layers": list(config["audio_inject_layers"]),
        "pafs": config["pafs"],
    }


def pull_request(config: Mapping[str, Any], *, fused: bool) -> Config:
    """Our configuration in the words of diffusers' pull request 12258."""
    words = (
        "patch_size", "num_attention_heads", "attention_head_dim", "out_channels", "text_dim",
        "text_len", "freq_dim", "ffn_dim", "num_layers", "eps", "audio_dim", "audio_inject_layers",
        "pafs",
    )  # fmt: skip
    return {
        "_class_name": "WanS2VTransformer3DModel",
        **{word: config[word] for word in words},
        "in_channels": config["in_channels"] * (2 if fused else 1),
        "pose_dim": config["pose_channels"],
        "enable_adain": True,
        "adain_mode": "attn_norm",
        "enable_framepack": True,
        "framepack_drop_mode": "padd",
        "add_last_motion": True,
        "zero_timestep": True,
    }
