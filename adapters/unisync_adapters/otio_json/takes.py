"""Old takes kept in an OTIO JSON: the new media is one more of a clip's ``media_references``.

The old reference stays under its own key, as it was written; the new one has a key of ours
(``unisync_fr``) and is active. All references of a clip share its in-point and its speed, so that a
clip whose speed is baked into the new media keeps no take: the old one would run at another speed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..compare import compare_timelines
from ..document import Document, Relink
from ..errors import EditError
from ..splice import Edit, splice
from .build import active_key, build_clip
from .fields import text_of
from .patch import Writer
from .read import reread
from .scan import Node, scan

_ACTIVE = "active_media_reference_key"


def keep_takes(document: Document, data: bytes, relinks: Sequence[Relink]) -> bytes:
    """The edit, in which these clips are relinked, with their old references beside the new.

    Raises:
        EditError: a clip with one place for media (``Clip.1``), or one whose new media has another
            clock than the old.
    """
    old_root, root = scan(document.data), scan(data)
    for origin in document.origins:
        _references(document, old_root.at(origin))
    edits: list[Edit] = []
    writer = Writer.like(data)
    for relink in relinks:
        if not relink.baked:
            old, new = old_root.at(relink.origin), root.at(relink.origin)
            edits += _kept(document, writer, relink, old, new)
    return splice(data, edits)


def verify_kept(document: Document, data: bytes, kept: bytes, relinks: Sequence[Relink]) -> None:
    """Raise unless ``kept`` is ``data`` with exactly the old references more.

    Raises:
        EditError: naming what differs.
    """
    old_root, before, after = scan(document.data), scan(data), scan(kept)
    edits: list[Edit] = []
    for relink in relinks:
        if not relink.baked:
            clips = (root.at(relink.origin) for root in (old_root, before, after))
            edits += _undone(document, data, kept, *clips)
    if splice(kept, edits) != data:
        raise EditError("Keeping the takes would change more than their clips", file=document.path)
    old = reread(document, data, before).timeline.clone()
    new = reread(document, kept, after).timeline.clone()
    for timeline in (old, new):
        for clip in timeline.find_clips():  # the others are proven by their bytes
            clip.set_media_references({"take": clip.media_reference.clone()}, "take")
    compare_timelines(old, new, [], name=None, file=document.path)


def _kept(
    document: Document, writer: Writer, relink: Relink, old: Node, new: Node
) -> Iterator[Edit]:
    key = active_key(new)
    references = _references(document, new)
    before, after = _references(document, old).get(key), references.get(key)
    assert before is not None, "it has been relinked"
    assert after is not None, "it has been relinked"
    if build_clip(old).trimmed_range().start_time != build_clip(new).trimmed_range().start_time:
        raise EditError(
            "The new media has another clock than the old, so both cannot be takes of one clip",
            file=document.path,
            clip=text_of(old, "name") or None,
            remedy="Leave out --keep-takes",
        )
    name = _free(references, relink.language)
    # what stands before the first member of the object stands before this one too
    space = _space_in(writer.data, references)
    kept = document.data[before.start : before.end]
    text = kept + b"," + space + writer.text(name) + b": "
    yield Edit(after.start, after.start, text)
    yield from writer.member(new, _ACTIVE, name)


def _undone(
    document: Document, data: bytes, kept: bytes, old: Node, was: Node, now: Node
) -> Iterator[Edit]:
    """What takes the old reference out again, which must be written as it was."""
    key, name = active_key(was), active_key(now)
    before = _references(document, old).get(key)
    held, new = (_references(document, now).get(k) for k in (key, name))
    if before is None or held is None or new is None or key == name:
        raise EditError("A take would not be kept", file=document.path, clip=text_of(old, "name"))
    if kept[held.start : held.end] != document.data[before.start : before.end]:
        raise EditError(
            "Another take than the old one would be kept",
            file=document.path,
            clip=text_of(old, "name"),
        )
    yield Edit(held.start, new.start, b"")
    active, stated = now.get(_ACTIVE), was.get(_ACTIVE)
    if active is not None and stated is not None:
        yield Edit(active.start, active.end, data[stated.start : stated.end])
    elif active is not None:
        inserted = Writer.like(data).insert(was, _ACTIVE, name)
        begin = now.start + 1
        yield Edit(begin, begin + len(inserted.text), b"")


def _references(document: Document, clip: Node) -> Node:
    found = clip.get("media_references")
    if found is None:
        raise EditError(
            "The clip has one place for media, so that no take can be kept in it",
            file=document.path,
            clip=text_of(clip, "name") or None,
            remedy="Leave out --keep-takes, or export from a program with OpenTimelineIO 0.15",
        )
    return found


def _free(references: Node, language: str | None) -> str:
    """A key for the new reference that the clip does not have."""
    name = base = f"unisync_{language}" if language else "unisync"
    number = 1
    while references.get(name) is not None:
        number += 1
        name = f"{base}_{number}"
    return name


def _space_in(data: bytes, references: Node) -> bytes:
    begin = references.start + 1
    rest = data[begin : references.end]
    return rest[: len(rest) - len(rest.lstrip())]
