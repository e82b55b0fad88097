"""Synthetic speech whose phoneme times are known exactly, and the mouth they ask for.

The voice is eSpeak NG's, through :mod:`.espeak`, which says how it is installed.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .espeak import (
    CHARACTERS_UTF8,
    EVENT_PHONEME,
    EVENT_TERMINATED,
    EVENT_WORD,
    PARAMETER_PITCH,
    PARAMETER_RATE,
    POSITION_CHARACTER,
    Callback,
    SpeechError,
    require_library,
    started,
)
from .mouths import REST, Viseme, is_closure, visemes

__all__ = [
    "Phoneme",
    "SpeechError",
    "Utterance",
    "Word",
    "articulation",
    "mouth_curve",
    "require_library",
    "synthesise",
]

_GRID = 200
"""Points a second on which phonemes are laid out before smoothing; 5 ms, a tenth of a phoneme."""
_SMOOTH_SECONDS = 0.035
_ROUND_SECONDS = 0.055
_CLOSURE_SECONDS = 0.012
_OPEN, _ROUND, _TEETH = (Viseme._fields.index(name) for name in ("open", "round", "teeth"))


@dataclass(frozen=True, slots=True)
class Phoneme:
    """One sound: IPA symbol (empty for a pause), and when, in seconds from the first sample."""

    symbol: str
    start: Fraction
    end: Fraction


@dataclass(frozen=True, slots=True)
class Word:
    """One written word, and when it is said, in seconds from the first sample."""

    text: str
    start: Fraction
    end: Fraction


@dataclass(frozen=True)
class Utterance:
    """Synthesised speech.

    Attributes:
        samples: (N,) float32 mono, -1..1.
        sample_rate: Hz.
        phonemes: in time order, without gaps, the last one ending with the samples.
        words: in time order; each lasts to the next one or to the pause before it.
    """

    samples: NDArray[np.float32]
    sample_rate: int
    phonemes: tuple[Phoneme, ...]
    words: tuple[Word, ...] = ()


def synthesise(text: str, voice: str, *, speed: int = 165, pitch: int = 50) -> Utterance:
    """Speak ``text``.

    The first utterance of a process is always the same for the same arguments and eSpeak NG
    version. Later ones differ by a few samples, because its noise sources keep their phase.

    Args:
        text: what to say, in the voice's language.
        voice: an eSpeak NG voice name such as ``en-us``, ``fr``, ``de+f3``.
        speed: words a minute, 80 to 450.
        pitch: 0 to 99.

    Raises:
        SpeechError: the library, its data or the voice is missing, or nothing was spoken.
    """
    with started() as (library, sample_rate):
        if library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise SpeechError(f"eSpeak NG has no voice {voice!r}. `espeak-ng --voices` lists them.")
        library.espeak_SetParameter(PARAMETER_RATE, speed, 0)
        library.espeak_SetParameter(PARAMETER_PITCH, pitch, 0)
        pieces, marks, said = _speak(library, text)
    samples = np.concatenate(pieces) if pieces else np.zeros(0, np.int16)
    if not len(samples) or not marks:
        raise SpeechError(f"eSpeak NG spoke nothing for {text!r}. Give it some words.")
    phonemes = _phonemes(marks, len(samples), sample_rate)
    return Utterance(
        (samples / np.float32(32768)).astype(np.float32),
        sample_rate,
        phonemes,
        _words(said, phonemes, sample_rate),
    )


Marks = list[tuple[int, str]]
"""(first sample, IPA symbol or word) of each."""


def _speak(library: ctypes.CDLL, text: str) -> tuple[list[NDArray[np.int16]], Marks, Marks]:
    """Blocks of samples, and the marks of phonemes and of words."""
    pieces: list[NDArray[np.int16]] = []
    marks: Marks = []
    words: Marks = []

    def collect(wave: Any, count: int, events: Any) -> int:
        if wave and count > 0:
            pieces.append(np.ctypeslib.as_array(wave, (count,)).copy())
        index = 0
        while events[index].type != EVENT_TERMINATED:
            event = events[index]
            if event.type == EVENT_PHONEME:
                raw = bytes(event.id.string)
                marks.append((event.sample, raw.decode("utf-8", "ignore")))
            elif event.type == EVENT_WORD:
                first = event.text_position - 1
                words.append((event.sample, text[first : first + event.length]))
            index += 1
        return 0

    callback: Callable[..., int] = Callback(collect)
    library.espeak_SetSynthCallback(callback)
    data = text.encode()
    library.espeak_Synth(data, len(data) + 1, 0, POSITION_CHARACTER, 0, CHARACTERS_UTF8, None, None)
    library.espeak_Synchronize()
    return pieces, marks, words


def _words(said: Marks, phonemes: Sequence[Phoneme], sample_rate: int) -> tuple[Word, ...]:
    """Words with their ends; an event says only where one begins."""
    stops = sorted(
        {Fraction(start, sample_rate) for start, _ in said}
        | {phoneme.start for phoneme in phonemes if not phoneme.symbol}
        | {phonemes[-1].end}
    )
    found = []
    for mark, text in said:
        start = Fraction(mark, sample_rate)
        end = next((stop for stop in stops if stop > start), start)
        if text.strip() and end > start:
            found.append(Word(text, start, end))
    return tuple(found)


def _phonemes(marks: Marks, length: int, sample_rate: int) -> tuple[Phoneme, ...]:
    """Marks as contiguous phonemes; an event says only where a sound begins."""
    edges = [min(start, length) for start, _ in marks] + [length]
    found = [
        Phoneme(
            "" if symbol.startswith("_") else symbol,
            Fraction(edges[i], sample_rate),
            Fraction(edges[i + 1], sample_rate),
        )
        for i, (_, symbol) in enumerate(marks)
        if edges[i + 1] > edges[i]
    ]
    if found and found[0].start > 0:
        found.insert(0, Phoneme("", Fraction(0), found[0].start))
    return tuple(found)


def mouth_curve(
    phonemes: Sequence[Phoneme], rate: Fraction, count: int, start: Fraction = Fraction(0)
) -> NDArray[np.float32]:
    """The lips of each picture: the first three columns of :func:`articulation`.

    Returns:
        (count, 3) float32: open 0..1, width 0 (pursed) .. 1 (spread), bite 0..1 (lower lip under
        the upper teeth, as in F).
    """
    return articulation(phonemes, rate, count, start)[:, :3]


def articulation(
    phonemes: Sequence[Phoneme], rate: Fraction, count: int, start: Fraction = Fraction(0)
) -> NDArray[np.float32]:
    """The mouth of each picture.

    Phonemes are laid out as steps, smoothed with a Gaussian of 35 ms (lips anticipate and linger;
    rounding, which spreads over its neighbours, by 55 ms), then P, B and M close the lips fully,
    however short they are.

    Args:
        phonemes: as :func:`synthesise` gives them; outside them the mouth rests.
        rate: pictures a second.
        count: pictures.
        start: time of the first picture in the phonemes' clock; may be negative.

    Returns:
        (count, 6) float32, the columns of :class:`.mouths.Viseme`: open, width, bite, round,
        tongue, teeth.
    """
    margin = Fraction(1, 4)  # more than the smoothing reaches
    # the grid is tied to the phonemes' clock, so a shot's start does not change its lips
    first = int((start - margin) * _GRID // 1)
    last = int((start + count / rate + margin) * _GRID // 1) + 1
    times = np.arange(first, last + 1) / _GRID
    steps, closed = _layout(phonemes, times)
    smooth = _gaussian(steps, _SMOOTH_SECONDS * _GRID)
    smooth[:, _ROUND] = _gaussian(steps[:, _ROUND, None], _ROUND_SECONDS * _GRID)[:, 0]
    shut = _gaussian(closed[:, None], _CLOSURE_SECONDS * _GRID)[:, 0]
    parted = 1 - np.clip(1.6 * shut, 0, 1)
    smooth[:, _OPEN] *= parted
    smooth[:, _TEETH] *= parted
    frames = np.array([float(start + k / rate) for k in range(count)])
    return np.stack([np.interp(frames, times, column) for column in smooth.T], 1).astype(np.float32)


def _layout(
    phonemes: Sequence[Phoneme], times: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N, 6) mouth shapes as steps, and (N,) 1 where the lips must touch."""
    steps = np.tile(np.array(REST, np.float64), (len(times), 1))
    closed = np.zeros(len(times))
    for phoneme in phonemes:
        shapes = visemes(phoneme.symbol)
        edges = np.linspace(float(phoneme.start), float(phoneme.end), len(shapes) + 1)
        for shape, first, last in zip(shapes, edges[:-1], edges[1:], strict=True):
            steps[(times >= first) & (times < last)] = shape
        if is_closure(phoneme.symbol):
            inside = (times >= edges[0]) & (times < edges[-1])
            # a closure shorter than a grid step still closes
            inside[np.abs(times - (edges[0] + edges[-1]) / 2).argmin()] |= (
                times[0] <= edges[0] <= times[-1]
            )
            closed[inside] = 1
    return steps, closed


def _gaussian(values: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """(N, C) smoothed along N, the edges held."""
    radius = int(np.ceil(4 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    padded = np.pad(values, ((radius, radius), (0, 0)), mode="edge")
    columns = [np.convolve(padded[:, c], kernel, "valid") for c in range(values.shape[1])]
    return np.stack(columns, 1)
