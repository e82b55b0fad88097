"""Old takes kept in an FCPXML: the relinked clip and the old one in an ``audition``.

The audition stands where the clip stood. Its first element plays, the relinked clip; the second is
the clip as it was, for the editor to go back to, without what is connected to it, which the first
one has. A clip that is the pick of an audition already gets it as the next choice. A multicam clip
needs none: its old angle stays beside the new one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..compare import compare_timelines
from ..document import Relink
from ..errors import EditError
from ..fcp7.definition import indent_of, removed
from ..splice import TextEdit
from .detach import inner_line
from .item import Item
from .lay import reread
from .read import FcpxmlDocument
from .tags import Tag, connected, drop_attribute, quoted
from .verify import sounds_of, unsaid

_PLACE = ("lane", "offset")
"""Attributes that say where a clip lies, and which its audition has in its place."""


@dataclass(frozen=True, slots=True)
class _Take:
    """A relinked clip, the clip that it was, and the audition that holds it in the edit read."""

    old: Item
    new: Tag
    audition: Tag | None


def keep_takes(document: FcpxmlDocument, data: bytes, relinks: Sequence[Relink]) -> bytes:
    """The edit, in which these clips are relinked, with the old ones as alternates."""
    read = reread(document, data)
    edits: list[TextEdit] = []
    for take in _takes(document, read, relinks):
        edits += _added(take)
    return read.source.spliced(data, edits)


def verify_kept(
    document: FcpxmlDocument, data: bytes, kept: bytes, relinks: Sequence[Relink]
) -> None:
    """Raise unless ``kept`` is ``data`` with exactly these alternates more.

    Raises:
        EditError: naming what differs.
    """
    before, after = reread(document, data), reread(document, kept)
    takes = zip(_takes(document, before, relinks), _takes(document, after, relinks), strict=True)
    edits = [edit for was, now in takes for edit in _undone(document, was, now)]
    if after.source.spliced(kept, edits) != data:
        raise _wrong(document, "Keeping the takes would change more than their clips")
    old, new = before.timeline.clone(), after.timeline.clone()
    for sound in (*sounds_of(old), *sounds_of(new)):
        unsaid(sound)
    compare_timelines(old, new, [], name=None, file=document.path)


def _takes(
    document: FcpxmlDocument, read: FcpxmlDocument, relinks: Sequence[Relink]
) -> list[_Take]:
    """The relinked clips in document order; keys count elements, of which some are new."""
    if len(read.origins) != len(document.origins):
        raise _wrong(document, "Keeping the takes would change how many clips there are")
    keys = dict(zip(document.origins, read.origins, strict=True))
    picks = _picks(read)
    takes = []
    for relink in relinks:
        item = document.items[relink.origin]
        if item.angle is None:
            element = read.items[keys[relink.origin]].element
            takes.append(_Take(item, element, picks.get(element.row)))
    return sorted(takes, key=lambda take: take.new.row)


def _picks(read: FcpxmlDocument) -> Mapping[int, Tag]:
    """Every audition by the row of its pick."""
    found = {}
    for element in read.root.element.below("audition"):
        audition = Tag(element)
        if story := audition.story():
            found[story[0].row] = audition
    return found


def _around(take: _Take) -> tuple[str, str]:
    """What stands before and after a relinked clip, whose audition this makes or has."""
    line = indent_of(take.new.element)
    if take.audition is not None:
        return "", line + _alternate(take.old)
    inside = inner_line(line)
    place = [(name, take.new.get(name)) for name in _PLACE]
    stated = "".join(f' {name}="{quoted(value)}"' for name, value in place if value is not None)
    return f"<audition{stated}>{inside}", f"{inside}{_alternate(take.old)}{line}</audition>"


def _added(take: _Take) -> Iterator[TextEdit]:
    """The old clip as the next choice: in the clip's audition, or in a new one where it stands."""
    element = take.new.element
    before, after = _around(take)
    yield TextEdit(element.start, element.start, before)
    if take.audition is None:
        for name in _PLACE:
            yield from drop_attribute(element, name)
    yield TextEdit(element.end, element.end, after)


def _undone(document: FcpxmlDocument, was: _Take, now: _Take) -> Iterator[TextEdit]:
    """What takes the alternate out again, which must be the old clip."""
    story = now.audition.story() if now.audition is not None else []
    if len(story) < 2 or not _is_old(was.old, story[1]):
        raise _wrong(document, "Another take than the old one would be kept", was.old)
    before, after = _around(was)
    pick, text = now.new.element, now.new.element.source.text
    start, end = pick.start - len(before), pick.end + len(after)
    if (text[start : pick.start], text[pick.end : end]) != (before, after):
        raise _wrong(document, "Keeping the take would change more than its clip", was.old)
    opening = was.new.element
    yield TextEdit(start, pick.inner, opening.source.text[opening.start : opening.inner])
    yield TextEdit(pick.end, end, "")


def _is_old(old: Item, alternate: Tag) -> bool:
    """Whether an alternate is the old clip: what it plays, from when, for how long."""
    wanted = {k: v for k, v in old.element.attributes.items() if k not in _PLACE}
    same = alternate.name == old.element.name and alternate.attributes == wanted
    return same and alternate.element.raw == _alternate(old)


def _alternate(old: Item) -> str:
    """The old clip's own text, without its place and without what is connected to it."""
    element = old.element.element
    apart = [*_anchored(old.element)]
    if old.media is not old.element:
        apart += _anchored(old.media)
    edits = [edit for name in _PLACE for edit in drop_attribute(element, name)]
    edits += [removed(tag.element) for tag in apart]
    text, position = "", element.start
    for start, end, new in sorted(edits):
        text += element.source.text[position:start] + new
        position = end
    return text + element.source.text[position : element.end]


def _anchored(tag: Tag) -> list[Tag]:
    return [*connected(tag), *tag.all("caption")]


def _wrong(document: FcpxmlDocument, what: str, item: Item | None = None) -> EditError:
    clip = None if item is None else item.element.get("name")
    return EditError(what, file=document.path, clip=clip)
