"""The facts of an image sequence: every header is read once, no pixel."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import xxhash

from unisync_adapters.errors import TimeError
from unisync_adapters.timebase import Rate, Timecode

from ..errors import MediaError
from .info import MediaInfo
from .roots import plain_file
from .sequences import IMAGE_SEQUENCE, ImageSequence
from .sequences_files import format_of
from .sequences_frame import FrameFacts, timecode_of

_SAMPLE = 1 << 12
"""Bytes of a frame's beginning, middle and end that are its fingerprint, with its size."""


@dataclass(frozen=True, slots=True)
class _Survey:
    """What all headers say together: facts of the first two frames, the first one's index, and a
    fingerprint."""

    first: FrameFacts
    index: int
    second: FrameFacts | None
    identity: str


def probe_sequence(sequence: ImageSequence, rate: Rate | None) -> MediaInfo:
    """The facts of a sequence as one plate.

    A sequence's timecode is that of its first frame, if the next frame's follows it; else frames
    count from their own number, as compositors count them.

    Args:
        sequence: the sequence; frames may be missing.
        rate: what the edit says that it runs at; None: what its headers say.

    Raises:
        MediaError: no frame there, damaged, frames that are not alike (named), or no rate.
    """
    survey = _surveyed(sequence.path, tuple(_stamps(sequence)))
    facts = survey.first
    if rate is None:
        rate = _own_rate(facts, sequence.path)
    start = _start(survey, rate)
    return MediaInfo(
        path=sequence.path,
        codec=facts.codec,
        profile=facts.profile,
        pixel_format=facts.pixel_format,
        width=facts.width,
        height=facts.height,
        rate=rate,
        frames=sequence.count,
        start_frame=sequence.first if start is None else start.frame - survey.index,
        has_timecode=start is not None,
        drop=start is not None and start.drop,
        reel=facts.reel,
        pixel_aspect=facts.aspect,
        bits=facts.bits,
        encoding=facts.encoding,
        intra=True,
        colour=facts.colour,
        container=IMAGE_SEQUENCE,
        identity=survey.identity,
    )


def _stamps(sequence: ImageSequence) -> Iterator[tuple[int, int] | None]:
    """Size and time of each file; None where there is none."""
    for path in sequence.files():
        try:
            stat = path.stat()
        except OSError:
            yield None
        else:
            yield stat.st_size, stat.st_mtime_ns


@lru_cache(maxsize=16)
def _surveyed(path: Path, stamps: tuple[tuple[int, int] | None, ...]) -> _Survey:
    """Remembered while no file changes its size or time."""
    sequence = ImageSequence.of(path)
    assert sequence is not None
    there = [index for index, stamp in enumerate(stamps) if stamp is not None]
    if not there:
        raise MediaError(
            "No frame of this image sequence exists",
            file=path,
            remedy="Relink it or give a --path-map.",
        )
    first = second = None
    digest = xxhash.xxh128()
    for index in there:
        file = sequence.file(index)
        facts = format_of(file).facts(file)
        first = first or facts
        if index == there[0] + 1:
            second = facts
        for one, other in zip(first.described(), facts.described(), strict=True):
            if one != other:
                raise MediaError(
                    f"Frame {sequence.first + index} of this image sequence is {other}, frame "
                    f"{sequence.first + there[0]} is {one}",
                    file=file,
                    remedy="Render the sequence again, all frames alike.",
                )
        digest.update(index.to_bytes(8, "little") + _fingerprint(file))
    assert first is not None
    return _Survey(first, there[0], second, digest.hexdigest())


def _fingerprint(file: Path) -> bytes:
    with plain_file(file) as descriptor:
        size = os.fstat(descriptor).st_size
        places = (0, size // 2, max(0, size - _SAMPLE))
        parts = [size.to_bytes(8, "little")]
        for place in places:
            os.lseek(descriptor, place, os.SEEK_SET)
            parts.append(os.read(descriptor, _SAMPLE))
    return xxhash.xxh128_digest(b"".join(parts))


def _own_rate(facts: FrameFacts, path: Path) -> Rate:
    try:
        if facts.rate is not None:
            return Rate.of(str(facts.rate))
    except TimeError:
        pass
    raise MediaError(
        "This image sequence does not say its frame rate",
        file=path,
        remedy="Take it from an edit that states one.",
    )


def _start(survey: _Survey, rate: Rate) -> Timecode | None:
    """The first frame's timecode; None where there is none, or it does not count frames."""
    if survey.first.timecode is None:
        return None
    start = timecode_of(survey.first.timecode, rate)
    if start is None or survey.second is None or survey.second.timecode is None:
        return start
    after = timecode_of(survey.second.timecode, rate)
    return start if after is not None and after.frame == start.frame + 1 else None
