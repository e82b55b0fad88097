"""eSpeak NG's shared library (``speak_lib.h``, API 12), through ctypes.

Nothing is loaded until it is first asked for, so the rest of the package runs without it. It is
installed by ``apt install libespeak-ng1 espeak-ng-data`` on Debian and Ubuntu, ``dnf install
espeak-ng`` on Fedora, ``brew install espeak-ng`` on macOS; 1.51 is what the recipes were made with.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from ..errors import ModelError

# speak_lib.h: espeak_AUDIO_OUTPUT, espeak_Initialize options, espeak_PARAMETER, espeak_EVENT_TYPE
_OUTPUT_SYNCHRONOUS = 2
_PHONEME_EVENTS, _PHONEME_IPA = 1, 2
PARAMETER_RATE, PARAMETER_PITCH = 1, 3
POSITION_CHARACTER = 1
CHARACTERS_UTF8 = 1
EVENT_TERMINATED, EVENT_WORD, EVENT_PHONEME = 0, 1, 7

_LOCK = threading.Lock()


class SpeechError(ModelError):
    """No speech can be synthesised here; the text says what to do."""


class _EventId(ctypes.Union):
    _fields_ = (
        ("number", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("string", ctypes.c_char * 8),
    )


class Event(ctypes.Structure):
    """``espeak_EVENT`` of speak_lib.h."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(Event)
)


@cache
def _library() -> tuple[ctypes.CDLL, int]:
    """The library, started, and its sample rate.

    It is started once and never stopped: eSpeak NG 1.51 does not survive a second start.
    """
    name = ctypes.util.find_library("espeak-ng") or "libespeak-ng.so.1"
    try:
        library = ctypes.CDLL(name)
    except OSError as error:
        raise SpeechError(
            f"The eSpeak NG library cannot be loaded ({error}). "
            "Install it: `apt install libespeak-ng1` on Debian, `brew install espeak-ng` on macOS."
        ) from error
    sample_rate = library.espeak_Initialize(
        _OUTPUT_SYNCHRONOUS, 0, None, _PHONEME_EVENTS | _PHONEME_IPA
    )
    if sample_rate <= 0:
        raise SpeechError(
            "eSpeak NG found no voice data. Install it: `apt install espeak-ng-data` on Debian."
        )
    return library, int(sample_rate)


@contextmanager
def started() -> Iterator[tuple[ctypes.CDLL, int]]:
    """The started library and its sample rate in Hz, for this thread alone.

    Raises:
        SpeechError: the library or its data is missing; the text says what to install.
    """
    with _LOCK:
        yield _library()


def require_library() -> None:
    """Raise unless speech can be synthesised here.

    Raises:
        SpeechError: the library or its data is missing; the text says what to install.
    """
    with started():
        pass
