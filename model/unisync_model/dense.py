"""Attention written out, for training short sequences on a CPU.

PyTorch's fused CPU kernel computes its backward pass one small block at a time. At 448 tokens and
64 channels a head, two matrix products in bfloat16 with a softmax between them take 0.4 of its time
forward and backward; what they cost is memory, tokens squared for each head.
"""

from __future__ import annotations

import torch
from diffusers.models.transformers.transformer_wan import WanAttention
from torch import Tensor

from .rope import RotaryEmbedding


class DenseAttnProcessor:
    """Takes the place of ``WanAttnProcessor``: the same numbers, to rounding."""

    _attention_backend = None
    _parallel_config = None

    def __call__(
        self,
        attn: WanAttention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: None = None,
        rotary_emb: RotaryEmbedding | None = None,
    ) -> Tensor:
        """
        Args:
            hidden_states: (B, L, D), what asks.
            encoder_hidden_states: (B, M, D), what is asked; None is itself.
            rotary_emb: cos and sin, (1, L, 1, head_dim).

        Returns:
            (B, L, D).
        """
        asked = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        value = attn.to_v(asked)
        query, key = attn.norm_q(attn.to_q(hidden_states)), attn.norm_k(attn.to_k(asked))
        query, key, value = (
            x.to(value.dtype).unflatten(2, (attn.heads, -1)) for x in (query, key, value)
        )
        if rotary_emb is not None:
            query, key = rotated(query, rotary_emb), rotated(key, rotary_emb)
        query, key, value = (x.transpose(1, 2) for x in (query, key, value))
        scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
        # sums are float32 inside anyway; autocast would keep all of the weights so, too
        with torch.autocast(scores.device.type, enabled=False):
            weights = torch.softmax(scores, -1)
        mixed = (weights @ value).transpose(1, 2).flatten(2)
        return attn.to_out[1](attn.to_out[0](mixed))  # type: ignore[no-any-return]


def rotated(x: Tensor, rotary: RotaryEmbedding) -> Tensor:
    """(B, L, H, d) turned by cos and sin (1, L, 1, d), each angle held twice."""
    cos, sin = (half[..., ::2].to(x.dtype) for half in rotary)
    even, odd = x[..., ::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2)
