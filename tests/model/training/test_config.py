"""Configuration: what is written is read again, and what cannot be meant is refused by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from unisync_model.training.config import (
    AdapterConfig,
    OptimConfig,
    TrainableConfig,
    TrainConfig,
    flat,
)
from unisync_model.training.config_file import config_of, load_config, save_config
from unisync_model.training.errors import ConfigError


def test_the_resolved_copy_is_the_same_run(tmp_path: Path) -> None:
    config = TrainConfig(
        steps=7,
        optim=OptimConfig(lr=3e-5, betas=(0.8, 0.95)),
        trainable=TrainableConfig(groups=("ffn",), whole=()),
        adapter=AdapterConfig(fps=("24000/1001", "25"), licence='CC "BY" 4.0'),
    )
    save_config(config, tmp_path / "config.toml")
    assert load_config(tmp_path / "config.toml") == config
    text = (tmp_path / "config.toml").read_text()
    assert all(name.rpartition(".")[2] in text for name in flat(config))


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "train.toml").write_text('[model]\nbase = "s2v"\n[data]\nmanifest = "d/m.jsonl"\n')
    config = load_config(tmp_path / "train.toml")
    assert config.model.base == str(tmp_path / "s2v")
    assert config.data.manifest == str(tmp_path / "d" / "m.jsonl")
    save_config(config, tmp_path / "config.toml")
    assert load_config(tmp_path / "config.toml") == config


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"stepz": 1}, "no setting is called stepz. The nearest is steps"),
        ({"optm": {}}, "no setting is called optm. The nearest is optim"),
        ({"optim": {"warm_up": 1}}, "no setting is called optim.warm_up. The nearest is "
         "optim.warmup"),
        ({"batch": 1}, "no setting is called batch. The nearest is data.batch"),
        ({"loss": {"qqqqqqq": 1}}, "There are loss.mean, loss.std"),
        ({"optim": {"lr": "1e-4"}}, "optim.lr = '1e-4'. Give float"),
        ({"optim": 1}, "optim = 1. Write a table [optim]"),
        ({"steps": 2.5}, "steps = 2.5. Give int"),
        ({"ema": {"on": 1}}, "ema.on = 1. Give bool"),
        ({"model": {"pafs": "papers"}}, "Give 'none' or 'residual' or 'paper'"),
        ({"trainable": {"groups": ["attn"]}}, "Give a list: 'attention' or"),
        ({"steps": 0}, "steps = 0. Give a number of at least 1"),
        ({"dropout": {"audio": 1.5}}, "dropout.audio = 1.5. Give a number within 0..1"),
        ({"optim": {"lr": 0}}, "optim.lr = 0. Give a number above 0"),
        ({"loss": {"mean": float("inf")}}, "loss.mean = inf"),
        ({"loss": {"shift": float("nan")}}, "loss.shift = nan"),
        ({"pairs": {"characters": 0.0, "relip": 0.0}}, "every pair builder has weight 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config_of(values, Path("train.toml"))
    assert message in str(caught.value).replace(" (train.toml)", "")
    assert caught.value.file == "train.toml"


def test_files_that_are_no_toml(tmp_path: Path) -> None:
    (tmp_path / "train.toml").write_text("steps 12")
    with pytest.raises(ConfigError, match="cannot read the configuration"):
        load_config(tmp_path / "train.toml")
    with pytest.raises(ConfigError, match="cannot read the configuration"):
        load_config(tmp_path / "none.toml")


def test_whole_numbers_are_numbers() -> None:
    assert config_of({"loss": {"mouth": 4}}).loss.mouth == 4
    assert replace(TrainConfig(), steps=3).steps == 3
