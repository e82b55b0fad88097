"""What a media file is: the facts a new file must repeat."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from unisync_adapters.timebase import Rate


@dataclass(frozen=True, slots=True)
class ColourTags:
    """FFmpeg's numbers (ISO/IEC 23091-2) for primaries, transfer and matrix.

    Range 1 is video, 2 full. 2 means unspecified for the first three, 0 for the range.
    """

    primaries: int = 2
    transfer: int = 2
    matrix: int = 2
    range: int = 0


@dataclass(frozen=True, slots=True)
class AudioStream:
    index: int
    codec: str
    sample_rate: int
    channels: int
    language: str | None = None


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """One media file.

    Attributes:
        frames: pictures in the file, counted from its packets (never trusted from a header).
        start_frame: frame number of its start timecode at ``rate``; 0 when it has none.
        has_timecode: whether that timecode is in the file.
        intra: every picture is a key frame, so packets can be spliced.
        bits: bits a component.
        pixel_aspect: width : height of one pixel.
        variable: the time stamps are not those of one rate.
        interlaced: fields, not frames.
        encoding: what the header says of its values beyond ``colour`` (ACES), one of
            :data:`.viewing.ENCODINGS`.
        container: FFmpeg's name of it, such as ``mxf``.
        identity: content fingerprint (size, head and tail), stable when the file is moved.
    """

    path: Path
    codec: str
    profile: str | None
    pixel_format: str
    width: int
    height: int
    rate: Rate
    frames: int
    start_frame: int = 0
    has_timecode: bool = False
    drop: bool = False
    reel: str | None = None
    pixel_aspect: Fraction = Fraction(1)
    bits: int = 8
    intra: bool = False
    interlaced: bool = False
    variable: bool = False
    rotated: int = 0
    colour: ColourTags = ColourTags()
    audio: tuple[AudioStream, ...] = ()
    encoding: str | None = None
    container: str = ""
    identity: str = ""
