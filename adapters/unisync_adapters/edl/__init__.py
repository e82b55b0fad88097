"""EDL (CMX 3600, GVG, and the 16, 32 and 128 character reels of today), patched line by line.

What an NLE needs to relink the returned EDL: the new media in a folder of their own, and nothing
else. They repeat reel and timecode of the ranges that they replace, so an NLE that conforms by reel
and timecode finds them there by the columns, which do not change; one that conforms by name finds
them by the clip name and source file remarks, which do. A clip without a name gets one.

What an EDL cannot say is refused, clip by clip: media at another rate than the record, or without
the timecode that the event names; speeds that its columns contradict; keys; events that overlap.
An event of picture and sound (``B``, ``AA/V``) plays both from the new media, which has the
sound of the old. One of picture alone leaves its sound events as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..document import Adapter, Document, PathMap, Relink
from ..timebase import Rate
from .lines import is_edl
from .patch import patch_document
from .read import read_document, refuse_foreign
from .verify import verify_document


class EdlAdapter:
    """The :class:`~..document.Adapter` of EDLs.

    Args:
        rate: the record rate, where a person has said it.
    """

    name = "EDL"
    suffixes: tuple[str, ...] = (".edl",)

    def __init__(self, rate: Rate | None = None) -> None:
        self.rate = rate

    def at(self, rate: Rate) -> Adapter:
        """See :class:`~..document.Rateless`."""
        return EdlAdapter(rate)

    def sniff(self, data: bytes, path: Path) -> bool:
        return is_edl(data)

    def read(
        self, data: bytes, path: Path, path_map: PathMap, sequence: str | None = None
    ) -> Document:
        """An EDL holds one sequence; ``sequence`` picks nothing."""
        return read_document(data, path, path_map, self, self.rate)

    def patch(self, document: Document, relinks: Sequence[Relink], *, name: str | None) -> bytes:
        return patch_document(refuse_foreign(document), relinks, name)

    def verify(
        self,
        document: Document,
        patched: bytes,
        relinks: Sequence[Relink],
        *,
        name: str | None,
    ) -> None:
        verify_document(refuse_foreign(document), patched, relinks, name)


ADAPTER: Adapter = EdlAdapter()
