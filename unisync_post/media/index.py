"""The pictures of a file by their packets: how many, at which times, and which are key frames.

Headers lie about frame counts (editorial practice: count packets). Intra-only MOV is indexed from
its sample table without touching the essence, so a two-hour ProRes master takes milliseconds;
everything else is demultiplexed once, without decoding, and remembered until the file changes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.index import IndexEntries
from av.video.stream import VideoStream
from numpy.typing import NDArray

from ..errors import MediaError
from .open import open_media
from .roots import plain_file

INTRA_CODECS = frozenset(
    {"prores", "dnxhd", "mjpeg", "cfhd", "jpeg2000", "v210", "r210", "rawvideo", "png", "qtrle"}
)
"""Codecs without prediction between pictures: presentation order is storage order."""

_MOV = frozenset({"mov", "mp4", "m4a", "3gp"})
_MAX_PICTURES = 24 * 3600 * 120
"""A day at 120 fps: what a sample table may list."""


@dataclass(frozen=True)
class PacketIndex:
    """The pictures of a file in display order.

    Attributes:
        time_base: seconds per unit of ``pts``.
        pts: (F,) int64 presentation times.
        key: (F,) bool, decoding can start here.
        fault: why the file is not whole, as a sentence's end; None when nothing is missing.
    """

    time_base: Fraction
    pts: NDArray[np.int64]
    key: NDArray[np.bool_]
    fault: str | None = None

    def key_at_or_before(self, frame: int) -> int:
        """The nearest picture, in display order, from which ``frame`` can be decoded."""
        keys = np.flatnonzero(self.key[: frame + 1])
        return int(keys[-1]) if len(keys) else 0


def picture_stream(container: InputContainer, path: Path) -> VideoStream:
    """The first video stream that is no cover art.

    Raises:
        MediaError: the file has no picture.
    """
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            return stream
    raise MediaError("This file has no picture", file=path, remedy="Relink the clip to video.")


def packet_index(path: Path) -> PacketIndex:
    """Index a file's pictures; remembered while its size and time of change stay the same.

    Raises:
        MediaError: unreadable, or without picture.
    """
    with plain_file(path) as descriptor:
        stat = os.fstat(descriptor)
    return _indexed(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _indexed(path: Path, size: int, modified: int) -> PacketIndex:
    del modified  # part of the cache key only
    with open_media(path) as container:
        stream = picture_stream(container, path)
        is_mov = bool(_MOV & set(container.format.name.split(",")))
        entries = list(_listed(stream, path)) if is_mov else []
        missing = sum(entry.pos + entry.size > size for entry in entries)
        name = stream.codec_context.name
        if name in INTRA_CODECS and entries and not missing:
            kept = [entry for entry in entries if not entry.is_discard]
            pts = np.array([entry.timestamp for entry in kept], np.int64)
            return PacketIndex(_time_base(stream), pts, np.ones(len(pts), bool))
        return _demultiplexed(container, stream, len(entries), missing)


def _listed(stream: VideoStream, path: Path) -> IndexEntries:
    """The pictures of a sample table, which may claim any number of them."""
    listed = stream.index_entries
    if len(listed) > _MAX_PICTURES:
        raise MediaError(
            f"This media is beyond what is accepted: it is said to hold {len(listed)} pictures",
            file=path,
            remedy="Export it again; a file from elsewhere may be an attack.",
        )
    return listed


def _demultiplexed(
    container: InputContainer, stream: VideoStream, listed: int, missing: int
) -> PacketIndex:
    pts: list[int] = []
    key: list[bool] = []
    found = corrupt = 0
    declared = _declared_frames(container, stream)
    for packet in container.demux(stream):
        if not packet.size:
            continue
        found += 1
        corrupt += packet.is_corrupt
        time = packet.pts if packet.pts is not None else packet.dts
        if time is not None and not packet.is_discard:
            pts.append(time)
            key.append(packet.is_keyframe)
    order = np.argsort(np.array(pts, np.int64), kind="stable")
    lost = max(missing, listed - found, declared - found, corrupt)
    return PacketIndex(
        _time_base(stream),
        np.array(pts, np.int64)[order],
        np.array(key, bool)[order],
        f"{lost} of {found + max(0, lost - corrupt)} pictures are missing" if lost > 0 else None,
    )


def _declared_frames(container: InputContainer, stream: VideoStream) -> int:
    """Frames promised by a header that is known to count them exactly; 0 where none is."""
    rate = stream.average_rate or stream.guessed_rate
    if "mxf" in container.format.name and stream.duration and rate:
        return int(stream.duration * _time_base(stream) * Fraction(rate))
    if "matroska" in container.format.name and rate and "DURATION" in stream.metadata:
        hours, minutes, seconds = stream.metadata["DURATION"].split(":")
        length = int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
        # it is the time of the end, and the picture need not begin at zero
        start = max(0, stream.start_time or 0) * _time_base(stream)
        return int((length - start) * Fraction(rate)) - 1
    return 0


def _time_base(stream: VideoStream) -> Fraction:
    if not stream.time_base:
        raise MediaError("The picture has no clock", remedy="Rewrap the file.")
    return Fraction(stream.time_base)
