"""A model folder: which parts lie where, and which mode they make."""

from __future__ import annotations

from pathlib import Path

import published
import pytest
import torch
from networks import opened, tiny_inputs, tiny_network, velocity
from peft import LoraConfig

from unisync_model.errors import CheckpointError
from unisync_model.folder import ModelFolder
from unisync_model.lora import LoraMeta, save_lora


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    published.unisync(tiny_network(), tmp_path / "model")
    for name in ("vae", "audio_encoder", "scheduler"):
        (tmp_path / "model" / name).mkdir()
    (tmp_path / "model/prompt_embeds.safetensors").touch()
    return tmp_path / "model"


def test_the_parts_are_found(folder: Path) -> None:
    found = ModelFolder.open(folder)
    assert found.transformer == folder / "transformer"
    assert (found.vae, found.audio_encoder) == (folder / "vae", folder / "audio_encoder")
    assert found.prompt_embeds == folder / "prompt_embeds.safetensors"
    assert found.text_encoder is None
    assert found.mode == "training-free"


def test_an_adapter_brings_its_layers_and_the_mode(folder: Path) -> None:
    model = tiny_network(av2v=True, pafs="residual")
    model.load_state_dict(tiny_network().state_dict(), strict=False)
    opened(model)
    model.add_adapter(LoraConfig(r=2, target_modules=["to_q"]))
    save_lora(model, folder / "lora/unisync.safetensors", LoraMeta(variant="residual"))
    found = ModelFolder.open(folder)
    assert found.mode == "lora"
    inputs = tiny_inputs()
    inputs["video"] = inputs["hidden_states"].roll(1, dims=2)
    loaded = found.load_transformer(dtype=torch.float32)
    assert torch.equal(velocity(loaded, **inputs), velocity(model, **inputs))


def test_the_official_repository_is_a_model_folder(tmp_path: Path) -> None:
    folder = published.official(tiny_network(), tmp_path / "Wan2.2-S2V-14B")
    (folder / "wav2vec2-large-xlsr-53-english").mkdir()
    found = ModelFolder.open(folder)
    assert found.transformer == folder
    assert found.audio_encoder == folder / "wav2vec2-large-xlsr-53-english"
    assert found.vae is None  # it holds the VAE as a pickle


def test_two_adapters_are_one_too_many(folder: Path) -> None:
    (folder / "lora").mkdir()
    for name in ("a", "b"):
        (folder / f"lora/{name}.safetensors").touch()
    with pytest.raises(CheckpointError, match=r"several adapters: a\.safetensors, b"):
        ModelFolder.open(folder)
