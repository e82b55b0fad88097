"""Probing: the facts of a media file, and whether it can be used as it is."""

from __future__ import annotations

import os
import shlex
from fractions import Fraction
from pathlib import Path

import xxhash
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from unisync_adapters.errors import TimeError
from unisync_adapters.timebase import Rate, Timecode

from ..errors import MediaError
from .cadence import find_rate
from .index import PacketIndex, packet_index, picture_stream
from .info import AudioStream, ColourTags, MediaInfo
from .open import open_media
from .pixels import is_supported
from .roots import plain_file
from .sequences import IMAGE_SEQUENCE, ImageSequence
from .sequences_probe import probe_sequence

_MEBI = 1 << 20
_PROGRESSIVE = (0, 1)
_STANDARD = tuple(
    Rate.of(text).fps for text in ("23.976", "24", "25", "29.97", "30", "50", "59.94", "60")
)
_MOV_AUDIO = ("pcm_", "aac", "alac", "ac3", "eac3", "mp3", "mp2", "qdm2", "adpcm_")


def probe(path: Path, rate: Rate | None = None) -> MediaInfo:
    """Read what a new file must repeat. Nothing but the first picture is decoded.

    ``audio[n].index`` counts audio streams (0 for the first), whatever else the file holds.

    Args:
        path: a file, or an image sequence in Resolve's form (:mod:`.sequences`).
        rate: what an image sequence runs at, as the edit says; other media know their own.

    Raises:
        MediaError: missing, not media, no picture, cut short, or a picture that does not decode.
    """
    sequence = ImageSequence.of(path)
    if sequence is not None:
        return probe_sequence(sequence, rate)
    index = packet_index(path)
    if index.fault or not len(index.pts):
        raise MediaError(
            f"The file is cut short: {index.fault or 'it holds no picture'}",
            file=path,
            remedy="Copy it again from its source.",
        )
    with open_media(path) as container:
        stream = picture_stream(container, path)
        picture = _first_picture(container, stream, path)
        own_rate, steady = _rate(stream, index, path)
        start, drop, has_timecode = _timecode(container, stream, own_rate, path)
        context = stream.codec_context
        return MediaInfo(
            path=path,
            codec=context.name,
            profile=stream.profile,
            pixel_format=picture.format.name,
            width=picture.width,
            height=picture.height,
            rate=own_rate,
            frames=len(index.pts),
            start_frame=start,
            has_timecode=has_timecode,
            drop=drop,
            reel=_tag(container, stream, "reel_name"),
            pixel_aspect=Fraction(stream.sample_aspect_ratio or 1),
            bits=picture.format.components[0].bits,
            intra=bool(index.key.all()),
            interlaced=picture.interlaced_frame or int(context.field_order) not in _PROGRESSIVE,
            variable=not steady,
            rotated=int(picture.rotation) % 360,
            colour=_colour(stream),
            audio=_audio(container),
            container=container.format.name,
            identity=identity(path),
        )


def identity(path: Path) -> str:
    """xxh128 over the size and the first and last MiB: stable when the file is moved."""
    with plain_file(path) as descriptor, open(descriptor, "rb", closefd=False) as file:
        size = os.fstat(descriptor).st_size
        digest = xxhash.xxh128(size.to_bytes(8, "little"))
        digest.update(file.read(_MEBI))
        file.seek(max(0, size - _MEBI))
        digest.update(file.read(_MEBI))
    return str(digest.hexdigest())


def check_usable(info: MediaInfo) -> str | None:
    """Why this file cannot be dubbed as it is, and the command that makes it usable; else None."""
    if info.container == IMAGE_SEQUENCE:
        return None  # what cannot be changed in place was refused when it was probed
    if info.variable:
        steady = min(_STANDARD, key=lambda fps: abs(fps - info.rate.fps))
        return _refusal(info, "its frame rate varies", f"fps={steady}")
    if info.interlaced:
        return _refusal(info, "it is interlaced", "bwdif=mode=send_frame")
    if info.rotated:
        return _refusal(info, f"it is stored rotated by {info.rotated} degrees", "null")
    if not is_supported(info.pixel_format):
        return _refusal(info, f"its pixel format {info.pixel_format} is not supported", "null")
    if info.width % 2:
        return _refusal(info, "its width is odd", "pad=ceil(iw/2)*2:ih")
    for stream in info.audio:
        if not stream.codec.startswith(_MOV_AUDIO):
            reason = f"a QuickTime file cannot hold its {stream.codec} audio"
            return _refusal(info, reason, "null", "pcm_s24le")
    return None


def _refusal(info: MediaInfo, reason: str, filters: str, audio: str = "copy") -> str:
    new = info.path.with_name(f"{info.path.stem}_conformed.mov")
    # without maps FFmpeg takes one stream of sound
    argv = ["ffmpeg", "-i", str(info.path), "-map", "0:v:0", "-map", "0:a?", "-vf", filters]
    argv += ["-c:v", "prores_ks", "-profile:v", "3", "-pix_fmt", "yuv422p10le"]
    argv += ["-c:a", audio, str(new)]
    return f"{info.path.name} cannot be used: {reason}. Conform it with: {shlex.join(argv)}"


def _first_picture(container: InputContainer, stream: VideoStream, path: Path) -> VideoFrame:
    for picture in container.decode(stream):
        return picture
    raise MediaError("Its picture does not decode", file=path, remedy="Copy it again.")


def _rate(stream: VideoStream, index: PacketIndex, path: Path) -> tuple[Rate, bool]:
    stated = (stream.guessed_rate, stream.average_rate, stream.base_rate)
    declared = [Fraction(rate) for rate in stated if rate]
    if not declared and index.pts[0] == index.pts[-1]:
        raise MediaError("Its picture has no rate", file=path, remedy="Rewrap it.")
    return find_rate(index, declared)


def _timecode(
    container: InputContainer, stream: VideoStream, rate: Rate, path: Path
) -> tuple[int, bool, bool]:
    text = _tag(container, stream, "timecode")
    if text is None:
        return 0, False, False
    try:
        timecode = Timecode.parse(text, timecode_rate(rate))
    except TimeError as error:
        raise MediaError(
            f"Its start timecode {text} does not exist at {rate.label} fps",
            file=path,
            remedy="Rewrap it with `ffmpeg -i IN -c copy -timecode 01:00:00:00 OUT`.",
        ) from error
    return timecode.frame, timecode.drop, True


def timecode_rate(rate: Rate) -> Rate:
    """The rate a file's timecode counts at: QuickTime's writer rounds 22.131 to 22, not up."""
    nearest = round(rate.fps)
    return rate if nearest == rate.nominal else Rate(Fraction(max(1, nearest)))


def _tag(container: InputContainer, stream: VideoStream, name: str) -> str | None:
    data = [track.metadata for track in container.streams.data]
    for metadata in (stream.metadata, *data, container.metadata):
        if metadata.get(name):
            return metadata[name]
    return None


def _colour(stream: VideoStream) -> ColourTags:
    context = stream.codec_context
    return ColourTags(
        int(context.color_primaries),
        int(context.color_trc),
        int(context.colorspace),
        int(context.color_range),
    )


def _audio(container: InputContainer) -> tuple[AudioStream, ...]:
    return tuple(
        AudioStream(
            number,
            stream.codec_context.name,
            stream.codec_context.sample_rate,
            stream.codec_context.channels,
            None if stream.language in (None, "und") else stream.language,
        )
        for number, stream in enumerate(container.streams.audio)
    )
