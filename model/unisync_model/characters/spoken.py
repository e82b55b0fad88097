"""Random speech: lines in many voices with pauses between them, the same for the same seed."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .fresh import Line, synthesise_fresh
from .speech import Phoneme, Utterance, Word
from .splits import Split, require_split
from .texts import random_line
from .voices import LANGUAGES, VARIANTS

_LONGEST = 120


@dataclass(frozen=True)
class Speech(Utterance):
    """Speech with its origin.

    Attributes:
        voice: eSpeak NG's name of it.
        language: its eSpeak NG language.
        text: what is said; the end may be cut off.
    """

    voice: str = ""
    language: str = ""
    text: str = ""


def random_voice(rng: np.random.Generator, split: Split) -> tuple[str, str]:
    """(voice, language) of a split."""
    languages, variants = LANGUAGES[split], VARIANTS[split]
    language = languages[rng.integers(len(languages))]
    variant = variants[rng.integers(len(variants))]
    return (f"{language}+{variant}" if variant else language), language


def random_speech(seed: int, seconds: float, split: Split = "train") -> Speech:
    """One voice saying random lines, with pauses of rest and now and then of silence.

    Args:
        seed: any integer from 0; the same one gives the same samples in every process.
        seconds: length, over 0 and up to 120.
        split: ``train``, ``val`` or ``test``: they share no voice and no word.

    Raises:
        InputError: there is no such split, or the length is out of range.
        SpeechError: eSpeak NG is missing.
    """
    require_split(split)
    if not 0 < seconds <= _LONGEST:
        raise InputError(f"Speech of {seconds} seconds; ask for up to {_LONGEST}.")
    rng = np.random.default_rng([seed, 151])
    voice, language = random_voice(rng, split)
    speed, pitch = int(rng.integers(120, 215)), int(rng.integers(25, 75))
    # three words take most of a second even at the highest speed: one line a second is enough
    texts = []
    for _ in range(1 + int(seconds)):
        count = int(rng.integers(3, 9))
        texts.append(random_line(language.split("-")[0], rng, split, count))
    lines = [Line(text, voice, speed, pitch) for text in texts]
    said = synthesise_fresh(lines)
    rate = said[0].sample_rate
    pauses = [_pause(rng, k, rate) for k in range(len(said))]
    joined = _join(said, pauses, round(seconds * rate))
    return Speech(
        joined.samples, rate, joined.phonemes, joined.words, voice, language, " ".join(texts)
    )


def _pause(rng: np.random.Generator, place: int, rate: int) -> int:
    """Samples of rest before a line: little before the first, seconds before one in ten."""
    if place == 0:
        return round(rng.uniform(0, 0.4) * rate)
    return round((rng.uniform(0.8, 2.0) if rng.random() < 0.1 else rng.uniform(0.05, 0.5)) * rate)


def _join(said: list[Utterance], pauses: list[int], length: int) -> Utterance:
    """Lines and pauses end to end, cut to ``length`` samples."""
    rate = said[0].sample_rate
    samples = np.zeros(length, np.float32)
    phonemes: list[Phoneme] = []
    words: list[Word] = []
    end, now = Fraction(length, rate), 0
    for spoken, pause in zip(said, pauses, strict=True):
        begins = Fraction(now + pause, rate)
        phonemes.append(Phoneme("", Fraction(now, rate), begins))
        now += pause
        if now >= length:
            break
        piece: NDArray[np.float32] = spoken.samples[: length - now]
        samples[now : now + len(piece)] = piece
        for one in spoken.phonemes:
            phonemes.append(Phoneme(one.symbol, one.start + begins, one.end + begins))
        for word in spoken.words:
            words.append(Word(word.text, word.start + begins, word.end + begins))
        now += len(spoken.samples)
    phonemes.append(Phoneme("", Fraction(min(now, length), rate), end))
    kept = tuple(
        Phoneme(one.symbol, one.start, min(one.end, end))
        for one in phonemes
        if one.start < min(one.end, end)
    )
    whole = tuple(word for word in words if word.end <= end)
    return Utterance(samples, rate, kept, whole)
