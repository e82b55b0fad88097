"""Sampling settings: from files, from weights, refused when they do not fit."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from unisync_model import InputError, SamplingSettings
from unisync_model.lora import LoraMeta
from unisync_model.pipeline_folder import adapted


@pytest.mark.parametrize("name", ["s.toml", "s.json"])
def test_settings_are_read_from_a_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    wanted = {"steps": 8, "shift": 5, "tau_sigma": 0.4, "passes": 1, "band": [0.2, 0.9]}
    toml = "".join(f"{k} = {v}\n" for k, v in wanted.items())
    path.write_text(toml if name.endswith("toml") else json.dumps(wanted))
    made = SamplingSettings.from_file(path)
    assert made == SamplingSettings(steps=8, shift=5, tau_sigma=0.4, passes=1, band=(0.2, 0.9))


def test_the_resolved_record_reads_back(tmp_path: Path) -> None:
    settings = SamplingSettings(steps=6, band=(0.1, 0.8), mode="autoregressive", window=18)
    settings.save(tmp_path / "sampling.json")
    assert SamplingSettings.from_file(tmp_path / "sampling.json") == settings


@pytest.mark.parametrize(
    "values",
    [
        {"step": 4},
        {"steps": 0},
        {"steps": "40"},
        {"steps": 4.5},
        {"steps": True},
        {"shift": -1.0},
        {"solver": "heun"},
        {"tau": 1.5},
        {"tau": 0.8, "tau_sigma": 0.4},
        {"passes": 4},
        {"passes": True},
        {"band": [0.2]},
        {"band": [0.9, 0.2]},
        {"window": 31},
        {"stride": 40},
        {"mode": "autoregressive", "overlap": 20},
        {"mode": "autoregressive", "overlap": -1},
        {"audio_grid": "exact"},
    ],
)
def test_settings_that_do_not_fit_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        SamplingSettings.of(values)


@pytest.mark.parametrize("text", ["steps = ", "[1, 2]", '"steps"'])
def test_a_file_that_is_no_table_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / ("s.toml" if "=" in text else "s.json")
    path.write_text(text)
    with pytest.raises(InputError, match=path.name):
        SamplingSettings.from_file(path)
    with pytest.raises(InputError, match="cannot read"):
        SamplingSettings.from_file(tmp_path / "none.toml")


def test_windows_follow_the_rate_and_the_mode() -> None:
    joint, chained = SamplingSettings(), SamplingSettings(mode="autoregressive")
    assert (joint.layout(Fraction(25)).length, joint.layout(Fraction(25)).stride) == (20, 15)
    assert (joint.layout(Fraction(50)).length, joint.layout(Fraction(50)).stride) == (28, 21)
    assert (chained.layout(Fraction(25)).length, chained.layout(Fraction(25)).stride) == (20, 16)


def test_an_adapter_brings_its_own_sampling() -> None:
    trained = adapted(SamplingSettings(), LoraMeta(tau=0.7, shift=5.0))
    assert (trained.tau, trained.shift, trained.steps, trained.passes) == (0.7, 5.0, 40, 2)
    few = adapted(SamplingSettings(tau=0.8), LoraMeta(shift=5.0, steps=4))
    assert (few.steps, few.passes, few.tau) == (4, 1, None)
    assert few.tau_sigma == pytest.approx(0.43)
