"""Prove a patched OTIO JSON: leaf by leaf in the text, and by a fresh read in what it means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..compare import compare_timelines
from ..document import Document, Relink
from ..errors import EditError
from .build import active_key
from .patch import renamed_node
from .read import reread
from .scan import Node, scan

_OF_REFERENCE = ("target_url", "name", "available_range", "metadata/unisync")
_OF_SEQUENCE = (
    "target_url_base", "name_prefix", "name_suffix", "start_frame", "frame_zero_padding",
)  # fmt: skip


def verify_document(
    document: Document, patched: bytes, relinks: Sequence[Relink], name: str | None
) -> None:
    """Raise unless only what ``relinks`` and ``name`` may change has changed.

    Raises:
        EditError: naming the first value or clip that differs.
    """
    before, after = scan(document.data), scan(patched)
    if renamed_node(document, before) is None:
        name = None
    allowed = _allowed(document, before, relinks, name)
    for pointer in differing_leaves(document.data, before, patched, after):
        if not any(above in allowed for above in _with_parents(pointer)):
            raise EditError(f"The patch would change {pointer}", file=document.path)
    fresh = reread(document, patched, after)
    compare_timelines(document.timeline, fresh.timeline, relinks, name=name, file=document.path)


def _allowed(
    document: Document, root: Node, relinks: Sequence[Relink], name: str | None
) -> set[str]:
    """Pointers at and below which a value may differ."""
    allowed = set()
    if name is not None:
        allowed.add(document.timeline.metadata["unisync"]["origin"] + "/name")
    for relink in relinks:
        clip = root.at(relink.origin)
        if clip.get("media_references") is not None:
            reference = f"{relink.origin}/media_references/{_token(active_key(clip))}"
        else:
            reference = f"{relink.origin}/media_reference"
        allowed |= {f"{reference}/{key}" for key in (*_OF_REFERENCE, *_OF_SEQUENCE)}
        metadata = root.at(reference).get("metadata")
        if metadata is None or not metadata.members:
            allowed.add(f"{reference}/metadata")
        allowed.add(f"{relink.origin}/source_range")
        markers = clip.get("markers")
        allowed |= {
            f"{relink.origin}/markers/{index}/marked_range/start_time"
            for index in range(len(markers.items) if markers else 0)
        }
        if relink.baked:
            allowed.add(f"{relink.origin}/effects")
    return allowed


def _with_parents(pointer: str) -> Iterator[str]:
    while pointer:
        yield pointer
        pointer = pointer.rpartition("/")[0]


def differing_leaves(
    before_data: bytes, before: Node, after_data: bytes, after: Node, pointer: str = "#"
) -> Iterator[str]:
    """Pointers of the values that are not written alike; the text of numbers counts."""
    if isinstance(before.value, dict) and isinstance(after.value, dict):
        for key in {**before.value, **after.value}:
            a, b = before.value.get(key), after.value.get(key)
            where = f"{pointer}/{_token(key)}"
            if a is None or b is None:
                yield where
            else:
                yield from differing_leaves(before_data, a, after_data, b, where)
    elif isinstance(before.value, list) and isinstance(after.value, list):
        if len(before.value) != len(after.value):
            yield pointer
            return
        for index, (a, b) in enumerate(zip(before.value, after.value, strict=True)):
            yield from differing_leaves(before_data, a, after_data, b, f"{pointer}/{index}")
    elif before_data[before.start : before.end] != after_data[after.start : after.end]:
        yield pointer


def _token(key: str) -> str:
    """A member's name as a JSON pointer has it (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")
