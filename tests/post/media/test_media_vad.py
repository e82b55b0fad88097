"""Where somebody speaks."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from unisync_post.media.audio import read_mono
from unisync_post.media.vad import SAMPLE_RATE, speech_spans

FOOTAGE = os.environ.get("UNISYNC_FOOTAGE")


def test_silence_noise_and_nothing_are_not_speech() -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, 2 * SAMPLE_RATE).astype(np.float32)
    assert speech_spans(np.zeros(0, np.float32)) == []
    assert speech_spans(np.zeros(SAMPLE_RATE, np.float32)) == []
    assert speech_spans(noise) == []


def test_stereo_is_refused_with_its_shape() -> None:
    with pytest.raises(ValueError, match=r"\(2, 100\)"):
        speech_spans(np.zeros((2, 100), np.float32))


@pytest.mark.skipif(FOOTAGE is None, reason="UNISYNC_FOOTAGE is not set")
@pytest.mark.parametrize("name", ["librivox_0870.wav", "librivox_0880.wav", "espeak_fr.wav"])
def test_speech_is_found_where_it_was_put(name: str) -> None:
    path = Path(str(FOOTAGE), "audio", name)
    voice = read_mono(path, Fraction(0), Fraction(3), sample_rate=SAMPLE_RATE)
    pause = np.zeros(2 * SAMPLE_RATE, np.float32)
    spans = speech_spans(np.concatenate((pause, voice, pause)))
    assert spans
    assert all(isinstance(edge, Fraction) for span in spans for edge in span)
    assert Fraction(19, 10) <= spans[0][0] < 3
    assert spans[-1][1] <= Fraction(52, 10)
    assert sum(b - a for a, b in spans) > Fraction(3, 2)


@pytest.mark.skipif(FOOTAGE is None, reason="UNISYNC_FOOTAGE is not set")
def test_chunks_of_any_length_give_the_same_spans() -> None:
    path = Path(str(FOOTAGE), "audio", "german.wav")
    voice = read_mono(path, Fraction(0), Fraction(4), sample_rate=SAMPLE_RATE)
    whole = speech_spans(voice)
    assert whole == speech_spans(voice[i : i + 777] for i in range(0, len(voice), 777))
    assert whole == speech_spans(voice)
