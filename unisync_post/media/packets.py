"""Coded packets of a source file: pictures in any order, audio cut to a range."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from types import TracebackType
from typing import cast

from av.audio.stream import AudioStream
from av.packet import Packet
from av.video.stream import VideoStream

from ..errors import MediaError
from .index import packet_index, picture_stream
from .info import MediaInfo
from .open import open_media

_MARGIN = Fraction(2)
"""Seconds by which a container may store sound before or after its picture."""
_PCM = re.compile(r"pcm_[suf](\d+)")


class PicturePackets:
    """The coded pictures of an intra-only file, by number; reading on is sequential, else it seeks.

    Use as a context manager.
    """

    def __init__(self, info: MediaInfo) -> None:
        self._info = info
        self._index = packet_index(info.path)
        self._stack = ExitStack()
        self._next = -1
        self._data = b""

    def __enter__(self) -> PicturePackets:
        self._container = self._stack.enter_context(open_media(self._info.path))
        self._stream = picture_stream(self._container, self._info.path)
        self._packets: Iterator[Packet[VideoStream]] = iter(())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def read(self, number: int) -> bytes:
        """The coded picture ``number`` (0-based).

        Raises:
            MediaError: it is not in the file.
        """
        if number == self._next - 1:
            return self._data
        wanted = int(self._index.pts[number])
        if number != self._next:
            self._container.seek(wanted, stream=self._stream, backward=True)
            self._packets = self._container.demux(self._stream)
        for packet in self._packets:
            if packet.size and packet.pts == wanted:
                self._next, self._data = number + 1, bytes(packet)
                return self._data
        raise MediaError(
            f"Frame {number} is missing", file=self._info.path, remedy="Copy the file again."
        )


def audio_packets(
    info: MediaInfo, start: int, count: int
) -> Iterator[tuple[int, Fraction, Packet[AudioStream]]]:
    """Coded sound under ``count`` pictures from ``start``, untouched, in stored order.

    PCM is cut exactly to the sample nearest each end. Other codecs keep whole packets: those that
    cover the range and one before it, which their decoders need; that one gets a negative time, so
    that the file's edit list hides it and sync is exact.

    Yields:
        (audio stream, seconds from the first picture to the packet's end, packet re-timed so that
        0 is the first picture).
    """
    index = packet_index(info.path)
    begin = index.pts[0] * index.time_base + info.rate.seconds(start)
    end = begin + info.rate.seconds(count)
    with open_media(info.path) as container:
        streams = container.streams.audio
        if begin > _MARGIN:
            base = Fraction(streams[0].time_base or 1)
            container.seek(int((begin - _MARGIN) / base), stream=streams[0], backward=True)
        before: dict[int, Packet[AudioStream]] = {}
        for packet in container.demux(streams):
            if not packet.size or packet.pts is None:
                continue
            time = packet.pts * Fraction(packet.time_base)
            if time > end + _MARGIN:
                return
            number = streams.index(packet.stream)
            for kept in _cut(packet, begin, end, before, number):
                shift = round(begin / Fraction(kept.time_base))
                kept.pts = kept.dts = (kept.pts or 0) - shift
                length = Fraction(kept.time_base) * (kept.duration or 0)
                yield number, kept.pts * Fraction(kept.time_base) + length, kept


def _cut(
    packet: Packet[AudioStream],
    begin: Fraction,
    end: Fraction,
    before: dict[int, Packet[AudioStream]],
    number: int,
) -> list[Packet[AudioStream]]:
    """What to keep of one packet: [], the packet, or also the one before it at the head."""
    base = Fraction(packet.time_base)
    first = (packet.pts or 0) * base
    last = first + (packet.duration or 0) * base
    pcm = _PCM.match(packet.stream.codec_context.name)
    if pcm:
        return _cut_pcm(packet, begin, end, int(pcm[1]) // 8)
    if last <= begin:
        before[number] = packet
        return []
    if first >= end:
        return []
    head = before.pop(number, None)
    return [packet] if head is None else [head, packet]


def _cut_pcm(
    packet: Packet[AudioStream], begin: Fraction, end: Fraction, width: int
) -> list[Packet[AudioStream]]:
    context = packet.stream.codec_context
    block, sample_rate = width * context.channels, context.sample_rate
    first = round((packet.pts or 0) * Fraction(packet.time_base) * sample_rate)
    low = max(first, round(begin * sample_rate))
    high = min(first + packet.size // block, round(end * sample_rate))
    if low >= high:
        return []
    data = bytes(packet)[(low - first) * block : (high - first) * block]
    kept = cast("Packet[AudioStream]", Packet(data))
    kept.stream = packet.stream
    kept.time_base = Fraction(1, sample_rate)
    kept.pts, kept.duration = low, high - low
    return [kept]
