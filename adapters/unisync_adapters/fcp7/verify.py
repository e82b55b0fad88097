"""Prove by a fresh read that a patch changed the relinked clips' media and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from ..compare_cuts import compare_cuts
from ..document import Relink
from ..errors import EditError
from ..timebase import ticks_to_seconds
from .media import FileTable
from .read import Fcp7Document, read_document
from .scan import Element, elements
from .text import XmlText

_COUNTED = (
    "sequence",
    "track",
    "clipitem",
    "generatoritem",
    "transitionitem",
    "link",
    "marker",
    "filter",
    "keyframe",
    "masterclipid",
    "file",
)


def verify_document(
    document: Fcp7Document, patched: bytes, relinks: Sequence[Relink], name: str | None
) -> None:
    """Raise unless only the relinks' media (and the sequence's name) differ.

    Raises:
        EditError: naming the first clip, track, link or marker that differs.
    """
    after = read_document(
        patched, document.path, document.path_map, document.adapter, document.position
    )
    _compare_counts(document, after, relinks)
    compare_cuts(document.cut_list, after.cut_list, relinks, name=name, file=document.path)
    _compare_untouched(document, after, relinks)
    _compare_ticks(after, relinks)


def _compare_counts(before: Fcp7Document, after: Fcp7Document, relinks: Sequence[Relink]) -> None:
    baked = [item.retime.filter for r in relinks if (item := before.items[r.origin]).retime.filter]
    for tag in _COUNTED:
        expected = len(before.source.outline.rows(tag))
        if tag == "filter":
            expected -= len(baked)
        elif tag == "keyframe":
            expected -= sum(sum(1 for _ in f.below(tag)) for f in baked)
        found = len(after.source.outline.rows(tag))
        if found != expected:
            raise EditError(
                f"The patch would leave {found} {tag} elements of {expected}", file=before.path
            )


def _compare_untouched(
    before: Fcp7Document, after: Fcp7Document, relinks: Sequence[Relink]
) -> None:
    """Every clipitem that was not relinked, in every sequence and bin of the document."""
    relinked = {before.items[r.origin].element.row for r in relinks}
    pairs = zip(
        elements(before.source, "clipitem"), elements(after.source, "clipitem"), strict=True
    )
    for a, b in pairs:
        if a.row in relinked:
            continue
        same_media = _media(before.files, a) == _media(after.files, b)
        if not same_media or _without_file(before.source, a) != _without_file(after.source, b):
            raise EditError(
                "The patch would change a clip that is not relinked",
                file=before.path,
                clip=a.text_of("name"),
                remedy="Nothing was written; keep the original edit and report this",
            )


def _compare_ticks(after: Fcp7Document, relinks: Sequence[Relink]) -> None:
    """``in`` and Premiere's ticks of a relinked clip are one place, to the frame."""
    for relink in relinks:
        item = after.items[relink.origin]
        entry, ticks = item.element.int_of("in"), item.element.int_of("pproTicksIn")
        if entry is None or ticks is None:
            continue
        if abs(ticks_to_seconds(ticks) * item.rate.fps - entry) >= 1:
            raise EditError(
                f"The patch would leave in {entry} and its ticks at different frames",
                file=after.path,
                clip=after.origins[relink.origin].name,
            )


def _media(files: FileTable, clip: Element) -> tuple[object, ...] | None:
    file = clip.first("file")
    media = files.media(file) if file is not None else None
    if media is None:
        return None
    return media.id, media.element.raw


def _without_file(source: XmlText, clip: Element) -> str:
    """A clipitem's text without its ``file``; a nest's clipitems are looked at one by one."""
    if clip.first("sequence", "media") is not None:
        return ""
    file = clip.first("file")
    if file is None:
        return clip.raw
    return source.text[clip.start : file.start] + source.text[file.end : clip.end]
