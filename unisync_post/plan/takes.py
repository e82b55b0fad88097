"""The old takes of dubbed clips, where they are to stay in the returned edit."""

from __future__ import annotations

from collections.abc import Iterable

from unisync_adapters.document import Document
from unisync_adapters.otio_bundle import is_bundle

from ..errors import PlanError
from .options import PlanOptions
from .shots import Shot


def kept_takes(
    document: Document, options: PlanOptions, shots: Iterable[Shot | None]
) -> tuple[str, ...]:
    """What is to be said of the takes that are kept; nothing unless that was asked for.

    Raises:
        PlanError: an edit in a bundle, which leaves without the media that it came with.
        EditError: a format in which no take can be kept, or a clip with no place for one.
    """
    if not options.keep_takes:
        return ()
    if is_bundle(document.path):
        raise PlanError(
            "No takes can be kept in an edit that holds its media",
            file=document.path,
            remedy="Leave out --keep-takes, or hand over the edit beside its media.",
        )
    document.patch([], keep_takes=True)  # refused here, and not after hours of rendering
    baked = {shot.origin for shot in shots if shot is not None and shot.speed != 1}
    said = "Every dubbed clip keeps what it played, as a take to go back to"
    if not baked or document.keeps_baked_takes:
        return (f"{said}.",)
    names = sorted({f"“{document.origins[key].name}”" for key in baked})
    return (f"{said}, but for those whose speed is baked: {', '.join(names)}.",)
