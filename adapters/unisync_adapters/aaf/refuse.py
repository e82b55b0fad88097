"""Why a clip of an AAF cannot be processed, in sentences that an editor can act on."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from aaf2 import components, mobs

from ..errors import UrlError
from ..urls import MediaUrl
from .media import Media
from .mobs import Link, identity, length_of, value_of
from .retime import retime_of

NOTHING = "The AAF does not hold what it plays; relink it in the NLE and export again"
UNKNOWN = "It is of a kind that is not known; replace it by a plain clip in the NLE"
MADE_BY_NLE = ("Usage_LowerLevel", "Usage_Template")
"""What the mob of a title or of a rendered effect says that it is."""
SEVERAL_CLIPS = "A speed change lies over several clips at once; put it on each of them"
_RENDERED = "It lies under a rendered effect, whose render would go on playing; clear the renders"
_UNDESCRIBED = "The AAF does not say what its picture is like; relink it to a movie file"
_EMBEDDED = "Its pictures lie inside the AAF; export again with linked media"
_FOLDER = (
    "The AAF names a folder, and not which pictures in it; relink the clip to the first of them, "
    "or export FCP7 XML or OTIO instead"
)
_OFFLINE = "The AAF knows its tape, but no file; relink it in the NLE and export again"
_RETIMED = "Its clip in the bin is retimed; render it in the NLE, or flatten it"
_PULLDOWN = "Its clip in the bin goes through a pulldown; transcode it to the rate of the edit"
_SEVERAL = "It runs from one file of its clip in the bin into the next; cut it there"


def source_refusal(group: Any) -> str | None:
    """Why nothing under this effect can be relinked."""
    return _RENDERED if value_of(group, "Rendering") is not None else None


def passes_through(link: Link, played: Fraction) -> bool:
    """Whether a clip goes straight through what it names: a clip in the bin, or a subclip.

    A composition that shows it more than one clip, or an effect, is a nest.
    """
    if not isinstance(link.mob, mobs.CompositionMob):
        return True
    segment = link.slot.segment
    if not isinstance(link.component, components.SourceClip):
        return False
    if segment is link.component:
        return True
    if not isinstance(segment, components.Sequence):
        return False
    parts = list(value_of(segment, "Components", ()))
    direct = any(part is link.component for part in parts)
    return direct and len(parts) == 1 and link.position + played <= link.end


def media_refusal(media: Media, chain: list[Link], played: list[Fraction]) -> str | None:
    """Why this media cannot be replaced; ``played``: how much of each link's slot is shown."""
    if media.file is None:
        return _OFFLINE
    if media.url is None:
        return _EMBEDDED if media.embedded else _OFFLINE
    try:
        if not MediaUrl.parse(media.url).name:
            return _FOLDER
    except UrlError as error:
        return f"{error.what}; relink it in the NLE to a file"
    if media.raster is None:
        return _UNDESCRIBED
    for link, count in zip(chain, played, strict=True):
        if refuse := _link_refusal(link, count):
            return refuse
        if identity(link.mob) == media.file:
            break
    return None


def _link_refusal(link: Link, played: Fraction) -> str | None:
    segment = link.slot.segment
    if isinstance(segment, components.Sequence):
        parts = list(value_of(segment, "Components", ()))
        if len(parts) > 1 and link.end < min(link.position + played, Fraction(length_of(segment))):
            return _SEVERAL
    else:
        parts = [segment]
    if any(isinstance(part, components.Pulldown) for part in parts):
        return _PULLDOWN
    for part in parts:
        if isinstance(part, components.OperationGroup) and retime_of(part) is not None:
            return _RETIMED
    return None
