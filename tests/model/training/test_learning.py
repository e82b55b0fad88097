"""That it learns: the mouth comes to follow a voice it never heard, on a face it never saw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from networks import tiny_network
from toy import Toys, read_opening, toy_config, toy_prompts, toy_sample

from unisync_model.checkpoints.loading import load_transformer
from unisync_model.lora import load_lora
from unisync_model.settings import SamplingSettings
from unisync_model.training.config import TrainConfig
from unisync_model.training.generate import generated
from unisync_model.training.loop import Moment, train
from unisync_model.training.measure import Sync, sync
from unisync_model.training.probes import leak_probe, sheet_probe
from unisync_model.transformer import UniSyncTransformer3DModel

SCENES = Toys(range(2000))
UNSEEN = range(10_000, 10_024)
FEW = SamplingSettings(steps=6, shift=1.0, passes=1)
WIDER = {"attention_head_dim": 32, "ffn_dim": 128}
OWN = {"av2v": True, "pafs": "residual", "pafs_size": (4, 6, 6)}


def pace(steps: int, method: str, **tables: Any) -> TrainConfig:
    values = {
        "data": {"batch": 8},
        "optim": {"warmup": 20, "decay": "linear", "decay_share": 0.4},
        "trainable": {"method": method, "rank": 8, "alpha": 8.0},
        "loss": {"shift": 1.0, "mean": 0.5},
        "ema": {"decay": 0.97},
        "log": {"every": 0},
    }
    return toy_config(steps=steps, **values, **tables)


def measured(model: UniSyncTransformer3DModel) -> Sync:
    """On scenes and voices that were not trained on."""
    pairs = [toy_sample(seed) for seed in UNSEEN]
    made = [read_opening(generated(model.eval(), pair, toy_prompts(), FEW)) for pair in pairs]
    truths = [read_opening(pair.x0) for pair in pairs]
    sources = [read_opening(pair.video) for pair in pairs if pair.video is not None]
    return sync(made, truths, sources, resamples=100)


def means(losses: tuple[float, ...]) -> tuple[float, float]:
    return float(np.mean(losses[:20])), float(np.mean(losses[-20:]))


def test_seconds_of_training_and_the_mouth_follows(tmp_path: Path) -> None:
    """The loss falls by a third, follow rises by .5 and overtakes the leak."""
    model = tiny_network(**OWN, ffn_dim=64)
    before = measured(model)
    done = train(pace(150, "full"), model, SCENES, toy_prompts(), tmp_path, cpu=True)
    after, (first, last) = measured(model), means(done.losses)
    assert last < 0.67 * first
    assert after.follow.value > before.follow.value + 0.5
    assert before.follow.value < before.leak.value
    assert after.follow.value > after.leak.value


@pytest.mark.slow
def test_the_paper_s_two_stages_and_why_pairs(tmp_path: Path) -> None:
    """Two minutes: an AI2V base, then the UniSync adapter on it, by pairs and as printed.

    By pairs it follows (.9) and does not leak (.2); with the condition as the target (eq. 2-3 read
    literally) it leaks at least .2 more.
    """
    no_pairs = {"characters": 0.0, "relip": 0.0, "literal": 1.0}
    config = pace(300, "full", pairs=no_pairs, model={"av2v": False, "pafs": "none"})
    base = train(config, tiny_network(**WIDER), SCENES, toy_prompts(), tmp_path / "base", cpu=True)
    assert base.result is not None

    def anchored() -> UniSyncTransformer3DModel:
        assert base.result is not None
        return load_transformer(base.result, dtype=torch.float32, **OWN)

    found = {}
    for name, pairs in (("pairs", {}), ("literal", no_pairs)):
        config = pace(300, "lora", pairs=pairs)
        done = train(config, anchored(), SCENES, toy_prompts(), tmp_path / name, cpu=True)
        assert done.result is not None
        model = anchored()
        load_lora(model, done.result)
        found[name] = measured(model)
    assert found["pairs"].follow.value > 0.9
    assert found["pairs"].leak.value < 0.2
    assert found["literal"].leak.value > found["pairs"].leak.value + 0.2


class Heard:
    """A log that remembers."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.pictures: dict[str, Any] = {}

    def scalars(self, values: dict[str, float], step: int) -> None:
        self.values |= values

    def picture(self, name: str, rgb: Any, step: int) -> None:
        self.pictures[name] = rgb


def test_probes_measure_and_show_a_dub() -> None:
    """A network that predicts nothing leaves TALI's plate and noise: no follow to speak of."""
    model, log = tiny_network(**OWN), Heard()
    pairs = [toy_sample(seed) for seed in UNSEEN[:4]]
    moment = Moment(3, model, log)  # type: ignore[arg-type]

    def show(latents: torch.Tensor) -> Any:
        grey = read_opening(latents)[:, None, None, None].clip(0, 1) * np.ones((1, 5, 7, 3))
        return (255 * grey).astype(np.uint8)

    leak_probe(pairs, toy_prompts(), FEW, read_opening)(moment)
    sheet_probe(pairs[:1], toy_prompts(), FEW, show, columns=3)(moment)
    assert log.values["leak_high"] >= log.values["leak"]
    assert abs(log.values["follow"]) < 0.9
    sheet = log.pictures["sheet/scene-10000"]
    assert sheet.shape == (3 * 5, 3 * 7, 3)
    assert np.array_equal(sheet[:5, :7], show(pairs[0].video[:, :1])[0])  # type: ignore[index]
    assert np.array_equal(sheet[5:10, :7], show(pairs[0].x0[:, :1])[0])
    with pytest.raises(ValueError, match="no rendering with other lips"):
        leak_probe([toy_sample(0, paired=False)], toy_prompts(), FEW, read_opening)
