"""Voices of eSpeak NG by split: no language's held-out voice is ever learned from."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

from .espeak import started
from .splits import Split

_LEARNED = (
    "en-us", "en", "en-gb-scotland", "de", "fr", "es", "es-419", "it", "pt", "pt-br", "nl",
    "pl", "sv", "fi", "tr", "id", "ru", "el",
)  # fmt: skip
LANGUAGES: dict[Split, tuple[str, ...]] = {
    "train": _LEARNED,
    "val": ("da", "sk", "en-us", "de", "fr-be", "es"),
    "test": ("ro", "hu", "hr", "en-gb-x-rp", "en-us-nyc", "it", "fr-ch"),
}
"""eSpeak NG languages. Some of val and test are never learned, others have unheard voices only."""

VARIANTS: dict[Split, tuple[str, ...]] = {
    "train": (
        "", "m1", "m2", "m3", "m5", "m6", "f1", "f2", "f4", "Andy", "Annie", "Alicia", "belinda",
        "benjamin", "caleb", "david", "edward", "grandma", "iven", "john", "linda", "Mario",
        "miguel", "norbert", "paul", "pedro", "robert", "shelby", "steph", "travis",
    ),
    "val": ("m4", "f5", "max", "anika", "quincy"),
    "test": ("m7", "f3", "Michael", "Andrea", "victor", "grandpa"),
}  # fmt: skip
"""Variants of a voice; no split shares one."""


@dataclass(frozen=True)
class Voice:
    """An installed voice: its name, the language it speaks, and how to ask for it."""

    name: str
    language: str
    gender: str


class _Voice(ctypes.Structure):
    """``espeak_VOICE`` of speak_lib.h."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.POINTER(ctypes.c_char)),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


def installed_voices() -> tuple[Voice, ...]:
    """What eSpeak NG has here, sorted by language: all of it speaks, 19 languages have texts.

    Raises:
        SpeechError: eSpeak NG is missing; the text says how to install it.
    """
    with started() as (library, _):
        library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        listed = library.espeak_ListVoices(None)
        found, index = [], 0
        while listed[index]:
            voice = listed[index].contents
            # a list of priority bytes and names; the first is the voice's own
            language = ctypes.string_at(ctypes.addressof(voice.languages.contents) + 1)
            gender = {1: "male", 2: "female"}.get(voice.gender, "")
            found.append(Voice(voice.name.decode(), language.decode(), gender))
            index += 1
    return tuple(sorted(found, key=lambda one: (one.language, one.name)))
