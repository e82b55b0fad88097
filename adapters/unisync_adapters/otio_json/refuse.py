"""Why a clip of an OTIO edit cannot be processed, as a sentence; or that it can."""

from __future__ import annotations

import opentimelineio as otio

from ..errors import UrlError
from ..urls import MediaUrl
from .build import active_key, reference_nodes
from .scan import Node


def refusal(clip: otio.schema.Clip, node: Node, *, by_premiere: bool = False) -> str | None:
    """The reason to leave this clip alone that its document gives; None if there is none.

    Args:
        by_premiere: Premiere wrote the document. Its reversed clips start where no other program's
            do, and by how much is not documented (OpenTimelineIO issue 1890).
    """
    if clip.source_range is None and clip.media_reference.available_range is None:
        return "The edit does not say which part of the media the clip plays."
    return _media_refusal(clip, node) or _speed_refusal(clip, by_premiere)


def _media_refusal(clip: otio.schema.Clip, node: Node) -> str | None:
    media = clip.media_reference
    if isinstance(media, otio.schema.ImageSequenceReference):
        return None if media.frame_step == 1 else "The image sequence leaves out frames."
    if active_key(node) not in reference_nodes(node):
        return "The clip's active media reference does not exist in the edit."
    if not isinstance(media, otio.schema.ExternalReference):
        return None
    try:
        MediaUrl.parse(media.target_url)
    except UrlError as error:
        return f"{error}."
    return None


def _speed_refusal(clip: otio.schema.Clip, by_premiere: bool) -> str | None:
    warps = [effect for effect in clip.effects if isinstance(effect, otio.schema.TimeEffect)]
    if any(not isinstance(effect, otio.schema.LinearTimeWarp) for effect in warps):
        return "The clip has a speed ramp; render it in the edit and relink the clip to that."
    if len(warps) > 1:
        return "The clip has several speed effects; render them in the edit first."
    if by_premiere and warps and warps[0].time_scalar < 0:
        return (
            "The clip plays in reverse, and Premiere's OTIO does not say from which frame; export "
            "Final Cut Pro XML instead, or render the clip in the edit."
        )
    return None
