"""How much arithmetic one call of the network is, counted from its shapes.

A multiply and an add are two operations; what is counted are the matrix products (linear layers,
convolutions, attention), which are all but a percent of the work. With D channels, F the
feed-forward's width, L tokens of which N are noisy, in f latents of M tokens, T text tokens and
A = audio_tokens + 1, a block does

    self-attention        8 L D^2 + 4 L^2 D
    text                  4 L D^2 + 4 T D^2 + 4 L T D
    feed-forward          4 L D F
    speech, if it hears   4 f D^2 + 4 N D^2 + 4 f A D^2 + 4 N A D

and what lies around the blocks is counted by :func:`_around`. The terms are checked against
``torch.utils.flop_counter`` in the tests, to the last operation.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from .audio_projection import FRAMES_PER_LATENT, PREFIX_FRAMES
from .footprint import WindowSize

KERNEL = 3
"""Width of the speech encoder's convolutions."""


def forward_flops(
    config: Mapping[str, Any], window: WindowSize, prefix: int = PREFIX_FRAMES
) -> int:
    """Operations of one call, one sample: a window in one branch of guidance.

    Args:
        config: of ``UniSyncTransformer3DModel``.
        window: as the call sees it; its ``passes`` and ``caches`` do not count.
        prefix: frames of sound given ahead of the window.
    """
    d: int = config["num_attention_heads"] * config["attention_head_dim"]
    tokens, noisy, text = window.tokens, window.noisy, config["text_len"]
    attention = 8 * tokens * d**2 + 4 * tokens**2 * d
    words = 4 * tokens * d**2 + 4 * text * d**2 + 4 * tokens * text * d
    block = attention + words + 4 * tokens * d * config["ffn_dim"]
    local = config["audio_tokens"] + 1
    speech = 4 * window.latents * d**2 * (1 + local) + 4 * noisy * d**2 + 4 * noisy * local * d
    blocks: int = config["num_layers"] * block + len(config["audio_inject_layers"]) * speech
    return blocks + _around(config, window, d) + _ear(config, window, d, prefix)


def _around(config: Mapping[str, Any], window: WindowSize, d: int) -> int:
    """Patches, motion memory, pose anchor, text and time embedding, head."""
    patch: int = prod(config["patch_size"])
    channels: int = config["in_channels"]
    noisy, frame = window.noisy, window.noisy // window.latents
    rows: int = noisy * (channels + config["pose_channels"] + config["out_channels"])
    if config["av2v"]:
        rows += noisy * channels
    if window.reference:
        rows += frame * channels
    if window.motion:
        # one frame at full size, one group of 2 frames at half, four groups of 4 at a quarter
        rows += channels * (frame + 8 * (frame // 4) + 64 * 4 * (frame // 16))
    anchored = 2 * noisy * d**2 if config["pafs"] != "none" else 0
    text: int = 2 * config["text_len"] * (config["text_dim"] * d + d**2)
    time: int = 2 * 2 * (config["freq_dim"] * d + 7 * d**2)
    return 2 * rows * patch * d + anchored + text + time


def _ear(config: Mapping[str, Any], window: WindowSize, d: int, prefix: int) -> int:
    """The convolutions over the speech states: local and global, two of them shared."""
    tokens: int = config["audio_tokens"]
    frames = prefix + FRAMES_PER_LATENT * window.latents
    half = -(-frames // 2)
    quarter = -(-half // 2)
    first: int = frames * config["audio_dim"] * (tokens + 1) * (d // 4)
    shared = (tokens + 1) * (half * (d // 4) * (d // 2) + quarter * (d // 2) * d)
    return 2 * KERNEL * (first + shared) + 2 * quarter * d**2
