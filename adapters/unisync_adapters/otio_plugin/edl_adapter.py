"""OpenTimelineIO adapter ``unisync_edl``: EDLs, read only."""

from __future__ import annotations

from pathlib import Path

import opentimelineio as otio

from unisync_adapters.document import PathMap
from unisync_adapters.edl import EdlAdapter
from unisync_adapters.timebase import Rate


def read_from_file(filepath: str, rate: float | str | None = None) -> otio.schema.Timeline:
    """Read a file; ``rate`` is its frame rate, which an EDL does not state.

    Raises:
        EditError: the file is damaged, or its rate is needed and not given.
    """
    path = Path(filepath)
    adapter = EdlAdapter(None if rate is None else Rate.of(rate))
    return adapter.read(path.read_bytes(), path, PathMap()).timeline
