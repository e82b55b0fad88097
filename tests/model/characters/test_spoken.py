"""Random speech: repeatable, split by voice and word, its timing exact; and its recording."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from unisync_model.characters.acoustics import roughened
from unisync_model.characters.fresh import Line, synthesise_fresh
from unisync_model.characters.mouths import Viseme
from unisync_model.characters.speech import (
    Phoneme,
    SpeechError,
    articulation,
    mouth_curve,
    require_library,
)
from unisync_model.characters.splits import SPLITS, Split, split_of
from unisync_model.characters.spoken import Speech, random_speech, random_voice
from unisync_model.characters.texts import LANGUAGES as TEXTS
from unisync_model.characters.texts import random_line
from unisync_model.characters.voices import LANGUAGES, VARIANTS, installed_voices
from unisync_model.errors import InputError


@pytest.fixture(scope="module")
def _library() -> None:
    try:
        require_library()
    except SpeechError as error:
        pytest.skip(str(error))


def digest(samples: np.ndarray) -> str:
    return hashlib.sha256(samples.tobytes()).hexdigest()


@pytest.mark.usefixtures("_library")
def test_the_same_seed_is_the_same_speech_in_every_process() -> None:
    code = (
        "import hashlib\n"
        "from unisync_model.characters.spoken import random_speech\n"
        "print(hashlib.sha256(random_speech(5, 2.5, 'val').samples.tobytes()).hexdigest())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    first = random_speech(5, 2.5, "val")
    random_speech(6, 1.5, "val")
    again = random_speech(5, 2.5, "val")
    assert digest(first.samples) == digest(again.samples) == done.stdout.strip()
    assert first.phonemes == again.phonemes


@pytest.mark.usefixtures("_library")
@pytest.mark.parametrize("seed", range(6))
def test_timing_covers_the_samples_and_words_lie_inside(seed: int) -> None:
    speech = random_speech(seed, 3.0, SPLITS[seed % 3])
    end = Fraction(len(speech.samples), speech.sample_rate)
    assert len(speech.samples) == 3 * speech.sample_rate
    assert speech.phonemes[0].start == 0
    assert speech.phonemes[-1].end == end
    assert all(a.end == b.start for a, b in pairwise(speech.phonemes))
    assert len(speech.words) >= 2
    assert all(0 <= word.start < word.end <= end for word in speech.words)
    assert all(a.end <= b.start for a, b in pairwise(speech.words))
    assert 0.02 < np.sqrt(np.mean(speech.samples**2)) < 0.5


@pytest.mark.usefixtures("_library")
def test_sound_is_loud_where_the_timing_says_it_speaks() -> None:
    speech = random_speech(12, 6.0)
    spoken = np.zeros(len(speech.samples), bool)
    for phoneme in speech.phonemes:
        if phoneme.symbol:
            spoken[int(phoneme.start * speech.sample_rate) : int(phoneme.end * speech.sample_rate)] = True  # noqa: E501  # fmt: skip
    power = speech.samples**2
    assert power[spoken].mean() > 30 * power[~spoken].mean()


@pytest.mark.usefixtures("_library")
def test_every_voice_of_every_split_is_installed() -> None:
    listed = {voice.language for voice in installed_voices()}
    assert {"de", "es", "pl", "ro"} <= listed
    for split in SPLITS:
        lines = [Line("mama", name) for name in LANGUAGES[split]]
        lines += [Line("mama", f"de+{name}" if name else "de") for name in VARIANTS[split]]
        said = synthesise_fresh(lines)
        assert all(len(one.phonemes) > 2 for one in said)


@pytest.mark.usefixtures("_library")
def test_a_missing_voice_is_named_and_the_next_line_is_spoken() -> None:
    with pytest.raises(SpeechError, match="nowhere"):
        synthesise_fresh([Line("hello", "nowhere")])
    assert synthesise_fresh([Line("hello", "en")])[0].words[0].text == "hello"


@pytest.mark.usefixtures("_library")
def test_a_crash_is_an_error_and_the_next_line_is_spoken() -> None:
    with pytest.raises(SpeechError, match="crashed over"):
        synthesise_fresh([Line(5, "en")])  # type: ignore[arg-type]
    assert synthesise_fresh([Line("hello", "en")])[0].phonemes


def test_splits_share_no_voice_and_no_word() -> None:
    rng = np.random.default_rng(0)
    voices: dict[Split, set[str]] = {}
    words: dict[Split, set[str]] = {}
    for split in SPLITS:
        voices[split] = {random_voice(rng, split)[0] for _ in range(300)}
        lines = [random_line(code, rng, split, 6) for code in TEXTS for _ in range(5)]
        words[split] = {w for line in lines for w in re.sub("[,.?!]", "", line).split()}
        assert all(split_of("word", word) == split for word in words[split])
    for first, second in (("train", "val"), ("train", "test"), ("val", "test")):
        assert not voices[first] & voices[second]  # type: ignore[index]
        assert not words[first] & words[second]  # type: ignore[index]
        assert not set(VARIANTS[first]) & set(VARIANTS[second])  # type: ignore[index]


def test_wrong_requests_are_refused() -> None:
    with pytest.raises(InputError, match="train, val, test"):
        random_speech(0, 1, "dev")  # type: ignore[arg-type]
    for seconds in (0, -1, 1e6, float("nan")):
        with pytest.raises(InputError, match="seconds"):
            random_speech(0, seconds)


def at_middle(symbol: str) -> Viseme:
    sound = (Phoneme(symbol, Fraction(0), Fraction(3, 10)),)
    row = articulation(sound, Fraction(25), 1, start=Fraction(15, 100))[0]
    return Viseme(*(float(v) for v in row))


def test_tongue_teeth_and_rounding_are_told_apart() -> None:
    assert at_middle("θ").tongue > 0.9 > 0.7 > at_middle("l").tongue - 0.1 > at_middle("a").tongue
    assert at_middle("s").teeth > 0.9 > at_middle("a").teeth
    assert at_middle("u").round > 0.9 > 0.1 > at_middle("i").round
    assert at_middle("y").round > 0.9


def test_a_closure_hides_the_teeth_between_two_s() -> None:
    sounds = (
        Phoneme("s", Fraction(0), Fraction(1, 5)),
        Phoneme("p", Fraction(1, 5), Fraction(29, 100)),
        Phoneme("s", Fraction(29, 100), Fraction(1, 2)),
    )
    row = articulation(sounds, Fraction(25), 1, start=Fraction(245, 1000))[0]
    assert row[Viseme._fields.index("teeth")] < 0.05
    assert row[0] < 0.05


def test_lips_are_the_first_columns() -> None:
    sounds = (Phoneme("aʊ", Fraction(0), Fraction(2, 5)), Phoneme("θ", Fraction(2, 5), Fraction(1)))
    full = articulation(sounds, Fraction(25), 25)
    assert full.shape == (25, 6)
    assert np.array_equal(full[:, :3], mouth_curve(sounds, Fraction(25), 25))
    assert full.min() >= 0
    assert full.max() <= 1


@pytest.fixture(scope="module")
def speech(_library: None) -> Speech:
    return random_speech(3, 3.0)


def test_a_rough_recording_keeps_its_time(speech: Speech) -> None:
    def envelope(samples: np.ndarray) -> np.ndarray:
        frames = samples[: len(samples) // 220 * 220].reshape(-1, 220)
        return np.asarray(np.log(np.sqrt(np.mean(frames.astype(float) ** 2, 1)) + 1e-2))

    true = envelope(speech.samples)
    for seed in range(12):
        rough = roughened(speech.samples, speech.sample_rate, seed)
        assert rough.dtype == np.float32
        assert rough.shape == speech.samples.shape
        assert 0.05 < np.abs(rough).max() <= 1
        heard = envelope(rough / np.abs(rough).max())
        scores = [np.corrcoef(np.roll(heard, k), true)[0, 1] for k in range(-12, 13)]
        assert abs(int(np.argmax(scores)) - 12) <= 3  # 30 ms


def test_rough_recordings_are_repeatable_and_differ(speech: Speech) -> None:
    first, again, other = (roughened(speech.samples, speech.sample_rate, s) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


def test_silence_stays_silent() -> None:
    for seed in range(5):
        assert not roughened(np.zeros(4000, np.float32), 22050, seed).any()
    assert roughened(np.zeros(0, np.float32), 22050, 0).shape == (0,)
