"""What counts in an element's clock, and moves with it so that it stays where it is in the record.

A relinked clip whose new media has another timecode, or whose speed is baked, has another clock:
its markers, keyframes and the offsets of what is connected to it are counted anew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fractions import Fraction

from ..errors import EditError
from ..splice import TextEdit
from ..timebase import format_seconds
from .tags import Tag, parse_time, set_attribute

_TIMES = {
    "marker": ("start",),
    "chapter-marker": ("start",),
    "analysis-marker": ("start",),
    "hidden-clip-marker": ("start",),
    "rating": ("start",),
    "keyword": ("start",),
    "keyframe": ("time",),
    "mute": ("start",),
}
_LENGTHS = frozenset(("duration", "posterOffset"))


@dataclass(frozen=True, slots=True)
class Clock:
    """An old clock's time ``old`` is ``new`` in the new one, which runs ``scale`` times as fast."""

    old: Fraction
    new: Fraction
    scale: Fraction = Fraction(1)

    @property
    def still(self) -> bool:
        return self.old == self.new and self.scale == 1

    def moved(self, time: Fraction) -> Fraction:
        return self.new + (time - self.old) * self.scale


def counted(tag: Tag, held: list[Tag], gone: Collection[Tag] = ()) -> Iterator[tuple[Tag, str]]:
    """Elements and their attributes that are times of this element's clock.

    Args:
        tag: the element.
        held: what is connected to it.
        gone: children that leave the document, or go on in the old clock; the element itself,
            where its own sound does.
    """
    for child in held:
        if child.get("offset") is not None:
            yield child, "offset"
    for caption in tag.all("caption"):
        if caption.get("offset") is not None:
            yield caption, "offset"
    left = {f.row for lost in gone if lost is not tag for f in (lost, *lost.own())}
    for child in tag.own():
        if child.row not in left:
            for name in _TIMES.get(child.name, ()):
                if child.get(name) is not None:
                    yield child, name
    if tag.get("audioStart") is not None and tag not in gone:
        yield tag, "audioStart"


def unknown_time(tag: Tag, gone: Collection[Tag] = ()) -> Tag | None:
    """The first element of this one's own with a time that we cannot tell how to count anew."""
    left = {f.row for lost in gone if lost is not tag for f in (lost, *lost.own())}
    for child in tag.own():
        if child.row in left or child.name in ("md", "param", "sync-source"):
            continue
        known = _LENGTHS.union(_TIMES.get(child.name, ()))
        for name, value in child.attributes.items():
            if name not in known and parse_time(value) is not None:
                return child
    return None


def moved(tag: Tag, held: list[Tag], clock: Clock, gone: Collection[Tag] = ()) -> list[TextEdit]:
    """Everything that counts in this element's clock, in the new one.

    Raises:
        EditError: it holds times of which we do not know what they count in.
    """
    if clock.still:
        return []
    unknown = unknown_time(tag, gone)
    if unknown is not None:
        raise EditError(f"It holds <{unknown.name}>, whose times would not follow the new media")
    edits = []
    for found, name in counted(tag, held, gone):
        time = found.time(name)
        if time is not None:
            value = format_seconds(clock.moved(time))
            edits.append(set_attribute(found.element, name, value))
    return edits
