"""Synthetic speech and the mouth it asks for."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from unisync_model.characters import espeak, speech
from unisync_model.characters.mouths import is_closure, visemes
from unisync_model.characters.speech import Phoneme, SpeechError, mouth_curve, synthesise

RATE = Fraction(24000, 1001)


def phonemes(*sounds: tuple[str, float]) -> tuple[Phoneme, ...]:
    made, now = [], Fraction(0)
    for symbol, seconds in sounds:
        length = Fraction(seconds).limit_denominator(1000)
        made.append(Phoneme(symbol, now, now + length))
        now += length
    return tuple(made)


@pytest.fixture(scope="module")
def mom() -> speech.Utterance:
    try:
        return synthesise("Mom told Bob about the five photographs.", "en-us")
    except SpeechError as error:
        pytest.skip(str(error))


def test_phonemes_cover_the_samples_without_gaps(mom: speech.Utterance) -> None:
    assert mom.phonemes[0].start == 0
    assert mom.phonemes[-1].end == Fraction(len(mom.samples), mom.sample_rate)
    for before, after in zip(mom.phonemes, mom.phonemes[1:], strict=False):
        assert before.end == after.start
        assert before.end > before.start
    assert [p.symbol for p in mom.phonemes][:3] == ["m", "ɑː", "m"]


def test_a_fresh_process_speaks_the_same_samples(mom: speech.Utterance) -> None:
    script = (
        "import hashlib; from unisync_model.characters.speech import synthesise;"
        "u = synthesise('Bob and Mom.', 'en-us');"
        "print(hashlib.sha256(u.samples.tobytes()).hexdigest(), u.phonemes)"
    )
    first, second = (
        subprocess.run([sys.executable, "-c", script], check=True, capture_output=True).stdout
        for _ in range(2)
    )
    assert first == second


def test_vowels_are_where_the_sound_is(mom: speech.Utterance) -> None:
    """Phoneme times and samples share one clock: open vowels are louder than P, B, M, T."""

    def level(wanted: set[str]) -> float:
        parts = [
            mom.samples[int(p.start * mom.sample_rate) : int(p.end * mom.sample_rate)]
            for p in mom.phonemes
            if p.symbol in wanted
        ]
        return float(np.sqrt(np.mean(np.concatenate(parts) ** 2)))

    assert level({"ɑː", "æ", "aʊ", "aɪ"}) > 2 * level({"b", "t", "f", "ɡ"})


def test_unknown_voice_is_named() -> None:
    try:
        with pytest.raises(SpeechError, match="no voice 'zz-unheard'"):
            synthesise("hello", "zz-unheard")
    except SpeechError as error:  # pragma: no cover - machines without eSpeak NG
        pytest.skip(str(error))


def test_missing_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", absent)
    espeak._library.cache_clear()
    try:
        with pytest.raises(SpeechError, match="apt install"):
            synthesise("hello", "en-us")
    finally:
        espeak._library.cache_clear()


@pytest.mark.parametrize("closure", ["p", "b", "m"])
@pytest.mark.parametrize("offset", range(5))
def test_a_bilabial_closes_the_lips_between_two_vowels(closure: str, offset: int) -> None:
    """Even one of 60 ms: every picture whose time lies well inside it is shut."""
    spoken = phonemes(("ɑː", 0.2 + 0.009 * offset), (closure, 0.06), ("ɑː", 0.2))
    middle = (spoken[1].start + spoken[1].end) / 2
    curve = mouth_curve(spoken, Fraction(25), 1, start=middle)
    assert curve[0, 0] < 0.05
    around = mouth_curve(spoken, Fraction(25), 1, start=Fraction(1, 10))
    assert around[0, 0] > 0.7


def test_shapes_tell_ou_ee_and_f_apart() -> None:
    def at_middle(symbol: str) -> np.ndarray:
        return np.asarray(mouth_curve(phonemes((symbol, 0.3)), RATE, 1, start=Fraction(15, 100))[0])

    assert at_middle("uː")[1] < 0.2 < 0.8 < at_middle("iː")[1]
    assert at_middle("f")[2] > 0.9
    assert at_middle("iː")[2] < 0.01


def test_curve_is_sampled_at_exact_frame_times() -> None:
    """Shifting the clock by whole pictures shifts the rows, nothing else."""
    spoken = phonemes(("", 0.1), ("aɪ", 0.3), ("v", 0.1), ("oʊ", 0.2), ("m", 0.08), ("", 0.2))
    whole = mouth_curve(spoken, RATE, 24)
    later = mouth_curve(spoken, RATE, 14, start=10 / RATE)
    np.testing.assert_allclose(whole[10:], later, atol=0.03)
    assert whole.shape == (24, 3)
    assert whole.dtype == np.float32


def test_silence_rests() -> None:
    curve = mouth_curve((), RATE, 10, start=Fraction(-3))
    assert np.allclose(curve, [0.0, 0.5, 0.0], atol=1e-6)


def test_diphthong_glides_and_marks_are_ignored() -> None:
    assert visemes("ˈaɪ") == visemes("a") + visemes("ɪ")
    assert visemes("ɔ̃") == visemes("ɔ")
    assert visemes("") == visemes("ˈ")
    assert is_closure("mː")
    assert not is_closure("w")
