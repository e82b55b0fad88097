"""Hearing the dub: where it speaks under a stretch of picture, and a digest of its sound there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xxhash
from numpy.typing import NDArray

from ..media.audio import audio_info, read_mono
from ..media.vad import SAMPLE_RATE, speech_spans
from .exact import Moment, difference, total
from .intervals import Intervals
from .shots import DubClip

SHORTEST = Fraction(12, 100)
"""Less dub speech than this (three frames at 25) under a clip is a neighbour's tail."""

_CHUNK = 30
"""Seconds read at a time; memory does not grow with the dub."""


class Speech(NamedTuple):
    """Somebody speaks from ``start`` to ``end``, in record seconds."""

    start: Moment
    end: Moment
    speaker: str | None

    @property
    def seconds(self) -> Fraction:
        return difference(self.end, self.start)


class Ear:
    """Listens to sound laid on the record timeline; every piece is heard at most once."""

    def __init__(self, pieces: Iterable[DubClip]) -> None:
        self._pieces = Intervals((p.record, total(p.record, p.duration), p) for p in pieces)
        self._heard: dict[DubClip, Intervals[str | None]] = {}
        # of this ear alone: a file may be delivered anew while the process runs
        self._block = lru_cache(maxsize=16)(_read_block)
        self._rate = lru_cache(maxsize=None)(_sample_rate)

    def pieces(self, start: Moment, end: Moment) -> tuple[DubClip, ...]:
        """What sounds between these record seconds."""
        return tuple([piece for _, _, piece in self._pieces.over(start, end)])

    def speech(self, start: Moment, end: Moment) -> list[Speech]:
        """Who speaks between these record seconds, by piece and time.

        Raises:
            MediaError: a file that cannot be read.
        """
        return [
            Speech(max(start, begin), min(end, stop), speaker)
            for piece in self.pieces(start, end)
            for begin, stop, speaker in self._spans(piece).over(start, end)
        ]

    def _spans(self, piece: DubClip) -> Intervals[str | None]:
        if piece not in self._heard:
            self._heard[piece] = Intervals(
                (piece.record + begin, piece.record + end, piece.speaker)
                for begin, end in speech_spans(_chunks(piece))
            )
        return self._heard[piece]

    def digest(self, at: Fraction, start: Fraction, end: Fraction) -> bytes:
        """Hash of all that sounds from ``start`` to ``end``, as heard from ``at`` (record seconds).

        The samples, where they lie and which voices are apart decide it; not paths or names, nor
        whether silence around them is in a file or not.
        """
        digest = xxhash.xxh3_128()
        voices: dict[str | None, int] = {}
        for piece in self.pieces(start, end):
            head, tail = max(start, piece.record), min(end, piece.record + piece.duration)
            rate = self._rate(piece.path, piece.stream)
            samples = self._samples(piece, head, tail, rate)
            loud = np.flatnonzero(samples)
            if len(loud):
                voice = voices.setdefault(piece.speaker, len(voices))
                offset = round((head - at) * rate) + int(loud[0])
                digest.update(f"{offset} {rate} {voice};".encode())
                digest.update(samples[loud[0] : loud[-1] + 1].tobytes())
        return bytes(digest.digest())

    def _samples(self, piece: DubClip, head: Moment, tail: Moment, rate: int) -> NDArray[np.int16]:
        """The file's own samples for record seconds ``head`` … ``tail``, (N,) int16."""
        first = round((piece.source + head - piece.record) * rate)
        last = first + round((tail - head) * rate)
        size = _CHUNK * rate
        parts = []
        for block in range(first // size, -(-last // size)):
            samples = self._block(piece.path, piece.stream, piece.channel, rate, block)
            parts.append(samples[max(0, first - block * size) : last - block * size])
        return np.concatenate(parts) if parts else np.zeros(0, np.int16)


def _chunks(piece: DubClip) -> Iterator[NDArray[np.float32]]:
    done = Fraction(0)
    while done < piece.duration:
        size = min(Fraction(_CHUNK), piece.duration - done)
        yield read_mono(
            piece.path,
            piece.source + done,
            size,
            sample_rate=SAMPLE_RATE,
            stream=piece.stream,
            channel=piece.channel,
        )
        done += size


def _read_block(
    path: Path, stream: int, channel: int | None, rate: int, block: int
) -> NDArray[np.int16]:
    """One chunk of a file at its own rate. Neighbouring clips share it."""
    start, size = Fraction(block * _CHUNK), Fraction(_CHUNK)
    samples = read_mono(path, start, size, sample_rate=rate, stream=stream, channel=channel)
    return np.round(samples * 32767).clip(-32768, 32767).astype("<i2")


def _sample_rate(path: Path, stream: int) -> int:
    return audio_info(path).streams[stream].sample_rate
