"""The transformer block: Wan's, with speech inside the blocks that hear it.

Two kinds of tokens share the sequence. The first N are being denoised and are modulated by the
timestep; the rest (reference picture, motion memory) are clean and modulated by t = 0. Each segment
takes its own row, so that no (B, L, 6, D) table is ever made: 4 GB at 33,000 tokens.
"""

from __future__ import annotations

import torch
from diffusers.hooks._helpers import TransformerBlockMetadata, TransformerBlockRegistry
from diffusers.models.attention import FeedForward
from diffusers.models.normalization import AdaLayerNorm, FP32LayerNorm
from diffusers.models.transformers.transformer_wan import WanAttention, WanAttnProcessor
from torch import nn

from .rope import RotaryEmbedding


class UniSyncTransformerBlock(nn.Module):
    """Self-attention, text cross-attention, feed-forward and, where ``with_audio``, speech.

    Speech belongs to the block (AdaIN, then cross-attention of every noisy token to the speech of
    its own latent) and not to the model's loop: a cache that skips the block skips it too, and
    offload, checkpointing and regional compilation see one module.

    ``ffn_chunk`` bounds memory: the feed-forward then takes that many tokens at a time.
    """

    def __init__(
        self, dim: int, ffn_dim: int, num_heads: int, eps: float = 1e-6, with_audio: bool = False
    ) -> None:
        super().__init__()
        self.ffn_chunk: int | None = None
        self.norm1 = FP32LayerNorm(dim, eps, elementwise_affine=False)
        self.attn1 = _attention(dim, num_heads, eps, cross=False)
        self.norm2 = FP32LayerNorm(dim, eps, elementwise_affine=True)
        self.attn2 = _attention(dim, num_heads, eps, cross=True)
        self.norm3 = FP32LayerNorm(dim, eps, elementwise_affine=False)
        self.ffn = FeedForward(dim, inner_dim=ffn_dim, activation_fn="gelu-approximate")
        self.scale_shift_table = nn.Parameter(torch.randn(1, 6, dim) / dim**0.5)
        self.audio_norm: nn.Module | None = None
        self.audio_attn: nn.Module | None = None
        if with_audio:
            # eps 1e-5, unlike every other norm here: the backbone was trained so
            self.audio_norm = AdaLayerNorm(dim, output_dim=2 * dim, norm_eps=1e-5, chunk_dim=1)
            self.audio_attn = _attention(dim, num_heads, eps, cross=True)

    def forward(
        self,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor,
        temb: torch.Tensor,
        rotary_emb: RotaryEmbedding,
        audio_local: torch.Tensor,
        audio_style: torch.Tensor,
        noisy_tokens: int,
    ) -> torch.Tensor:
        """
        Args:
            hidden_states: (B, L, D), the noisy tokens first. Its dtype is the residual stream's and
                is kept; the layers compute in the dtype of ``encoder_hidden_states``.
            encoder_hidden_states: (B, text, D).
            temb: (B, 2, 6, D) float32, row 0 for the noisy tokens, row 1 for the clean ones.
            rotary_emb: cos and sin, (1, L, 1, head_dim).
            audio_local: (B, f, tokens, D).
            audio_style: (B, f, D).
            noisy_tokens: N, a plain number so that a compiled block has no data-dependent shape.

        Returns:
            (B, L, D).
        """
        x, n, dtype = hidden_states, noisy_tokens, encoder_hidden_states.dtype
        modulation = (self.scale_shift_table[:, None].float() + temb.float()).unbind(dim=2)
        shift, scale, gate, ffn_shift, ffn_scale, ffn_gate = modulation

        attended = self.attn1(
            modulated(self.norm1, x, shift, scale, n, dtype), None, None, rotary_emb
        )
        x = gated_sum(x, attended, gate, n)
        x = x + self.attn2(self.norm2(x.float()).to(dtype), encoder_hidden_states)
        fed = self._feed(modulated(self.norm3, x, ffn_shift, ffn_scale, n, dtype))
        x = gated_sum(x, fed, ffn_gate, n)
        return self._hear(x, audio_local, audio_style, n)

    def _feed(self, x: torch.Tensor) -> torch.Tensor:
        if self.ffn_chunk is None:
            return self.ffn(x)  # type: ignore[no-any-return]
        starts = range(0, x.shape[1], self.ffn_chunk)
        return torch.cat([self.ffn(x[:, i : i + self.ffn_chunk]) for i in starts], dim=1)

    def _hear(
        self, x: torch.Tensor, local: torch.Tensor, style: torch.Tensor, noisy_tokens: int
    ) -> torch.Tensor:
        """Adds speech to the noisy tokens, each latent frame hearing only its own."""
        if self.audio_norm is None or self.audio_attn is None:
            return x
        noisy, clean = x[:, :noisy_tokens], x[:, noisy_tokens:]
        frames = noisy.reshape(local.shape[0] * local.shape[1], -1, noisy.shape[2])
        heard = self.audio_norm(frames, temb=style.flatten(0, 1)).to(local.dtype)
        heard = self.audio_attn(heard, local.flatten(0, 1))
        return torch.cat([noisy + heard.view_as(noisy), clean], dim=1)


def _attention(dim: int, num_heads: int, eps: float, *, cross: bool) -> WanAttention:
    head_dim = dim // num_heads
    return WanAttention(
        dim=dim,
        heads=num_heads,
        dim_head=head_dim,
        eps=eps,
        cross_attention_dim_head=head_dim if cross else None,
        # left out, diffusers' own default would be no processor at all
        processor=WanAttnProcessor(),
    )


def modulated(
    norm: nn.Module,
    x: torch.Tensor,
    shift: torch.Tensor,
    scale: torch.Tensor,
    noisy_tokens: int,
    dtype: torch.dtype,
) -> torch.Tensor:
    """norm(x) * (1 + scale) + shift, computed in float32, each segment by its own row.

    Args:
        x: (B, L, D); shift, scale: (B, 2, D).

    Returns:
        (B, L, D) in ``dtype``.
    """
    parts = (x[:, :noisy_tokens], x[:, noisy_tokens:])
    return torch.cat(
        [
            (norm(part.float()) * (1 + scale[:, row, None]) + shift[:, row, None]).to(dtype)
            for row, part in enumerate(parts)
        ],
        dim=1,
    )


def gated_sum(
    x: torch.Tensor, update: torch.Tensor, gate: torch.Tensor, noisy_tokens: int
) -> torch.Tensor:
    """x + update * gate, added in float32, each segment by its own row of gate (B, 2, D)."""
    parts = (slice(None, noisy_tokens), slice(noisy_tokens, None))
    return torch.cat(
        [
            (x[:, part].float() + update[:, part].float() * gate[:, row, None]).to(x.dtype)
            for row, part in enumerate(parts)
        ],
        dim=1,
    )


# FirstBlockCache and MagCache only skip blocks they know how to call
TransformerBlockRegistry.register(
    UniSyncTransformerBlock,
    TransformerBlockMetadata(return_hidden_states_index=0, return_encoder_hidden_states_index=None),
)
