"""Frame-accurate decoding: exactly the pictures asked for, or an error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream
from numpy.typing import NDArray

from ..errors import MediaError
from .colour import is_full_range, matrix_number
from .index import PacketIndex, packet_index, picture_stream
from .info import MediaInfo
from .open import open_media
from .pixels import layout_of, planes_of
from .sequences import ImageSequence
from .sequences_files import read_picture

_BACKWARD_BYTES = 256 << 20
"""Decoded pictures held at once while a clip plays in reverse."""
_SKIP, _SKIP_INTRA = 48, 6
"""A forward jump longer than this seeks instead of decoding through; a picture that stands alone
is found at once."""
_FINE = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


def read_frames(info: MediaInfo, start: int, count: int) -> Iterator[tuple[int, VideoFrame]]:
    """Decode ``count`` pictures from picture ``start`` (0-based in the file).

    Yields:
        (number in the file, picture in its native format). The decoder may still predict others
        from it: to change it, draw into a copy.

    Raises:
        MediaError: outside the file, or a picture is missing: never fewer than asked for.
    """
    if start < 0 or count < 0 or start + count > info.frames:
        raise MediaError(
            f"Frames {start} to {start + count - 1} are asked of a file of {info.frames}",
            file=info.path,
            remedy="Check the clip's source range against the media.",
        )
    if not count:
        return
    sequence = ImageSequence.of(info.path)
    if sequence is not None:
        yield from ((n, read_picture(sequence.file(n))) for n in range(start, start + count))
        return
    index = packet_index(info.path)
    wanted = start
    for picture in _decoded_from(info, index, start):
        if picture.pts is None or picture.pts < index.pts[wanted]:
            continue
        if picture.pts > index.pts[wanted]:
            break
        yield wanted, picture
        wanted += 1
        if wanted == start + count:
            return
    raise MediaError(
        f"Frame {wanted} does not decode", file=info.path, remedy="Copy the file again."
    )


def read_played(info: MediaInfo, indices: Sequence[int]) -> Iterator[VideoFrame]:
    """Decode pictures in the order they are played: with repeats, jumps and in reverse.

    Reverse runs are decoded forwards in blocks; at most 256 MiB of pictures are held.

    Raises:
        MediaError: as :func:`read_frames`.
    """
    sequence = ImageSequence.of(info.path)
    if sequence is not None:
        yield from (read_picture(sequence.file(number)) for number in indices)
        return
    skip = _SKIP_INTRA if info.intra else _SKIP
    block = max(4, min(64, _BACKWARD_BYTES // (info.width * info.height * 6)))
    at = 0
    while at < len(indices):
        end = at + 1
        if end < len(indices) and indices[end] < indices[at]:
            lowest = indices[at] - block + 1
            while end < len(indices) and lowest <= indices[end] < indices[end - 1]:
                end += 1
            yield from _backwards(info, indices[at:end])
        else:
            while end < len(indices) and 0 <= indices[end] - indices[end - 1] <= skip:
                end += 1
            yield from _forwards(info, indices[at:end])
        at = end


def rgb8(frame: VideoFrame) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 R'G'B' for analysis, by the frame's own matrix and range.

    Untagged pictures are read as BT.601 below 720 lines, else as BT.709.
    """
    if frame.format.name.startswith("gbrp"):
        return _shown(frame)
    matrix = matrix_number(frame)
    converted = frame.reformat(
        format="rgb24",
        src_colorspace=5 if matrix == 6 else matrix,
        src_color_range=2 if is_full_range(frame) else 1,
        dst_color_range=2,
        interpolation=_FINE,
    )
    return converted.to_ndarray().astype(np.uint8, copy=False)


def _shown(frame: VideoFrame) -> NDArray[np.uint8]:
    """:func:`rgb8` of planar R'G'B' in full range; floats are taken for display values, too."""
    top = layout_of(frame).top
    green, blue, red = planes_of(frame)
    if top == 1:
        codes = np.nan_to_num(np.stack([red, green, blue], -1), nan=0.0) * np.float32(255)
        shown: NDArray[np.uint8] = np.rint(codes).clip(0, 255).astype(np.uint8)
        return shown
    table = np.rint(np.arange(top + 1) * (255 / top)).astype(np.uint8)
    # codes beyond the depth stand in no whole file
    return np.stack([table.take(plane, mode="clip") for plane in (red, green, blue)], -1)


def _forwards(info: MediaInfo, indices: Sequence[int]) -> Iterator[VideoFrame]:
    at = 0
    for number, picture in read_frames(info, indices[0], indices[-1] - indices[0] + 1):
        while at < len(indices) and indices[at] == number:
            yield picture
            at += 1


def _backwards(info: MediaInfo, indices: Sequence[int]) -> Iterator[VideoFrame]:
    wanted = set(indices)
    run = read_frames(info, indices[-1], indices[0] - indices[-1] + 1)
    held = {number: picture for number, picture in run if number in wanted}
    for number in indices:
        yield held.pop(number)


def _decoded_from(info: MediaInfo, index: PacketIndex, start: int) -> Iterator[VideoFrame]:
    """Pictures from a key frame at or before ``start``."""
    with open_media(info.path) as container:
        stream = picture_stream(container, info.path)
        stream.thread_type = "AUTO"
        packets = _packets_from(container, stream, index, start)
        if packets is not None:
            for packet in packets:
                yield from packet.decode()
            return
    # a container that cannot seek exactly is read from its beginning
    with open_media(info.path) as container:
        stream = picture_stream(container, info.path)
        stream.thread_type = "AUTO"
        yield from container.decode(stream)


def _packets_from(
    container: InputContainer, stream: VideoStream, index: PacketIndex, start: int
) -> Iterator[Packet[VideoStream]] | None:
    """Packets from the key frame of ``start``; None when seeking lands behind it.

    Demultiplexers seek by decoding time, so a very short group of pictures can be overshot: the
    first packet tells, and the group before is tried.
    """
    if start == 0:
        return container.demux(stream)
    key = index.key_at_or_before(start)
    for attempt in (key, index.key_at_or_before(max(0, key - 1))):
        container.seek(int(index.pts[attempt]), stream=stream, backward=True)
        packets = container.demux(stream)
        first = next(packets, None)
        if first is not None and first.pts is not None and first.pts <= index.pts[key]:
            return _chained(first, packets)
    return None


def _chained(
    first: Packet[VideoStream], rest: Iterator[Packet[VideoStream]]
) -> Iterator[Packet[VideoStream]]:
    yield first
    yield from rest
