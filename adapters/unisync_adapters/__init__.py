"""Edit documents: exact time, media URLs, reading each format into OTIO, patching in place."""

from .document import Document, Origin, PathMap, Relink, open_edit
from .errors import EditError, TimeError, UniSyncError, UrlError
from .timebase import FrameRange, Rate, Timecode
from .urls import MediaUrl

__all__ = [
    "Document",
    "EditError",
    "FrameRange",
    "MediaUrl",
    "Origin",
    "PathMap",
    "Rate",
    "Relink",
    "TimeError",
    "Timecode",
    "UniSyncError",
    "UrlError",
    "open_edit",
]
