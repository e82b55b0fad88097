"""Manifests and shards: what was written comes back, and what is gone is named."""

from __future__ import annotations

import json
import logging
import pickle
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from toy import SIDE, toy_prompts, toy_sample

from unisync_model.prompt import PromptEmbeds
from unisync_model.shot_conditions import LEAD
from unisync_model.training.errors import DataError
from unisync_model.training.prompts import Prompts
from unisync_model.training.samples import (
    Manifest,
    Row,
    read_manifest,
    write_manifest,
    write_shard,
)

NAMES = ("x0", "pose", "mask", "audio", "reference", "video")


def written(folder: Path, count: int = 3) -> Path:
    """One shard a sample, and the list."""
    rows = []
    for i in range(count):
        sample, shard = toy_sample(i), f"shards/{i}.safetensors"
        write_shard(folder / shard, {f"s{i}/{name}": getattr(sample, name) for name in NAMES})
        keys = {name: f"s{i}/{name}" for name in NAMES}
        rows.append(
            Row(
                sample.name,
                shard,
                sample.shape,
                **keys,
                altered="characters",
                rate="24000/1001",
                domain="2d",
                info={"licence": "CC0-1.0", "consent": "drawn"},
            )
        )
    path = folder / "manifest.jsonl"
    write_manifest(path, rows)
    return path


def test_there_and_back(tmp_path: Path) -> None:
    manifest = Manifest.open(written(tmp_path))
    assert len(manifest) == 3
    assert manifest.shape(0) == (4, SIDE, SIDE)
    sample, own = manifest.load(2), toy_sample(2)
    for name in NAMES:
        assert torch.equal(getattr(sample, name), getattr(own, name))
    assert (sample.rate, sample.domain, sample.motion) == (Fraction(24000, 1001), "2d", None)
    assert manifest.rows[1].info == {"licence": "CC0-1.0", "consent": "drawn"}


def test_pairs_of_a_scene_share_its_tensors(tmp_path: Path) -> None:
    path = written(tmp_path, 1)
    (row,) = read_manifest(path)
    back = replace(row, name="other way", x0=str(row.video), video=row.x0)
    write_manifest(path, [row, back])
    one, other = (Manifest.open(path).load(i) for i in (0, 1))
    assert other.video is not None
    assert torch.equal(one.x0, other.video)
    assert torch.equal(one.pose, other.pose)


def test_another_process_opens_its_own_shards(tmp_path: Path) -> None:
    manifest = Manifest.open(written(tmp_path))
    first = manifest.load(0)
    sent = pickle.loads(pickle.dumps(manifest))
    assert torch.equal(sent.load(0).x0, first.x0)
    assert sent.fingerprint == manifest.fingerprint


def test_the_fingerprint_is_the_order_too(tmp_path: Path) -> None:
    path = written(tmp_path)
    before = Manifest.open(path).fingerprint
    rows = read_manifest(path)
    write_manifest(path, rows[::-1])
    assert Manifest.open(path).fingerprint != before


def test_a_row_whose_shard_is_gone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = written(tmp_path)
    (tmp_path / "shards/1.safetensors").unlink()
    with pytest.raises(DataError, match=r"row scene-1 needs shards/1.safetensors, which is gone"):
        Manifest.open(path)
    with caplog.at_level(logging.WARNING):
        manifest = Manifest.open(path, "skip")
    assert "1 of 3 rows are left out" in caplog.text
    assert manifest.skipped == ("scene-1",)
    assert [row.name for row in manifest.rows] == ["scene-0", "scene-2"]
    for i in (0, 2):
        (tmp_path / f"shards/{i}.safetensors").unlink()
    with pytest.raises(DataError, match="nothing to train on"):
        Manifest.open(path, "skip")


def test_shards_that_broke(tmp_path: Path) -> None:
    path = written(tmp_path)
    (tmp_path / "shards/0.safetensors").write_bytes(b"\x08\0\0\0")
    write_shard(tmp_path / "shards/1.safetensors", {"s1/x0": toy_sample(1).x0})
    (row,) = [row for row in read_manifest(path) if row.name == "scene-2"]
    write_manifest(path, [*read_manifest(path)[:2], replace(row, shape=(5, SIDE, SIDE))])
    manifest = Manifest.open(path)
    with pytest.raises(DataError, match="row scene-0 cannot be loaded"):
        manifest.load(0)
    with pytest.raises(DataError, match=r"row scene-1 cannot be loaded: .*s1/pose"):
        manifest.load(1)
    with pytest.raises(DataError, match=r"row scene-2 says \(5, 8, 8\) and the latents are"):
        manifest.load(2)


@pytest.mark.parametrize(
    "line",
    ["{", "[]", '{"name": "x"}', '{"shape": [1, 2, 3], "colour": 1}', '{"shape": 3}'],
)
def test_lines_that_are_no_rows(line: str, tmp_path: Path) -> None:
    path = written(tmp_path, 1)
    path.write_text(path.read_text() + "\n" + line + "\n")
    with pytest.raises(DataError, match="line 3 is no row"):
        Manifest.open(path)


def test_rates_are_exact_numbers(tmp_path: Path) -> None:
    path = written(tmp_path, 1)
    values = json.loads(path.read_text())
    path.write_text(json.dumps({**values, "rate": "25 fps"}))
    with pytest.raises(DataError, match="line 1 is no row"):
        Manifest.open(path)
    with pytest.raises(DataError, match="no manifest"):
        Manifest.open(tmp_path / "none.jsonl")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x0": torch.zeros(16, 4, 8)}, "the latents are"),
        ({"pose": torch.zeros(16, 3, 8, 8)}, "scene-0: pose is"),
        ({"mask": torch.ones(16, 4, 8, 8)}, "scene-0: mask is"),
        ({"audio": torch.zeros(5, 6, 16)}, rf"not \('any', 'any', {LEAD + 16}\)"),
        ({"reference": torch.zeros(16, 8, 8)}, "scene-0: reference is"),
        ({"video": None}, "other lips and how they came about"),
        ({"motion": torch.zeros(16, 18, 8, 8)}, "scene-0: motion is"),
        ({"pose": torch.full((16, 4, 8, 8), torch.nan)}, "scene-0: pose holds NaN"),
    ],
)
def test_tensors_that_are_no_sample(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        replace(toy_sample(0), **change)


def test_a_window_hears_and_remembers_what_was_before_it() -> None:
    clip = toy_sample(0, latents=24)
    part = clip.window(20, 23)
    assert part.shape == (3, SIDE, SIDE)
    assert torch.equal(part.x0, clip.x0[:, 20:23])
    assert torch.equal(part.audio[..., :LEAD], clip.audio[..., 80 : 80 + LEAD])
    assert part.audio.shape[-1] == LEAD + 12
    assert part.motion is not None
    assert torch.equal(part.motion, clip.x0[:, 1:20])
    assert clip.window(18, 24).motion is None
    assert clip.window(0, 24) is clip


def test_prompts(tmp_path: Path) -> None:
    prompts = toy_prompts()
    prompts.save(tmp_path / "prompts.safetensors")
    held = Prompts.open(tmp_path / "prompts.safetensors")
    states = held.states([0, None])
    assert torch.equal(states[0], prompts.positive[0])
    assert torch.equal(states[1, :2], prompts.negative)
    assert not states[1, 2:].any()
    with pytest.raises(DataError, match="prompt 1 of 1"):
        held.states([1])
    with pytest.raises(DataError, match="no prompts can be read"):
        Prompts.open(tmp_path / "none.safetensors")
    embeds = PromptEmbeds(prompts.positive[0], prompts.negative)
    assert torch.equal(Prompts.of(embeds).states([0]), prompts.states([0]))
