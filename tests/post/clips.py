"""Synthetic clips: a moving picture that carries its frame number in its pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from unisync_post.media.pixels import blank_like, planes_of

_BITS = 12
_CELL = 8


@dataclass(frozen=True)
class Spec:
    """What to write. ``times`` gives each picture's presentation time in frames (VFR)."""

    codec: str = "prores_ks"
    pixel_format: str = "yuv422p10le"
    width: int = 128
    height: int = 96
    rate: Fraction = Fraction(25)
    frames: int = 12
    options: Mapping[str, str] = field(default_factory=lambda: {"profile": "hq"})
    timecode: str | None = None
    reel: str | None = None
    colour: tuple[int, int, int] | None = None
    aspect: Fraction | None = None
    audio: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    sample_rate: int = 48000
    times: tuple[int, ...] | None = None
    rotate: int = 0


def picture(number: int, width: int, height: int) -> NDArray[np.uint8]:
    """(H, W, 3) uint8: gradients that move, and the frame number as blocks along the top."""
    y, x = np.mgrid[0:height, 0:width]
    red = (x * 2 + number * 5) % 256
    green = 128 + 90 * np.sin((y + number * 3) / 9.0)
    blue = (x + y * 2) % 256
    rgb = np.stack([0.5 * red + 60, green, 0.5 * blue + 40], -1).clip(0, 255).astype(np.uint8)
    for bit in range(_BITS):
        rgb[:_CELL, bit * _CELL : (bit + 1) * _CELL] = 235 if number >> bit & 1 else 16
    return rgb


def number_of(frame: VideoFrame) -> int:
    """The frame number that :func:`picture` drew, read back from the decoded luma."""
    plane = frame.planes[0]
    kind = np.uint8 if plane.line_size < 2 * plane.width else np.uint16
    luma = np.frombuffer(plane, kind).reshape(-1, plane.line_size // np.dtype(kind).itemsize)
    middle = _CELL // 2
    cells = [int(luma[middle, bit * _CELL + middle]) for bit in range(_BITS)]
    threshold = 1 << (frame.format.components[0].bits - 1)
    return sum(1 << bit for bit, code in enumerate(cells) if code > threshold)


def copied(frame: VideoFrame) -> VideoFrame:
    """A frame to draw in: from the decoder's own, pictures still to come may be predicted."""
    new = blank_like(frame)
    for target, plane in zip(planes_of(new), planes_of(frame), strict=True):
        np.copyto(target, plane)
    return new


def make_clip(path: Path, spec: Spec = Spec()) -> Path:
    """Write ``spec`` to ``path``; the container follows from the suffix."""
    with av.open(str(path), "w") as container:
        if spec.timecode is not None:
            container.metadata["timecode"] = spec.timecode
        stream = container.add_stream(spec.codec, rate=spec.rate, options=dict(spec.options))
        stream.width, stream.height, stream.pix_fmt = spec.width, spec.height, spec.pixel_format
        if spec.aspect is not None:
            stream.codec_context.sample_aspect_ratio = spec.aspect
        if spec.colour is not None:
            context = stream.codec_context
            context.color_primaries, context.color_trc, context.colorspace = spec.colour
        if spec.reel is not None:
            stream.metadata["reel_name"] = spec.reel
        if spec.rotate:
            stream.set_display_rotation(spec.rotate)
        stream.codec_context.time_base = 1 / spec.rate
        sounds = [_add_sound(container, spec, number) for number in range(len(spec.audio))]
        for number in range(spec.frames):
            frame = VideoFrame.from_ndarray(picture(number, spec.width, spec.height), "rgb24")
            frame = frame.reformat(format=spec.pixel_format)
            frame.pts = spec.times[number] if spec.times else number
            frame.time_base = 1 / spec.rate
            if spec.colour is not None:
                frame.color_primaries, frame.color_trc, frame.colorspace = spec.colour
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        for number, sound in enumerate(sounds):
            _write_sound(container, sound, spec, number)
    return path


def tone(number: int, samples: int, sample_rate: int) -> NDArray[np.float32]:
    """(N,) float32: a sine of its own pitch for each audio stream."""
    clock = np.arange(samples, dtype=np.float64) / sample_rate
    return (0.5 * np.sin(2 * np.pi * (220 + 110 * number) * clock)).astype(np.float32)


def _add_sound(container: av.container.OutputContainer, spec: Spec, number: int) -> av.AudioStream:
    stream = container.add_stream(spec.audio[number], rate=spec.sample_rate)
    assert isinstance(stream, av.AudioStream)
    stream.layout = "mono"
    if number < len(spec.languages):
        stream.metadata["language"] = spec.languages[number]
    stream.metadata["handler_name"] = f"DX {number + 1}"
    return stream


def _write_sound(
    container: av.container.OutputContainer, stream: av.AudioStream, spec: Spec, number: int
) -> None:
    samples = round(spec.frames / spec.rate * spec.sample_rate)
    wave = tone(number, samples, spec.sample_rate)
    resampler = av.AudioResampler(format=stream.codec_context.format, layout="mono")
    for start in range(0, samples, 1024):
        block = np.ascontiguousarray(wave[None, start : start + 1024])
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = spec.sample_rate, start
        for converted in resampler.resample(frame):
            container.mux(stream.encode(converted))
    container.mux(stream.encode(None))
