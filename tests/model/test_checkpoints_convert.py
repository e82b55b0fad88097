"""Conversion between layouts, inspection and verification."""

from __future__ import annotations

import json
from pathlib import Path

import published
import pytest
import torch
from gguf import GGMLQuantizationType as Ggml
from networks import opened, tiny_network
from peft import LoraConfig
from safetensors.torch import load_file, save_file

from unisync_model.checkpoints import Layout, convert, inspect, load_transformer, verify
from unisync_model.checkpoints.conversion import TARGETS
from unisync_model.checkpoints.detect import Checkpoint, Part
from unisync_model.checkpoints.keys import Naming
from unisync_model.errors import CheckpointError
from unisync_model.lora import LoraMeta, save_lora
from unisync_model.transformer import UniSyncTransformer3DModel


@pytest.fixture(scope="module")
def network() -> UniSyncTransformer3DModel:
    return opened(tiny_network(av2v=True, pafs="paper"))


@pytest.mark.parametrize("fuse", [False, True])
@pytest.mark.parametrize("layout", TARGETS)
def test_there_and_back(
    layout: Layout, fuse: bool, network: UniSyncTransformer3DModel, tmp_path: Path
) -> None:
    source = published.unisync(network, tmp_path / "source")
    target = tmp_path / ("target.safetensors" if layout is Layout.COMFY else "target")
    convert(source, target, layout, fuse_av2v=fuse, shard_bytes=50_000)
    info = inspect(target)
    assert info.layout == layout.value
    assert info.av2v == ("fused" if fuse else "split")
    assert info.pafs == "paper"
    loaded = load_transformer(target, dtype=torch.float32)
    assert loaded.config.audio_inject_layers == network.config.audio_inject_layers
    assert loaded.config.text_len == network.config.text_len
    state = loaded.state_dict()
    assert state.keys() == network.state_dict().keys()
    assert all(torch.equal(state[key], value) for key, value in network.state_dict().items())


def test_the_official_layout_has_the_official_names(
    network: UniSyncTransformer3DModel, tmp_path: Path
) -> None:
    source = published.unisync(network, tmp_path / "source")
    convert(source, tmp_path / "target", Layout.OFFICIAL, fuse_av2v=True)
    state = load_file(tmp_path / "target/diffusion_pytorch_model.safetensors")
    expected = set(published.named(network, Naming.NATIVE)) - {"video_embedding.weight"}
    assert set(state) == expected
    assert state["patch_embedding.weight"].shape == (32, 32, 1, 2, 2)
    config = json.loads((tmp_path / "target/config.json").read_text())
    for name, value in published.config_of(network, in_channels=32).items():
        assert config[name] == value


def test_shards_are_cut_and_indexed(network: UniSyncTransformer3DModel, tmp_path: Path) -> None:
    source = published.unisync(network, tmp_path / "source")
    written = convert(source, tmp_path / "target", shard_bytes=60_000)
    shards = [file for file in written if file.suffix == ".safetensors"]
    assert len(shards) > 3
    # a reader of others' reads what we wrote
    together = {key: value for shard in shards for key, value in load_file(shard).items()}
    assert together.keys() == network.state_dict().keys()
    for shard in shards:
        assert shard.stat().st_size < 70_000 or len(load_file(shard)) == 1


def test_dtypes(network: UniSyncTransformer3DModel, tmp_path: Path) -> None:
    source = published.write_gguf(Ggml.Q8_0)(tiny_network(ffn_dim=64), tmp_path / "gguf")
    convert(source, tmp_path / "kept")
    assert set(inspect(tmp_path / "kept").dtypes) == {"F32", "BF16"}
    convert(source, tmp_path / "asked", dtype=torch.float16)
    assert set(inspect(tmp_path / "asked").dtypes) == {"F16"}


def test_conversion_holds_one_tensor(
    network: UniSyncTransformer3DModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import weakref

    source = published.unisync(network, tmp_path / "source")
    alive: list[weakref.ref[torch.Tensor]] = []
    counts: list[int] = []
    read = Checkpoint.read

    def counted(self: Checkpoint, part: Part) -> torch.Tensor:
        counts.append(sum(1 for held in alive if held() is not None))
        value = read(self, part)
        alive.append(weakref.ref(value))
        return value

    monkeypatch.setattr(Checkpoint, "read", counted)
    convert(source, tmp_path / "t.safetensors", Layout.COMFY)
    assert len(counts) == len(network.state_dict())
    assert max(counts) <= 1


def test_a_pickle_only_on_request(network: UniSyncTransformer3DModel, tmp_path: Path) -> None:
    file = tmp_path / "model.pth"
    torch.save({"state_dict": published.named(network, Naming.NATIVE)}, file)
    config = published.config_of(network)
    with pytest.raises(CheckpointError, match="--allow-pickle"):
        convert(file, tmp_path / "t", config=config)
    convert(file, tmp_path / "t", config=config, allow_pickle=True)
    loaded = load_transformer(tmp_path / "t", dtype=torch.float32).state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in network.state_dict().items())


class _Payload:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("this code ran",)


def test_the_restricted_unpickler_runs_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"a": _Payload()}, tmp_path / "evil.pth")
    with pytest.raises(CheckpointError, match="more than tensors"):
        convert(tmp_path / "evil.pth", tmp_path / "t", allow_pickle=True)
    assert "ran" not in capsys.readouterr().out


def test_nothing_is_overwritten(network: UniSyncTransformer3DModel, tmp_path: Path) -> None:
    source = published.unisync(network, tmp_path / "source")
    with pytest.raises(CheckpointError, match="exists already"):
        convert(source, source)
    with pytest.raises(CheckpointError, match="gguf is not written here, only unisync"):
        convert(source, tmp_path / "t", Layout.GGUF)


def test_a_conversion_cut_short_leaves_no_target(
    network: UniSyncTransformer3DModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = published.unisync(network, tmp_path / "source")

    def full(self: Checkpoint, part: Part) -> torch.Tensor:
        raise OSError("no space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(Checkpoint, "read", full)
        with pytest.raises(OSError, match="no space"):
            convert(source, tmp_path / "target")
    assert not (tmp_path / "target").exists()
    written = convert(source, tmp_path / "target")
    assert all(file.is_file() for file in written)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["source", "target"]


def test_there_must_be_something_to_fuse(tmp_path: Path) -> None:
    source = published.unisync(tiny_network(), tmp_path / "source")
    with pytest.raises(CheckpointError, match="no source video convolution"):
        convert(source, tmp_path / "t", fuse_av2v=True)


def test_inspection_says_what_it_is(network: UniSyncTransformer3DModel, tmp_path: Path) -> None:
    base = inspect(published.official(tiny_network(), tmp_path / "base"))
    ours = inspect(published.unisync(network, tmp_path / "ours"))
    assert (base.mode, ours.mode) == ("training-free", "lora")
    assert base.parameters == sum(value.numel() for value in tiny_network().parameters())
    assert base.dtypes == {"F32": base.parameters}
    assert base.nbytes > 4 * base.parameters
    assert base.licence is None
    (tmp_path / "base/README.md").write_text("---\nlicense: apache-2.0\n---\n")
    assert inspect(tmp_path / "base").licence == "apache-2.0"


def test_adapters_are_inspected_and_verified(tmp_path: Path) -> None:
    model = opened(tiny_network(av2v=True, pafs="residual"))
    model.add_adapter(LoraConfig(r=2, target_modules=["to_q"]))
    meta = LoraMeta(variant="residual", fps=("25",))
    info = inspect(save_lora(model, tmp_path / "a.safetensors", meta))
    assert (info.kind, info.layout, info.mode, info.pafs) == ("lora", "unisync", "lora", "residual")
    assert info.lora is not None
    assert info.lora.base == "S2V-3x32"
    assert verify(tmp_path / "a.safetensors", full=True).good
    save_file({"blocks.0.self_attn.q.lora_A.weight": torch.ones(2, 2)}, tmp_path / "b.safetensors")
    foreign = inspect(tmp_path / "b.safetensors")
    assert (foreign.layout, foreign.mode, foreign.lora) == ("foreign", "training-free", None)


def test_a_good_checkpoint_verifies(network: UniSyncTransformer3DModel, tmp_path: Path) -> None:
    report = verify(published.official(network, tmp_path / "m"), full=True)
    assert report.good
    assert report.tensors == len(network.state_dict())
    assert {state.value for state in report.hashes.values()} == {"unverified"}


def test_verification_finds_what_is_wrong(
    network: UniSyncTransformer3DModel, tmp_path: Path
) -> None:
    file = published.comfy(network, tmp_path)
    state = load_file(file)
    prefix = "model.diffusion_model."
    state[f"{prefix}blocks.1.ffn.0.bias"][3] = float("nan")
    del state[f"{prefix}head.head.bias"]
    save_file(state, file)
    report = verify(file)
    assert not report.good
    assert any("blocks.1.ffn.0.bias holds NaN" in problem for problem in report.problems)
    assert any("missing: proj_out.bias" in problem for problem in report.problems)


def test_a_sample_may_miss_what_a_full_look_finds(
    network: UniSyncTransformer3DModel, tmp_path: Path
) -> None:
    file = published.comfy(network, tmp_path)
    state = load_file(file)
    # 16 runs of 256 out of 32768 values: the second run starts at 2167
    state["model.diffusion_model.frame_packer.proj_4x.weight"].view(-1)[1000] = float("inf")
    save_file(state, file)
    assert verify(file).good
    assert not verify(file, full=True).good
