"""Speech states into tokens: four frames of sound for every latent, looking only backwards."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

PREFIX_FRAMES = 73
"""Frames of sound put in front of a window unless the caller has the real ones."""

FRAMES_PER_LATENT = 4


class AudioTokens(NamedTuple):
    """Speech, one group of tokens for each latent of the window.

    local: (B, f, tokens + 1, D), for cross-attention; the last token is a learned blank.
    style: (B, f, D), what sets shift and scale of the audio norm (AdaIN).
    """

    local: torch.Tensor
    style: torch.Tensor


class CausalConv1d(nn.Module):
    """Convolution over time that never looks ahead: the first value is repeated on the left."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv1d(in_channels, out_channels, kernel_size=3, stride=stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, T) -> (N, C', ceil(T / stride))."""
        padded: torch.Tensor = functional.pad(x, (2, 0), mode="replicate")
        return self.conv(padded)  # type: ignore[no-any-return]


def _normalised(x: torch.Tensor) -> torch.Tensor:
    """LayerNorm over the channels, then SiLU; (N, C, T)."""
    x = x.transpose(1, 2)
    return functional.silu(functional.layer_norm(x, x.shape[-1:], eps=1e-6)).transpose(1, 2)


class SpeechConvs(nn.Module):
    """Two causal stacks, local and global, that share their two strided convolutions."""

    def __init__(self, audio_dim: int, dim: int, tokens: int) -> None:
        super().__init__()
        self.tokens = tokens
        self.padding_tokens = nn.Parameter(torch.zeros(1, 1, 1, dim))
        self.conv1_local = CausalConv1d(audio_dim, tokens * (dim // 4))
        self.conv1_global = CausalConv1d(audio_dim, dim // 4)
        self.conv2 = CausalConv1d(dim // 4, dim // 2, stride=2)
        self.conv3 = CausalConv1d(dim // 2, dim, stride=2)
        self.final_linear = nn.Linear(dim, dim)

    def forward(self, x: torch.Tensor) -> AudioTokens:
        """(B, audio_dim, T) -> tokens for ceil(T / 4) latents."""
        local = self._descend(self.conv1_local(x).unflatten(1, (self.tokens, -1)).flatten(0, 1))
        local = local.reshape(-1, self.tokens, *local.shape[1:]).transpose(1, 2)
        blank = self.padding_tokens.expand(local.shape[0], local.shape[1], 1, -1)
        style = self.final_linear(self._descend(self.conv1_global(x)))
        return AudioTokens(torch.cat([local, blank.to(local)], dim=2), style)

    def _descend(self, x: torch.Tensor) -> torch.Tensor:
        """(N, D/4, T) -> (N, ceil(T / 4), D)."""
        for conv in (self.conv2, self.conv3):
            x = conv(_normalised(x))
        return _normalised(x).transpose(1, 2)


class CausalAudioEncoder(nn.Module):
    """A learned average over the layers of a speech encoder, then `SpeechConvs`.

    Args:
        audio_dim: channels of a speech state.
        layers: how many layers of the speech encoder are averaged.
        dim: channels of a token.
        tokens: local tokens for each latent, the blank not counted.
    """

    def __init__(self, audio_dim: int, layers: int, dim: int, tokens: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.full((1, layers, 1, 1), 0.01))
        self.encoder = SpeechConvs(audio_dim, dim, tokens)

    def forward(self, audio: torch.Tensor, prefix: torch.Tensor | None = None) -> AudioTokens:
        """States at frame times (B, layers, audio_dim, 4f) -> tokens for f latents.

        A latent hears its own four frames and the five before them, so only the last frames of
        ``prefix`` (B, layers, audio_dim, P), P % 4 == 1, are ever heard; without one the first
        frame is repeated, as the backbone was trained.
        """
        if prefix is None:
            prefix = audio[..., :1].expand(*audio.shape[:-1], PREFIX_FRAMES)
        states = torch.cat([prefix, audio], dim=-1).to(self.encoder.conv2.conv.weight.dtype)
        tokens: AudioTokens = self.encoder(self._average(states))
        past = -(-prefix.shape[-1] // FRAMES_PER_LATENT)
        return AudioTokens(tokens.local[:, past:], tokens.style[:, past:])

    def _average(self, states: torch.Tensor) -> torch.Tensor:
        """(B, layers, audio_dim, T) -> (B, audio_dim, T), weighted by silu(weights)."""
        weights = functional.silu(self.weights)
        return (states * weights).sum(dim=1) / weights.sum()
