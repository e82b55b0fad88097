"""Adapters: ours there and back, foreign ones against the weights merged by hand, and refusals."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from networks import distance, opened, tiny_inputs, tiny_network, velocity
from peft import LoraConfig
from safetensors import safe_open
from safetensors.torch import save_file

from unisync_model.checkpoints.keys import Naming, from_ours
from unisync_model.errors import CheckpointError
from unisync_model.lora import (
    LoraMeta,
    fuse_loras,
    is_lora,
    load_lora,
    meta_of,
    save_lora,
    unload_lora,
)
from unisync_model.transformer import UniSyncTransformer3DModel

TARGETS = (
    r"blocks\.\d+\.((attn1|attn2|audio_attn)\.(to_q|to_k|to_v|to_out\.0)|ffn\.net\.(0\.proj|2))"
)
META = LoraMeta(variant="residual", fps=("24000/1001", "25"), tau=0.7, shift=5.0, licence="CC0-1.0")
# as it comes back: what the network itself knows is filled in
SAVED = replace(META, base="S2V-3x32", pafs_size=(4, 6, 6), av2v=True)
FOREIGN = ("blocks.0.attn1.to_q", "blocks.1.ffn.net.0.proj", "blocks.2.audio_attn.to_out.0")


def network(**config: object) -> UniSyncTransformer3DModel:
    return tiny_network(**{"av2v": True, "pafs": "residual", **config})


def trained(tmp_path: Path) -> tuple[UniSyncTransformer3DModel, Path]:
    """A network with an adapter away from its zero start, and the file it was saved to."""
    model = opened(network())
    # alpha is not r, so that a reader who loses it gets another network
    model.add_adapter(LoraConfig(r=4, lora_alpha=12, target_modules=TARGETS))
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))
    return model, save_lora(model, tmp_path / "unisync.safetensors", META)


def inputs() -> dict[str, torch.Tensor]:
    given = tiny_inputs()
    return {**given, "video": given["hidden_states"].roll(1, dims=2)}


def test_ours_comes_back_whole(tmp_path: Path) -> None:
    model, file = trained(tmp_path)
    fresh = network()
    before = velocity(fresh, **inputs())
    loaded = load_lora(fresh, file)
    assert torch.equal(velocity(fresh, **inputs()), velocity(model, **inputs()))
    assert distance(before, velocity(model, **inputs())) > 0.05
    assert loaded.meta == SAVED


def test_the_file_is_peft_with_our_metadata(tmp_path: Path) -> None:
    _, file = trained(tmp_path)
    assert is_lora(file)
    assert meta_of(file) == SAVED
    with safe_open(file, "pt") as held:
        keys, metadata = list(held.keys()), held.metadata()
    assert "blocks.2.audio_attn.to_q.lora_A.weight" in keys
    assert {"video_embedding.weight", "pafs.norm.weight", "pafs.pos_t"} <= set(keys)
    assert json.loads(metadata["lora_adapter_metadata"])["lora_alpha"] == 12
    assert json.loads(metadata["unisync"])["fps"] == ["24000/1001", "25"]


def test_unloading_leaves_the_network_as_it_was(tmp_path: Path) -> None:
    _, file = trained(tmp_path)
    fresh = network()
    state = {key: value.clone() for key, value in fresh.state_dict().items()}
    unload_lora(fresh, load_lora(fresh, file))
    after = fresh.state_dict()
    assert after.keys() == state.keys()
    assert all(torch.equal(after[key], state[key]) for key in state)
    assert torch.equal(velocity(fresh, **inputs()), velocity(network(), **inputs()))


def test_fused_it_is_part_of_the_weights(tmp_path: Path) -> None:
    model, file = trained(tmp_path)
    fresh = network()
    load_lora(fresh, file)
    fuse_loras(fresh)
    assert fresh.state_dict().keys() == network().state_dict().keys()
    assert distance(velocity(fresh, **inputs()), velocity(model, **inputs())) < 1e-4


def test_two_adapters_stand_side_by_side(tmp_path: Path) -> None:
    _, file = trained(tmp_path)
    foreign = tmp_path / "foreign.safetensors"
    pairs = random_pairs(network())
    save_file(_native_peft(pairs), foreign)
    both, one = network(), network()
    load_lora(both, file)
    second = load_lora(both, foreign, adapter_name="second")
    both.set_adapters(["default", "second"], [1.0, 0.5])
    with_both = velocity(both, **inputs())
    load_lora(one, file)
    assert distance(with_both, velocity(one, **inputs())) > 1e-3
    unload_lora(both, second)
    both.set_adapters(["default"], [1.0])
    assert torch.equal(velocity(both, **inputs()), velocity(one, **inputs()))


# Foreign files. Each writer names the same pairs in another way.

Pairs = dict[str, tuple[torch.Tensor, torch.Tensor]]
RANK, ALPHA = 4, 2.0


def random_pairs(model: UniSyncTransformer3DModel) -> Pairs:
    generator = torch.Generator().manual_seed(9)
    pairs = {}
    for name in FOREIGN:
        out, width = model.get_submodule(name).weight.shape
        pairs[name] = (
            torch.randn(RANK, width, generator=generator),
            0.1 * torch.randn(out, RANK, generator=generator),
        )
    return pairs


def _native(module: str) -> str:
    return from_ours(f"{module}.", Naming.NATIVE, (0, 2)).rstrip(".")


def _native_peft(pairs: Pairs) -> dict[str, torch.Tensor]:
    """DiffSynth: PEFT's names, the adapter's own among them, no alpha."""
    state = {}
    for module, (down, up) in pairs.items():
        state[f"{_native(module)}.lora_A.default.weight"] = down
        state[f"{_native(module)}.lora_B.default.weight"] = up
    return state


def _comfy(pairs: Pairs) -> dict[str, torch.Tensor]:
    state = {}
    for module, (down, up) in pairs.items():
        state[f"diffusion_model.{_native(module)}.lora_down.weight"] = down
        state[f"diffusion_model.{_native(module)}.lora_up.weight"] = up
        state[f"diffusion_model.{_native(module)}.alpha"] = torch.tensor(ALPHA)
    return state


def _kohya(pairs: Pairs) -> dict[str, torch.Tensor]:
    state = {}
    for module, (down, up) in pairs.items():
        flat = f"lora_unet_{_native(module).replace('.', '_')}"
        state[f"{flat}.lora_down.weight"] = down
        state[f"{flat}.lora_up.weight"] = up
        state[f"{flat}.alpha"] = torch.tensor(ALPHA)
    return state


def _diffusers(pairs: Pairs) -> dict[str, torch.Tensor]:
    state = {}
    for module, (down, up) in pairs.items():
        state[f"transformer.{module}.lora_A.weight"] = down
        state[f"transformer.{module}.lora_B.weight"] = up
    return state


@pytest.mark.parametrize("scale", [1.0, 0.4])
@pytest.mark.parametrize(
    ("write", "ratio"),
    [(_native_peft, 1.0), (_diffusers, 1.0), (_comfy, ALPHA / RANK), (_kohya, ALPHA / RANK)],
)
def test_a_foreign_lora_is_w_plus_ba(
    write: object, ratio: float, scale: float, tmp_path: Path
) -> None:
    assert callable(write)
    merged, loaded = network(), network()
    pairs = random_pairs(merged)
    save_file(write(pairs), tmp_path / "foreign.safetensors")
    with torch.no_grad():
        for module, (down, up) in pairs.items():
            merged.get_submodule(module).weight.add_(up @ down, alpha=ratio * scale)
    load_lora(loaded, tmp_path / "foreign.safetensors", scale=scale)
    assert distance(velocity(loaded, **inputs()), velocity(merged, **inputs())) < 1e-4
    assert distance(velocity(network(), **inputs()), velocity(merged, **inputs())) > 1e-3


def test_whole_differences_of_distilled_adapters_are_added(tmp_path: Path) -> None:
    merged, loaded = network(), network()
    weight, bias = torch.randn(32), torch.randn(40)
    state = {
        "diffusion_model.blocks.1.norm3.diff": weight,
        "diffusion_model.blocks.1.ffn.0.diff_b": bias,
        **_comfy(random_pairs(merged)),
    }
    save_file(state, tmp_path / "distilled.safetensors")
    before = {key: value.clone() for key, value in loaded.state_dict().items()}
    held = load_lora(loaded, tmp_path / "distilled.safetensors", scale=0.5)
    assert torch.allclose(
        loaded.get_submodule("blocks.1.norm2").weight,
        before["blocks.1.norm2.weight"] + 0.5 * weight,
    )
    unload_lora(loaded, held)
    assert torch.equal(velocity(loaded, **inputs()), velocity(merged, **inputs()))


# Refusals


def test_another_base_is_refused_by_its_metadata(tmp_path: Path) -> None:
    _, file = trained(tmp_path)
    with pytest.raises(CheckpointError, match="this LoRA is for S2V-3x32, the network is S2V-4x32"):
        load_lora(network(num_layers=4), file)
    save_file(
        _comfy(random_pairs(network())),
        tmp_path / "flux.safetensors",
        metadata={"modelspec.architecture": "flux-1-dev/lora"},
    )
    with pytest.raises(CheckpointError, match="for flux-1-dev/lora"):
        load_lora(network(), tmp_path / "flux.safetensors")


def test_another_base_is_refused_by_its_shapes(tmp_path: Path) -> None:
    wide = network(num_attention_heads=4)
    save_file(_comfy(random_pairs(wide)), tmp_path / "wide.safetensors")
    small = network()
    with pytest.raises(CheckpointError, match=r"lora_A\.weight is \[4, 64\], the layer has 32"):
        load_lora(small, tmp_path / "wide.safetensors")
    assert not hasattr(small, "peft_config")


def test_unknown_modules_are_listed(tmp_path: Path) -> None:
    state = {
        f"diffusion_model.blocks.{block}.cross_attn.k_img.lora_down.weight": torch.ones(4, 32)
        for block in range(12)
    }
    save_file(state, tmp_path / "i2v.safetensors")
    with pytest.raises(CheckpointError, match=r"12 tensors .* no place .*k_img.* and 2 more"):
        load_lora(network(), tmp_path / "i2v.safetensors")


def test_layers_stored_whole_need_their_place(tmp_path: Path) -> None:
    _, file = trained(tmp_path)
    with pytest.raises(CheckpointError, match="Load the network with av2v=True"):
        load_lora(tiny_network(), file)
    meta = meta_of(file)
    assert meta is not None
    load_lora(tiny_network(**meta.needs), file)


def test_a_network_without_anchoring_is_still_shown_the_plate(tmp_path: Path) -> None:
    model = opened(tiny_network(av2v=True))
    model.add_adapter(LoraConfig(r=4, target_modules=TARGETS))
    file = save_lora(model, tmp_path / "no_pafs.safetensors", LoraMeta())
    meta = meta_of(file)
    assert meta is not None
    assert meta.needs == {"av2v": True}
    fresh = tiny_network(**meta.needs)
    load_lora(fresh, file)
    assert torch.equal(velocity(fresh, **inputs()), velocity(model, **inputs()))


def test_a_pickle_is_refused(tmp_path: Path) -> None:
    torch.save({}, tmp_path / "lora.safetensors")
    with pytest.raises(CheckpointError, match=r"Python pickle.*Ask its author for safetensors"):
        load_lora(network(), tmp_path / "lora.safetensors")


def test_there_must_be_an_adapter_to_save(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no adapter named default"):
        save_lora(network(), tmp_path / "x.safetensors", META)
