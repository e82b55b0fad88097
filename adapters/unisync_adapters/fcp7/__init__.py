"""FCP7 XML (xmeml), as Premiere, Resolve, Final Cut Pro 7 and Hiero write it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ..document import Document, PathMap, Relink
from ..errors import EditError
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

    def patch(
        self, document: Document, relinks: Sequence[Relink], *, name: str | None
    ) -> bytes:
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


def _ours(document: Document) -> Fcp7Document:
    if not isinstance(document, Fcp7Document):
        raise EditError("This document was not read as FCP7 XML", file=document.path)
    return document


ADAPTER = Fcp7Adapter()
