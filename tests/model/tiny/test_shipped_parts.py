"""The parts of the tiny model that ship: they open, and the codec keeps what its card says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import unisync_model
from unisync_model.audio import open_audio_encoder
from unisync_model.characters.espeak import SpeechError
from unisync_model.characters.speech import require_library
from unisync_model.group_autoencoder import GroupAutoencoder
from unisync_model.pipeline_folder import open_vae
from unisync_model.tiny import clips
from unisync_model.tiny.codec_training import Pictures, kept
from unisync_model.tiny.recipe import GRAIN

PARTS = Path(unisync_model.__file__).parent / "data" / "tiny"


def test_the_codec_keeps_characters_it_never_saw() -> None:
    try:
        require_library()
    except SpeechError as error:
        pytest.skip(str(error))
    drawn = [clips.clip(seed, "test", 1, 4, GRAIN) for seed in clips.seeds("test", 8)]
    pictures = Pictures(np.stack([c.frames[0] for c in drawn]), np.stack([c.masks for c in drawn]))
    vae = open_vae(PARTS / "vae")
    assert isinstance(vae, GroupAutoencoder)
    found = kept(vae.eval(), pictures)
    assert found.whole > 30  # of few scenes; the card's figures are of many
    assert found.mouth > 32


def test_the_ear_opens_and_hears_a_hundred_times_a_second() -> None:
    ear = open_audio_encoder(PARTS / "audio_encoder")
    states = ear.states(np.zeros(16_000, np.float32), 16_000)
    assert states.values.shape == (1, 64, 101)
    assert torch.isfinite(states.values).all()
