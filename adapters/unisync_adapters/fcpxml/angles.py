"""A multicam clip plays new media as an editor would have it: from an angle of its own.

The clips of the other angles, and other uses of this one, stay untouched. Only the picture goes to
the new angle; the sound goes on coming from where it came.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator

from ..document import Relink
from ..errors import EditError
from ..fcp7.definition import indent_of
from ..splice import TextEdit
from ..timebase import format_seconds
from .assets import rewritten
from .item import Item
from .multicam import Angle
from .tags import Tag, quoted, set_attribute

_SOUND = frozenset(("adjust-volume", "adjust-panner", "adjust-loudness", "adjust-noiseReduction"))
_PICTURE = ("adjust-", "filter-video")


def angle_edits(item: Item, relink: Relink, identity: str) -> Iterator[TextEdit]:
    """The new angle, and the multicam clip looking at it.

    Raises:
        EditError: the multicam clip names no angle.
    """
    angle = item.angle
    if angle is None or angle.tag is None or angle.source is None or angle.item is None:
        raise EditError("The multicam clip names no angle", remedy="Leave this clip as it is")
    old = angle.source.get("angleID") or ""
    fresh = uuid.uuid5(uuid.NAMESPACE_URL, f"{old}/{relink.path}/{item.element.row}").bytes
    new = base64.b64encode(fresh).decode("ascii").rstrip("=")
    last = angle.multicam.all("mc-angle")[-1].element
    text = _new_angle(item, angle, relink, identity, new)
    yield TextEdit(last.end, last.end, indent_of(last) + text)
    source = angle.source.element
    if angle.source.get("srcEnable") == "video":
        yield set_attribute(source, "angleID", new)
        return
    picture = [set_attribute(source, "angleID", new)]
    picture.append(set_attribute(source, "srcEnable", "video", after="angleID"))
    sound = set_attribute(source, "srcEnable", "audio", after="angleID")
    yield TextEdit(source.start, source.start, rewritten(source, picture) + indent_of(source))
    yield sound


def _new_angle(item: Item, angle: Angle, relink: Relink, identity: str, new: str) -> str:
    assert angle.tag is not None
    assert angle.item is not None
    rate = relink.rate
    begin, length = rate.seconds(relink.start_frame), rate.seconds(relink.duration)
    offset = item.retime.media(item.start) - rate.seconds(relink.source_in)
    # handles may reach back beyond the multicam's own start
    early = max(angle.zero - offset, rate.seconds(0))
    offset, begin, length = offset + early, begin + early, length - early
    name = " ".join(filter(None, [angle.tag.get("name"), (relink.language or "").upper()]))
    line = indent_of(angle.tag.element)
    inner = line + "    " if "\n" in line else ""
    gap = ""
    if offset > angle.zero:
        times = f'offset="{format_seconds(angle.zero)}"'
        long = format_seconds(offset - angle.zero)
        gap = f'{inner}<gap name="Gap" {times} duration="{long}"/>'
    attributes = {
        "ref": identity,
        "offset": format_seconds(offset),
        "name": angle.item.get("name") or item.asset.name,
        "start": format_seconds(begin),
        "duration": format_seconds(length),
        "format": angle.item.get("format"),
        "tcFormat": angle.item.get("tcFormat"),
        "srcEnable": "video",
    }
    written = "".join(f' {k}="{quoted(v)}"' for k, v in attributes.items() if v is not None)
    kept = "".join(indent_of(found.element) + found.element.raw for found in _looks(angle.item))
    clip = f"<asset-clip{written}>{kept}{inner}</asset-clip>" if kept else f"<asset-clip{written}/>"
    head = f'<mc-angle name="{quoted(name)}" angleID="{quoted(new)}">'
    return f"{head}{gap}{inner}{clip}{line}</mc-angle>"


def _looks(shown: Tag) -> list[Tag]:
    """What the angle's clip does to its picture, to be done to the new one as well."""
    conform = [child for child in shown.children() if child.name == "conform-rate"]
    return conform + [
        child
        for child in shown.children()
        if child.name.startswith(_PICTURE) and child.name not in _SOUND
    ]


def keyed(shown: Tag) -> bool:
    """Whether what is done to the picture changes over time."""
    return any(found.name == "keyframe" for look in _looks(shown) for found in look.own())
