"""What makes a large network bearable finds ordinary blocks here: caches, offload, casting,
checkpointing, compilation, LoRA."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.hooks import FirstBlockCacheConfig, MagCacheConfig
from diffusers.models.attention_dispatch import attention_backend
from networks import distance, opened, tiny_inputs, tiny_network, velocity
from peft import LoraConfig
from torch import nn

from unisync_model.transformer import UniSyncTransformer3DModel


@contextmanager
def counted(*modules: nn.Module) -> Iterator[list[nn.Module]]:
    """The modules in the order in which they are called."""
    calls: list[nn.Module] = []
    handles = [m.register_forward_hook(lambda module, *_: calls.append(module)) for m in modules]
    yield calls
    for handle in handles:
        handle.remove()


def cached(model: UniSyncTransformer3DModel, **inputs: Any) -> torch.Tensor:
    with model.cache_context("cond"):
        return velocity(model, **inputs)


@pytest.mark.parametrize("threshold", [0.0, 1e9])
def test_first_block_cache(threshold: float) -> None:
    model, inputs = tiny_network(), tiny_inputs()
    later = {**inputs, "hidden_states": inputs["hidden_states"] * 0.9}
    first, second = velocity(model, **inputs), velocity(model, **later)
    model.enable_cache(FirstBlockCacheConfig(threshold=threshold))
    ears = [model.blocks[0].audio_attn, model.blocks[2].audio_attn]
    with counted(*ears) as heard:
        assert torch.equal(cached(model, **inputs), first)
        assert heard == ears
        again = cached(model, **later)
    skipped = threshold > 0
    # a skipped block hears nothing either: nothing runs on states that are not its own
    assert heard == ears + ears[: 1 if skipped else 2]
    assert torch.equal(again, second) is not skipped
    assert distance(again, second) < 0.5
    model.disable_cache()
    assert torch.equal(velocity(model, **later), second)


def test_mag_cache_calibrates_then_skips(capsys: pytest.CaptureFixture[str]) -> None:
    model, inputs = tiny_network(), tiny_inputs()
    exact = velocity(model, **inputs)
    model.enable_cache(MagCacheConfig(calibrate=True, num_inference_steps=3))
    for _ in range(3):
        cached(model, **inputs)
    printed = re.search(r"^\[([\d., e-]+)\]$", capsys.readouterr().out, re.MULTILINE)
    assert [float(n) for n in printed[1].split(",")] == pytest.approx([1, 1, 1], abs=1e-4)
    model.disable_cache()

    settings = {"mag_ratios": [1.0] * 3, "num_inference_steps": 3, "retention_ratio": 0.0}
    model.enable_cache(MagCacheConfig(threshold=0.1, max_skip_steps=1, **settings))
    with counted(*(block.ffn for block in model.blocks)) as fed:
        outputs = [cached(model, **inputs) for _ in range(3)]
    assert len(fed) == 2 * len(model.blocks)  # the second step was skipped
    assert all(distance(out, exact) < 1e-5 for out in outputs)


@pytest.mark.parametrize("kind", ["block_level", "leaf_level"])
def test_group_offload_keeps_weights_on_disk_until_they_run(kind: str, tmp_path: Path) -> None:
    model = opened(tiny_network(av2v=True, pafs="residual"))
    inputs = tiny_inputs()
    inputs["video"] = inputs["pose"]
    whole = velocity(model, **inputs)
    blocks = {"num_blocks_per_group": 1} if kind == "block_level" else {}
    model.enable_group_offload(
        onload_device=torch.device("cpu"),
        offload_device=torch.device("cpu"),
        offload_type=kind,
        offload_to_disk_path=str(tmp_path),
        **blocks,
    )
    assert len(list(tmp_path.glob("*.safetensors"))) > len(model.blocks)
    assert torch.equal(velocity(model, **inputs), whole)


def test_fp8_storage_leaves_the_sensitive_layers_alone() -> None:
    model = opened(tiny_network(av2v=True, pafs="residual"))
    inputs = tiny_inputs()
    inputs["video"] = inputs["pose"]
    exact = velocity(model, **inputs)
    model.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.float32)
    stored = {n for n, p in model.named_parameters() if p.dtype == torch.float8_e4m3fn}
    inside = ("attn1.to_", "attn2.to_", "audio_attn.to_", "ffn.net.")
    assert stored == {
        name
        for name, _ in model.named_parameters()
        if name.startswith("blocks.") and any(part in name for part in inside)
    }
    assert model.dtype == torch.float32
    assert 0 < distance(velocity(model, **inputs), exact) < 0.5


def gradients(model: UniSyncTransformer3DModel) -> dict[str, torch.Tensor]:
    model.zero_grad()
    model(**tiny_inputs()).sample.square().mean().backward()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def test_gradient_checkpointing_recomputes_the_same_gradients() -> None:
    model = opened(tiny_network(av2v=True, pafs="residual"))
    plain = gradients(model)
    model.enable_gradient_checkpointing()
    with counted(*(block.ffn for block in model.blocks)) as fed:
        recomputed = gradients(model)
    assert len(fed) == 2 * len(model.blocks)
    assert recomputed.keys() == plain.keys()
    for name, gradient in plain.items():
        torch.testing.assert_close(recomputed[name], gradient)


def test_a_block_is_one_graph_with_and_without_ears() -> None:
    model, inputs = tiny_network(num_layers=4, audio_inject_layers=(1, 3)), tiny_inputs()
    plain = velocity(model, **inputs)
    torch._dynamo.reset()
    graphs: list[torch.fx.GraphModule] = []

    def backend(graph: torch.fx.GraphModule, _: list[torch.Tensor]) -> Any:
        graphs.append(graph)
        return graph.forward

    model.compile_repeated_blocks(fullgraph=True, backend=backend)
    assert distance(velocity(model, **inputs), plain) < 1e-5
    assert len(graphs) == 2  # one of each kind serves four blocks
    velocity(model, **{**inputs, "timestep": inputs["timestep"] - 20})
    assert len(graphs) == 2
    torch._dynamo.reset()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_compiled_blocks_give_the_same_velocity() -> None:
    model, inputs = tiny_network(), tiny_inputs()
    plain = velocity(model, **inputs)
    torch._dynamo.reset()
    model.compile_repeated_blocks(fullgraph=True)
    assert distance(velocity(model, **inputs), plain) < 1e-4
    torch._dynamo.reset()


LORA = LoraConfig(
    r=2,
    init_lora_weights=False,
    target_modules=r"blocks\.\d+\.((attn1|attn2|audio_attn)\.(to_q|to_k|to_v|to_out\.0)"
    r"|ffn\.net\.(0\.proj|2))",
    modules_to_save=["video_embedding", "pafs"],
)


def test_a_lora_travels_with_the_layers_trained_whole(tmp_path: Path) -> None:
    inputs = tiny_inputs()
    inputs["video"] = inputs["pose"]
    model = tiny_network(av2v=True, pafs="residual")
    base = velocity(model, **inputs)
    model.add_adapter(LORA)
    adapted = {n.split(".lora_A")[0] for n, _ in model.named_parameters() if ".lora_A" in n}
    assert len(adapted) == 3 * (8 + 2) + 2 * 4  # every block, and the ears of two
    opened(model)
    with torch.no_grad():
        model.pafs.modules_to_save["default"].norm.weight.add_(0.5)
        model.video_embedding.modules_to_save["default"].weight.add_(0.1)
    trained = velocity(model, **inputs)
    assert distance(trained, base) > 0.01
    model.save_lora_adapter(tmp_path, weight_name="lora.safetensors")

    fresh = tiny_network(av2v=True, pafs="residual")
    fresh.load_lora_adapter(tmp_path, weight_name="lora.safetensors", prefix=None)
    assert distance(velocity(fresh, **inputs), trained) < 1e-5


def test_attention_processors_and_fused_projections_reach_every_attention() -> None:
    model, inputs = tiny_network(), tiny_inputs()
    plain = velocity(model, **inputs)
    assert len(model.attn_processors) == 3 * 2 + 2
    with attention_backend("native"):  # gives back what the library makes everybody's default
        model.set_attention_backend("_native_math")
    assert distance(velocity(model, **inputs), plain) < 1e-5
    model.fuse_qkv_projections()
    assert model.blocks[0].attn1.to_qkv.out_features == 3 * 32
    assert model.blocks[0].audio_attn.to_kv.out_features == 2 * 32
    assert distance(velocity(model, **inputs), plain) < 1e-5
