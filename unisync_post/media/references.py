"""QuickTime reference movies: does a track's essence lie in another file?

A data reference (``dref``) that is not flagged self-contained names the file that holds the
samples (ISO/IEC 14496-12, 8.7.2; QuickTime File Format, "Data Reference Atoms"). FFmpeg leaves
those of alias records unopened when told so, but then plays silence or nothing, and reads the
others from the wrong file: the movie is refused instead.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator

_MAX_BOXES = 10_000
"""Boxes of one level that are looked at: a whole movie has dozens."""
_VERSION_AND_FLAGS = 4
"""All that an entry holds which names nothing; flag 1 is "self-contained"."""

_SHOWN = 400
_WORDS = re.compile(r"[ -~]{4,}")
"""What can be read in a binary alias record."""

_Box = tuple[bytes, int, int]
"""Type, start of the content, end."""


def external_essence(descriptor: int) -> str | None:
    """What a picture or sound track refers to outside the file; None for anything else."""
    size = os.fstat(descriptor).st_size
    movie = _inside(descriptor, (b"file", 0, size), b"moov")
    if movie is None:
        return None
    tracks = (box for box in _boxes(descriptor, movie[1], movie[2]) if box[0] == b"trak")
    return next(filter(None, (_of_track(descriptor, track) for track in tracks)), None)


def _of_track(descriptor: int, track: _Box) -> str | None:
    media = _inside(descriptor, track, b"mdia")
    handler = _inside(descriptor, media, b"hdlr")
    references = _inside(descriptor, _inside(descriptor, media, b"minf"), b"dinf", b"dref")
    if handler is None or references is None:
        return None
    if _read_at(descriptor, handler[1] + 8, 4) not in (b"vide", b"soun"):
        return None
    for _, start, end in _boxes(descriptor, references[1] + 8, references[2]):
        names_a_file = end - start > _VERSION_AND_FLAGS
        if names_a_file and not int.from_bytes(_read_at(descriptor, start, 4), "big") & 1:
            said = _read_at(descriptor, start + 4, min(_SHOWN, end - start - 4))
            words = _WORDS.findall(said.decode("ascii", "replace"))
            return " ".join(words) or "unnamed"
    return None


def _inside(descriptor: int, box: _Box | None, *kinds: bytes) -> _Box | None:
    """The first box of this kind inside; with more kinds, its first box of the next."""
    for wanted in kinds:
        if box is None:
            return None
        box = next((b for b in _boxes(descriptor, box[1], box[2]) if b[0] == wanted), None)
    return box


def _boxes(descriptor: int, start: int, end: int) -> Iterator[_Box]:
    """Boxes between two offsets, as far as their sizes make sense."""
    for _ in range(_MAX_BOXES):
        head = _read_at(descriptor, start, 16)
        if len(head) < 8 or start + 8 > end:
            return
        size, kind = struct.unpack(">I4s", head[:8])
        content = start + 8
        if size == 1 and len(head) == 16:
            size, content = int.from_bytes(head[8:], "big"), start + 16
        stop = end if size == 0 else start + size
        if not content <= stop <= end:
            return
        yield kind, content, stop
        start = stop


def _read_at(descriptor: int, start: int, count: int) -> bytes:
    os.lseek(descriptor, start, os.SEEK_SET)
    return os.read(descriptor, count)
