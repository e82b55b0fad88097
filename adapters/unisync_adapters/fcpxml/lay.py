"""Sound laid in an FCPXML: connected to the storyline, below everything, in a role of its own.

This format has no tracks. A connected clip goes where the storyline's clip goes that it hangs on:
that which plays when the sound begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import takewhile

from ..document import Lay
from ..errors import EditError
from ..fcp7.definition import indent_of
from ..fcp7.lay import without
from ..laid import NewTrack, compare_laid
from ..splice import TextEdit
from ..timebase import format_seconds
from ..urls import LocalUrls, MediaUrl
from .assets import OURS
from .detach import inner_line, lowest_lane
from .read import FcpxmlDocument, Reader, read_document
from .retime import retime_of
from .tags import Tag, quoted
from .verify import sounds_of, unsaid

_ROLE = re.compile(r"\b(?:audioR|r)ole\s*=\s*[\"']([^\"']*)[\"']")
_AFTER = frozenset(
    (
        *("marker", "chapter-marker", "rating", "keyword", "analysis-marker"),
        *("hidden-clip-marker", "audio-channel-source", "audio-role-source", "sync-source"),
        *("filter-video", "filter-video-mask", "filter-audio", "metadata", "reserved"),
    )
)
"""What stands behind the connected clips of an element (Apple's DTDs)."""
_HOLDERS = frozenset(
    ("asset-clip", "clip", "video", "gap", "title", "ref-clip", "mc-clip", "sync-clip")
)


@dataclass(frozen=True, slots=True)
class _Holder:
    """An item of the storyline, the second at which it begins, and how long it lasts."""

    tag: Tag
    at: Fraction
    start: Fraction
    length: Fraction
    pace: Fraction

    def clock(self, second: Fraction) -> Fraction:
        """The item's own time at a second of the sequence."""
        return self.start + (second - self.at) * self.pace


def lay_sound(document: FcpxmlDocument, data: bytes, lays: Sequence[Lay]) -> bytes:
    """The edit with a connected clip for each lay.

    Raises:
        EditError: the storyline is empty, or holds nothing that sound can be connected to.
    """
    read = reread(document, data)
    roles = new_roles(read, lays)
    lane = lowest_lane(read.source)
    last = max(map(int, OURS.findall(read.source.text)), default=0)
    # there is one: the sequence's format, which has been found, stands in it
    resources = read.root.all("resources")[0]
    new: dict[int, tuple[Tag, list[str]]] = {resources.row: (resources, [])}
    for number, (lay, role) in enumerate(zip(lays, roles, strict=True), 1):
        holder = _holder(read, lay)
        identity = f"unisync-{last + number}"
        offset = holder.clock(read.rate.seconds(lay.start))
        new[resources.row][1].append(_asset(read, lay, identity))
        _, clips = new.setdefault(holder.tag.row, (holder.tag, []))
        clips.append(_clip(read, lay, identity, offset, lane - number, role))
    return read.source.spliced(data, [_inserted(*held) for held in new.values()])


def verify_laid(document: FcpxmlDocument, data: bytes, laid: bytes, lays: Sequence[Lay]) -> None:
    """Raise unless ``laid`` is ``data`` with exactly these clips and their assets more.

    Raises:
        EditError: naming what differs.
    """
    before, after = reread(document, data), reread(document, laid)
    groups = list(_new_elements(before, after))
    found = sum(len(new) for _, new in groups)
    text = without(
        before.source,
        after.source,
        [(holder.element, [tag.element for tag in new]) for holder, new in groups],
    )
    if found != 2 * len(lays) or text != before.source.text:
        raise EditError("Laying the dub would change more than its clips", file=document.path)
    old, new = before.timeline.clone(), after.timeline.clone()
    for sound in (*sounds_of(old), *sounds_of(new)):
        unsaid(sound)
    tracks = [NewTrack(role, lay) for role, lay in zip(new_roles(before, lays), lays, strict=True)]
    compare_laid(old, new, tracks, document)


def _new_elements(before: FcpxmlDocument, after: FcpxmlDocument) -> Iterator[tuple[Tag, list[Tag]]]:
    """New assets and the clips that play them, by what holds them, in document order."""
    ids = after.resources.tags.keys() - before.resources.tags.keys()
    for resources in after.root.all("resources"):
        if new := [tag for tag in resources.children() if tag.get("id") in ids]:
            yield resources, new
    for spine in after.edit.sequence.all("spine"):
        for holder in map(_picked, spine.story()):
            if new := [tag for tag in holder.children() if tag.get("ref") in ids]:
                yield holder, new


def reread(document: FcpxmlDocument, data: bytes) -> FcpxmlDocument:
    """The same project of other bytes."""
    return read_document(
        data, document.path, document.path_map, document.adapter, document.position
    )


def new_roles(document: FcpxmlDocument, lays: Sequence[Lay]) -> list[str]:
    """A subrole of dialogue for each lay that nothing has yet: its language, perhaps numbered."""
    taken = set(_ROLE.findall(document.source.text))
    roles: list[str] = []
    for lay in lays:
        role, number = f"dialogue.{lay.language}", 1
        while role in taken:
            number += 1
            role = f"dialogue.{lay.language}-{number}"
        taken.add(role)
        roles.append(role)
    return roles


def _holder(document: FcpxmlDocument, lay: Lay) -> _Holder:
    """What plays when the sound begins; else what lies nearest before or after."""
    second = document.rate.seconds(lay.start)
    holders = [h for h in _storyline(document) if h.tag.name in _HOLDERS]
    if not holders:
        raise EditError(
            "The dub cannot be laid: the storyline holds nothing to connect it to",
            remedy="Put a gap at the start of the storyline and export again",
        )

    def away(holder: _Holder) -> Fraction:
        return max(holder.at - second, second - holder.at - holder.length + 1 / document.rate.fps)

    return min(holders, key=lambda holder: max(Fraction(0), away(holder)))


def _storyline(document: FcpxmlDocument) -> Iterator[_Holder]:
    """The items of the primary storyline."""
    sequence = document.edit.sequence
    reader = Reader(document.source, document.path)
    zero = sequence.time("tcStart") or Fraction(0)
    cursor = Fraction(0)
    for spine in sequence.all("spine"):
        for placed in spine.story():
            tag = _picked(placed)
            start, length = reader.extent(tag)
            offset = placed.time("offset")
            at = cursor if offset is None else offset - zero
            pace = retime_of(tag, document.rate).pace
            yield _Holder(tag, at, start, length, pace)
            cursor = max(cursor, at + length)


def _picked(tag: Tag) -> Tag:
    """What plays: of an audition, its first."""
    story = tag.story() if tag.name == "audition" else ()
    return story[0] if story else tag


def _inserted(holder: Tag, texts: Sequence[str]) -> TextEdit:
    """Children put behind the others of their kind."""
    element = holder.element
    leading = list(takewhile(lambda child: child.name not in _AFTER, holder.children()))
    if leading:
        last = leading[-1].element
        return TextEdit(last.end, last.end, "".join(indent_of(last) + text for text in texts))
    line = inner_line(indent_of(element))
    inner = "".join(line + text for text in texts)
    if not element.is_empty_tag:
        return TextEdit(element.inner, element.inner, inner)
    closing = f"{indent_of(element)}</{holder.name}>"
    return TextEdit(element.end - 2, element.end, f">{inner}{closing}")


def _asset(document: FcpxmlDocument, lay: Lay, identity: str) -> str:
    rate = document.rate
    known = next((i.asset.url for i in document.items.values() if i.asset.url), None)
    like = MediaUrl.parse(known or "file:///dub.wav")
    url = quoted(LocalUrls(document.path_map, like).of(lay.path))
    attributes = {
        "id": identity,
        "name": lay.path.stem,
        "start": format_seconds(rate.seconds(lay.start_frame)),
        "duration": format_seconds(rate.seconds(lay.media_duration)),
        "hasAudio": "1",
        "audioSources": "1",
        "audioChannels": str(lay.channels),
        "audioRate": str(lay.sample_rate),
    }
    written = "".join(f' {key}="{quoted(value)}"' for key, value in attributes.items())
    if _has_reps(document):
        return f'<asset{written}><media-rep kind="original-media" src="{url}"/></asset>'
    return f'<asset{written} src="{url}"/>'


def _has_reps(document: FcpxmlDocument) -> bool:
    """Whether an asset says where its file is in a ``media-rep``, as it does from 1.9 on."""
    version = (document.root.get("version") or "").split(".")
    return [int(part) for part in version if part.isdecimal()] >= [1, 9]


def _clip(
    document: FcpxmlDocument, lay: Lay, identity: str, offset: Fraction, lane: int, role: str
) -> str:
    rate = document.rate
    attributes = {
        "ref": identity,
        "lane": str(lane),
        "offset": format_seconds(offset),
        "name": lay.track,
        "start": format_seconds(rate.seconds(lay.start_frame + lay.source_in)),
        "duration": format_seconds(rate.seconds(lay.duration)),
        "audioRole": role,
    }
    written = "".join(f' {key}="{quoted(value)}"' for key, value in attributes.items())
    return f"<asset-clip{written}/>"
