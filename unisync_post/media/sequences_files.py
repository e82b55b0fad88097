"""Picture files by their content: which of the formats one is, and how it is read and written."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from av.video.frame import VideoFrame

from . import sequences_dpx, sequences_exr, sequences_exr_layout, sequences_raster
from .pixels import Box
from .sequences_frame import FrameFacts, read_bytes, refused


class FrameFormat(Protocol):
    """A format of single pictures; each is a module of this shape.

    All raise ``MediaError`` for what is damaged, or cannot be changed in place.
    """

    def facts(self, path: Path) -> FrameFacts:
        """What the header says."""

    def read(self, path: Path) -> VideoFrame:
        """The picture, in its own codes or floats."""

    def changed(self, path: Path, picture: VideoFrame, box: Box, scratch: Path, mark: str) -> bytes:
        """The file with another picture's samples in this box, and all else as it is."""

    def stamped(self, data: bytes, path: Path, word: int) -> bytes:
        """A file's bytes with another SMPTE 12M time address, where the format has one."""


def format_of(path: Path) -> FrameFormat:
    """The format of a file, by its first bytes; its name is not asked.

    Raises:
        MediaError: missing, or none of OpenEXR, DPX, PNG and TIFF.
    """
    head = read_bytes(path, 8)
    if head.startswith(sequences_exr_layout.MAGIC):
        return sequences_exr
    if head.startswith(sequences_dpx.MAGICS):
        return sequences_dpx
    if head == sequences_raster.PNG or head.startswith(sequences_raster.TIFFS):
        return sequences_raster
    raise refused(path, "it is no OpenEXR, DPX, PNG or TIFF file")


def read_picture(path: Path) -> VideoFrame:
    """The picture in a file.

    Raises:
        MediaError: as :func:`format_of`, or it does not decode.
    """
    return format_of(path).read(path)
