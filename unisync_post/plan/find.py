"""Media of an edit that names no paths: a search by name and timecode, and what may be relinked.

An EDL knows reels, clip names and source files. A file is what a clip plays if it has one of these
names, with or without its suffix, and its timecode holds the range that is played; a reel that the
EDL cut short may begin the file's name, but then the timecode must be there. Who calls this takes
the only file that fits and never one of two.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from unisync_adapters.cutlist import Clip
from unisync_adapters.from_otio import facts
from unisync_adapters.timebase import Rate, Timecode

from ..media.info import MediaInfo
from .exact import counted_at

_SHORTEST = 6
"""Characters of a reel that may stand for a longer name; A001 begins too many."""


def folded(name: str) -> str:
    """A file name as file systems compare it."""
    return unicodedata.normalize("NFC", name).casefold()


def called(
    clip: Clip,
    files: Mapping[str, Sequence[Path]],
    probed: Callable[[Iterable[Path]], Iterable[MediaInfo]],
) -> list[MediaInfo]:
    """Files that may be what the clip plays, by the names that the edit has for it.

    Args:
        clip: a clip with names among the facts of its media.
        files: every file searched, by its folded name.
        probed: facts of the picture files among these.
    """
    names = _names(clip)
    exact = [p for key, paths in files.items() for p in paths if names & {key, _stem(key)}]
    found = [info for info in probed(exact) if holds(clip, info)]
    if found:
        return found
    begun = tuple(name for name in names if len(name) >= _SHORTEST)
    longer = [p for key, paths in files.items() for p in paths if begun and key.startswith(begun)]
    return [info for info in probed(longer) if info.has_timecode and holds(clip, info)]


def _names(clip: Clip) -> set[str]:
    noted = facts(clip.media).get("names")
    if not isinstance(noted, Iterable) or isinstance(noted, str):
        return set()
    # a path's last part, whatever slashes its author uses
    return {folded(str(name).replace("\\", "/").rpartition("/")[2]) for name in noted}


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name


def holds(clip: Clip, info: MediaInfo) -> bool:
    """Whether the file's timecode, or its length where it has none, holds what the clip plays."""
    first = counted_at(info.rate, clip.start, clip.clock) // 1
    return info.start_frame <= first < info.start_frame + info.frames


def other_clock(clip: Clip, info: MediaInfo, rate: Rate) -> str | None:
    """Why an edit that knows media by record-rate timecode alone cannot say this file.

    Args:
        clip: the clip.
        info: the file found for it.
        rate: the record rate of the edit.
    """
    if info.rate != rate:
        same = info.rate.nominal == rate.nominal
        return (
            f"The media runs at {info.rate.label} fps and this edit counts {rate.label}; "
            + (f"add --rate {info.rate.label}, or " if same else "")
            + "export the edit as AAF or XML"
        )
    counts_drop = facts(clip.media).get("drop") is True
    if info.has_timecode and info.drop != counts_drop:
        kinds = ("non-drop-frame", "drop-frame")
        return (
            f"The edit counts its source in {kinds[counts_drop]} timecode, the file has "
            f"{kinds[info.drop]}; export it with the file's own"
        )
    first = counted_at(rate, clip.start, clip.clock)
    if info.has_timecode and first < info.start_frame:
        starts = Timecode(info.start_frame, rate, info.drop)
        return f"Its source begins before its media does, at {starts}; relink it in the NLE"
    return None
