"""FCP7 XML (xmeml), as Premiere, Resolve, Final Cut Pro 7 and Hiero write it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..document import Document, Lay, PathMap, Relink
from ..errors import EditError
from .lay import lay_sound, verify_laid
from .patch import patch_document
from .read import Fcp7Document, read_document
from .text import sniff_text
from .verify import verify_document

_ROOT = re.compile(r"<xmeml[\s>]")


class Fcp7Adapter:
    """The :class:`~..document.Adapter` of FCP7 XML."""

    name = "FCP7 XML"
    suffixes: tuple[str, ...] = (".xml",)

    def sniff(self, data: bytes, path: Path) -> bool:
        return _ROOT.search(sniff_text(data)) is not None

    def read(
        self, data: bytes, path: Path, path_map: PathMap, sequence: str | None = None
    ) -> Document:
        return read_document(data, path, path_map, self, sequence)

    def patch(self, document: Document, relinks: Sequence[Relink], *, name: str | None) -> bytes:
        ours = _ours(document)
        return patch_document(ours, _as_sayable(ours, relinks), name)

    def verify(
        self,
        document: Document,
        patched: bytes,
        relinks: Sequence[Relink],
        *,
        name: str | None,
    ) -> None:
        ours = _ours(document)
        verify_document(ours, patched, _as_sayable(ours, relinks), name)

    def lay(self, document: Document, data: bytes, lays: Sequence[Lay]) -> bytes:
        return lay_sound(_ours(document), data, lays)

    def verify_laid(
        self, document: Document, data: bytes, laid: bytes, lays: Sequence[Lay]
    ) -> None:
        verify_laid(_ours(document), data, laid, lays)


def _ours(document: Document) -> Fcp7Document:
    if not isinstance(document, Fcp7Document):
        raise EditError("This document was not read as FCP7 XML", file=document.path)
    return document


def _as_sayable(document: Fcp7Document, relinks: Sequence[Relink]) -> list[Relink]:
    """Relinks in rates that ``timebase`` and ``ntsc`` can state.

    An edit says 22 for media at 22.131 fps, because it has no other way; so does what we write.
    Frames keep their numbers. A rate that the edit does not round like this is left, and refused
    where it is written.
    """
    sayable = []
    for relink in relinks:
        if relink.rate.fps.denominator not in (1, 1001):
            media = document.items[relink.origin].media
            stated = media.rate if media is not None else None
            if stated is not None and stated.fps == round(relink.rate.fps):
                relink = replace(relink, rate=stated)
        sayable.append(relink)
    return sayable


ADAPTER = Fcp7Adapter()
