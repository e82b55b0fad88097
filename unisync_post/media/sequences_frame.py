"""One picture file of a sequence: what it is, and the SMPTE 12M timecode in it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from unisync_adapters.errors import TimeError
from unisync_adapters.timebase import Rate, Timecode

from ..errors import MediaError
from .info import ColourTags
from .open import MAX_PIXELS, MAX_SIDE
from .roots import plain_file

if TYPE_CHECKING:
    from OpenImageIO import ImageSpec

NO_TIMECODE = 0xFFFFFFFF
_DROP = 1 << 6
_LONGEST = 16
"""Of a pixel's sides over the other: beyond it a header was never filled in."""
_MOST_COUNTED = 30
"""A time address counts no more frames in a second; faster rates count pairs of frames."""


@dataclass(frozen=True, slots=True)
class FrameFacts:
    """What one frame's header says.

    Attributes:
        codec: ``exr``, ``dpx``, ``png`` or ``tiff``.
        profile: what it is, for people: ``ZIP half, R G B A``.
        pixel_format: of the decoded frame (:mod:`.sequences_pixels`).
        channels: with their types, as they are stored.
        encoding: of its values (:data:`.viewing.ENCODINGS`), where the header says more of it than
            ``colour`` can.
        timecode: SMPTE 12M time address, as a 32-bit word; None where there is none.
    """

    codec: str
    profile: str
    pixel_format: str
    width: int
    height: int
    bits: int
    channels: tuple[str, ...]
    colour: ColourTags
    aspect: Fraction = Fraction(1)
    timecode: int | None = None
    rate: Fraction | None = None
    reel: str | None = None
    encoding: str | None = None

    def described(self) -> tuple[str, ...]:
        """What all frames of a sequence have alike, for people."""
        return (
            f"{self.codec.upper()}",
            f"{self.width}x{self.height}",
            f"of channels {' '.join(self.channels)}",
            f"of pixel aspect {self.aspect}",
        )


def read_bytes(path: Path, count: int | None = None) -> bytes:
    """A file's first bytes, or all of them.

    Raises:
        MediaError: missing, no plain file, or outside the media roots.
    """
    with plain_file(path) as descriptor, open(descriptor, "rb", closefd=False) as file:
        size = os.fstat(descriptor).st_size
        return file.read(size if count is None else min(count, size))


def encode(scratch: Path, format_name: str, spec: ImageSpec, samples: NDArray[Any]) -> None:
    """Write a picture with OpenImageIO.

    Raises:
        MediaError: it cannot be written.
    """
    from OpenImageIO import ImageOutput

    output = ImageOutput.create(format_name)
    if output is None:
        raise MediaError(f"OpenImageIO has no writer of {format_name}", file=scratch)
    done = output.open(str(scratch), spec) and output.write_image(samples)
    if not (output.close() and done):
        raise MediaError(f"A frame could not be written: {output.geterror()}", file=scratch)


def damaged(path: Path, what: str) -> MediaError:
    """This file is not whole."""
    return MediaError(f"This picture is damaged: {what}", file=path, remedy="Copy it again.")


def aspect_of(shape: float) -> Fraction:
    """A pixel's width over its height, as a header says it; square where that is nonsense."""
    if not 1 / _LONGEST <= shape <= _LONGEST:
        return Fraction(1)
    return Fraction(shape).limit_denominator(1000)


def check_raster(path: Path, width: int, height: int) -> None:
    """Before anything is allocated for it.

    Raises:
        MediaError: empty, or larger than the limits of :mod:`.open`.
    """
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= MAX_PIXELS):
        raise damaged(path, f"its picture is said to be {width}x{height}")


def refused(path: Path, what: str) -> MediaError:
    """This file is of a kind that cannot be changed in place."""
    return MediaError(
        f"This picture cannot be dubbed: {what}",
        file=path,
        remedy="Render it as scanline EXR, DPX or TIFF of R, G and B and relink the clip.",
    )


def timecode_of(word: int, rate: Rate) -> Timecode | None:
    """The time address in a word of EXR's ``timeCode`` or DPX's television header.

    None for one that is undefined, does not exist, or whose rate is beyond 30 and so is ambiguous.
    """
    digits = f"{word & 0x3F7F7F3F:08x}"
    if word == NO_TIMECODE or not digits.isdecimal() or rate.nominal > _MOST_COUNTED:
        return None
    drop = bool(word & _DROP) and rate.can_drop
    text = ":".join(digits[at : at + 2] for at in (0, 2, 4)) + (";" if drop else ":") + digits[6:]
    try:
        return Timecode.parse(text, rate, drop)
    except TimeError:
        return None


def word_of(timecode: Timecode, old: int) -> int:
    """The word for a timecode; flags and binary groups are those of the old one."""
    digits = int("".join(char for char in str(timecode) if char.isdecimal()), 16)
    flags = old & ~0x3F7F7F3F & ~_DROP & NO_TIMECODE
    return digits | flags | (_DROP if timecode.drop else 0)
