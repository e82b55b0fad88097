"""What a model folder needs, before it is loaded; and the folder opened by each profile."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import tiny_folder, tiny_pipeline, tiny_shot, tiny_transformer

from unisync_model import CheckpointError, MemoryBudgetError, UniSyncPipeline
from unisync_model.folder import ModelFolder
from unisync_model.footprint import parameters
from unisync_model.lora import LoraMeta, save_lora
from unisync_model.memory import GIB, PROFILES
from unisync_model.needs import HOST_BESIDE, Needs, needs_of
from unisync_model.pipeline_folder import open_pipeline


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nobody may change it."""
    return tiny_folder(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def needs(folder: Path) -> Needs:
    return needs_of(ModelFolder.open(folder), side=64)


def test_the_window_is_the_largest_at_any_rate(needs: Needs) -> None:
    assert (needs.window.latents, needs.window.height, needs.window.width) == (28, 64, 64)
    assert not needs.window.motion
    assert needs.window.caches == 0


def test_settings_decide_what_is_held(tmp_path: Path) -> None:
    pipeline = tiny_pipeline(window=8, passes=3)
    pipeline.settings = replace(pipeline.settings, mode="autoregressive")
    pipeline.save_pretrained(tmp_path)
    window = needs_of(ModelFolder.open(tmp_path), side=64, cached_frames=100).window
    assert window.motion
    assert window.latents == 8
    # one state for each of the windows over 25 latents, in each of three branches
    assert window.caches == 3 * len(pipeline.settings.layout(Fraction(25)).windows(25))


def test_what_is_counted_is_what_lies_there(needs: Needs) -> None:
    held = sum(p.numel() for p in tiny_transformer().parameters())
    assert parameters(needs.config).total == held
    assert needs.vae_base_dim == 4
    assert needs.adapter == 0


def test_an_adapter_counts_with_the_layers_it_brings(tmp_path: Path) -> None:
    base = tiny_folder(tmp_path / "model", "training-free")
    before = needs_of(ModelFolder.open(base), side=64)
    model = tiny_transformer()
    model.add_adapter(_lora())
    save_lora(model, base / "lora" / "a.safetensors", LoraMeta(variant="residual"))
    found = ModelFolder.open(base)
    after = needs_of(found, side=64)
    assert found.mode == "lora"
    assert after.adapter > 0
    assert (before.config["av2v"], after.config["av2v"]) == (False, True)
    profile = PROFILES["cpu"]
    assert after.estimate(profile).weights > before.estimate(profile).weights


def _lora() -> object:
    from peft import LoraConfig

    return LoraConfig(r=2, lora_alpha=2, target_modules=["to_q", "to_k"])


def test_weights_that_pass_through_the_host_are_counted_there(needs: Needs) -> None:
    weights = 2 * parameters(needs.config).total
    assert needs.host_bytes(PROFILES["80gb"]) == HOST_BESIDE
    for name in ("48gb-fp8", "48gb-offload", "24gb-offload"):
        assert needs.host_bytes(PROFILES[name]) == HOST_BESIDE + weights
    assert needs.host_bytes(PROFILES["cpu"]) >= HOST_BESIDE + 2 * weights


def test_refusals_name_what_would_do(needs: Needs) -> None:
    with pytest.raises(MemoryBudgetError, match=r"80gb: .* more than"):
        needs.refuse(PROFILES["80gb"], GIB)
    with pytest.raises(CheckpointError, match="for GGUF files"):
        needs.refuse(PROFILES["24gb-gguf"], 100 * GIB)
    assert needs.refuse(PROFILES["80gb"], 100 * GIB).profile.name == "80gb"


@pytest.mark.parametrize("name", ["cpu", "80gb", "48gb-offload", "24gb-offload"])
def test_a_folder_is_opened_by_its_profile(folder: Path, name: str) -> None:
    profile = PROFILES[name]
    pipeline = UniSyncPipeline.from_pretrained(folder, profile=profile)
    assert pipeline.transformer.patch_embedding.weight.dtype == profile.compute
    assert pipeline.vae.dtype == (torch.float32 if profile.vae_bytes == 4 else torch.bfloat16)
    assert bool(pipeline.vae.use_tiling) == (profile.vae_tile is not None)
    settings = replace(pipeline.settings, steps=2)
    made = pipeline(**tiny_shot(5), settings=settings)
    exact = open_pipeline(folder, dtype=torch.float32)(**tiny_shot(5), settings=settings)
    away = float(np.abs(made.astype(np.float64) - exact).mean())
    assert away == 0 if name == "cpu" else away < 1  # codes: what bfloat16 and fp8 round off
