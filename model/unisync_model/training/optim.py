"""AdamW and its pace."""

from __future__ import annotations

import importlib
import importlib.util
import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from ..errors import ModelError
from .config import OptimConfig


def make_optimizer(
    parameters: Iterable[nn.Parameter], config: OptimConfig
) -> torch.optim.Optimizer:
    """AdamW; its moments in 8 bits if asked for.

    Raises:
        ModelError: 8 bits without bitsandbytes.
    """
    settings: dict[str, Any] = {
        "lr": config.lr,
        "betas": config.betas,
        "weight_decay": config.weight_decay,
    }
    if config.kind == "adamw":
        return torch.optim.AdamW(parameters, **settings)
    if importlib.util.find_spec("bitsandbytes") is None:
        raise ModelError(
            "optim.kind = adamw8bit needs bitsandbytes, which is not installed",
            remedy='Run `pip install "bitsandbytes>=0.45"` (CUDA), or use optim.kind = "adamw"',
        )
    made: torch.optim.Optimizer = importlib.import_module("bitsandbytes").optim.AdamW8bit(
        parameters, **settings
    )
    return made


def pace(step: int, steps: int, config: OptimConfig) -> float:
    """The learning rate of step ``step`` (from 0) as a share of the top.

    It depends on the step alone, so a resumed run needs no schedule to restore.
    """
    up = min(1.0, (step + 1) / config.warmup) if config.warmup else 1.0
    if config.decay == "constant" or not config.decay_share:
        return up
    start = steps * (1 - config.decay_share)
    done = min(1.0, max(0.0, (step - start) / max(1.0, steps - start)))
    fall = 1 - done if config.decay == "linear" else 0.5 * (1 + math.cos(math.pi * done))
    return up * (config.lr_end + (1 - config.lr_end) * fall)
