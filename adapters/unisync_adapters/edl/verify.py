"""Prove a patched EDL: line by line in the text, and by a fresh read in what it means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import opentimelineio as otio

from ..compare import compare_timelines
from ..document import Relink
from ..errors import EditError
from .cuts import Cut
from .patch import baked_away
from .read import EdlDocument, read_document
from .sheet import Event, Remark
from .sides import Side

_KEEP = "Nothing was written; keep the original edit and report this"


def verify_document(
    document: EdlDocument, patched: bytes, relinks: Sequence[Relink], name: str | None
) -> None:
    """Raise unless only what ``relinks`` and ``name`` may change has changed.

    Raises:
        EditError: naming the first line or clip that differs.
    """
    after = read_document(
        patched, document.path, document.path_map, document.adapter, document.rate
    )
    for relink in relinks:
        if relink.origin not in after.cuts:
            raise EditError(f"No clip {relink.origin!r} was read back", file=document.path)
    _compare_lines(document, after, relinks, name)
    for relink in relinks:
        _check_relinked(document, after, relink)
    old, new = _masked(document, relinks), _masked(after, relinks)
    compare_timelines(old, new, (), name=name, file=document.path)


def _compare_lines(
    before: EdlDocument, after: EdlDocument, relinks: Sequence[Relink], name: str | None
) -> None:
    """Every line that no relink may change stands as it stood, in its order."""
    old = list(_untouched(before, relinks, name is not None))
    new = list(_untouched(after, relinks, name is not None))
    for (number, a), (_, b) in zip(old, new, strict=False):
        if a != b:
            raise EditError(
                f"The patch would change line {number} from {a[:80]!r} to {b[:80]!r}",
                file=before.path,
                remedy=_KEEP,
            )
    if len(old) != len(new):
        raise EditError(
            f"The patch would leave {len(new)} of {len(old)} lines", file=before.path, remedy=_KEEP
        )


def _untouched(
    document: EdlDocument, relinks: Sequence[Relink], renamed: bool
) -> Iterator[tuple[int, bytes]]:
    """Lines without what the relinks may change: names and speeds go, source times are blanked."""
    gone, timed = _touched(document, relinks)
    sheet, data = document.sheet, document.data
    entries: list[Event | Remark] = [*sheet.header]
    if renamed and sheet.title is not None:
        gone.add(sheet.title.line.number)
    for block in sheet.blocks:
        entries += block.order
    for entry in entries:
        line = entry.line
        if line.number in gone:
            continue
        text = data[line.start : line.end]
        if isinstance(entry, Event) and entry.ordinal in timed:
            for start, end in reversed(entry.spans[:2]):
                first, last = start - line.start, end - line.start
                text = text[:first] + b"#" * (end - start) + text[last:]
        yield line.number, text


def _touched(document: EdlDocument, relinks: Sequence[Relink]) -> tuple[set[int], set[int]]:
    """Numbers of the lines that may change, and ordinals of the events whose source may move."""
    gone: set[int] = set()
    timed: set[int] = set()
    for relink in relinks:
        for side in _sides(document.cuts[relink.origin]):
            timed.add(side.event.ordinal)
            gone |= {r.line.number for r in (*side.names, *side.sources)}
            if relink.baked:
                gone |= {r.line.number for r in baked_away(side)}
    return gone, timed


def _sides(cut: Cut) -> tuple[Side, ...]:
    return (cut.side, *cut.tails)


def _check_relinked(before: EdlDocument, after: EdlDocument, relink: Relink) -> None:
    """The event plays the new media from the right frame, at full speed if that was baked."""
    old, new = before.cuts[relink.origin], after.cuts[relink.origin]
    entry = relink.start_frame + relink.source_in
    found: dict[str, tuple[object, object]] = {
        "first frame": (entry, new.first_played),
        "speed": (1 if relink.baked else old.speed, new.speed),
        "length": (old.count, new.count),
        "transitions": (len(old.tails), len(new.tails)),
        "reel": (old.side.event.reel, new.side.event.reel),
    }
    for side in _sides(new):
        found["clip name"] = (relink.path.name, side.name)
        files = [r.value for r in side.sources]
        found["source file"] = ([relink.path.name] * len(files), [_last(file) for file in files])
        for what, (wanted, is_) in found.items():
            if wanted != is_:
                raise EditError(
                    f"The {what} of the relinked clip would be {is_}, not {wanted}",
                    file=before.path,
                    clip=before.origins[relink.origin].name,
                    timecode=old.side.event.times[2],
                    remedy=_KEEP,
                )


def _last(path: str) -> str:
    return Path(path.replace("\\", "/")).name


def _masked(document: EdlDocument, relinks: Sequence[Relink]) -> otio.schema.Timeline:
    """The timeline without what the relinks may change, which is proven apart."""
    timeline = document.timeline.clone()
    relinked = {relink.origin for relink in relinks}
    sounding = Counter(
        side.event.ordinal for r in relinks for side in _sides(document.cuts[r.origin])
    )
    for clip in timeline.tracks.find_clips():
        noted: Any = clip.metadata.get("unisync", {})
        if noted.get("origin") in relinked or noted.get("event") in sounding:
            clip.name = ""
            clip.media_reference = otio.schema.MissingReference()
            clip.source_range = otio.opentime.TimeRange(
                otio.opentime.RationalTime(0, 24), clip.source_range.duration
            )
            clip.effects.clear()
    return timeline
