"""OTIO JSON as different programs shape it, small enough to read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from unisync_adapters.document import Document, PathMap
from unisync_adapters.otio_json import ADAPTER

Json = dict[str, Any]


def time(value: float, rate: float = 24.0) -> Json:
    return {"OTIO_SCHEMA": "RationalTime.1", "rate": rate, "value": value}


def span(start: float, duration: float, rate: float = 24.0) -> Json:
    return {
        "OTIO_SCHEMA": "TimeRange.1",
        "duration": time(duration, rate),
        "start_time": time(start, rate),
    }


def external(url: str = "/Users/me/plate.mov", available: Json | None = None, **more: Any) -> Json:
    return {
        "OTIO_SCHEMA": "ExternalReference.1",
        "metadata": {},
        "name": "",
        "available_range": available or span(86400.0, 2400.0),
        "target_url": url,
        **more,
    }


def clip(name: str = "sh010", source: Json | None = None, **more: Any) -> Json:
    return {
        "OTIO_SCHEMA": "Clip.2",
        "metadata": {},
        "name": name,
        "source_range": source or span(86500.0, 48.0),
        "effects": [],
        "markers": [],
        "enabled": True,
        "media_references": {"DEFAULT_MEDIA": external()},
        "active_media_reference_key": "DEFAULT_MEDIA",
        **more,
    }


def gap(duration: float) -> Json:
    return {"OTIO_SCHEMA": "Gap.1", "name": "", "source_range": span(0.0, duration)}


def warp(scalar: float, schema: str = "LinearTimeWarp.1") -> Json:
    return {
        "OTIO_SCHEMA": schema,
        "metadata": {},
        "name": "Speed",
        "effect_name": "LinearTimeWarp",
        "time_scalar": scalar,
    }


def marker(name: str, start: float, **more: Any) -> Json:
    return {
        "OTIO_SCHEMA": "Marker.2",
        "metadata": {},
        "name": name,
        "color": "RED",
        "marked_range": span(start, 0.0),
        **more,
    }


def track(*items: Json, kind: str = "Video", name: str = "", **more: Any) -> Json:
    return {
        "OTIO_SCHEMA": "Track.1",
        "metadata": {},
        "name": name,
        "kind": kind,
        "children": list(items),
        **more,
    }


def stack(*items: Json, **more: Any) -> Json:
    return {"OTIO_SCHEMA": "Stack.1", "name": "tracks", "children": list(items), **more}


def timeline(*tracks: Json, name: str = "cut", **more: Any) -> Json:
    return {
        "OTIO_SCHEMA": "Timeline.1",
        "metadata": {},
        "name": name,
        "global_start_time": time(86400.0),
        "tracks": stack(*tracks),
        **more,
    }


def dump(document: Json) -> bytes:
    return json.dumps(document, indent=4, ensure_ascii=False).encode()


def opened(document: Json | bytes, path_map: PathMap | None = None, **more: Any) -> Document:
    data = document if isinstance(document, bytes) else dump(document)
    return ADAPTER.read(data, Path("cut.otio"), path_map or PathMap(), **more)
