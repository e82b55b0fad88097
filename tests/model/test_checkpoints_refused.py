"""What is not loaded, and what the message says to do instead."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import published
import pytest
import torch
from gguf import GGMLQuantizationType as Ggml
from networks import tiny_network
from safetensors.torch import load_file, save_file

from unisync_model.checkpoints import load_transformer, open_checkpoint
from unisync_model.errors import CheckpointError


@pytest.fixture
def single(tmp_path: Path) -> Path:
    return published.comfy(tiny_network(), tmp_path / "comfy")


@pytest.mark.parametrize("name", ["model.pth", "model.ckpt", "model.bin", "model.safetensors"])
def test_a_pickle_is_refused_whatever_it_is_called(name: str, tmp_path: Path) -> None:
    torch.save({"a": torch.ones(1)}, tmp_path / name)
    with pytest.raises(CheckpointError, match=r"pickle.*can run code.*weights convert .*--allow"):
        load_transformer(tmp_path / name)


def test_an_old_pickle_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    torch.save({}, tmp_path / "model.safetensors", _use_new_zipfile_serialization=False)
    with pytest.raises(CheckpointError, match="this is a Python pickle"):
        load_transformer(tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("Wan2.1_VAE.pth", "pull wan2.1-vae"),
        ("models_t5_umt5-xxl-enc-bf16.pth", "pull wan2.1-text-encoder"),
    ],
)
def test_the_official_pickles_have_safe_twins(name: str, instead: str, tmp_path: Path) -> None:
    torch.save({}, tmp_path / name)
    with pytest.raises(CheckpointError, match=f"safetensors: unisync weights {instead}"):
        load_transformer(tmp_path)


def test_missing_and_surplus_names_are_listed(single: Path) -> None:
    state = load_file(single)
    prefix = "model.diffusion_model."
    for block in range(3):
        for key in ("self_attn.q.bias", "self_attn.k.bias", "cross_attn.v.bias", "ffn.0.bias"):
            del state[f"{prefix}blocks.{block}.{key}"]
    save_file(state, single)
    with pytest.raises(CheckpointError, match=r"12 tensors are missing: blocks\.0\..* and 2 more"):
        load_transformer(single)

    state = load_file(published.comfy(tiny_network(), single.parent))
    state[f"{prefix}img_emb.proj.0.weight"] = torch.ones(1)
    save_file(state, single)
    with pytest.raises(CheckpointError, match=r"1 tensors are surplus: .*img_emb\.proj\.0"):
        load_transformer(single)


def test_a_wrong_shape_is_named(single: Path) -> None:
    state = load_file(single)
    key = "model.diffusion_model.blocks.1.ffn.2.weight"
    state[key] = torch.zeros(32, 41)
    save_file(state, single)
    with pytest.raises(CheckpointError, match=r"blocks\.1\.ffn\.2\.weight is \[32, 41\], not"):
        load_transformer(single)


@pytest.mark.parametrize("kind", ["safetensors", "gguf"])
def test_a_truncated_file_is_named(kind: str, tmp_path: Path) -> None:
    network = tiny_network(ffn_dim=64)
    write = published.comfy if kind == "safetensors" else published.write_gguf(Ggml.F16)
    file = write(network, tmp_path)
    with file.open("r+b") as stream:
        stream.truncate(file.stat().st_size - 1000)
    with pytest.raises(CheckpointError, match=rf"truncated or damaged.*{file.name}"):
        load_transformer(file)


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    folder = published.official(tiny_network(), tmp_path / "m")
    (folder / "diffusion_pytorch_model-00002-of-00003.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"00002-of-00003\.safetensors, which is not there"):
        load_transformer(folder)


def test_an_index_cannot_lead_out_of_its_folder(tmp_path: Path) -> None:
    folder = published.official(tiny_network(), tmp_path / "m")
    index = folder / "diffusion_pytorch_model.safetensors.index.json"
    held = json.loads(index.read_text())
    outside = tmp_path / "outside.safetensors"
    shutil.copy(folder / "diffusion_pytorch_model-00001-of-00003.safetensors", outside)
    held["weight_map"] = dict.fromkeys(held["weight_map"], "../outside.safetensors")
    index.write_text(json.dumps(held))
    with pytest.raises(CheckpointError, match="is not there"):
        load_transformer(folder)


def test_other_networks_are_called_by_their_kind(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    for keys, words in (
        (["blocks.0.self_attn.q.weight"], "without the audio layers of S2V"),
        (["blocks.0.self_attn.q.lora_A.weight"], "this is a LoRA"),
        (["down_blocks.0.weight"], "not the weights of Wan2.2-S2V"),
    ):
        save_file({key: torch.ones(1) for key in keys}, file)
        with pytest.raises(CheckpointError, match=words):
            load_transformer(file)


def test_a_network_with_other_parts_is_refused(tmp_path: Path) -> None:
    folder = published.official(tiny_network(), tmp_path / "m")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "enable_motioner": True}))
    with pytest.raises(CheckpointError, match="enable_motioner = True"):
        load_transformer(folder)


def test_injectors_need_their_blocks(single: Path) -> None:
    (single.parent / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"2 audio injectors.*config\.json beside"):
        load_transformer(single)


def test_neither_weights_nor_folder(tmp_path: Path) -> None:
    (tmp_path / "notes.safetensors").write_text("no weights at all")
    with pytest.raises(CheckpointError, match="neither a safetensors nor a GGUF"):
        open_checkpoint(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError, match="no weights in this folder"):
        open_checkpoint(tmp_path / "empty")


def test_blocks_can_only_be_kept_from_a_gguf_file(single: Path) -> None:
    with pytest.raises(CheckpointError, match="only a GGUF file"):
        load_transformer(single, quantization="gguf")


def test_an_unknown_packing_is_named(single: Path) -> None:
    state = load_file(single)
    layer = "model.diffusion_model.blocks.0.self_attn.q"
    mark = b'{"format": "nvfp4"}'
    state[f"{layer}.comfy_quant"] = torch.tensor(list(mark), dtype=torch.uint8)
    state[f"{layer}.weight"] = state[f"{layer}.weight"].to(torch.float8_e4m3fn)
    save_file(state, single)
    with pytest.raises(CheckpointError, match=r"blocks\.0\.self_attn\.q is packed as nvfp4"):
        load_transformer(single)
