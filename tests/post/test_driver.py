"""The dub under a stretch of picture: on the sample, silence elsewhere, a stem a speaker."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from unisync_post.driver import CONTEXT, SAMPLE_RATE, build_driver
from unisync_post.plan.shots import DubClip


@pytest.fixture
def ramp(tmp_path: Path) -> Path:
    """Three seconds of 16 kHz sound in which every sample tells its own place."""
    path = tmp_path / "ramp.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((np.arange(3 * SAMPLE_RATE) % 30_000 + 1).astype("<i2").tobytes())
    return path


def place(samples: np.ndarray) -> np.ndarray:
    return np.rint(samples * 32768).astype(int) - 1


def test_a_piece_lies_where_the_edit_says_to_the_sample(ramp: Path) -> None:
    clip = DubClip(ramp, record=Fraction(10), source=Fraction(1, 2), duration=Fraction(1))
    driver = build_driver([clip], Fraction(39, 4), Fraction(2))
    assert driver.start == -CONTEXT
    assert len(driver.samples) == 4 * SAMPLE_RATE
    begin = int((Fraction(10) - Fraction(39, 4) + CONTEXT) * SAMPLE_RATE)
    sound = driver.samples[begin : begin + SAMPLE_RATE]
    assert (place(sound) == np.arange(SAMPLE_RATE) + SAMPLE_RATE // 2).all()
    assert not driver.samples[:begin].any()
    assert not driver.samples[begin + SAMPLE_RATE :].any()


def test_a_piece_that_began_earlier_is_heard_from_its_middle(ramp: Path) -> None:
    clip = DubClip(ramp, record=Fraction(0), source=Fraction(0), duration=Fraction(3))
    driver = build_driver([clip], Fraction(2), Fraction(1, 2))
    assert place(driver.samples[:1])[0] == SAMPLE_RATE
    assert not driver.samples[2 * SAMPLE_RATE :].any()


def test_two_speakers_are_mixed_and_kept_apart(ramp: Path) -> None:
    one = DubClip(ramp, Fraction(0), Fraction(0), Fraction(1), speaker="ANNA")
    two = DubClip(ramp, Fraction(1, 2), Fraction(0), Fraction(1), speaker="BEN")
    driver = build_driver([one, two], Fraction(0), Fraction(2))
    assert set(driver.stems) == {"ANNA", "BEN"}
    both = driver.stems["ANNA"] + driver.stems["BEN"]
    assert np.allclose(driver.samples, np.clip(both, -1, 1))


def test_one_speaker_needs_no_stem(ramp: Path) -> None:
    one = DubClip(ramp, Fraction(0), Fraction(0), Fraction(1), speaker="ANNA")
    assert build_driver([one], Fraction(0), Fraction(1)).stems == {}


def test_no_dub_is_silence() -> None:
    driver = build_driver([], Fraction(5), Fraction(1))
    assert driver.samples.shape == (3 * SAMPLE_RATE,)
    assert not driver.samples.any()
