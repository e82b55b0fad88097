"""A work folder of the tiny model as its stages leave it, at a size that takes seconds.

Real stages on small networks and drawn stripes; codec and ear are the shipped ones.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

import unisync_model
from unisync_model.audio.logmel import LogMelEncoder
from unisync_model.characters.spoken import Speech
from unisync_model.codec import LatentCodec
from unisync_model.pipeline_folder import open_vae
from unisync_model.tiny import folder, score
from unisync_model.tiny.__main__ import Making
from unisync_model.tiny.clips import Clip
from unisync_model.tiny.reader import LipReader
from unisync_model.tiny.recipe import AblationRecipe, NetworkRecipe, Recipe
from unisync_model.training.config import LogConfig
from unisync_model.training.samples import Sample, Shape

SHIPPED = Path(unisync_model.__file__).parent / "data" / "tiny"
SIDE, FRAMES, STEPS = 64, 24, 5
MASK = (slice(None), slice(28, 60), slice(12, 52))
MOUTH = (slice(None), slice(36, 52), slice(20, 44))
_RATE = 16_000


def drawn_clip(seed: int, split: Any = "test", speeches: int = 3, *_: Any, **__: Any) -> Clip:
    """Stripes that move, with a rectangle that opens; another seed is another picture."""
    noise = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    t = np.arange(FRAMES)[:, None, None]
    waves = [128 + 80 * np.sin((x + k * y) / (5 + seed % 7) + t / 6 + k) for k in (0.2, 0.7, 1.9)]
    plate = np.stack(waves, -1).astype(np.uint8)
    curves = np.zeros((speeches, FRAMES, 6), np.float32)
    curves[..., 0] = np.abs(noise.normal(0.4, 0.2, (speeches, FRAMES)))
    frames = np.repeat(plate[None], speeches, 0)
    frames[(slice(None), *MOUTH)] = (200 * curves[..., 0].clip(0, 1))[..., None, None, None]
    masks = np.zeros(plate.shape[:3], bool)
    masks[MASK] = True
    poses = np.zeros_like(plate)
    poses[:, 10:50, 30:34] = 200
    said = tuple(
        Speech(noise.normal(0, 0.1, 2 * _RATE).astype(np.float32), _RATE, ())
        for _ in range(speeches)
    )
    return Clip(seed, split, frames, masks, poses, curves, said)


class Scenes:
    """``Samples`` of a few drawn clips."""

    fingerprint = "drawn"

    def __init__(self) -> None:
        codec = LatentCodec(open_vae(SHIPPED / "vae").eval().requires_grad_(False))
        ear = LogMelEncoder.open(SHIPPED / "audio_encoder")
        self.held = [score._case(drawn_clip(seed), codec, ear).sample for seed in (1, 2)]

    def __len__(self) -> int:
        return len(self.held)

    def shape(self, index: int) -> Shape:
        return self.held[index].shape

    def load(self, index: int) -> Sample:
        return self.held[index]


def recipe() -> Recipe:
    """The real one with a small network, a step of each stage, and five steps of sampling."""
    whole = Recipe()
    network = NetworkRecipe(heads=2, head_dim=12, ffn_dim=48, layers=2, freq_dim=32, tile=4)
    adapter = replace(network.adapter, compile=False, log=LogConfig(probe_every=0))
    short = {
        "base": replace(network.base, steps=1, data=replace(network.base.data, batch=2)),
        "adapter": replace(adapter, steps=1, data=replace(adapter.data, batch=2)),
    }
    return replace(whole, network=replace(network, **short), ablation=AblationRecipe(steps=2))


def made_work(work: Path, monkeypatch: Any) -> Path:
    """``base/``, ``adapter/``, ``model/`` and ``ablation/`` of one run."""
    scenes = Scenes()
    monkeypatch.setattr(Making, "_samples", lambda self: scenes)
    monkeypatch.setattr(folder, "SETTINGS", replace(folder.SETTINGS, steps=STEPS))
    for part in ("vae", "audio_encoder"):
        shutil.copytree(SHIPPED / part, work / part)
    reader = LipReader()
    reader(torch.zeros(1, 3, SIDE, SIDE))
    torch.save(reader.state_dict(), work / "reader.pt")
    making = Making(work, recipe(), 1)
    making.make_base()
    making.make_adapter()
    making.make_folder()
    making.make_ablations()
    return work
