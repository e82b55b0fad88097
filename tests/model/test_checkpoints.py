"""Every published layout loads into the same network: each tensor, and one forward."""

from __future__ import annotations

import importlib.util
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import published
import pytest
import torch
from diffusers import QuantoConfig
from gguf import GGMLQuantizationType as Ggml
from networks import distance, opened, tiny_inputs, tiny_network, velocity
from peft import LoraConfig

from unisync_model.checkpoints import Layout, load_transformer, open_checkpoint
from unisync_model.checkpoints.detect import Checkpoint, Part
from unisync_model.checkpoints.keys import Naming
from unisync_model.errors import CheckpointError
from unisync_model.lora import LoraMeta, load_lora, save_lora
from unisync_model.transformer import UniSyncTransformer3DModel

# rows that GGUF can pack in blocks of 32; the text length is the pull request's, which it never
# writes down
SHAPE: dict[str, Any] = {"ffn_dim": 64, "text_len": 512, "av2v": True, "pafs": "paper"}
Write = Callable[[UniSyncTransformer3DModel, Path], Path]

EXACT: dict[str, tuple[Write, Layout]] = {
    "official": (published.official, Layout.OFFICIAL),
    "fastvideo": (published.fastvideo, Layout.FASTVIDEO),
    "diffusers-pr": (published.pull_request, Layout.DIFFUSERS_PR),
    "comfy": (published.comfy, Layout.COMFY),
    "unisync": (published.unisync, Layout.UNISYNC),
}
PACKED: dict[str, tuple[Write, Layout]] = {
    "fp8 scaled": (published.comfy_fp8, Layout.COMFY_FP8),
    "fp8 comfy_quant": (published.comfy_quant, Layout.COMFY_FP8),
    "gguf f16": (published.write_gguf(Ggml.F16), Layout.GGUF),
    "gguf q8_0": (published.write_gguf(Ggml.Q8_0, flat=True), Layout.GGUF),
    "gguf q4_0": (published.write_gguf(Ggml.Q4_0), Layout.GGUF),
    "gguf bf16": (published.write_gguf(Ggml.BF16), Layout.GGUF),
}


@pytest.fixture(scope="module")
def network() -> UniSyncTransformer3DModel:
    return tiny_network(**SHAPE)


@pytest.mark.parametrize("case", EXACT)
def test_every_tensor_and_the_forward_are_the_originals(
    case: str, network: UniSyncTransformer3DModel, tmp_path: Path
) -> None:
    write, layout = EXACT[case]
    path = write(opened(network), tmp_path / "model")
    loaded = load_transformer(path, dtype=torch.float32)
    assert open_checkpoint(path).layout is layout
    assert_same(loaded, network)


@pytest.mark.parametrize("case", PACKED)
def test_packed_files_are_expanded_by_their_own_rule(
    case: str, network: UniSyncTransformer3DModel, tmp_path: Path
) -> None:
    write, layout = PACKED[case]
    path = write(opened(network), tmp_path / "model")
    loaded = load_transformer(path, dtype=torch.float32)
    assert open_checkpoint(path).layout is layout
    # the same values, packed and unpacked by the format's own tools, in the original network
    expected = tiny_network(**SHAPE)
    expected.load_state_dict(network.state_dict())
    native = published.named(network, Naming.NATIVE)
    for key, ours in zip(native, network.state_dict(), strict=True):
        if published.is_block_weight(key):
            expected.get_parameter(ours).data = unpacked(case, native[key])
    assert_same(loaded, expected)


def unpacked(case: str, value: torch.Tensor) -> torch.Tensor:
    if case.startswith("fp8"):
        packed, scale = published.fp8(value)
        return packed.float() * scale
    kind = Ggml[case.removeprefix("gguf ").upper()]
    return torch.from_numpy(gguf.dequantize(gguf.quantize(value.numpy(), kind), kind)).float()


def assert_same(loaded: UniSyncTransformer3DModel, expected: UniSyncTransformer3DModel) -> None:
    assert loaded.config.audio_inject_layers == expected.config.audio_inject_layers
    wanted = expected.state_dict()
    assert loaded.state_dict().keys() == wanted.keys()
    for key, value in loaded.state_dict().items():
        assert torch.equal(value, wanted[key]), key
    inputs = tiny_inputs()
    inputs["video"] = inputs["hidden_states"].flip(0).roll(1, dims=2)
    assert torch.equal(velocity(loaded, **inputs), velocity(expected, **inputs))


def test_gguf_kept_in_blocks_computes_the_same(
    network: UniSyncTransformer3DModel, tmp_path: Path
) -> None:
    path = published.write_gguf(Ggml.Q8_0)(opened(network), tmp_path)
    expanded = load_transformer(path, dtype=torch.float32)
    packed = load_transformer(path, dtype=torch.float32, quantization="gguf")
    layer = packed.get_submodule("blocks.0.attn1.to_q")
    assert type(layer).__name__ == "GGUFLinear"
    assert layer.weight.dtype == torch.uint8
    inputs = tiny_inputs()
    assert torch.allclose(velocity(packed, **inputs), velocity(expanded, **inputs), atol=2e-3)


def test_an_adapter_sits_on_packed_layers(tmp_path: Path) -> None:
    base, training = tiny_network(ffn_dim=64), tiny_network(ffn_dim=64)
    training.add_adapter(LoraConfig(r=2, target_modules=["to_q"], init_lora_weights=False))
    lora = save_lora(training, tmp_path / "lora.safetensors", LoraMeta())
    path = published.write_gguf(Ggml.Q8_0)(base, tmp_path)
    expanded = load_transformer(path, dtype=torch.float32)
    packed = load_transformer(path, dtype=torch.float32, quantization="gguf")
    before = velocity(expanded, **tiny_inputs())
    for model in (expanded, packed):
        load_lora(model, lora)
    after = velocity(expanded, **tiny_inputs())
    assert distance(before, after) > 0.1
    assert distance(velocity(packed, **tiny_inputs()), after) < 2e-2


@pytest.mark.filterwarnings("ignore:`Quanto:FutureWarning")
def test_quantisation_that_cannot_run_here_is_said(
    network: UniSyncTransformer3DModel, tmp_path: Path
) -> None:
    if importlib.util.find_spec("optimum"):
        pytest.skip("quanto is installed")
    path = published.unisync(network, tmp_path)
    # the one configuration that needs no package to be made
    with pytest.raises(CheckpointError, match="cannot be used here"):
        load_transformer(path, quantization=QuantoConfig())


def test_a_fused_av2v_file_is_split(network: UniSyncTransformer3DModel, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    state = published.named(opened(network), Naming.NATIVE)
    video = state.pop("video_embedding.weight")
    state["patch_embedding.weight"] = torch.cat([state["patch_embedding.weight"], video], dim=1)
    save_file(state, tmp_path / "fused.safetensors")
    config = published.config_of(network, in_channels=32)
    loaded = load_transformer(tmp_path / "fused.safetensors", dtype=torch.float32, config=config)
    assert open_checkpoint(tmp_path / "fused.safetensors", config=config).fused_av2v
    assert_same(loaded, network)


def test_the_class_methods_take_every_layout(
    network: UniSyncTransformer3DModel, tmp_path: Path
) -> None:
    opened(network)
    folder = published.fastvideo(network, tmp_path / "fastvideo")
    single = published.comfy(network, tmp_path / "comfy")
    for loaded in (
        UniSyncTransformer3DModel.from_pretrained(folder, subfolder="transformer"),
        UniSyncTransformer3DModel.from_single_file(single, torch_dtype=torch.float32),
    ):
        assert isinstance(loaded, UniSyncTransformer3DModel)
        assert_same(loaded, network)
    with pytest.raises(CheckpointError, match="nothing is downloaded"):
        UniSyncTransformer3DModel.from_pretrained("Wan-AI/Wan2.2-S2V-14B")


def test_modules_kept_in_float32_stay_so(
    network: UniSyncTransformer3DModel, tmp_path: Path
) -> None:
    loaded = load_transformer(published.official(network, tmp_path / "m"), dtype=torch.bfloat16)
    state = loaded.state_dict()
    assert state["blocks.0.attn1.to_q.weight"].dtype == torch.bfloat16
    assert state["blocks.0.scale_shift_table"].dtype == torch.float32
    assert state["condition_embedder.time_embedder.linear_1.weight"].dtype == torch.float32
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_layers_of_ours_start_as_training_starts_them(tmp_path: Path) -> None:
    base = tiny_network()
    path = published.official(base, tmp_path / "base")
    loaded = load_transformer(path, dtype=torch.float32, av2v=True, pafs="residual")
    assert not any(parameter.is_meta for parameter in loaded.parameters())
    inputs = tiny_inputs()
    video = {"video": torch.randn_like(inputs["hidden_states"])}
    assert torch.equal(velocity(loaded, **inputs, **video), velocity(base, **inputs))


def test_layers_of_ours_can_be_left_aside(
    network: UniSyncTransformer3DModel, tmp_path: Path
) -> None:
    path = published.unisync(network, tmp_path / "m")
    loaded = load_transformer(path, av2v=False, pafs="none")
    assert not any(key.startswith(("pafs", "video_embedding")) for key in loaded.state_dict())


def test_one_tensor_at_a_time(
    network: UniSyncTransformer3DModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No second copy: when a tensor is read, those read before it are gone."""
    path = published.official(network, tmp_path / "m")
    alive: list[weakref.ref[torch.Tensor]] = []
    most = 0
    read = Checkpoint.read

    def counted(self: Checkpoint, part: Part) -> torch.Tensor:
        nonlocal most
        value = read(self, part)
        alive.append(weakref.ref(value))
        most = max(most, sum(1 for held in alive if held() is not None))
        return value

    monkeypatch.setattr(Checkpoint, "read", counted)
    load_transformer(path, dtype=torch.float32)
    assert len(alive) == len(network.state_dict())
    assert most == 1


def test_the_network_does_not_lean_on_the_file(
    network: UniSyncTransformer3DModel, tmp_path: Path
) -> None:
    """Weights mapped from a file would change, or crash, with it."""
    path = published.comfy(network, tmp_path / "m")
    loaded = load_transformer(path, dtype=torch.float32)
    before = loaded.state_dict()["blocks.0.attn1.to_q.weight"].clone()
    with path.open("r+b") as stream:
        stream.write(b"\0" * path.stat().st_size)
    assert torch.equal(loaded.state_dict()["blocks.0.attn1.to_q.weight"], before)
