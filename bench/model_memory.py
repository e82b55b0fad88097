"""What each memory profile needs, and on a CUDA device what it really takes.

    python bench/model_memory.py [--device cuda] [--side 512] [--latents 20] [--tiny]

The estimates are for Wan2.2-S2V-14B with UniSync's own layers. On CUDA a random network of that
shape is placed by every profile that fits the card, called once, and the peak the allocator saw
stands beside the estimate. GGUF and nf4 come from real checkpoints only and are estimated alone.
``--tiny`` takes a small network instead, to see the whole thing run.
"""

from __future__ import annotations

import argparse

import torch

from unisync_model.memory import GIB, PROFILES, RESERVE, Profile, WindowSize, estimate, free_bytes
from unisync_model.placement import place
from unisync_model.transformer import UniSyncTransformer3DModel

OURS = {"av2v": True, "pafs": "residual"}
TINY = {"num_attention_heads": 4, "ffn_dim": 1024, "num_layers": 4, "audio_inject_layers": (0, 2)}


def network(config: dict[str, object], device: str) -> UniSyncTransformer3DModel:
    """Random weights, in bfloat16 from the start: float32 would need 61 GiB."""
    with torch.device("meta"):
        model = UniSyncTransformer3DModel(**config)
    for parameter in model.parameters():
        parameter.data = parameter.data.to(torch.bfloat16)
    model.to_empty(device=device).eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter.normal_(std=0.02)
    return model


@torch.no_grad()
def called(model: UniSyncTransformer3DModel, profile: Profile, size: WindowSize) -> None:
    """One call of the network with everything ``size`` says that it is given."""
    config, device = model.config, model.device
    f, h, w = size.latents, size.height // 8, size.width // 8

    def some(*shape: int) -> torch.Tensor:
        return torch.randn(1, *shape, device=device, dtype=profile.compute)

    model(
        some(16, f, h, w),
        torch.full((1,), 500.0, device=device),
        some(128, config.text_dim),
        audio=some(config.audio_layers, config.audio_dim, 4 * f),
        pose=some(16, f, h, w),
        video=some(16, f, h, w),
        reference=some(16, 1, h, w) if size.reference else None,
        motion=some(16, 19, h, w) if size.motion else None,
    )


def measured(
    config: dict[str, object], profile: Profile, size: WindowSize, device: str
) -> float | None:
    """GiB the allocator held at its peak; None where nothing counts it (the CPU)."""
    model = place(network(config, "cpu"), profile, device)
    if torch.device(device).type != "cuda":
        called(model, profile, size)
        return None
    torch.cuda.reset_peak_memory_stats(device)
    called(model, profile, size)
    return torch.cuda.max_memory_allocated(device) / GIB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--latents", type=int, default=20)
    parser.add_argument("--tiny", action="store_true")
    wanted = parser.parse_args()
    config = {**OURS, **(TINY if wanted.tiny else {})}
    size = WindowSize(wanted.latents, wanted.side, wanted.side)
    with torch.device("meta"):
        shape = UniSyncTransformer3DModel(**config).config
    free, cuda = free_bytes(wanted.device), torch.device(wanted.device).type == "cuda"
    print(f"{size.tokens} tokens; {free / GIB:.1f} GiB on {wanted.device}")
    for profile in PROFILES.values():
        needed = estimate(shape, profile, size)
        line = str(needed)
        real = profile.storage not in ("gguf", "nf4") and cuda != (profile.name == "cpu")
        if real and (cuda or wanted.tiny) and needed.total <= free:
            peak = measured(config, profile, size, wanted.device)
            network_only = (needed.weights + needed.activations) / GIB
            line += f"; called, peak {peak:.1f} of {network_only:.1f}" if peak else "; called"
            if cuda:
                torch.cuda.empty_cache()
        print(line)
    print(f"reserve of {RESERVE / GIB:.0f} GiB is assumed, the rest counted")


if __name__ == "__main__":
    main()
