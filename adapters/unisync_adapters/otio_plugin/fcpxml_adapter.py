"""OpenTimelineIO adapter ``unisync_fcpxml``: FCPXML, read only."""

from __future__ import annotations

from pathlib import Path

import opentimelineio as otio

from unisync_adapters.document import PathMap
from unisync_adapters.fcpxml import ADAPTER


def read_from_file(filepath: str, sequence: str | None = None) -> otio.schema.Timeline:
    """Read a file; ``sequence`` names one of several projects.

    Raises:
        EditError: the file is damaged, or holds several projects and none is named.
    """
    path = Path(filepath)
    timeline = ADAPTER.read(path.read_bytes(), path, PathMap(), sequence).timeline
    # a copy, in which every clip has a media reference of its own to change
    return timeline.clone()
