"""Sound that must stay on the old file: detached from its picture, as an editor would.

An ``asset-clip`` is one with its sound. Where the new media does not carry all of it (a baked speed
has none, a split edit sounds beyond the picture), the clip goes on as picture alone, and its sound
becomes a clip of its own connected under it, with its roles, levels and filters, on the old file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..fcp7.definition import indent_of, removed
from ..fcp7.text import XmlText
from ..splice import TextEdit
from ..timebase import format_seconds
from .clock import Clock
from .item import Item
from .tags import Tag, drop_attribute, quoted, set_attribute

_SOUND = frozenset(
    (
        *("adjust-volume", "adjust-panner", "adjust-loudness", "adjust-noiseReduction"),
        *("adjust-humReduction", "adjust-EQ", "adjust-matchEQ", "adjust-voiceIsolation"),
        *("audio-channel-source", "filter-audio"),
    )
)
_TIMING = ("conform-rate", "timeMap")
_LANE = re.compile(r"\slane\s*=\s*[\"'](-\d{1,6})[\"']")


def sound_parts(tag: Tag) -> tuple[Tag, ...]:
    """Children of a clip that are about its sound, in their order."""
    return tuple(child for child in tag.children() if child.name in _SOUND)


def lowest_lane(source: XmlText) -> int:
    """The lowest lane that is used in a document; 0 if none lies below its storyline."""
    return min((int(lane) for lane in _LANE.findall(source.text)), default=0)


def detach_edits(item: Item, clock: Clock, lane: int) -> Iterator[TextEdit]:
    """The clip without its sound, and its sound in this lane.

    Its ``ref``, ``start`` and speed are not looked at here.
    """
    tag = item.element
    element = tag.element
    yield set_attribute(element, "srcEnable", "video", after="duration")
    for name in ("audioStart", "audioDuration", "audioRole"):
        yield from drop_attribute(element, name)
    yield from (removed(part.element) for part in sound_parts(tag))
    text = _sound(item, clock, lane)
    leading = [c for c in tag.children() if c.name == "note" or c.name.startswith("adjust-")]
    leading += [c for c in tag.children() if c.name in _TIMING or c.name == "object-tracker"]
    if element.is_empty_tag:
        line = indent_of(element)
        yield TextEdit(
            element.end - 2, element.end, f">{inner_line(line)}{text}{line}</{tag.name}>"
        )
    elif leading:
        last = max(leading, key=lambda child: child.row).element
        yield TextEdit(last.end, last.end, indent_of(last) + text)
    else:
        line = indent_of(tag.children()[0].element) if tag.children() else ""
        yield TextEdit(element.inner, element.inner, line + text)


def _sound(item: Item, clock: Clock, lane: int) -> str:
    tag = item.element
    begin = tag.time("audioStart")
    begin = item.start if begin is None else begin
    attributes = {
        "ref": tag.get("ref"),
        "lane": str(lane),
        "offset": format_seconds(clock.moved(begin)),
        "name": tag.get("name"),
        "start": format_seconds(begin),
        "duration": tag.get("audioDuration") or format_seconds(item.length),
        "enabled": tag.get("enabled"),
        "srcEnable": "audio",
        "format": tag.get("format"),
        "tcFormat": tag.get("tcFormat"),
        "audioRole": tag.get("audioRole"),
    }
    written = "".join(f' {k}="{quoted(v)}"' for k, v in attributes.items() if v is not None)
    parts = [child for child in tag.children() if child.name in _TIMING]
    parts += sound_parts(tag)
    if not parts:
        return f"<asset-clip{written}/>"
    body = "".join(f"{inner_line(indent_of(part.element))}{part.element.raw}" for part in parts)
    return f"<asset-clip{written}>{body}{indent_of(parts[0].element)}</asset-clip>"


def inner_line(line: str) -> str:
    """One step deeper than this line."""
    return line + "    " if "\n" in line else line
