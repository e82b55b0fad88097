"""From a rendered shot back to the edit: what the clip plays now, and the timeline's new name."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from unisync_adapters.document import Relink

from ..media.info import MediaInfo
from .shots import Shot

_OURS = re.compile(r"_UNISYNC_[A-Z0-9-]+_v\d+$")


def relink_of(shot: Shot, media: MediaInfo, new_path: Path) -> Relink:
    """ "This clip now plays this new media", whose own start timecode is ``start_frame``.

    Without a retime every new frame keeps its plate frame's timecode. With a baked one only one
    frame can: the clip's first, so that an in-point read in either media is the same.

    Args:
        shot: the shot, rendered.
        media: facts of its plate.
        new_path: the new media, absolute.
    """
    # negative where the clip begins before its media does
    source_in = int((shot.record.start_seconds - shot.dub_start) * shot.rate.fps // 1)
    baked = shot.speed != 1
    return Relink(
        origin=shot.origin,
        path=new_path,
        source_in=source_in,
        duration=shot.length,
        rate=shot.rate,
        start_frame=_start_frame(shot, media, source_in),
        drop=media.drop and shot.rate.can_drop,
        reel=media.reel,
        baked=baked,
        old_path=str(shot.media),
        language=shot.language,
    )


def _start_frame(shot: Shot, media: MediaInfo, source_in: int) -> int:
    """Frame number, at the new media's rate, of its start timecode."""
    if shot.speed == 1:
        return media.start_frame + shot.source.start
    shown = media.start_frame + shot.played()[min(max(source_in, 0), shot.length - 1)]
    return max(0, shot.rate.frame_at(media.rate.seconds(shown)) - source_in)


def new_name(name: str, language: str, taken: Collection[str] = ()) -> str:
    """``<name>_UNISYNC_<LANG>_v001``, or the first version whose name is free.

    A name that is already ours is not lengthened: its version is raised. NLEs refuse, silently, to
    import a timeline whose name exists.

    >>> new_name("Reel 1_UNISYNC_FR_v001", "fr", {"Reel 1_UNISYNC_FR_v001"})
    'Reel 1_UNISYNC_FR_v002'
    """
    base = f"{_OURS.sub('', name)}_UNISYNC_{language.upper()}"
    version = 1
    while (candidate := f"{base}_v{version:03d}") in taken:
        version += 1
    return candidate
