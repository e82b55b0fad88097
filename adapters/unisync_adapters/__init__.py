"""Edit documents: exact time, media URLs, reading each format into OTIO, patching in place."""

from .document import Document, Lay, Origin, PathMap, Relink, open_edit
from .errors import EditError, TimeError, UniSyncError, UrlError
from .timebase import FrameRange, Rate, Timecode
from .urls import MediaUrl

__all__ = [
    "Document",
    "EditError",
    "FrameRange",
    "Lay",
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
