"""What an edit document may claim: beyond it the document is damaged, or an attack.

An edit is text from elsewhere. Every number that comes out of one is finite, small enough that a
double counts it exactly, and every rate is one that frames or samples can have.
"""

from __future__ import annotations

import stat
from fractions import Fraction
from pathlib import Path

from .errors import EditError, TimeError
from .timebase import Rate

MAX_BYTES = 1 << 29
"""512 MiB: ten times the largest document a feature film is known to give."""
MAX_NUMBER = 1 << 53
"""Frames; doubles, in which OTIO holds times, count exactly to here."""
MAX_DIGITS = 18
"""Of any whole number, Premiere's ticks among them: what 64 bits hold."""
_FRAMES = (Fraction(1), Fraction(1000))
_CLOCKS = range(1000, 768_001)
"""Sample rates, and whole-number clocks such as 1/24000 s."""
_DAMAGED = "Export it again; a document from elsewhere may be an attack"


def read_bytes(path: Path, max_bytes: int = MAX_BYTES) -> bytes:
    """A document's bytes, once its size is known to be sane.

    Raises:
        EditError: missing, no regular file (a device or FIFO would never end), empty, or larger
            than ``max_bytes``.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise EditError(
                "The edit cannot be opened: it is no regular file",
                file=path,
                remedy="Name the edit itself",
            )
        if status.st_size > max_bytes:
            raise EditError(
                f"The document is larger than {max_bytes >> 20} MiB",
                file=path,
                remedy="Export the one sequence alone",
            )
        with path.open("rb") as file:
            data = file.read(status.st_size + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise EditError(f"The edit cannot be opened: {why}", file=path) from error
    if not data:
        raise EditError("The edit is empty (0 bytes)", file=path, remedy="Export it again")
    if len(data) != status.st_size:
        raise EditError(
            "The edit changed while it was read", file=path, remedy="Try again when it is whole"
        )
    return data


def whole_number(digits: str, most: int = MAX_NUMBER) -> int:
    """A whole number as a document writes it, below ``most`` in size.

    Raises:
        EditError: it is larger; nothing is converted first, so no text is too long.
        ValueError: it is no whole number.
    """
    if len(digits) <= MAX_DIGITS + 1:
        value = int(digits)
        if abs(value) < most:
            return value
    shown = digits if len(digits) < 30 else f"{digits[:20]}… ({len(digits)} digits)"
    raise EditError(f"{shown} is no number that an edit can hold", remedy=_DAMAGED)


def check_number(value: float) -> float:
    """``value`` if it is finite and doubles count exactly to it.

    Raises:
        EditError: NaN, infinite, or too large.
    """
    if -MAX_NUMBER < value < MAX_NUMBER:
        return value
    shown = f"{value:g}" if isinstance(value, float) else f"A number of {value.bit_length()} bits"
    raise EditError(f"{shown} is no number that an edit can hold", remedy=_DAMAGED)


def check_rate(value: float) -> Rate:
    """The rate that ``value`` means: 1 to 1000 frames, or a clock of up to 768 000 whole ticks.

    Raises:
        EditError: any other number.
    """
    try:
        rate = Rate.of(check_number(value))
    except TimeError as error:
        raise EditError(f"{value:g} is no frame rate", remedy=_DAMAGED) from error
    lowest, highest = _FRAMES
    # as an int: a range looks for a fraction by counting through all it holds
    clock = rate.fps.denominator == 1 and int(rate.fps) in _CLOCKS
    if clock or lowest <= rate.fps <= highest:
        return rate
    raise EditError(f"{value:g} is no frame rate", remedy=_DAMAGED)
