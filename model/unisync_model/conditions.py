"""What the blocks are told beside the picture: the time, the text and the speech."""

from __future__ import annotations

from typing import NamedTuple

import torch
from diffusers.models.embeddings import PixArtAlphaTextProjection, TimestepEmbedding
from torch import nn
from torch.nn import functional

from .audio_projection import AudioTokens, CausalAudioEncoder


class TimeEmbedding(NamedTuple):
    """Row 0 is the timestep, row 1 is t = 0: what the reference and the motion memory are.

    embedding: (B, 2, D), for the head.
    modulation: (B, 2, 6, D), for the blocks.
    """

    embedding: torch.Tensor
    modulation: torch.Tensor


def sinusoid(timestep: torch.Tensor, channels: int) -> torch.Tensor:
    """cos and sin of timestep * 10000^(-i / (channels / 2)): (...) -> (..., channels), float64."""
    half = channels // 2
    exponents = torch.arange(half, dtype=torch.float64, device=timestep.device) / half
    angles = timestep.double()[..., None] * 10000.0**-exponents
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


class ConditionEmbedder(nn.Module):
    """Time, text and speech embeddings, under the names diffusers gives Wan's."""

    def __init__(
        self,
        dim: int,
        freq_dim: int,
        text_dim: int,
        text_len: int,
        audio_dim: int,
        audio_layers: int,
        audio_tokens: int,
    ) -> None:
        super().__init__()
        self.freq_dim, self.text_len = freq_dim, text_len
        self.time_embedder = TimestepEmbedding(in_channels=freq_dim, time_embed_dim=dim)
        self.time_proj = nn.Linear(dim, 6 * dim)
        self.text_embedder = PixArtAlphaTextProjection(text_dim, dim, act_fn="gelu_tanh")
        self.causal_audio_encoder = CausalAudioEncoder(audio_dim, audio_layers, dim, audio_tokens)

    def time(self, timestep: torch.Tensor) -> TimeEmbedding:
        """(B,) -> the rows for t and for 0, float32."""
        rows = torch.stack([timestep, torch.zeros_like(timestep)], dim=1)
        waves = sinusoid(rows, self.freq_dim).float()
        embedding = self.time_embedder(in_dtype_of(self.time_embedder.linear_1, waves))
        modulation = self.time_proj(in_dtype_of(self.time_proj, functional.silu(embedding)))
        return TimeEmbedding(embedding.float(), modulation.unflatten(-1, (6, -1)).float())

    def text(self, states: torch.Tensor) -> torch.Tensor:
        """(B, L, text_dim) -> (B, text_len, D); the padding is zeros and is attended to, unmasked,
        as the backbone was trained."""
        padded = functional.pad(states, (0, 0, 0, self.text_len - states.shape[1]))
        return self.text_embedder(padded)  # type: ignore[no-any-return]

    def audio(self, states: torch.Tensor, prefix: torch.Tensor | None) -> AudioTokens:
        """See `CausalAudioEncoder`."""
        return self.causal_audio_encoder(states, prefix)  # type: ignore[no-any-return]


def in_dtype_of(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """``x`` in the dtype the layer computes in, which for quantised weights is not their own."""
    dtype: torch.dtype = getattr(layer, "compute_dtype", None) or layer.weight.dtype  # type: ignore[assignment]
    return x.to(dtype) if dtype.is_floating_point else x
