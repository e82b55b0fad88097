"""Members of scanned OTIO objects: text, numbers, times and metadata, read tolerantly."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import opentimelineio as otio

from ..errors import EditError
from ..limits import check_number, check_rate
from ..otiotime import otio_time
from .scan import Node, Plain

_TIME = ("value", "rate")
_CONTRACT = {"origin", "refuse", "reel", "drop", "rate", "raster", "still", "sequence", "offline"}
"""What readers themselves say under ``metadata["unisync"]``: never taken from a file."""


def schema_of(node: Node) -> str:
    """The schema's name without its version: ``Clip`` for ``Clip.2``; empty if there is none."""
    label = node.get("OTIO_SCHEMA")
    return ((label.text if label else None) or "").rsplit(".", 1)[0]


def text_of(node: Node, key: str) -> str:
    """A string member; empty where it is missing, null or no string."""
    member = node.get(key)
    return (member.text if member else None) or ""


def number_of(node: Node | None, default: float) -> float:
    """A member's number; ``default`` where it is missing or holds something else.

    Raises:
        EditError: NaN, infinite, or so large that doubles do not count to it.
    """
    if node is None or isinstance(node.value, bool) or not isinstance(node.value, (int, float)):
        return default
    return check_number(node.value)


def count_of(node: Node | None, default: int) -> int:
    """A member's number as the library holds counts: 32 bits.

    Raises:
        EditError: larger.
    """
    value = int(number_of(node, default))
    if abs(value) >= 1 << 31:
        raise EditError(f"{value} is no number of frames")
    return value


def read_time(node: Node | None) -> otio.opentime.RationalTime | None:
    """A ``RationalTime`` with its rate snapped; None where it, its value or its rate is missing.

    A rate of 0 says as much as none.

    Raises:
        EditError: a value or a rate that no time has.
    """
    value, rate = (number_of(node.get(k), math.nan) if node else math.nan for k in _TIME)
    if math.isnan(value) or math.isnan(rate) or rate == 0:
        return None
    return otio_time(Fraction(value), check_rate(rate))


def read_range(node: Node | None) -> otio.opentime.TimeRange | None:
    """A ``TimeRange``; None where it or one of its times is missing.

    Raises:
        EditError: as :func:`read_time`, or a negative duration.
    """
    if node is None or node.value is None:
        return None
    start, duration = read_time(node.get("start_time")), read_time(node.get("duration"))
    if start is None or duration is None:
        return None
    if duration.value < 0:
        raise EditError(f"A duration of {duration.value:g} frames does not exist")
    return otio.opentime.TimeRange(start, duration)


def read_metadata(node: Node | None) -> dict[str, Any]:
    """An object's metadata as plain values that the library can hold."""
    if node is None or not isinstance(node.value, dict):
        return {}
    metadata = {held(key): _holdable(member.plain()) for key, member in node.value.items()}
    ours = metadata.get("unisync")
    if isinstance(ours, dict):
        metadata["unisync"] = {k: v for k, v in ours.items() if k not in _CONTRACT}
    return metadata


def _holdable(value: Plain) -> Any:
    """The library holds 64-bit integers and valid Unicode only."""
    if isinstance(value, dict):
        return {held(key): _holdable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_holdable(item) for item in value]
    if isinstance(value, str):
        return held(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return str(value)
    return value


def held(text: str) -> str:
    """Lone surrogates, which no UTF-8 text can hold, as replacement characters."""
    return text.encode("utf-8", "replace").decode("utf-8")
