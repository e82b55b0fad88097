"""Prove that a patched AAF is the old one with the relinked clips at new mobs, and nothing else.

A compound file has no text whose bytes could be compared: a patch moves its sectors. In place of
"the other bytes are equal" stands a stronger statement about content: both files are walked from
the root with every property of every object (:mod:`.tree`: mobs, slots, segments, effects,
markers, attributes, descriptors, embedded essence, the dictionaries), and all is equal but

* the mobs that are new: only those that the relinks name, three to each new media;
* definitions of classes and types that the AAF had no use for before, and these mobs have;
* the composition's name;
* ``SourceID``, ``SourceMobSlotID`` and ``StartTime`` of the relinked SourceClips, or, where a
  speed is baked, a plain SourceClip of the same length and data definition for its OperationGroup.

A fresh read then proves what those new values mean (:mod:`..compare`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..compare import compare_timelines
from ..document import Relink
from ..errors import EditError
from .container import opened
from .read import AafDocument, document_of
from .tree import Difference, Node, differences, tree_of

_MOBS = 0x1901
_META_DICTIONARY = "/MetaDictionary-1"
_NAME = 0x4402
_LENGTH = 0x0202
_DATA_DEFINITION = 0x0201
_CLIP = {0x1101: "SourceID", 0x1102: "SourceMobSlotID", 0x1201: "StartTime"}
_SOURCE_CLIP = "0d010101-0101-1100-060e-2b3402060101"
_REPORT = "Nothing was written; keep the original edit and report this"


def verify_document(
    document: AafDocument, patched: bytes, relinks: Sequence[Relink], name: str | None
) -> None:
    """Raise unless only the relinks' media (and the composition's name) differ.

    Raises:
        EditError: naming the first object, clip, track or marker that differs.
    """
    if not relinks and name is None and patched == document.data:
        return
    path = document.path
    with opened(patched, path) as aaf:
        after = document_of(
            aaf, patched, path, document.path_map, document.adapter, document.composition
        )
        after_tree = tree_of(aaf)
    compare_timelines(document.timeline, after.timeline, relinks, name=name, file=path)
    with opened(document.data, path) as aaf:
        before_tree = tree_of(aaf)
    _Proof(document, after, relinks, name).check(before_tree, after_tree)


class _Proof:
    """What may differ, and whether all that does may."""

    def __init__(
        self,
        document: AafDocument,
        after: AafDocument,
        relinks: Sequence[Relink],
        name: str | None,
    ) -> None:
        self.document = document
        self.name = name
        items = {relink.origin: document.items[relink.origin] for relink in relinks}
        baked = {r.origin for r in relinks if r.baked and document.items[r.origin].group}
        self.clips = {item.path: k for k, item in items.items() if k not in baked}
        self.groups = {str(items[k].group): k for k in baked}
        known = {key for item in document.items.values() if item.media for key in _ids(item.media)}
        self.new = {
            key for item in after.items.values() if item.media for key in _ids(item.media)
        } - known

    def check(self, before: Node, after: Node) -> None:
        for difference in differences(before, after):
            if not self._allowed(difference):
                raise EditError(
                    f"The patch would change {_say(difference)}",
                    file=self.document.path,
                    remedy=_REPORT,
                )

    def _allowed(self, difference: Difference) -> bool:
        if difference.what == "added" and difference.number == _MOBS:
            return difference.key in self.new
        if difference.what == "added" and difference.path == _META_DICTIONARY:
            return True
        if difference.what == "value" and difference.path in self.clips:
            return difference.number in _CLIP
        if difference.what == "value" and difference.path == self.document.storage:
            return difference.number == _NAME and self.name is not None
        if difference.what == "kind" and difference.path in self.groups:
            return _plain_clip(difference.before, difference.after)
        return False


def _ids(media: Any) -> list[bytes]:
    return [key for key in (media.master, media.file, media.tape) if key is not None]


def _plain_clip(group: Node, clip: Node) -> bool:
    """A SourceClip as long as the group it stands for, of the same kind, and with nothing else."""
    same = all(
        group.values.get(number) == clip.values.get(number)
        for number in (_LENGTH, _DATA_DEFINITION)
    )
    known = {_LENGTH, _DATA_DEFINITION, *_CLIP}
    return clip.kind == _SOURCE_CLIP and same and not clip.objects and set(clip.values) == known


def _say(difference: Difference) -> str:
    where = f"property {difference.number:#06x} of {difference.path}"
    if difference.what == "value":
        return f"{where} from {_short(difference.before)} to {_short(difference.after)}"
    return f"{where}: an object is {difference.what}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:40]} … {text[-30:]}"
