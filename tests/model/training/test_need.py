"""The stated memory, against what a real step holds."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from accelerate import init_empty_weights
from networks import tiny_inputs, tiny_network
from peak import PeakBytes
from toy import toy_config

from unisync_model.errors import MemoryBudgetError
from unisync_model.memory import GIB
from unisync_model.training.config_file import config_of
from unisync_model.training.need import activations, refuse_unless_trainable, training_need
from unisync_model.training.trainable import prepare_trainable
from unisync_model.transformer import UniSyncTransformer3DModel

SHAPE = (8, 32, 32)
WIDER = {"attention_head_dim": 32, "ffn_dim": 256, "text_len": 16, "num_layers": 4}


@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("checkpointing", [True, False])
def test_activations_are_the_live_tensors(checkpointing: bool, precision: str, method: str) -> None:
    config = toy_config(
        precision=precision,
        gradient_checkpointing=checkpointing,
        trainable={"method": method},
        data={"batch": 1},
    )
    model = tiny_network(av2v=True, pafs="residual", **WIDER)
    prepare_trainable(model, config.trainable, 0)
    if checkpointing:
        model.enable_gradient_checkpointing()
    inputs = tiny_inputs(1, *SHAPE)
    bf16 = precision == "bf16"
    with PeakBytes() as held, warnings.catch_warnings():
        # torch says that its norm of mixed precisions is not fused on a CPU
        warnings.filterwarnings("ignore", message="Mismatch dtype between input and weight")
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            v = model.train()(**inputs, video=inputs["pose"]).sample
        v.square().mean().backward()
    said = activations(model.config, config, SHAPE)
    assert 0.9 < said / held.peak < 1.3


def s2v(**tables: Any) -> Any:
    config = config_of(tables)
    with init_empty_weights():
        model = UniSyncTransformer3DModel(av2v=True, pafs="residual")
    return config, model, prepare_trainable(model, config.trainable, 0)


def test_the_14b_with_its_adapter_fits_where_it_is_said_to() -> None:
    config, model, trained = s2v()
    pairs = 64 * (40 * (8 * 2 * 5120 + 2 * (5120 + 13824)) + 12 * 4 * 2 * 5120)
    assert trained.counts["lora"] == pairs  # 5.28 M a rank
    shape = (20, 64, 64)
    need = training_need(model.config, config, trained.total, shape, cuda=True)
    assert 29 * GIB < need.frozen < 31 * GIB
    assert need.total < 79 * GIB
    small = config_of({"model": {"storage": "nf4"}, "optim": {"kind": "adamw8bit"}})
    in_nf4 = training_need(model.config, small, trained.total, shape, cuda=True)
    assert in_nf4.total < 48 * GIB
    kept = config_of({"gradient_checkpointing": False})
    without = training_need(model.config, kept, trained.total, shape, cuda=True)
    with pytest.raises(MemoryBudgetError, match=r"training needs .*, and 80.0 GiB are free"):
        refuse_unless_trainable(without, 80 * GIB)
    refuse_unless_trainable(need, 80 * GIB)


def test_more_is_more() -> None:
    model = tiny_network(av2v=True, pafs="residual")

    def total(trained: int = 1000, shape: tuple[int, int, int] = SHAPE, **tables: Any) -> int:
        return training_need(model.config, toy_config(**tables), trained, shape, False).total

    least = total()
    assert total(trained=2000) == least + 1000 * (4 + 4 + 8 + 4)
    assert total(ema={"on": False}) == least - 1000 * 4
    assert total(optim={"kind": "adamw8bit"}) == least - 1000 * 6
    assert total(data={"batch": 4}) > least
    assert total(shape=(12, 32, 32)) > least
    assert "frozen weights" in str(training_need(model.config, toy_config(), 9, SHAPE, False))
