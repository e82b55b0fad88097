"""Relink clips of an FCPXML document by changing the spans that must change.

A relinked clip refers to an ``asset`` of its own, a copy of the old one beside it. Its ``start``
moves only where the new media's timecode or a baked speed gives its clip another clock; then what
counts in that clock moves too. In a ``clip`` the ``video`` inside is relinked and its sound stays
on the old file; an ``asset-clip`` is one with its sound, which the new file carries.

A changed project or compound gets a new ``uid``, the same for the same change: a library that
already holds the old one takes the new one beside it.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import cycle

from ..document import Relink
from ..errors import EditError, UniSyncError
from ..fcp7.definition import removed
from ..splice import TextEdit
from ..timebase import format_seconds
from .angles import angle_edits
from .assets import AssetWriter
from .clock import Clock, moved
from .detach import detach_edits, lowest_lane, sound_parts
from .item import Item
from .read import FcpxmlDocument
from .tags import Tag, connected, set_attribute


def patch_document(document: FcpxmlDocument, relinks: Sequence[Relink], name: str | None) -> bytes:
    """The document's bytes with the clips relinked and the project renamed.

    Raises:
        EditError: a clip that was refused, or whose retime is not baked.
    """
    edits = _relink_all(document, relinks)
    if name is not None:
        edits += _rename(document.edit.tag, name)
    edits += _new_uids(document, relinks, name)
    return document.source.spliced(document.data, edits)


def _relink_all(document: FcpxmlDocument, relinks: Sequence[Relink]) -> list[TextEdit]:
    assets = AssetWriter(document)
    edits: list[TextEdit] = []
    below = lowest_lane(document.source)
    # neighbours may sound at once, so they take turns in two lanes
    lanes = cycle((below - 1, below - 2))
    for relink in relinks:
        item = document.items[relink.origin]
        try:
            _check(item, relink)
            identity, format_ = assets.write(item, relink)
            edits += _stated(item)
            if item.angle is not None:
                edits += angle_edits(item, relink, identity)
            elif item.media is item.element:
                edits += _clip_edits(item, relink, identity, format_)
                if item.detach:
                    edits += detach_edits(item, clip_clock(item, relink), next(lanes))
            else:
                edits += _video_edits(item, relink, identity)
        except UniSyncError as error:
            raise EditError(
                error.what,
                file=document.path,
                clip=document.origins[relink.origin].name,
                remedy=error.remedy,
            ) from error
    return [*assets.edits, *edits]


def _check(item: Item, relink: Relink) -> None:
    if item.refuse:
        raise EditError(item.refuse, remedy="Leave this clip as it is")
    if item.retime.is_changed and not relink.baked:
        raise EditError(
            "The clip is retimed, and its new media does not have the retime baked",
            remedy="Render it as it plays and relink it as baked",
        )


def new_time(item: Item, relink: Relink) -> Fraction:
    """Time of the new media at which the clip begins.

    Where the new media keeps the timecode of its pictures this is the old time, between two frames
    too.
    """
    frame = relink.start_frame + relink.source_in
    old = item.media_time(item.start)
    if not relink.baked and relink.rate.frame_at(old) == frame:
        return old
    return relink.rate.seconds(frame)


def _stated(item: Item) -> Iterator[TextEdit]:
    """What the clip took from its asset, which is another now, said by the clip itself."""
    tag = item.element
    if not tag.get("name") and item.asset.name:
        yield set_attribute(tag.element, "name", item.asset.name, after="offset")
    if tag.get("duration") is None:
        yield set_attribute(tag.element, "duration", format_seconds(item.length), after="offset")


def clip_clock(item: Item, relink: Relink) -> Clock:
    """How the clock of a clip that is one with its media is set anew."""
    return Clock(item.start, new_time(item, relink), 1 / item.retime.pace)


def _clip_edits(
    item: Item, relink: Relink, identity: str, format_: str | None
) -> Iterator[TextEdit]:
    """An ``asset-clip``, or a ``video`` that is a clip: its clock is the media's."""
    tag = item.element
    yield set_attribute(tag.element, "ref", identity)
    gone = item.retime.tags if relink.baked else ()
    clock = clip_clock(item, relink)
    if tag.time("start") != clock.new:
        yield set_attribute(tag.element, "start", format_seconds(clock.new), after="name")
    if format_ is not None and tag.get("format") not in (None, format_):
        yield set_attribute(tag.element, "format", format_)
    yield from (removed(found.element) for found in gone)
    # detached sound goes on in the old clock
    apart = (tag, *sound_parts(tag)) if item.detach else ()
    yield from moved(tag, connected(tag), clock, (*gone, *apart))


def _video_edits(item: Item, relink: Relink, identity: str) -> Iterator[TextEdit]:
    """A ``clip``: the ``video`` in it comes to lie where the new media belongs in its clock."""
    tag, video = item.element, item.media
    begin = relink.rate.seconds(relink.start_frame)
    values = {
        "ref": identity,
        "offset": format_seconds(item.start - (new_time(item, relink) - begin)),
        "start": format_seconds(begin),
        "duration": format_seconds(relink.rate.seconds(relink.duration)),
    }
    for name, value in values.items():
        if video.get(name) != value:
            yield set_attribute(video.element, name, value, after="offset")
    inside = Clock(item.media_time(item.start), new_time(item, relink))
    yield from moved(video, connected(video), inside)
    if relink.baked:
        yield from (removed(found.element) for found in item.retime.tags)
        clock = Clock(item.start, item.start, 1 / item.retime.pace)
        yield from moved(tag, connected(tag), clock, item.retime.tags)


def _rename(tag: Tag, name: str) -> Iterator[TextEdit]:
    if tag.get("name") != name:
        yield set_attribute(tag.element, "name", name)


def _new_uids(
    document: FcpxmlDocument, relinks: Sequence[Relink], name: str | None
) -> Iterator[TextEdit]:
    """New ``uid`` for the renamed project and for every compound whose picture changes."""
    root = document.edit
    known = root.tag.get("uid")
    if name is not None and known and root.media is None:
        fresh = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{known.lower()}/{name}"))
        yield set_attribute(root.tag.element, "uid", fresh.upper() if known.isupper() else fresh)
    changed = _changed_media(document, relinks)
    if name is not None and root.media is not None:
        changed[root.media.row] = root.media
    salt = "/".join([name or "", *sorted(str(relink.path) for relink in relinks)])
    for media in changed.values():
        if known := media.get("uid"):
            digest = uuid.uuid5(uuid.NAMESPACE_URL, f"{known}/{salt}").bytes
            fresh = base64.b64encode(digest).decode("ascii").rstrip("=")
            yield set_attribute(media.element, "uid", fresh)


def _changed_media(document: FcpxmlDocument, relinks: Sequence[Relink]) -> dict[int, Tag]:
    """Compounds and multicams that hold a relinked clip, and those that hold one of them."""
    items = [document.items[relink.origin] for relink in relinks]
    changed = {media.row: media for item in items for media in item.nest}
    changed |= {item.angle.media.row: item.angle.media for item in items if item.angle is not None}
    users = _users(document) if changed else {}
    waiting = list(changed.values())
    while waiting:
        for user in users.get(waiting.pop().get("id") or "", []):
            if user.row not in changed:
                changed[user.row] = user
                waiting.append(user)
    return changed


def _users(document: FcpxmlDocument) -> dict[str, list[Tag]]:
    """The compounds in which each compound or multicam is used, by its id."""
    users: dict[str, list[Tag]] = {}
    for media in document.resources.tags.values():
        if media.name == "media":
            for name in ("ref-clip", "mc-clip"):
                for clip in media.element.below(name):
                    users.setdefault(clip.attributes().get("ref", ""), []).append(media)
    return users
