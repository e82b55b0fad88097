"""`unisync train`: from rows to an adapter that the pipeline opens, with errors that say what."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from data_set import Prepared, unisync
from safetensors.torch import load_file
from tiny import tiny_shot

from unisync_model import UniSyncPipeline
from unisync_model.settings import SamplingSettings
from unisync_model.training import state
from unisync_model.training.config_file import load_config
from unisync_post.exit_codes import ExitCode
from unisync_post.training.probes import follow_and_leak
from unisync_templates import read_template


@pytest.fixture
def config(prepared: Prepared, tmp_path: Path) -> Path:
    """The shipped example, for the folders that are here and a few steps."""
    text = read_template("training/lora-tiny.toml")
    for before, after in {
        'base = "tiny"': f'base = "{prepared.model}"',
        'manifest = "DATA/manifest.jsonl"': f'manifest = "{prepared.data}/manifest.jsonl"',
        "steps = 200": "steps = 3",
        "warmup = 20": "warmup = 1",
        "every = 5 ": "every = 1 ",
    }.items():
        assert before in text or before.endswith(" ")
        text = text.replace(before, after)
    path = tmp_path / "lora.toml"
    path.write_text(text)
    return path


def test_the_examples_are_configurations(tmp_path: Path) -> None:
    for name in ("lora-14b", "lora-tiny"):
        path = tmp_path / f"{name}.toml"
        path.write_text(read_template(f"training/{name}.toml"))
        assert load_config(path).trainable.method == "lora"


def test_cut_off_and_gone_on_with_it_is_the_same_adapter(config: Path, tmp_path: Path) -> None:
    whole = unisync("train", config, "--out", tmp_path / "whole", "--json")
    assert whole.exit_code == ExitCode.OK, whole.output
    events = [json.loads(line) for line in whole.stdout.splitlines()]
    assert "memory:" in events[0]["text"]
    assert events[-1] == {
        "event": "end",
        "step": 3,
        "result": str(tmp_path / "whole" / "adapter.safetensors"),
    }
    first = unisync("train", config, "--out", tmp_path / "parts", "--until", "1")
    assert "stopped at step 1 of 3; the same command goes on" in first.stdout
    again = unisync("train", config, "--out", tmp_path / "parts")
    assert "--engine unisync@" in again.stdout
    one, other = (load_file(tmp_path / name / "adapter.safetensors") for name in ("whole", "parts"))
    assert one.keys() == other.keys()
    assert all(torch.equal(value, other[key]) for key, value in one.items())


def test_the_adapter_opens_where_the_command_says(
    config: Path, prepared: Prepared, tmp_path: Path
) -> None:
    done = unisync("train", config, "--out", tmp_path / "run")
    assert done.exit_code == ExitCode.OK, done.output
    folder = shutil.copytree(prepared.model, tmp_path / "model")
    (folder / "lora").mkdir()
    shutil.copy(tmp_path / "run" / "adapter.safetensors", folder / "lora")
    pipeline = UniSyncPipeline.from_pretrained(folder, dtype=torch.float32)
    assert pipeline.mode == "lora"
    frames = pipeline(**tiny_shot(), settings=SamplingSettings(steps=2))
    assert frames.shape == tiny_shot()["crop_frames"].shape


def test_check_says_what_it_needs_and_makes_nothing(config: Path, tmp_path: Path) -> None:
    checked = unisync("train", config, "--out", tmp_path / "run", "--check")
    assert checked.exit_code == ExitCode.OK
    assert "6 rows; windows of up to 6 latents at 64x64" in checked.stdout
    assert "parameters are trained" in checked.stdout
    numbers = json.loads(unisync("train", config, "--out", tmp_path, "--check", "--json").stdout)
    assert numbers["window"] == [6, 8, 8]
    assert 0 < numbers["memory"] < numbers["free"]
    assert not (tmp_path / "run").exists()


def test_errors_are_one_line_with_what_to_do(
    config: Path, prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(text: str, *options: str) -> str:
        path = tmp_path / "other.toml"
        path.write_text(text)
        result = unisync("train", path, "--out", tmp_path / "run", *options)
        assert result.exit_code == ExitCode.INPUT, result.output
        lines: list[str] = result.stderr.strip().splitlines()
        assert lines[-1].startswith("unisync: ")
        return lines[-1]

    text = config.read_text()
    assert "The nearest is optim.warmup" in refused(text.replace("warmup", "warmupp"))
    assert "no manifest" in refused(text.replace("manifest.jsonl", "gone.jsonl"))
    assert str(tmp_path) in refused(text.replace(str(prepared.model), str(tmp_path)), "--check")

    gone = shutil.copytree(prepared.data, tmp_path / "gone")
    next(gone.glob("sets/*/clips/*.safetensors")).unlink()
    moved = text.replace(str(prepared.data), str(gone))
    assert "which is gone (3 of 6 rows)" in refused(moved)
    skipped = moved.replace("[data]", '[data]\nmissing = "skip"')
    (tmp_path / "skip.toml").write_text(skipped)
    checked = unisync("train", tmp_path / "skip.toml", "--out", tmp_path / "run", "--check")
    assert "3 rows, 3 left out because their shards are gone" in checked.stdout

    unisync("train", config, "--out", tmp_path / "run", "--until", "1")
    assert "optim.lr was 0.001 and is 0.01" in refused(text.replace("lr = 1e-3", "lr = 1e-2"))
    assert "is nan" in refused(text.replace("lr = 1e-3", "lr = 1e30"), "--out", str(tmp_path / "n"))

    def full(folder: Path, wanted: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(state, "_room", full)
    assert "Make room" in refused(text, "--out", str(tmp_path / "full"))


@pytest.mark.slow
def test_probes_log_what_held_out_clips_do(
    config: Path, prepared: Prepared, tmp_path: Path
) -> None:
    data = shutil.copytree(prepared.data, tmp_path / "DATA")
    shutil.copy(data / "manifest.jsonl", data / "held_out.jsonl")
    path = tmp_path / "probed.toml"
    path.write_text(config.read_text().replace(str(prepared.data), str(data)))
    result = unisync("train", path, "--out", tmp_path / "run", "--json")
    probes = [json.loads(line) for line in result.stdout.splitlines() if '"probe"' in line]
    # random weights decode to noise: no face is seen, and that is said
    assert [(line["step"], line["seen"]) for line in probes] == [(3, 0.0)]


def test_frames_without_a_face_are_left_out_of_all_three() -> None:
    rng = np.random.default_rng(0)
    voice, source = rng.random(20).astype(np.float32), rng.random(20).astype(np.float32)
    output = voice.copy()
    output[3] = np.nan
    holed = source.copy()
    holed[[5, 6]] = np.nan
    values = follow_and_leak([(output, voice, holed)])
    assert values["follow"] == pytest.approx(1)
    assert values["seen"] == pytest.approx(17 / 20)
    assert abs(values["leak"]) < 0.9
    output[:15] = np.nan
    assert follow_and_leak([(output, voice, holed)]) == {"seen": 0.0}
