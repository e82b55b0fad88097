"""The demo's media, made by code: camera files, music and effects, and the dubs."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import soxr
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from unisync_model.characters.film import render
from unisync_model.characters.speech import articulation

from ..media.open import create_media
from .layout import (
    DUB_BEGINS,
    HANDLE,
    LEAD,
    RATE,
    SAMPLE_RATE,
    SAMPLES_PER_FRAME,
    SEQUENCE_START,
    Camera,
    cut,
    duration,
)
from .script import recording

Sound = NDArray[np.float32]
_BT709 = 1
_REEL_NOISE = 0.0006


def write_camera(camera: Camera, path: Path) -> None:
    """One camera file: picture with start timecode and reel, production sound in stereo."""
    with create_media(path, "mov") as container:
        container.metadata["timecode"] = camera.timecode
        video = _video_stream(container, camera)
        audio = container.add_stream("pcm_s16le", rate=SAMPLE_RATE, layout="stereo")
        audio.metadata["language"] = "eng"
        sound = np.repeat(_production_sound(camera)[None], 2, 0)
        for index, picture in enumerate(_pictures(camera)):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(
                format=video.codec_context.pix_fmt,
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
            )
            frame.pts, frame.time_base = index, 1 / RATE.fps
            container.mux(video.encode(frame))
            _mux_sound(container, audio, sound, index * SAMPLES_PER_FRAME, SAMPLES_PER_FRAME)
        container.mux(video.encode(None))
        container.mux(audio.encode(None))


def _video_stream(container: Any, camera: Camera) -> Any:
    options = {"prores": {"profile": "standard", "vendor": "apl0"}, "h264": {"crf": "16"}}
    codec = {"prores": "prores_ks", "h264": "libx264"}[camera.codec]
    stream = container.add_stream(codec, rate=RATE.fps, options=options[camera.codec])
    stream.width, stream.height = camera.scene.width, camera.scene.height
    stream.pix_fmt = "yuv422p10le" if camera.codec == "prores" else "yuv420p"
    stream.time_base = 1 / RATE.fps
    stream.metadata["reel_name"] = camera.reel
    context = stream.codec_context
    context.color_primaries = context.color_trc = context.colorspace = _BT709
    context.color_range = ColorRange.MPEG
    # one thread a file: the files are made side by side
    context.thread_count = 1
    return stream


def _pictures(camera: Camera) -> Iterator[NDArray[np.uint8]]:
    people = max(1, len(camera.scene.seats))
    mouths = np.tile(articulation((), RATE.fps, camera.frames), (people, 1, 1))
    if camera.speaker is not None:
        spoken = recording(camera.line, "en").phonemes
        mouths[camera.speaker] = articulation(
            spoken, RATE.fps, camera.frames, start=RATE.seconds(-HANDLE - LEAD)
        )
    return render(camera.scene, mouths)


def _at_sample_rate(line: str, language: str) -> Sound:
    spoken = recording(line, language)
    return np.asarray(soxr.resample(spoken.samples, spoken.sample_rate, SAMPLE_RATE), np.float32)


def _laid(sound: Sound, piece: Sound, frame: int) -> None:
    """Add a piece at a frame, in place."""
    start = frame * SAMPLES_PER_FRAME
    sound[start : start + len(piece)] += piece[: max(0, len(sound) - start)]


def _production_sound(camera: Camera) -> Sound:
    """The original line over a little room tone; a voice off screen was not on the set."""
    rng = np.random.default_rng(camera.scene.seed)
    sound = rng.standard_normal(camera.frames * SAMPLES_PER_FRAME, np.float32) * _REEL_NOISE
    if camera.speaker is not None:
        _laid(sound, _at_sample_rate(camera.line, "en"), HANDLE + LEAD)
    return sound


def write_dub(language: str, path: Path) -> None:
    """The dubbed dialogue as a broadcast wave: mono, 24 bit, placed by its time reference."""
    sound = np.zeros((duration() - DUB_BEGINS) * SAMPLES_PER_FRAME, np.float32)
    for clip in cut():
        _laid(sound, _at_sample_rate(clip.camera.line, language), clip.speech - DUB_BEGINS)
    _write_wave(path, sound[None], DUB_BEGINS, f"{language.upper()} dialogue")


def write_music(path: Path) -> None:
    """Music and effects: a slow chord and wind, in stereo."""
    count = duration() * SAMPLES_PER_FRAME
    second = np.arange(count) / SAMPLE_RATE
    rng = np.random.default_rng(7)
    channels = []
    for side in (0, 1):
        chord = np.zeros(count)
        for pitch in (110.0, 164.8, 220.0, 277.2):
            swell = 0.5 + 0.5 * np.sin(2 * np.pi * (0.07 * second + pitch / 90 + 0.2 * side))
            chord += swell * np.sin(2 * np.pi * (pitch + 0.3 * side) * second)
        wind = np.convolve(rng.standard_normal(count), np.ones(48) / 48, "same")
        fade = np.clip(np.minimum(second, second[-1] - second) / 1.5, 0, 1)
        channels.append((0.018 * chord + 0.03 * wind) * fade)
    _write_wave(path, np.asarray(channels, np.float32), 0, "Music and effects")


def _write_wave(path: Path, sound: Sound, begins: int, title: str) -> None:
    """(C, N) samples as a BWF that begins ``begins`` frames into the sequence."""
    layout = "mono" if len(sound) == 1 else "stereo"
    seconds = RATE.seconds(SEQUENCE_START.frame + begins)
    with create_media(path, "wav", {"write_bext": "1"}) as container:
        container.metadata["time_reference"] = str(int(seconds * SAMPLE_RATE))
        container.metadata["description"] = title
        container.metadata["originator"] = "UniSync Post demo"
        stream = container.add_stream("pcm_s24le", rate=SAMPLE_RATE, layout=layout)
        for start in range(0, sound.shape[1], SAMPLE_RATE):
            _mux_sound(container, stream, sound, start, SAMPLE_RATE)
        container.mux(stream.encode(None))


def _mux_sound(container: Any, stream: Any, sound: Sound, start: int, count: int) -> None:
    """Encode ``count`` samples of (C, N) from ``start``."""
    wide = stream.codec_context.format.name == "s32"
    top = 2**31 - 2**8 if wide else 2**15 - 1
    piece = np.clip(sound[:, start : start + count].T.astype(np.float64), -1, 1) * top
    packed = np.ascontiguousarray(np.round(piece), dtype=np.int32 if wide else np.int16)
    frame = av.AudioFrame.from_ndarray(
        packed.reshape(1, -1), "s32" if wide else "s16", stream.codec_context.layout.name
    )
    frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, start, Fraction(1, SAMPLE_RATE)
    container.mux(stream.encode(frame))
