"""OTIO JSON (``.otio``): read tolerantly, patched in place.

:class:`OtioJson` is the format's adapter; :data:`ADAPTER` is the one that is registered.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..document import Document, Lay, PathMap, Relink
from ..errors import EditError
from .lay import lay_sound, verify_laid
from .patch import patch_document
from .read import read_document
from .takes import keep_takes, verify_kept
from .verify import verify_document


class OtioJson:
    """OpenTimelineIO's JSON, as Resolve, Premiere and OTIO's own tools write it."""

    name = "OTIO JSON"
    suffixes: tuple[str, ...] = (".otio", ".json")
    keeps_baked = False

    def sniff(self, data: bytes, path: Path) -> bool:
        """A JSON object with a schema; or an ``.otioz`` bundle, which :meth:`read` refuses."""
        if _is_bundle(data):
            return True
        head = data.removeprefix(b"\xef\xbb\xbf").lstrip()
        return head.startswith(b"{") and b'"OTIO_SCHEMA"' in data

    def read(
        self, data: bytes, path: Path, path_map: PathMap, sequence: str | None = None
    ) -> Document:
        """See :meth:`unisync_adapters.document.Adapter.read`."""
        if _is_bundle(data):
            raise EditError(
                "This is an .otioz bundle, whose media lie inside the file",
                file=path,
                remedy="Unpack it, or export .otio beside the media",
            )
        return read_document(self, data, path, path_map, sequence)

    def patch(self, document: Document, relinks: Sequence[Relink], *, name: str | None) -> bytes:
        """See :meth:`unisync_adapters.document.Document.patch`."""
        return patch_document(document, relinks, name)

    def verify(
        self, document: Document, patched: bytes, relinks: Sequence[Relink], *, name: str | None
    ) -> None:
        """See :meth:`unisync_adapters.document.Document.verify`."""
        verify_document(document, patched, relinks, name)

    def lay(self, document: Document, data: bytes, lays: Sequence[Lay]) -> bytes:
        """See :class:`unisync_adapters.document.Layer`."""
        return lay_sound(document, data, lays)

    def verify_laid(
        self, document: Document, data: bytes, laid: bytes, lays: Sequence[Lay]
    ) -> None:
        """See :class:`unisync_adapters.document.Layer`."""
        verify_laid(document, data, laid, lays)

    def keep(self, document: Document, data: bytes, relinks: Sequence[Relink]) -> bytes:
        """See :class:`unisync_adapters.document.TakeKeeper`."""
        return keep_takes(document, data, relinks)

    def verify_kept(
        self, document: Document, data: bytes, kept: bytes, relinks: Sequence[Relink]
    ) -> None:
        """See :class:`unisync_adapters.document.TakeKeeper`."""
        verify_kept(document, data, kept, relinks)


def _is_bundle(data: bytes) -> bool:
    return data.startswith(b"PK\x03\x04") and b"content.otio" in data


ADAPTER = OtioJson()
