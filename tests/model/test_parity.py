"""The official network's numbers, from tiny models with random weights that it was run on."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from networks import distance
from safetensors.torch import load_file

from unisync_model.checkpoints.keys import Naming, to_ours
from unisync_model.inputs import NetworkInputs
from unisync_model.rope import rotary_embedding
from unisync_model.transformer import UniSyncTransformer3DModel

FOLDER = Path(os.environ.get("UNISYNC_PARITY", "absent"))
TOLERANCE = 1e-4
"""Of the output's standard deviation. What is reached is about 1.5e-6."""

FIXTURES = sorted(p for p in FOLDER.glob("*.json") if p.with_suffix(".safetensors").exists())
CASES = [(path, case) for path in FIXTURES for case in json.loads(path.read_text())["cases"]]

needs_fixtures = pytest.mark.skipif(not CASES, reason="UNISYNC_PARITY has no fixture")
every_case = pytest.mark.parametrize(
    ("path", "case"), CASES, ids=[f"{path.stem}-{case}" for path, case in CASES]
)


@dataclass(frozen=True)
class Fixture:
    model: UniSyncTransformer3DModel
    tensors: dict[str, torch.Tensor]
    cases: dict[str, dict[str, Any]]

    def inputs(self, case: str) -> dict[str, Any]:
        def tensor(name: str) -> torch.Tensor:
            return self.tensors[f"{case}/{name}"]

        audio, (prefix, _) = tensor("audio_input"), self.cases[case]["motion_frames"]
        dropped = self.cases[case]["drop_motion_frames"]
        return {
            "hidden_states": tensor("x")[None],
            "timestep": tensor("t"),
            "encoder_hidden_states": tensor("context")[None],
            "audio": audio,
            "pose": tensor("cond_states")[None],
            "reference": tensor("ref_latents")[None],
            "motion": None if dropped else tensor("motion_latents")[None],
            "audio_prefix": None if prefix == 73 else audio[..., :1].expand(-1, -1, -1, prefix),
        }

    def error(self, case: str, **changed: Any) -> float:
        with torch.no_grad():
            out = self.model(**{**self.inputs(case), **changed}).sample[0]
        return distance(out, self.tensors[f"{case}/velocity"])


def our_config(config: dict[str, Any], audio_layers: int) -> dict[str, Any]:
    return {
        "num_attention_heads": config["num_heads"],
        "attention_head_dim": config["dim"] // config["num_heads"],
        "in_channels": config["in_dim"],
        "out_channels": config["out_dim"],
        "text_dim": config["text_dim"],
        "text_len": config["text_len"],
        "freq_dim": config["freq_dim"],
        "ffn_dim": config["ffn_dim"],
        "num_layers": config["num_layers"],
        "eps": config["eps"],
        "audio_dim": config["audio_dim"],
        "audio_layers": audio_layers,
        "audio_tokens": config["num_audio_token"],
        "audio_inject_layers": tuple(config["audio_inject_layers"]),
        "pose_channels": config["cond_dim"],
    }


def load(path: Path) -> Fixture:
    described = json.loads(path.read_text())
    tensors = load_file(path.with_suffix(".safetensors"))
    config = described["config"]
    weights = {
        to_ours(key[8:], Naming.NATIVE, config["audio_inject_layers"]): value
        for key, value in tensors.items()
        if key.startswith("weights/")
    }
    layers = weights["condition_embedder.causal_audio_encoder.weights"].shape[1]
    model = UniSyncTransformer3DModel(**our_config(config, layers)).eval()
    model.load_state_dict(weights)
    return Fixture(model, tensors, described["cases"])


@pytest.fixture(scope="module")
def fixtures() -> Callable[[Path], Fixture]:
    loaded: dict[Path, Fixture] = {}
    return lambda path: loaded.setdefault(path, loaded.get(path) or load(path))


@needs_fixtures
@every_case
def test_the_velocity_is_the_official_one(
    fixtures: Callable[[Path], Fixture], path: Path, case: str
) -> None:
    assert fixtures(path).error(case) < TOLERANCE


@needs_fixtures
@every_case
def test_the_speech_tokens_are_the_official_ones(
    fixtures: Callable[[Path], Fixture], path: Path, case: str
) -> None:
    fixture = fixtures(path)
    given = fixture.inputs(case)
    with torch.no_grad():
        tokens = fixture.model.condition_embedder.audio(given["audio"], given["audio_prefix"])
    assert distance(tokens.local, fixture.tensors[f"{case}/audio_local"]) < 1e-5
    assert distance(tokens.style[:, :, None], fixture.tensors[f"{case}/audio_global"]) < 1e-5


@needs_fixtures
@every_case
def test_the_rotary_angles_are_the_official_ones(
    fixtures: Callable[[Path], Fixture], path: Path, case: str
) -> None:
    fixture = fixtures(path)
    model, given = fixture.model, fixture.inputs(case)
    with torch.no_grad():
        patches = model.patch_embedding(given["hidden_states"])
        _, grids, _ = model._tokens(patches, NetworkInputs(**given))
    cos, sin = rotary_embedding(grids, model.config.attention_head_dim)
    # the fixture keeps one of each rotated pair
    for ours, name in ((cos, "rope_cos"), (sin, "rope_sin")):
        assert torch.equal(ours[0, :, 0, 0::2], ours[0, :, 0, 1::2])
        official = fixture.tensors[f"{case}/{name}"]
        torch.testing.assert_close(ours[0, :, 0, 0::2], official, rtol=0, atol=1e-6)


@needs_fixtures
@every_case
@pytest.mark.parametrize("control", ["audio", "pose", "timestep", "reference", "motion"])
def test_a_changed_input_is_noticed(
    fixtures: Callable[[Path], Fixture], path: Path, case: str, control: str
) -> None:
    """Else the comparisons above would prove nothing."""
    fixture = fixtures(path)
    given = fixture.inputs(case)
    motion = fixture.tensors[f"{case}/motion_latents"][None]
    changed = {
        "audio": given["audio"] * 1.05,
        "pose": given["pose"].roll(1, dims=2),
        "timestep": given["timestep"] + 1,
        "reference": given["reference"] * 1.01,
        # a case without motion gets some instead
        "motion": motion if given["motion"] is None else None,
    }
    assert fixture.error(case, **{control: changed[control]}) > TOLERANCE


def published_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The 14B's keys, from lines such as ``blocks.{0..39}.modulation  [1, 6, 5120]  x 40``."""
    shapes = {}
    for line in path.read_text().splitlines():
        match = re.match(r"(\S+)\s+\[([\d, ]*)\]\s+x", line)
        if match is None:
            continue
        shape = tuple(int(n) for n in match[2].split(","))
        spread = re.search(r"\{(\d+)\.\.(\d+)\}", match[1])
        numbers = range(int(spread[1]), int(spread[2]) + 1) if spread else [0]
        for number in numbers:
            shapes[re.sub(r"\{.*\}", str(number), match[1])] = shape
    return shapes


@pytest.mark.skipif(not FOLDER.is_dir(), reason="UNISYNC_PARITY is not there")
def test_the_default_network_is_the_14b() -> None:
    published = published_shapes(FOLDER / "s2v_14b_shapes.txt")
    with torch.device("meta"):
        model = UniSyncTransformer3DModel()
    layers = model.config.audio_inject_layers
    ours = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    assert {to_ours(key, Naming.NATIVE, layers): shape for key, shape in published.items()} == ours
    assert len(ours) == 1260
    assert sum(parameter.numel() for parameter in model.parameters()) == 16_295_755_609
