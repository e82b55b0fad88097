"""Speech encoders: the published one's states, long shots, and the small trainable one."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC, Wav2Vec2Model

from unisync_model.audio import logmel, open_audio_encoder, wav2vec
from unisync_model.audio.encoder import NETWORK_RATE, heard
from unisync_model.audio.logmel import LogMelEncoder
from unisync_model.audio.spans import joined, span_starts
from unisync_model.audio.wav2vec import Wav2Vec2Encoder, all_hidden_states
from unisync_model.errors import CheckpointError, InputError


def speech(seconds: float, rate: int = NETWORK_RATE) -> np.ndarray:
    """Noise in syllables, loud and quiet."""
    rng = np.random.default_rng(0)
    count = int(seconds * rate)
    level = np.interp(
        np.arange(count),
        np.arange(0, count + rate, rate // 8),
        rng.random(len(range(0, count + rate, rate // 8))),
    )
    return (level * rng.standard_normal(count) * 0.1).astype(np.float32)


def config() -> Wav2Vec2Config:
    return Wav2Vec2Config(
        hidden_size=32,
        num_hidden_layers=24,
        num_attention_heads=4,
        intermediate_size=64,
        conv_dim=(16,) * 7,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        num_conv_pos_embedding_groups=4,
    )


@pytest.fixture(scope="module")
def encoder() -> Wav2Vec2Encoder:
    torch.manual_seed(0)
    return Wav2Vec2Encoder(Wav2Vec2Model(config()))


def test_all_25_states_at_50_hz(encoder: Wav2Vec2Encoder) -> None:
    states = encoder.states(speech(2), NETWORK_RATE)
    assert states.values.shape == (25, 32, (2 * NETWORK_RATE - 400) // 320 + 1)
    assert (encoder.layers, encoder.dim) == (25, 32)
    assert (states.rate, states.start) == (50, 0)
    assert torch.isfinite(states.values).all()


def test_the_last_state_is_the_normed_one(encoder: Wav2Vec2Encoder) -> None:
    wave = heard(speech(1), NETWORK_RATE)
    with torch.no_grad():
        output = encoder.model(torch.from_numpy(wave)[None], output_hidden_states=True)
    values = encoder.states(speech(1), NETWORK_RATE).values
    assert torch.allclose(values[24].T, output.last_hidden_state[0], atol=1e-4)
    # 0 to 23 are the same under every version
    for index in (0, 12, 23):
        assert torch.allclose(values[index].T, output.hidden_states[index][0], atol=1e-4)
    norm = encoder.model.encoder.layer_norm
    raw = torch.randn(1, 5, 32)
    for last in (raw, norm(raw)):  # the two conventions
        given = SimpleNamespace(hidden_states=(raw, last), last_hidden_state=norm(raw))
        assert torch.equal(all_hidden_states(encoder.model, given)[-1], norm(raw))
    foreign = SimpleNamespace(hidden_states=(raw, raw + 1), last_hidden_state=norm(raw) * 1.01)
    with pytest.raises(CheckpointError, match="neither"):
        all_hidden_states(encoder.model, foreign)


def test_the_level_is_taken_over_the_whole_shot() -> None:
    wave = heard(speech(3) * 0.3 + 0.2, NETWORK_RATE)
    assert abs(wave.mean()) < 1e-4
    assert wave.std() == pytest.approx(1, abs=1e-3)
    assert wave[:NETWORK_RATE].std() != pytest.approx(1, abs=0.02)


def test_silence_is_finite_and_still(encoder: Wav2Vec2Encoder) -> None:
    assert not heard(np.zeros(100, np.float32), NETWORK_RATE).any()
    values = encoder.states(np.zeros(NETWORK_RATE, np.float32), NETWORK_RATE).values
    assert torch.isfinite(values).all()
    assert torch.isfinite(LogMelEncoder().states(np.zeros(8000, np.float32), 8000).values).all()


def test_a_word_shorter_than_a_window_gives_one_state(encoder: Wav2Vec2Encoder) -> None:
    assert encoder.states(speech(0.01), NETWORK_RATE).values.shape[-1] == 1


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000, 96000])
def test_sample_rates_keep_the_time(rate: int) -> None:
    at = Fraction(1, 2)
    tone = np.zeros(rate, np.float32)
    tone[int(at * rate) - rate // 100 : int(at * rate) + rate // 100 + 1] = 1
    wave = heard(tone, rate)
    above = np.flatnonzero(wave > (wave.max() + wave.min()) / 2)
    assert abs(wave.size - NETWORK_RATE) <= 1
    assert abs((above[0] + above[-1]) / 2 - at * NETWORK_RATE) <= 1.5


def test_a_long_shot_split_is_near_the_unsplit_one(
    encoder: Wav2Vec2Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    wave = speech(24)
    whole = encoder.states(wave, NETWORK_RATE).values
    lengths: list[int] = []
    span = encoder._span
    monkeypatch.setattr(encoder, "_span", lambda part: (lengths.append(part.size), span(part))[1])
    monkeypatch.setattr(wav2vec, "SPAN_SECONDS", 10)
    split = encoder.states(wave, NETWORK_RATE).values
    # memory: no span is longer than asked for
    assert len(lengths) > 2
    assert max(lengths) <= 10 * NETWORK_RATE + 80
    assert split.shape == whole.shape
    error = (split - whole) / whole.std(dim=-1, keepdim=True)
    assert error.square().mean().sqrt() < 0.01
    assert error.abs().max() < 0.1


def test_spans_cover_and_overlap_enough() -> None:
    for count in (101, 150, 151, 999, 12345):
        starts = span_starts(count, 100, 20)
        assert starts[0] == 0
        assert starts[-1] + 100 == count
        assert all(b - a <= 80 for a, b in pairwise(starts))
    assert span_starts(100, 100, 20) == [0]


def test_the_edges_of_a_span_count_for_nothing() -> None:
    line = torch.arange(997.0)[None, None]

    def edgy(first: int, stop: int) -> torch.Tensor:
        part = line[..., first:stop].clone()
        part[..., : 5 if first else 0] = -1e9
        part[..., 100 - (5 if stop < 997 else 0) :] = 1e9
        return part

    # the spans share 20 states or more, so five at each edge are a quarter at most
    assert torch.equal(joined(edgy, 997, 100, 20), line)


def test_log_mel_is_exact_when_split(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    encoder = LogMelEncoder(dim=8, hidden=16)
    wave = speech(21.003)
    whole = encoder.states(wave, NETWORK_RATE)
    assert whole.values.shape == (1, 8, wave.size // 160 + 1)
    assert whole.rate == 100
    with torch.no_grad():
        plain = encoder(torch.from_numpy(heard(wave, NETWORK_RATE))[None])
    assert torch.allclose(plain, whole.values, atol=1e-5)
    monkeypatch.setattr(logmel, "SPAN_SECONDS", 8)
    assert torch.allclose(encoder.states(wave, NETWORK_RATE).values, whole.values, atol=1e-5)


def test_log_mel_states_stand_where_the_sound_is() -> None:
    wave = np.zeros(NETWORK_RATE, np.float32)
    wave[NETWORK_RATE // 2] = 1
    encoder = LogMelEncoder()
    mel = logmel.log_mel(torch.from_numpy(wave)[None], encoder.bank, encoder.taper)
    assert int(mel.mean(1).argmax()) == 50


def test_log_mel_learns() -> None:
    encoder = LogMelEncoder(dim=4, hidden=8, mels=64)
    encoder(torch.randn(2, 3200)).square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in encoder.parameters())


def test_folders_say_which_encoder_they_hold(tmp_path: Path) -> None:
    torch.manual_seed(0)
    wave = speech(0.5)
    small = LogMelEncoder(dim=8, hidden=16).eval()
    small.save_pretrained(tmp_path / "small")
    again = open_audio_encoder(tmp_path / "small")
    assert (again.layers, again.dim) == (1, 8)
    assert torch.equal(again.states(wave, 48000).values, small.states(wave, 48000).values)

    # the published one is a CTC fine-tune: its head is not needed
    large = Wav2Vec2ForCTC(config()).eval()
    large.save_pretrained(tmp_path / "large")
    opened = open_audio_encoder(tmp_path / "large")
    direct = Wav2Vec2Encoder(large.wav2vec2)
    assert torch.equal(
        opened.states(wave, NETWORK_RATE).values, direct.states(wave, NETWORK_RATE).values
    )


def test_folders_that_hold_none(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no readable audio encoder"):
        open_audio_encoder(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "whisper"}))
    with pytest.raises(CheckpointError, match="whisper"):
        open_audio_encoder(tmp_path)
    for known in ({"model_type": "wav2vec2"}, {"_class_name": "LogMelEncoder"}):
        (tmp_path / "config.json").write_text(json.dumps(known))
        with pytest.raises(CheckpointError):
            open_audio_encoder(tmp_path)


@pytest.mark.parametrize(
    ("wave", "message"),
    [
        (np.zeros(0, np.float32), "empty"),
        (np.zeros((2, 100), np.float32), r"\(2, 100\)"),
        (np.array([0, np.nan, 1], np.float32), "sample 1 is not finite"),
        (np.zeros(100, np.int16), "int16"),
    ],
)
def test_bad_audio_is_named(wave: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        LogMelEncoder().states(wave, NETWORK_RATE)
    with pytest.raises(InputError, match=message):
        heard(torch.from_numpy(wave), NETWORK_RATE)
