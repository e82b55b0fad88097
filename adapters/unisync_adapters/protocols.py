"""What a format's adapter can do: every one reads and patches, some lay sound or keep takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from .nouns import Lay, PathMap, Relink
from .timebase import Rate

if TYPE_CHECKING:
    from .document import Document


class Adapter(Protocol):
    """One edit format. A small plain object: it holds no state."""

    name: str
    suffixes: tuple[str, ...]

    def sniff(self, data: bytes, path: Path) -> bool:
        """Whether these bytes are this format; the file name is only a hint."""

    def read(
        self, data: bytes, path: Path, path_map: PathMap, sequence: str | None = None
    ) -> Document:
        """Read a document; ``sequence`` names one of several top-level sequences.

        Raises:
            EditError: unreadable, or several sequences and none (or none of that name) picked.
        """

    def patch(
        self, document: Document, relinks: Sequence[Relink], *, name: str | None
    ) -> bytes: ...

    def verify(
        self,
        document: Document,
        patched: bytes,
        relinks: Sequence[Relink],
        *,
        name: str | None,
    ) -> None: ...


@runtime_checkable
class Rateless(Protocol):
    """An adapter of a format that does not state its rate."""

    def at(self, rate: Rate) -> Adapter:
        """The same format, read at this rate."""


@runtime_checkable
class Layer(Protocol):
    """An adapter of a format in which sound can be laid on a new track."""

    def lay(self, document: Document, data: bytes, lays: Sequence[Lay]) -> bytes:
        """``data``, which is the document or what patching made of it, with the sound in it.

        Raises:
            EditError: there is no place for it.
        """

    def verify_laid(
        self, document: Document, data: bytes, laid: bytes, lays: Sequence[Lay]
    ) -> None:
        """Prove that without the new tracks ``laid`` is ``data``, byte for byte.

        Raises:
            EditError: naming what differs.
        """


@runtime_checkable
class TakeKeeper(Protocol):
    """An adapter of a format in which a clip can hold takes that do not play.

    Attributes:
        keeps_baked: a take has a speed of its own. Where it has not, the old take of a clip whose
            speed is baked would run at the wrong one, and is not kept.
    """

    keeps_baked: bool

    def keep(self, document: Document, data: bytes, relinks: Sequence[Relink]) -> bytes:
        """``data``, in which these clips are relinked, with what they played as one more take.

        Raises:
            EditError: a clip has no place for it.
        """

    def verify_kept(
        self, document: Document, data: bytes, kept: bytes, relinks: Sequence[Relink]
    ) -> None:
        """Prove that without the takes ``kept`` is ``data``, and that they are the old ones.

        Raises:
            EditError: naming what differs.
        """
