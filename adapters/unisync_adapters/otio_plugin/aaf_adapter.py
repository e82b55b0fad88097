"""OpenTimelineIO adapter ``unisync_aaf``: AAF, read only."""

from __future__ import annotations

from pathlib import Path

import opentimelineio as otio

from unisync_adapters.aaf import ADAPTER
from unisync_adapters.document import PathMap


def read_from_file(filepath: str, sequence: str | None = None) -> otio.schema.Timeline:
    """Read a file; ``sequence`` names one of several top-level compositions.

    Raises:
        EditError: the file is damaged, or holds several compositions and none is named.
    """
    path = Path(filepath)
    timeline = ADAPTER.read(path.read_bytes(), path, PathMap(), sequence).timeline
    # a copy, in which every clip has a media reference of its own to change
    return timeline.clone()
