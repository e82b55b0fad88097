"""The one door to FFmpeg and OpenImageIO: every media file that is read is opened here.

FFmpeg opens far more than files: forty protocols, playlists that name other files, patterns, and
reference movies whose essence lies elsewhere. What an edit names may be any of these, under any
file name. So FFmpeg is given an open file instead of a name, the file protocol alone, the
containers that carry essence themselves, and limits on what a header may claim.

OpenImageIO is loaded with the first picture that is opened or written, and no module keeps a name
of it: most jobs have no image sequence, and nanobind reports on stderr what is still alive when
the interpreter is gone, as a module is that another library holds.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.container import InputContainer, OutputContainer

from ..errors import MediaError
from .references import external_essence
from .roots import name_for_ffmpeg, plain_file

if TYPE_CHECKING:
    from OpenImageIO import ImageInput

MAX_PIXELS = 1 << 27
"""Of one picture: 16384 x 8192, twice what the largest cameras record."""
MAX_SIDE = 1 << 15
MAX_STREAMS = 256
MAX_CHANNELS = 256
"""Of one picture: colours, alpha, depth and layers."""
MAX_SAMPLE_RATE = 768_000
MAX_SECONDS = 48 * 3600
"""Two days: longer than any reel, short enough to be listened through."""

_CONTAINERS = (
    "mov", "mxf", "matroska", "avi", "mpegts", "mpeg", "gxf", "dv",
    "wav", "w64", "aiff", "caf", "flac", "mp3", "aac", "ogg",
)  # fmt: skip
"""Containers that carry their essence themselves. Playlists (HLS, DASH, ffconcat) are not here."""
_PICTURES = ("png", "jpeg", "tiff", "exr", "dpx", "j2k", "bmp", "webp")
"""Single pictures: an edit's stills have facts, too."""
_READ = {
    # presentation times are made where the container (AVI) stores none
    "fflags": "+genpts",
    "protocol_whitelist": "file",
    "format_whitelist": ",".join((*_CONTAINERS, *(f"{name}_pipe" for name in _PICTURES))),
    "enable_drefs": "0",
    "use_absolute_path": "0",
    "max_pixels": str(MAX_PIXELS),
}


@contextmanager
def open_media(path: Path) -> Iterator[InputContainer]:
    """Open a media file; FFmpeg's failures come out as ``MediaError`` with the file's name.

    Raises:
        MediaError: missing, no plain file, outside the media roots, of no accepted container, a
            reference movie, larger than the limits of this module, or a failure while it is read.
    """
    try:
        with _opened(path) as container:
            yield container
    except av.error.MemoryError as error:
        claim = "it has more than a thousand streams, or asks for more memory than there is"
        raise _too_large(claim, path) from error
    except av.error.ArgumentError as error:
        claim = f"a picture is damaged, or larger than {MAX_PIXELS >> 20} megapixels"
        raise _too_large(claim, path) from error
    except av.error.FFmpegError as error:
        raise MediaError(
            f"This file cannot be read as media, or its recording was never closed "
            f"({error.strerror})",
            file=path,
            remedy="Copy it again from its source, or rewrap it with `ffmpeg -i IN -c copy OUT`.",
        ) from error


@contextmanager
def _opened(path: Path) -> Iterator[InputContainer]:
    with plain_file(path) as descriptor:
        if elsewhere := external_essence(descriptor):
            raise MediaError(
                f"This is a reference movie: its essence lies in another file ({elsewhere})",
                file=path,
                remedy="Export it again as a self-contained movie.",
            )
        name = name_for_ffmpeg(descriptor, path)
        try:
            container = av.open(name, options=_READ, metadata_errors="replace")
        except av.error.ArgumentError as error:
            raise MediaError(
                "This is a playlist, subtitles, or media in a container that is not accepted",
                file=path,
                remedy="Relink the clip to the media itself, as MOV, MXF, MP4 or WAV.",
            ) from error
    with container:
        _check_limits(container, path)
        yield container


@contextmanager
def open_picture(path: Path, format_name: str) -> Iterator[ImageInput]:
    """Open a frame of an image sequence with OpenImageIO.

    Args:
        path: the file; its first bytes are already known to be of this format.
        format_name: as OpenImageIO calls it.

    Raises:
        MediaError: missing, no plain file, outside the media roots, not of that format, or larger
            than the limits of this module.
    """
    from OpenImageIO import ImageInput, ImageSpec, attribute, geterror

    attribute("limits:imagesize_MB", MAX_PIXELS * 64 >> 20)
    with plain_file(path) as descriptor:
        name = name_for_ffmpeg(descriptor, path)
        as_stored = ImageSpec()
        as_stored.attribute("oiio:UnassociatedAlpha", 1)
        as_stored.attribute("oiio:RawColor", 1)
        picture = ImageInput.open(name.removeprefix("file:"), as_stored)
        if picture is None or picture.format_name() != format_name:
            raise MediaError(
                f"This picture cannot be read ({geterror() or 'another format'})",
                file=path,
                remedy="Copy it again.",
            )
        try:
            spec = picture.spec()
            if spec.width * spec.height > MAX_PIXELS or spec.nchannels > MAX_CHANNELS:
                claim = f"its picture is said to be {spec.width}x{spec.height}x{spec.nchannels}"
                raise _too_large(claim, path)
            yield picture
        finally:
            picture.close()


def create_media(
    path: Path, container: str, options: Mapping[str, str] | None = None
) -> OutputContainer:
    """A new file of this container format, to be closed by the caller."""
    return av.open(f"file:{path}", "w", format=container, options=dict(options or {}))


def open_bytes(data: bytes) -> InputContainer:
    """Media that we ship ourselves, out of memory."""
    return av.open(io.BytesIO(data), "r")


def _check_limits(container: InputContainer, path: Path) -> None:
    """Refuse what a header claims before anything is allocated for it."""
    if len(container.streams) > MAX_STREAMS:
        raise _too_large(f"it has {len(container.streams)} streams", path)
    for video in container.streams.video:
        width, height = video.codec_context.width, video.codec_context.height
        if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
            raise _too_large(f"its picture is said to be {width}x{height}", path)
        # a picture's own header may say otherwise than its container's
        video.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    for sound in container.streams.audio:
        if not 0 < sound.codec_context.sample_rate <= MAX_SAMPLE_RATE:
            raise _too_large(
                f"its sound is said to have {sound.codec_context.sample_rate} Hz", path
            )
    seconds = Fraction(container.duration or 0, av.time_base)
    if seconds > MAX_SECONDS:
        raise _too_large(f"it is said to last {float(seconds / 3600):.0f} hours", path)


def _too_large(claim: str, path: Path) -> MediaError:
    return MediaError(
        f"This media is beyond what is accepted: {claim}",
        file=path,
        remedy="Export it again; a file from elsewhere may be an attack.",
    )
