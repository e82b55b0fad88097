"""Will it fit: what a training run needs of a device, stated and checked before it starts.

All sizes are bytes. With P parameters trained, D channels, L tokens of N noisy, F the
feed-forward's width, T text tokens, B samples in a batch, n blocks, e bytes a value in the compute
precision (2 in bf16, 4 in fp32) and r in the residual stream (e, or 4 with ``residual_fp32``):

* frozen: weights as they are stored (:mod:`..footprint`, :data:`..memory.STORAGE_BITS`)
* trained: P x (4 weight + 4 gradient + 8 moments, 2 in 8 bits, + 4 running average, + 2 in bf16
  for the copy that is computed with)
* a block keeps for its backward pass

  =============  =====================================================================
  self-attention ``B L D (2 x 4 norm, e normed, 3 e qkv, 2 x 4 q and k turned, e out)``
  text           ``B L D (2 x 4 norm, e normed, e q, e out) + 2 e B T D``
  feed-forward   ``B L D (2 x 4 norm, e normed) + 2 e B L F``
  speech         ``B N D (2 x 4 norm, e normed, e q, e out)``, in the blocks that hear
  if all trains  ``B L D (4 x 4 norms and gates, 5 e inputs of layers)`` more
  =============  =====================================================================

* activations: n inputs of blocks, ``r B L D`` each, and what n blocks keep, or one with gradient
  checkpointing; on top the gradients under way, ``2 e B L F``, and ``32 B L D`` in bf16, where
  float32 gradients and their copies meet.

A fused attention kernel is assumed, which keeps no L x L matrix. The tests hold this against the
live tensors of real steps.
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
        activations: kept for the backward pass, and gradients under way.
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
    each += 2 if config.precision == "bf16" else 0
    return TrainingNeed(
        frozen, trained * each, activations(network, config, shape), RESERVE if cuda else 0
    )


def activations(network: Mapping[str, Any], config: TrainConfig, shape: Shape) -> int:
    """The most that lies beside the weights in one forward and backward pass."""
    f, h, w = shape
    # with motion, sides are whole tokens of its coarsest packing
    height, width = (-(-side // 8) * 64 for side in (h, w))
    window = WindowSize(f, height, width, motion=config.dropout.motion < 1)
    e = 2 if config.precision == "bf16" else 4
    r = 4 if network["residual_fp32"] else e
    d = network["num_attention_heads"] * network["attention_head_dim"]
    tokens, wide = config.data.batch * window.tokens, network["ffn_dim"]

    attention, text, feed = 8 + 4 * e + 8 + e, 8 + 3 * e, 8 + e
    values = attention + text + feed
    if config.trainable.method == "full":
        values += 16 + 5 * e
    block = tokens * (d * values + 2 * e * wide)
    block += 2 * e * config.data.batch * network["text_len"] * d
    speech = config.data.batch * window.noisy * d * (8 + 3 * e)
    under_way = tokens * (2 * e * wide + (32 * d if config.precision == "bf16" else 0))

    layers, hears = network["num_layers"], len(network["audio_inject_layers"])
    inputs = layers * r * tokens * d
    if config.gradient_checkpointing:
        return int(inputs + block + speech + under_way)
    return int(inputs + layers * block + hears * speech + under_way)


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
