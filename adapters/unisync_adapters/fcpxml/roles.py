"""Which sound of its file an element plays, and in what roles."""

from __future__ import annotations

from collections.abc import Iterator

from .tags import Tag

_DEFAULT_ROLE = "dialogue"


def roles(tag: Tag) -> Iterator[tuple[str, list[int]]]:
    """What an element plays of its file: roles, and the channels in each (none: all)."""
    if tag.name == "audio":
        yield tag.get("role") or _DEFAULT_ROLE, _channels(tag)
        return
    role = tag.get("audioRole") or _DEFAULT_ROLE
    sources = tag.all("audio-channel-source")
    if not sources:
        yield role, []
    for source in sources:
        if not (source.is_off("active") or source.is_off("enabled")):
            yield source.get("role") or role, _channels(source)


def _channels(tag: Tag) -> list[int]:
    parts = (tag.get("srcCh") or "").split(",")
    return [int(part) for part in parts if part.strip().isdecimal() and len(part) < 6]
