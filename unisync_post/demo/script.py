"""What is said in the demo, and the recordings of it that we ship."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unisync_model.characters.speech import Phoneme, Utterance

from ..media.open import open_bytes

DATA = Path(__file__).parent / "data"
"""The recordings that are installed with the package."""

LANGUAGES = ("en", "fr", "de")
"""The original, then the dubs."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of dialogue.

    Attributes:
        name: also its file's stem, before the language.
        speaker: ``anna`` or ``bruno``.
        text: what is said, by language.
    """

    name: str
    speaker: str
    text: dict[str, str]


LINES = (
    Line(
        "met",
        "anna",
        {
            "en": "Good evening. I believe we have met before, many years ago.",
            "fr": "Bonsoir. Je crois que nous nous connaissons, depuis bien longtemps.",
            "de": "Guten Abend. Ich glaube, wir kennen uns, von früher.",
        },
    ),
    Line(
        "memory",
        "bruno",
        {
            "en": "Perhaps. But my memory of that summer is rather poor.",
            "fr": "Peut-être. Mais de cet été, il ne me reste presque rien.",
            "de": "Vielleicht. Aber an den Sommer kann ich mich kaum erinnern.",
        },
    ),
    Line(
        "help",
        "anna",
        {
            "en": "Then let me help you remember. It began above the valley.",
            "fr": "Alors permettez-moi de vous aider. Tout a commencé au-dessus du vallon.",
            "de": "Dann helfe ich Ihnen dabei. Es begann oben über dem Tal.",
        },
    ),
    Line(
        "valley",
        "bruno",
        {
            "en": "The valley. How could I ever forget the valley?",
            "fr": "La vallée. Comment ai-je pu oublier la vallée ?",
            "de": "Das Tal. Wie konnte ich nur das Tal vergessen?",
        },
    ),
)

VOICES = {
    ("anna", "en"): ("en-us+f3", 165, 55),
    ("anna", "fr"): ("fr+f3", 170, 55),
    ("anna", "de"): ("de+f3", 165, 55),
    ("bruno", "en"): ("en-us+m3", 160, 40),
    ("bruno", "fr"): ("fr+m3", 165, 40),
    ("bruno", "de"): ("de+m3", 160, 40),
}
"""eSpeak NG voice, words a minute and pitch, by speaker and language."""


def file_name(line: Line, language: str) -> str:
    return f"{line.name}_{language}.flac"


@cache
def _timings() -> dict[str, list[tuple[str, int, int]]]:
    found: dict[str, list[tuple[str, int, int]]] = json.loads(
        (DATA / "phonemes.json").read_text(encoding="utf-8")
    )
    return found


@cache
def recording(line_name: str, language: str) -> Utterance:
    """The shipped recording of a line, with its phonemes.

    Raises:
        KeyError: no such line.
    """
    line = next((line for line in LINES if line.name == line_name), None)
    if line is None or language not in LANGUAGES:
        raise KeyError((line_name, language))
    name = file_name(line, language)
    samples, sample_rate = _decode((DATA / name).read_bytes())
    phonemes = tuple(
        Phoneme(symbol, Fraction(start, sample_rate), Fraction(end, sample_rate))
        for symbol, start, end in _timings()[name]
    )
    return Utterance(samples, sample_rate, phonemes)


def _decode(data: bytes) -> tuple[NDArray[np.float32], int]:
    with open_bytes(data) as container:
        stream = container.streams.audio[0]
        pieces = [frame.to_ndarray()[0] for frame in container.decode(stream)]
        return (np.concatenate(pieces) / np.float32(32768)).astype(np.float32), stream.rate
