"""A network small enough for a test, and inputs that fit it."""

from __future__ import annotations

from typing import Any

import torch

from unisync_model.transformer import UniSyncTransformer3DModel

TINY: dict[str, Any] = {
    "num_attention_heads": 2,
    "attention_head_dim": 16,
    "text_dim": 12,
    "text_len": 8,
    "freq_dim": 16,
    "ffn_dim": 40,
    "num_layers": 3,
    "audio_dim": 6,
    "audio_layers": 5,
    "audio_inject_layers": (0, 2),
    "pafs_size": (4, 6, 6),
}


def tiny_network(seed: int = 0, **config: Any) -> UniSyncTransformer3DModel:
    """Random weights; UniSync's own layers at their start."""
    torch.manual_seed(seed)
    return UniSyncTransformer3DModel(**{**TINY, **config}).eval()


def opened(model: UniSyncTransformer3DModel, seed: int = 1) -> UniSyncTransformer3DModel:
    """UniSync's own layers away from their zero start, as after some training."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.startswith(("video_embedding", "pafs.norm")):
                parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    return model


def tiny_inputs(
    batch: int = 1, frames: int = 3, height: int = 8, width: int = 16, seed: int = 2
) -> dict[str, torch.Tensor]:
    """Everything but the source video, for `tiny_network`."""
    generator = torch.Generator().manual_seed(seed)

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(batch, *shape, generator=generator)

    return {
        "hidden_states": noise(16, frames, height, width),
        "timestep": torch.linspace(721.3, 88.0, batch),
        "encoder_hidden_states": noise(5, 12),
        "audio": noise(5, 6, 4 * frames),
        "pose": noise(16, frames, height, width),
        "reference": noise(16, 1, height, width),
        "motion": noise(16, 19, height, width),
    }


@torch.no_grad()
def velocity(model: UniSyncTransformer3DModel, **inputs: Any) -> torch.Tensor:
    return model(**inputs).sample


def distance(a: torch.Tensor, b: torch.Tensor) -> float:
    """The largest difference, in standard deviations of ``b``."""
    return float((a - b).abs().max() / b.std())
