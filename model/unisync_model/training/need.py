"""Will it fit: what a training run needs of a device, stated and checked before it starts.

All sizes are bytes. With P parameters trained, D channels, L tokens of N noisy, F the
feed-forward's width, T text tokens, B samples in a batch, n blocks, and e bytes a value in the
compute precision (2 in bf16, 4 in fp32):

* frozen weights, as they are stored (:mod:`..footprint`, :data:`..memory.STORAGE_BITS`)
* trained: P x (4 weights + 4 gradients + 8 moments, or 2 in 8 bits, + 4 running average)
* kept for the backward pass, without gradient checkpointing n blocks of it, with it one block
  and the n blocks' inputs, r B L D each (r = e, or 4 with a float32 residual stream):

  =============  ===================================================================
  self-attention ``B L D (2 x 4 norm, e normed, 3 e qkv, 2 x 4 q and k turned, e out)``
  text           ``B L D (2 x 4 norm, e normed, e q, e out) + 2 e B T D``
  feed-forward   ``B L D (2 x 4 norm, e normed) + 2 e B L F``
  speech         ``B N D (2 x 4 norm, e normed, e q, e out)``
  low rank       ``e B L D`` for each input that is cast for a pair
  =============  ===================================================================

The sums are those of the network as it is written; a fused attention kernel is assumed, which
keeps no L x L matrix. They are held against what autograd really keeps in the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import MemoryBudgetError
from ..footprint import WindowSize, parameters
from ..memory import GIB, RESERVE, STORAGE_BITS
from .config import TrainConfig
from .samples import Shape

ADAM = {"adamw": 8, "adamw8bit": 2}
"""Bytes of both moments of a parameter."""


@dataclass(frozen=True)
class TrainingNeed:
    """The peak on one device, in bytes.

    Attributes:
        frozen: weights that stay.
        trained: weights, gradients, moments and average of what is trained.
        activations: kept for the backward pass.
        reserve: of the driver and the allocator; none on a CPU.
    """

    frozen: int
    trained: int
    activations: int
    reserve: int

    @property
    def total(self) -> int:
        return self.frozen + self.trained + self.activations + self.reserve

    def __str__(self) -> str:
        return (
            f"{self.total / GIB:.1f} GiB (frozen weights {self.frozen / GIB:.1f}, trained "
            f"{self.trained / GIB:.1f}, activations {self.activations / GIB:.1f}, reserve "
            f"{self.reserve / GIB:.1f})"
        )


def training_need(
    network: Mapping[str, Any], config: TrainConfig, trained: int, shape: Shape, cuda: bool
) -> TrainingNeed:
    """The peak of a run before it starts.

    Args:
        network: configuration of ``UniSyncTransformer3DModel``.
        trained: parameters that are trained, see :class:`.trainable.Trainable`.
        shape: latents, height and width of the largest window.
    """
    count = parameters(network)
    # what is trained whole is in both counts
    full = config.trainable.method == "full"
    value = 4 if config.model.storage == "fp32" else 2
    stored = STORAGE_BITS[config.model.storage] / 8
    frozen = 0 if full else int(4 * count.float32 + value * count.other + stored * count.linear)
    each = 4 + 4 + ADAM[config.optim.kind] + (4 if config.ema.on else 0)
    return TrainingNeed(
        frozen, trained * each, kept_bytes(network, config, shape), RESERVE if cuda else 0
    )


def kept_bytes(network: Mapping[str, Any], config: TrainConfig, shape: Shape) -> int:
    """What a forward pass keeps for its backward pass."""
    f, h, w = shape
    window = WindowSize(
        f, -(-8 * h // 64) * 64, -(-8 * w // 64) * 64, motion=config.dropout.motion < 1
    )
    e = 2 if config.precision == "bf16" else 4
    r = 4 if network["residual_fp32"] else e
    d = network["num_attention_heads"] * network["attention_head_dim"]
    rows = config.data.batch * window.tokens
    block = rows * d * _block_values(e, config) + 2 * e * rows * network["ffn_dim"]
    block += 2 * e * config.data.batch * network["text_len"] * d
    speech = config.data.batch * window.noisy * d * (8 + 3 * e)
    layers, hears = network["num_layers"], len(network["audio_inject_layers"])
    if config.gradient_checkpointing:
        return int(layers * r * rows * d + block + speech)
    return int(layers * (r * rows * d + block) + hears * speech)


def _block_values(e: int, config: TrainConfig) -> int:
    """Bytes a token and channel keeps in a block, the feed-forward's inside not counted."""
    attention = 8 + e + 3 * e + 8 + e
    text = 8 + 3 * e
    feed = 8 + e
    return attention + text + feed


def refuse_unless_trainable(need: TrainingNeed, budget: int) -> None:
    """Refuse a run that would not fit.

    Raises:
        MemoryBudgetError: more than ``budget`` bytes, with what to change.
    """
    if need.total > budget:
        raise MemoryBudgetError(
            f"training needs {need}, and {budget / GIB:.1f} GiB are free",
            remedy='Use gradient_checkpointing, data.batch = 1, model.storage = "nf4", '
            'optim.kind = "adamw8bit" or a smaller trainable.rank, in this order',
        )
