"""OpenTimelineIO adapter ``unisync_fcp7``: FCP7 XML, read only."""

from __future__ import annotations

from pathlib import Path

import opentimelineio as otio

from unisync_adapters.document import PathMap
from unisync_adapters.fcp7 import ADAPTER


def read_from_file(filepath: str, sequence: str | None = None) -> otio.schema.Timeline:
    """Read a file; ``sequence`` names one of several top-level sequences.

    Raises:
        EditError: the file is damaged, or holds several sequences and none is named.
    """
    path = Path(filepath)
    timeline = ADAPTER.read(path.read_bytes(), path, PathMap(), sequence).timeline
    # a copy, in which every clip has a media reference of its own to change
    return timeline.clone()
