"""FCPXML 1.8 to 1.14, as Final Cut Pro and Resolve write it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ..document import Document, Lay, PathMap, Relink
from ..errors import EditError
from ..fcp7.text import sniff_text
from .lay import lay_sound, verify_laid
from .patch import patch_document
from .read import FcpxmlDocument, read_document
from .takes import keep_takes, verify_kept
from .verify import verify_document

_ROOT = re.compile(r"<fcpxml[\s>]")


class FcpxmlAdapter:
    """The :class:`~..document.Adapter` of FCPXML."""

    name = "FCPXML"
    suffixes: tuple[str, ...] = (".fcpxml", ".fcpxmld")
    keeps_baked = True

    def sniff(self, data: bytes, path: Path) -> bool:
        return _ROOT.search(sniff_text(data)) is not None

    def read(
        self, data: bytes, path: Path, path_map: PathMap, sequence: str | None = None
    ) -> Document:
        return read_document(data, path, path_map, self, sequence)

    def patch(self, document: Document, relinks: Sequence[Relink], *, name: str | None) -> bytes:
        return patch_document(_ours(document), relinks, name)

    def verify(
        self,
        document: Document,
        patched: bytes,
        relinks: Sequence[Relink],
        *,
        name: str | None,
    ) -> None:
        verify_document(_ours(document), patched, relinks, name)

    def lay(self, document: Document, data: bytes, lays: Sequence[Lay]) -> bytes:
        return lay_sound(_ours(document), data, lays)

    def verify_laid(
        self, document: Document, data: bytes, laid: bytes, lays: Sequence[Lay]
    ) -> None:
        verify_laid(_ours(document), data, laid, lays)

    def keep(self, document: Document, data: bytes, relinks: Sequence[Relink]) -> bytes:
        return keep_takes(_ours(document), data, relinks)

    def verify_kept(
        self, document: Document, data: bytes, kept: bytes, relinks: Sequence[Relink]
    ) -> None:
        verify_kept(_ours(document), data, kept, relinks)


def _ours(document: Document) -> FcpxmlDocument:
    if not isinstance(document, FcpxmlDocument):
        raise EditError("This document was not read as FCPXML", file=document.path)
    return document


ADAPTER = FcpxmlAdapter()
