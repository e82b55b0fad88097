"""Sound for the engines: what a file holds, and exact stretches of it as mono samples.

Time 0 is the first picture of a file that has one, else its first audible sample (the encoder delay
of MP3 and AAC is not counted).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import gcd
from pathlib import Path

import av
import numpy as np
import soxr
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream as CodedSound
from av.container import InputContainer
from numpy.typing import NDArray

from ..errors import MediaError
from .info import AudioStream
from .open import open_media
from .riff import track_names
from .roots import plain_file

_EXACT_SEEK = frozenset({"wav", "w64", "aiff", "flac", "mov", "mxf"})
"""Containers that seek to the sample; others (MP3 …) are read from their beginning."""
_PRE_ROLL = Fraction(1, 4)
_FILTER = 4096
"""Samples around a stretch that the resampling filter may reach, at either rate."""
_DRIFT = Fraction(5, 1000)
"""Time stamps further off than this are a gap in the file; less is their rounding."""


@dataclass(frozen=True, slots=True)
class AudioFileInfo:
    """What an audio (or audio-bearing) file says of itself.

    Attributes:
        streams: its audio streams, numbered from 0 among themselves.
        sample_rate, channels: of the first stream.
        duration: seconds, of the first stream.
        time_reference: BWF start time in samples since midnight; None where the file has none.
        originator: who wrote the BWF.
        tracks: channel names from iXML, such as "DX FR".
    """

    path: Path
    streams: tuple[AudioStream, ...]
    sample_rate: int
    channels: int
    duration: Fraction
    time_reference: int | None = None
    originator: str | None = None
    tracks: tuple[str, ...] = ()


def audio_info(path: Path) -> AudioFileInfo:
    """Read a file's audio facts; nothing is decoded.

    Raises:
        MediaError: missing, not media, or without sound.
    """
    with open_media(path) as container:
        first = _sound(container, path, 0)
        streams = tuple(
            AudioStream(
                number,
                stream.codec_context.name,
                stream.codec_context.sample_rate,
                stream.codec_context.channels,
                None if stream.language in (None, "und") else stream.language,
            )
            for number, stream in enumerate(container.streams.audio)
        )
        duration = _duration(container, first)
        is_wave = container.format.name == "wav"
        tags = container.metadata if is_wave else {}
    reference = tags.get("time_reference")
    return AudioFileInfo(
        path,
        streams,
        streams[0].sample_rate,
        streams[0].channels,
        duration,
        None if reference is None else int(reference),
        None if reference is None else tags.get("encoded_by"),
        _track_names(path) if is_wave else (),
    )


def read_mono(
    path: Path,
    start: Fraction,
    duration: Fraction,
    *,
    sample_rate: int = 16000,
    stream: int = 0,
    channel: int | None = None,
) -> NDArray[np.float32]:
    """One stretch of sound as mono: the centre of 5.1, the mean of anything else.

    Sample *n* is the sound at ``round(start * sample_rate) + n`` samples from time 0, whatever
    stretch it is read with; outside the file there are zeros. (AAC decoders draw noise: there, two
    different stretches agree in time but not to the last bit; the same stretch always does.)

    Args:
        path: the file.
        start: seconds; may be negative.
        duration: seconds.
        sample_rate: of the result, Hz.
        stream: audio stream of the file, counted among its audio streams.
        channel: one channel of that stream, from 0; None mixes down.

    Returns:
        (round(duration * sample_rate),) float32, full scale 1.

    Raises:
        MediaError: missing, not media, or without that stream or channel.
    """
    count, first = round(duration * sample_rate), round(start * sample_rate)
    if count <= 0:
        return np.zeros(0, np.float32)
    with open_media(path) as container:
        sound = _sound(container, path, stream)
        native = sound.codec_context.sample_rate
        step_out, step_in = (
            sample_rate // gcd(native, sample_rate),
            native // gcd(native, sample_rate),
        )
        # both clocks meet every step_out output samples: the filter starts on such an instant
        lead = (first - _FILTER) // step_out * step_out
        begin = lead // step_out * step_in
        end = -(-(first + count) * native // sample_rate) + _FILTER
        blocks = _placed(_mono_blocks(container, sound, path, begin, channel), begin, end)
        return _resampled(blocks, native, sample_rate, first - lead, count)


def _resampled(
    blocks: Iterator[NDArray[np.float32]], native: int, wanted: int, skip: int, count: int
) -> NDArray[np.float32]:
    out = np.zeros(skip + count, np.float32)
    filled = 0
    resampler = soxr.ResampleStream(native, wanted, 1, dtype="float32")
    for block in blocks:
        part = block if native == wanted else resampler.resample_chunk(block)
        part = part[: len(out) - filled]
        out[filled : filled + len(part)] = part
        filled += len(part)
    if native != wanted:
        part = resampler.resample_chunk(np.zeros(0, np.float32), last=True)[: len(out) - filled]
        out[filled : filled + len(part)] = part
    return out[skip:]


def _placed(
    blocks: Iterator[tuple[int, NDArray[np.float32]]], begin: int, end: int
) -> Iterator[NDArray[np.float32]]:
    """Exactly the native samples ``begin`` to ``end``, silence where the file has none."""
    at = begin
    for position, block in blocks:
        if position >= end:
            break
        block = block[max(0, at - position) :]
        position = max(position, at)
        if not len(block):
            continue
        if position > at:
            yield from _silence(position - at)
        yield block[: end - position]
        at = min(end, position + len(block))
    yield from _silence(end - at)


def _silence(count: int) -> Iterator[NDArray[np.float32]]:
    for done in range(0, count, 1 << 16):
        yield np.zeros(min(1 << 16, count - done), np.float32)


def _mono_blocks(
    container: InputContainer, sound: CodedSound, path: Path, begin: int, channel: int | None
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """(position in native samples from time 0, mono samples) of everything from ``begin`` on."""
    native = sound.codec_context.sample_rate
    base = Fraction(sound.time_base or Fraction(1, native))
    zero = _zero(container, sound)
    early = Fraction(begin, native) + zero - _PRE_ROLL
    if early > 1 and _EXACT_SEEK & set(container.format.name.split(",")):
        container.seek(int(early / base), stream=sound, backward=True)
    floats = av.AudioResampler(format="fltp")
    expected: int | None = None
    for frame in container.decode(sound):
        if frame.pts is not None:
            stamped = round((frame.pts * Fraction(frame.time_base or base) - zero) * native)
            if expected is None or abs(stamped - expected) > _DRIFT * native:
                expected = stamped
        position = expected or 0
        for part in floats.resample(frame):
            mono = _mixed(part, channel, path)
            yield position, mono
            position += len(mono)
        expected = position


def _mixed(frame: AudioFrame, channel: int | None, path: Path) -> NDArray[np.float32]:
    samples: NDArray[np.float32] = frame.to_ndarray().astype(np.float32, copy=False)
    if channel is not None:
        if not 0 <= channel < len(samples):
            raise MediaError(
                f"Channel {channel + 1} is asked of a stream of {len(samples)}",
                file=path,
                remedy="Check the clip's channel map.",
            )
        return np.asarray(samples[channel])
    names = [part.name for part in frame.layout.channels]
    if len(samples) > 2 and "FC" in names:
        return np.asarray(samples[names.index("FC")])
    return np.asarray(samples.mean(axis=0, dtype=np.float32))


def _sound(container: InputContainer, path: Path, number: int) -> CodedSound:
    streams = container.streams.audio
    if number >= len(streams):
        raise MediaError(
            f"Audio stream {number + 1} is asked of a file that has {len(streams)}",
            file=path,
            remedy="Relink the clip to a file with sound.",
        )
    return streams[number]


def _zero(container: InputContainer, sound: CodedSound) -> Fraction:
    for stream in (*container.streams.video[:1], sound):
        if stream.start_time is not None and stream.time_base:
            return stream.start_time * Fraction(stream.time_base)
    return Fraction(0)


def _duration(container: InputContainer, stream: CodedSound) -> Fraction:
    if stream.duration and stream.time_base:
        return stream.duration * Fraction(stream.time_base)
    return Fraction(container.duration or 0, av.time_base)


def _track_names(path: Path) -> tuple[str, ...]:
    with plain_file(path) as descriptor:
        return track_names(descriptor, path)
