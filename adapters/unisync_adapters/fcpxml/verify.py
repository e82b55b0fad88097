"""Prove by a fresh read that a patch changed the relinked clips' media and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path

import opentimelineio as otio

from ..compare import compare_timelines
from ..document import Relink
from ..errors import EditError
from ..image_sequence import spelled_like
from ..otiotime import exact_seconds
from ..urls import MediaUrl, map_to_local
from .clock import counted
from .detach import sound_parts
from .read import FcpxmlDocument, read_document
from .resources import KINDS, media_url
from .tags import STORY, Tag, connected

_SAME_TIME = Fraction(1, 100_000)
_REPORT = "Nothing was written; keep the original edit and report this"
_SPLIT = ("srcEnable", "audioStart", "audioDuration", "audioRole")
_MEDIA = ("ref", "start", "format", "offset", "duration")


def verify_document(
    document: FcpxmlDocument, patched: bytes, relinks: Sequence[Relink], name: str | None
) -> None:
    """Raise unless only the relinks' media (and the project's name) differ.

    Raises:
        EditError: naming the first clip, track, marker or element that differs.
    """
    after = read_document(
        patched, document.path, document.path_map, document.adapter, document.position
    )
    old, new = document.timeline.clone(), after.timeline.clone()
    _settle_sound(document, relinks, old, new)
    compare_timelines(old, new, relinks, name=name, file=document.path)
    _compare_elements(document, after, relinks, name)
    _compare_files(document, after, relinks)


def _compare_files(
    before: FcpxmlDocument, after: FcpxmlDocument, relinks: Sequence[Relink]
) -> None:
    """New assets lead to the new files, wherever those lie."""
    folder = before.path.parent
    new = (t for key, t in after.resources.tags.items() if key not in before.resources.tags)
    urls = [media_url(tag) for tag in new if tag.name == "asset"]
    found = {map_to_local(url, before.path_map, folder) for url in urls}
    if found != {_spelled(before, relink) for relink in relinks}:
        raise EditError(
            "The patch would name other files than the new media", file=before.path, remedy=_REPORT
        )


def _spelled(document: FcpxmlDocument, relink: Relink) -> Path:
    """The new media, an image sequence as its author writes such names."""
    old = MediaUrl.parse(document.items[relink.origin].asset.url)
    return spelled_like(relink.path, old.name)


def _settle_sound(
    document: FcpxmlDocument,
    relinks: Sequence[Relink],
    before: otio.schema.Timeline,
    after: otio.schema.Timeline,
) -> None:
    """Sound that is one element with a relinked picture went with it to the new file, to the
    sample; with that proven, it counts as unchanged."""
    wanted = {relink.origin: relink for relink in relinks}
    pairs = list(zip_longest(sounds_of(before), sounds_of(after)))
    for a, b in pairs:
        if a is None or b is None:
            raise EditError("The patch would change how many sounds there are", file=document.path)
        key = unsaid(a)
        unsaid(b)
        relink = wanted.get(key or "")
        # detached sound stays as it was, which is compared like all the rest
        if relink is not None and not document.items[relink.origin].detach:
            _same_sound(document, relink, a, b)
            b.media_reference = a.media_reference.clone()
            b.source_range = a.source_range


def sounds_of(timeline: otio.schema.Timeline) -> Iterator[otio.schema.Clip]:
    """Every clip on the audio tracks."""
    for track in timeline.tracks:
        if track.kind == otio.schema.TrackKind.Audio:
            yield from track.find_clips()


def unsaid(clip: otio.schema.Clip) -> str | None:
    """The picture's key out of a sound's metadata: keys count elements, of which some are new."""
    facts = dict(clip.metadata.get("unisync", {}))
    key: str | None = facts.pop("sound_of", None)
    clip.metadata["unisync"] = facts
    return key


def _same_sound(
    document: FcpxmlDocument, relink: Relink, a: otio.schema.Clip, b: otio.schema.Clip
) -> None:
    """The new file's sound lies under its pictures as the old file's lay under the old ones."""
    item = document.items[relink.origin]
    media = b.media_reference
    new_name = MediaUrl.parse(getattr(media, "target_url", "") or "-").name
    rate = relink.rate
    picture = rate.seconds(relink.start_frame + relink.source_in)
    old = exact_seconds(a.trimmed_range().start_time) - item.media_time(item.start)
    new = exact_seconds(b.trimmed_range().start_time) - picture
    lag = abs(new - old)
    # a clip may begin between two frames; its sound then begins there too
    if new_name != _spelled(document, relink).name or lag > _SAME_TIME + (1 / rate.fps):
        raise EditError(
            "The patch would move a clip's sound",
            file=document.path,
            clip=a.name,
            remedy=_REPORT,
        )


def _compare_elements(
    before: FcpxmlDocument, after: FcpxmlDocument, relinks: Sequence[Relink], name: str | None
) -> None:
    """Every element, but for what a relink changes of its own."""
    free = _free(before, relinks)
    if name is not None:
        free.setdefault(before.edit.tag.row, set()).update(("name", "uid"))
    items = [before.items[relink.origin] for relink in relinks]
    gone = {t.row for r, i in zip(relinks, items, strict=True) if r.baked for t in i.retime.tags}
    detached = {item.element.row for item in items if item.detach}
    angled = {item.element.row for item in items if item.angle is not None}
    waiting = [(before.root, after.root)]
    while waiting:
        a, b = waiting.pop()
        _same_element(before, a, b, free.get(a.row, set()))
        old, new = a.children(), b.children()
        if a.name == "resources":
            new = [c for c in new if c.get("id") in before.resources.tags or c.name not in KINDS]
        elif a.name == "multicam" and angled:
            known = {angle.get("angleID") for angle in old}
            new = [c for c in new if c.name != "mc-angle" or c.get("angleID") in known]
        elif a.row in angled:
            old, new = ([c for c in held if c.name != "mc-source"] for held in (old, new))
        if a.row in detached:
            new = _without_detached(before, a, old, new)
            old = [child for child in old if child not in sound_parts(a)]
        old = [child for child in old if child.row not in gone]
        if len(old) != len(new):
            raise _differs(before, a, f"{len(new)} elements of {len(old)} in")
        waiting += zip(old, new, strict=True)


def _without_detached(
    before: FcpxmlDocument, clip: Tag, old: list[Tag], new: list[Tag]
) -> list[Tag]:
    """The new children but for the first thing connected, which must be the old clip's sound."""
    story = [child for child in new if child.name in STORY]
    sound = story[0] if len(story) == len([c for c in old if c.name in STORY]) + 1 else None
    parts = [*clip.all("conform-rate"), *clip.all("timeMap"), *sound_parts(clip)]
    if (
        sound is None
        or sound.get("ref") != clip.get("ref")
        or [c.element.raw for c in sound.children()] != [p.element.raw for p in parts]
    ):
        raise _differs(before, clip, "other sound in")
    return [child for child in new if child is not sound]


def _same_element(before: FcpxmlDocument, a: Tag, b: Tag, free: set[str]) -> None:
    if a.name != b.name:
        raise _differs(before, a, f"<{b.name}> in place of")
    for attribute in a.attributes.keys() | b.attributes.keys():
        if attribute not in free and a.get(attribute) != b.get(attribute):
            raise _differs(before, a, f"another {attribute} of")
    leaf = not a.children() and not b.children()
    if leaf and a.element.text != b.element.text:
        raise _differs(before, a, "another text of")


def _free(document: FcpxmlDocument, relinks: Sequence[Relink]) -> dict[int, set[str]]:
    """Attributes that may change, by their element's row; where they lead, OTIO has compared."""
    free: dict[int, set[str]] = {}
    for relink in relinks:
        item = document.items[relink.origin]
        free.setdefault(item.media.row, set()).update(_MEDIA if item.angle is None else ())
        if not item.element.get("name"):
            free.setdefault(item.element.row, set()).add("name")
        if item.detach:
            free[item.media.row].update(_SPLIT)
        for tag in (item.element, item.media):
            gone = item.retime.tags if relink.baked else ()
            for found, name in counted(tag, connected(tag), gone):
                free.setdefault(found.row, set()).add(name)
    for tag in document.resources.tags.values():
        if tag.name == "media":
            free.setdefault(tag.row, set()).add("uid")
    return free


def _differs(document: FcpxmlDocument, tag: Tag, what: str) -> EditError:
    name = tag.get("name")
    error = EditError(f"The patch would leave {what} <{tag.name}>", clip=name, remedy=_REPORT)
    error.file = str(document.path)
    return tag.located(error)
