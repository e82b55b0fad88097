"""What a picture clip shows: media, a still, a generator; and whether one can see through it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

import opentimelineio as otio

from unisync_adapters.cutlist import Clip

MEDIA_SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in ("mov", "mp4", "m4v", "mxf", "avi", "mkv", "mts", "m2ts", "mpg", "ts", "dv")
)
"""Picture files worth opening in a search for offline media."""

_ALPHA_STILLS = frozenset((".png", ".psd", ".tif", ".tiff", ".tga", ".gif", ".webp", ".exr"))
_GENERATED = "A title, generator or adjustment layer has no media."
_STILL = "A still picture does not speak."
_NO_MEDIA = "The edit names no media for it: a title, a generator or a compound clip."


def leave_reason(clip: Clip, noted: Mapping[str, object]) -> str | None:
    """Why there is no moving picture to work on; None when there is media (offline or not).

    Args:
        clip: the clip.
        noted: the facts of its media.
    """
    media = clip.media
    if isinstance(media, otio.schema.GeneratorReference):
        return _GENERATED
    if isinstance(media, otio.schema.MissingReference):
        named = {_suffix(media.name), _suffix(clip.name)} & MEDIA_SUFFIXES
        return None if named or "reel" in noted else _NO_MEDIA
    if noted.get("still"):
        return _STILL
    return None


def see_through(clip: Clip, idle: str | None) -> bool:
    """Whether what lies below a clip may be seen: no media, an alpha channel, scaled, faded down.

    ``idle`` is the clip's :func:`leave_reason`.
    """
    if idle is None:
        return clip.uncovers
    if idle == _STILL:
        return _suffix(getattr(clip.media, "target_url", "")) in _ALPHA_STILLS
    return True


def _suffix(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).suffix.lower()
