"""`unisync weights` as a person and as a script meet it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from safetensors.torch import load_file, save_file

from unisync_model.transformer import UniSyncTransformer3DModel
from unisync_post.cli import main
from unisync_post.exit_codes import ExitCode


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    UniSyncTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=16,
        text_dim=12,
        freq_dim=16,
        ffn_dim=40,
        num_layers=3,
        audio_dim=6,
        audio_layers=5,
        audio_inject_layers=(0, 2),
        av2v=True,
        pafs="residual",
        pafs_size=(4, 6, 6),
    ).save_pretrained(folder / "transformer")
    return folder


def unisync(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["weights", *map(str, words)])


def test_inspect_prints_what_they_are(weights: Path) -> None:
    result = unisync("inspect", weights)
    assert result.exit_code == ExitCode.OK
    for line in ("layout       unisync", "AV2V         split", "PAFS         residual"):
        assert line in result.stdout
    assert "mode         lora" in result.stdout
    assert "licence      unknown" in result.stdout
    held = json.loads(unisync("inspect", weights, "--json").stdout)
    assert held["config"]["num_layers"] == 3
    assert held["parameters"] == sum(
        value.numel()
        for value in load_file(weights / "transformer/diffusion_pytorch_model.safetensors").values()
    )


def test_convert_and_verify(weights: Path, tmp_path: Path) -> None:
    target = tmp_path / "wan.safetensors"
    result = unisync("convert", weights, target, "--dtype", "bfloat16", "--fuse-av2v")
    assert result.exit_code == ExitCode.OK
    assert result.stdout == f"{target}\n"
    result = unisync("verify", target, "--full")
    assert result.exit_code == ExitCode.OK
    assert "comfy layout" in result.stdout
    assert f"{target.name}: unverified" in result.stdout
    assert "can be used" in result.stdout


def test_verify_fails_on_damage(weights: Path, tmp_path: Path) -> None:
    target = tmp_path / "wan.safetensors"
    unisync("convert", weights, target)
    state = load_file(target)
    state["blocks.0.ffn.0.bias"][0] = float("nan")
    config = json.dumps({"num_heads": 2, "audio_inject_layers": [0, 2], "pafs": "residual"})
    save_file(state, target, metadata={"config": config})
    result = unisync("verify", target)
    assert result.exit_code == ExitCode.INPUT
    assert "wrong: blocks.0.ffn.0.bias holds NaN" in result.stdout


def test_a_pickle_is_one_line_on_stderr(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(1)}, tmp_path / "model.pth")
    result = unisync("inspect", tmp_path / "model.pth")
    assert result.exit_code == ExitCode.INPUT
    assert result.stdout == ""
    assert result.stderr.startswith("unisync: this is a Python pickle")
    assert "--allow-pickle" in result.stderr
    assert result.stderr.count("\n") == 1


def test_list_names_source_and_licence() -> None:
    result = unisync("list")
    assert result.exit_code == ExitCode.OK
    assert "wan2.2-s2v-14b\n" in result.stdout
    assert "Apache-2.0, Wan-AI/Wan2.2-S2V-14B" in result.stdout


def test_pull_of_an_unknown_name(tmp_path: Path) -> None:
    result = unisync("pull", "nothing", tmp_path)
    assert result.exit_code == ExitCode.INPUT
    assert "Known: wan2.1-text-encoder" in result.stderr


def test_the_command_line_starts_without_torch() -> None:
    code = "import sys, unisync_post.cli.weights; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
