"""AAF, as Media Composer, Premiere, Resolve and Pro Tools write it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..document import Document, PathMap, Relink
from ..errors import EditError
from .container import is_aaf
from .patch import patch_document
from .read import AafDocument, read_document
from .verify import verify_document


class AafAdapter:
    """The :class:`~..document.Adapter` of AAF."""

    name = "AAF"
    suffixes: tuple[str, ...] = (".aaf",)

    def sniff(self, data: bytes, path: Path) -> bool:
        return is_aaf(data, path)

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


def _ours(document: Document) -> AafDocument:
    if not isinstance(document, AafDocument):
        raise EditError("This document was not read as AAF", file=document.path)
    return document


ADAPTER = AafAdapter()
