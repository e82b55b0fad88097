"""Puts a network and its VAE on a device the way a memory profile says."""

from __future__ import annotations

import importlib.util

import torch
from diffusers import BitsAndBytesConfig
from torch import nn

from .codec import Autoencoder
from .errors import CheckpointError, ModelError
from .group_autoencoder import GroupAutoencoder
from .memory import Profile
from .transformer import UniSyncTransformer3DModel

STORED_AS = {"nf4": "Params4bit", "gguf": "GGUFParameter"}
"""Types of the parameters that a quantised checkpoint is loaded as."""


def quantization(profile: Profile) -> BitsAndBytesConfig | str | None:
    """What to pass to ``load_transformer(quantization=...)`` for a profile.

    Raises:
        ModelError: nf4 without bitsandbytes.
    """
    if profile.storage == "gguf":
        return "gguf"
    if profile.storage != "nf4":
        return None
    if importlib.util.find_spec("bitsandbytes") is None:
        raise ModelError(
            f"the profile {profile.name} needs bitsandbytes, which is not installed",
            remedy='Run `pip install "bitsandbytes>=0.45"` (CUDA), or use 24gb-offload',
        )
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=profile.compute
    )


def place(
    model: UniSyncTransformer3DModel, profile: Profile, device: str | torch.device
) -> UniSyncTransformer3DModel:
    """Sets precision, storage, offload and feed-forward chunks, and moves the network.

    Once for each network: fp8 storage is a loss that a second placing does not undo. LoRA layers
    and everything in ``_skip_layerwise_casting_patterns`` keep the compute precision.

    Args:
        model: on the CPU, or already on the device.
        profile: one of ``memory.PROFILES``.
        device: where it computes. Offloaded blocks wait on the CPU.

    Returns:
        The same network.

    Raises:
        CheckpointError: the profile's nf4 or GGUF storage, and a network loaded otherwise.
        ModelError: nf4 without bitsandbytes.
    """
    device = torch.device(device)
    model.set_ffn_chunk(profile.ffn_chunk)
    if profile.storage in STORED_AS:
        _check_stored(model, profile)
    else:
        _cast(model, profile.compute)
    if profile.storage == "fp8":
        model.enable_layerwise_casting(
            storage_dtype=torch.float8_e4m3fn, compute_dtype=profile.compute
        )
    if profile.offload is None:
        model.to(device)
        return model
    model.enable_group_offload(
        onload_device=device,
        offload_device=torch.device("cpu"),
        offload_type="block_level",
        num_blocks_per_group=profile.offload,
        use_stream=device.type == "cuda",
    )
    return model


def place_vae(vae: Autoencoder, profile: Profile, device: str | torch.device) -> Autoencoder:
    """Sets the VAE's precision and tiling, and moves it; it stays on the device.

    Tiles overlap by a quarter of their side, blended.
    """
    for parameter in vae.parameters():
        parameter.data = parameter.data.to(
            device, torch.float32 if profile.vae_bytes == 4 else torch.bfloat16
        )
    if isinstance(vae, GroupAutoencoder):
        return vae  # its whole picture is smaller than a tile
    if profile.vae_tile is None:
        vae.disable_tiling()
    else:
        side, stride = profile.vae_tile, profile.vae_tile * 3 // 4
        vae.enable_tiling(side, side, stride, stride)
    return vae


def _cast(model: UniSyncTransformer3DModel, dtype: torch.dtype) -> None:
    """Like ``.to(dtype)``, but for what has to stay float32."""
    kept = model._keep_in_fp32_modules
    for name, parameter in model.named_parameters():
        exact = any(part in kept for part in name.split("."))
        parameter.data = parameter.data.to(torch.float32 if exact else dtype)


def _check_stored(model: nn.Module, profile: Profile) -> None:
    quantization(profile)
    wanted = STORED_AS[profile.storage]
    if not any(type(parameter).__name__ == wanted for parameter in model.parameters()):
        raise CheckpointError(
            f"the profile {profile.name} needs a network loaded in {profile.storage}",
            remedy="Load it with load_transformer(..., quantization=quantization(profile))",
        )
