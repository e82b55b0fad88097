"""From pictures to an adapter that the pipeline opens: training and pipeline tell the network the
same."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import tiny_folder, tiny_pipeline, tiny_shot
from toy import Toys, toy_config

from unisync_model import InputError, UniSyncPipeline
from unisync_model.generate import prepare
from unisync_model.settings import SamplingSettings
from unisync_model.shot import Frames, Shot
from unisync_model.training.encode import encoded
from unisync_model.training.generate import generated
from unisync_model.training.loop import train
from unisync_model.training.prompts import Prompts
from unisync_model.training.samples import Sample
from unisync_model.training.trainable import open_base


def clip(frames: int = 12) -> Shot:
    given = tiny_shot(frames)
    return Shot(
        given["crop_frames"], given["pose_frames"], given["mouth_mask"], given["audio"],
        given["sample_rate"], given["rate"],
    )  # fmt: skip


def relipped(shot: Shot) -> Frames:
    return np.where(shot.mouth[..., None], 255 - shot.crop, shot.crop)


@pytest.fixture(scope="module")
def pipeline() -> UniSyncPipeline:
    made: UniSyncPipeline = tiny_pipeline()
    return made


@pytest.fixture(scope="module")
def pair(pipeline: UniSyncPipeline) -> Sample:
    shot = clip()
    return encoded(
        "clip", shot, pipeline.codec, pipeline.audio_encoder,
        portraits=shot.crop[:2], other=relipped(shot), altered="relip",
    )  # fmt: skip


def test_a_sample_is_what_the_pipeline_makes_of_the_shot(
    pipeline: UniSyncPipeline, pair: Sample
) -> None:
    """To the bit: what is trained on is what the network will be told."""
    shot, settings = clip(), SamplingSettings(steps=4)
    run = prepare(
        pipeline.transformer, pipeline.codec, pipeline.audio_encoder, pipeline.prompt,
        settings, shot, 3, True,
    )  # fmt: skip
    assert torch.equal(pair.x0, run.plate.latents[0])
    assert torch.equal(pair.pose, run.told.pose[0])
    assert torch.equal(pair.audio, run.told.audio[0])
    assert torch.equal(pair.mask, run.tali.mask[0])
    assert torch.equal(pair.reference[:, :1], run.told.references[run.windows[0]][0])
    assert pair.video is not None
    inside = pair.mask.expand_as(pair.x0) != 0
    assert (pair.video - pair.x0)[inside].abs().mean() > 0.01


def test_a_generated_window_is_the_pipeline_s(pipeline: UniSyncPipeline, pair: Sample) -> None:
    shot, settings = clip(), SamplingSettings(steps=4)
    alone = encoded(
        "clip", shot, pipeline.codec, pipeline.audio_encoder, portraits=shot.crop[:1]
    )  # fmt: skip
    made = generated(pipeline.transformer, alone, Prompts.of(pipeline.prompt), settings, seed=3)
    first = pipeline.codec.encode(shot.crop).first
    pictures = np.concatenate(list(pipeline.codec.decode(first, made[None], shot.count)))
    given = tiny_shot()
    assert np.array_equal(pictures, pipeline(**given, seed=3, settings=settings))
    assert not torch.equal(
        made, generated(pipeline.transformer, pair, Prompts.of(pipeline.prompt), settings, seed=3)
    )


class One(Toys):
    """A single clip."""

    def __init__(self, sample: Sample) -> None:
        super().__init__([0], sample.shape[0])
        self._sample = sample

    def shape(self, index: int) -> tuple[int, int, int]:
        return self._sample.shape

    def load(self, index: int) -> Sample:
        return self._sample


def test_the_pipeline_opens_what_was_trained(tmp_path: Path, pair: Sample) -> None:
    base = tiny_folder(tmp_path / "base", "training-free")
    before = UniSyncPipeline.from_pretrained(base, dtype=torch.float32)
    assert before.mode == "training-free"
    config = toy_config(steps=2, data={"batch": 1}, model={"base": str(base)})
    prompts = Prompts.of(before.prompt)
    done = train(config, open_base(config), One(pair), prompts, tmp_path / "run", cpu=True)
    assert done.result is not None
    (base / "lora").mkdir()
    shutil.copy(done.result, base / "lora")
    after = UniSyncPipeline.from_pretrained(base, dtype=torch.float32)
    assert after.mode == "lora"
    frames = after(**tiny_shot(), settings=SamplingSettings(steps=2))
    assert frames.shape == tiny_shot()["crop_frames"].shape


def test_renderings_of_other_frames_are_refused(pipeline: UniSyncPipeline) -> None:
    shot = clip()
    parts = (pipeline.codec, pipeline.audio_encoder)
    with pytest.raises(InputError, match=r"clip: the other rendering is \(11,"):
        encoded("clip", shot, *parts, portraits=shot.crop[:1], other=shot.crop[:11])
    with pytest.raises(InputError, match="clip: no portrait"):
        encoded("clip", shot, *parts, portraits=shot.crop[:0])
