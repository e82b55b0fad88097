"""An edit document: its bytes, what they mean, and how to change one clip's media in them.

The document is read into a cut list (:mod:`.cutlist`), which a plan is made of, or into an
OpenTimelineIO timeline, for whoever thinks in those; each is made of the other when it is asked
for. It is written by splicing its own bytes, so whatever we do not understand survives untouched.
The timeline is for reading. Clips of one file may hold one media reference, so that what is asked
of a file is asked once; ``clone()`` it for a timeline to change.

What a reader must put on the OTIO objects, beyond OTIO's own fields (all under
``metadata["unisync"]``, absent where unknown):

==================  ==============================================================================
on a ``Clip``       ``origin``: key into :attr:`Document.origins`;
                    ``refuse``: why this clip cannot be processed, as a sentence (multicam, ramp …)
on a media ref      ``reel``: str; ``drop``: bool (the media timecode is drop-frame);
                    ``rate``: "24000/1001"; ``raster``: [width, height];
                    ``still``: true for a single picture; ``offline``: true when the edit says so;
                    ``sequence``: true where it names the first frame of an image sequence;
                    ``names``: by what else a search may know it, where the edit names no path
on a ``Track``      ``language``: as the document says it; ``locked``; ``channels``: int
on a ``Timeline``   ``rate``: "24000/1001"; ``drop``: bool
==================  ==============================================================================

Times on a clip: ``available_range`` starts at the media's own start timecode (0 if it has none), in
media rate; ``source_range`` lies in the same clock, so that
``source_range.start_time - available_range.start_time`` is the offset from the first frame of the
file. A constant retime is an ``otio.schema.LinearTimeWarp`` on the clip; ``source_range`` then
starts at the true source frame shown at the clip's first record frame (at its last one, if the clip
plays backwards: :func:`.otiotime.first_shown`), and its duration is the clip's duration in the
track. A speed that changes over time is an ``otio.schema.TimeEffect``; where the document states
its curve exactly it holds it (:func:`.ramp.ramp_of`), else the clip is refused. Rates are snapped
(23.976 -> 24000/1001) by :mod:`.timebase`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import opentimelineio as otio

from .collector import no_cycles
from .cutlist import CutList
from .errors import EditError, telling
from .foreign import foreign
from .limits import MAX_BYTES, read_bytes
from .nouns import Lay, Origin, PathMap, Relink
from .otio_bundle import MEDIA, is_bundle, is_folder_bundle, media_map, read_content
from .protocols import Adapter, Layer, Rateless, TakeKeeper
from .reading import Reading
from .timebase import Rate

__all__ = [
    "FORMATS",
    "Adapter",
    "Document",
    "Lay",
    "Layer",
    "Origin",
    "PathMap",
    "Rateless",
    "Relink",
    "TakeKeeper",
    "adapters",
    "open_edit",
    "read_edit",
]

LEAVE = "Nothing was written; keep the original edit and report this"
"""What to do about an error in patching that says nothing better."""


@dataclass(frozen=True)
class Document:
    """An opened edit. Immutable: patching returns new bytes and never writes.

    Attributes:
        path: the file it was read from.
        data: its bytes, exactly.
        adapter: the format's adapter.
        reading: what the bytes mean.
        origins: every clip that could be relinked, by key.
        rate: the record rate.
        drop: the record timecode is drop-frame.
        path_map: how the edit's paths become this machine's.
        by_timecode: the format finds a picture in its media by a timecode that counts at the record
            rate, and says nothing else of the media (EDL): other media cannot be relinked in it.
    """

    path: Path
    data: bytes
    adapter: Adapter
    reading: Reading
    origins: Mapping[str, Origin]
    rate: Rate
    drop: bool = False
    path_map: PathMap = field(default_factory=PathMap)
    by_timecode: bool = False

    @property
    def timeline(self) -> otio.schema.Timeline:
        """What the bytes mean, for OpenTimelineIO."""
        return self.reading.timeline

    @property
    def cut_list(self) -> CutList:
        """What the bytes mean, for a plan."""
        return self.reading.cuts

    def patch(
        self,
        relinks: Sequence[Relink],
        *,
        name: str | None = None,
        lays: Sequence[Lay] = (),
        keep_takes: bool = False,
    ) -> bytes:
        """The document's bytes with these clips relinked, the timeline renamed and sound laid.

        With nothing to do the very same bytes come back (the identity law).

        Args:
            keep_takes: what a relinked clip played stays in it, as a take to go back to.

        Raises:
            EditError: unknown origin, two relinks of one clip, a clip this format cannot relink,
                or a format in which no sound can be laid, or no take kept.
        """
        with no_cycles():
            self._check(relinks)
            with telling(self.path, LEAVE):
                data = self.data
                if relinks or name is not None:
                    data = self.adapter.patch(self, relinks, name=name)
                if keep_takes:
                    data = self._keeper.keep(self, data, relinks)
                return self._layer.lay(self, data, lays) if lays else data

    def _check(self, relinks: Sequence[Relink]) -> None:
        unknown = [r.origin for r in relinks if r.origin not in self.origins]
        if unknown:
            raise EditError(f"No clip {unknown[0]!r} in this edit", file=self.path)
        if len({r.origin for r in relinks}) != len(relinks):
            raise EditError("A clip is relinked twice", file=self.path)
        relative = [r.path for r in relinks if not r.path.is_absolute()]
        if relative:
            raise EditError("New media must be named by an absolute path", file=relative[0])

    def verify(
        self,
        patched: bytes,
        relinks: Sequence[Relink],
        *,
        name: str | None = None,
        lays: Sequence[Lay] = (),
        keep_takes: bool = False,
    ) -> None:
        """Prove by a fresh read that only the relinked clips' media, the name, the new tracks and
        the kept takes are new.

        Raises:
            EditError: naming the first clip, track, link or marker that differs.
        """
        with telling(self.path, LEAVE):
            kept = self.patch(relinks, name=name, keep_takes=keep_takes) if lays else patched
            relinked = self.patch(relinks, name=name) if keep_takes else kept
            self.adapter.verify(self, relinked, relinks, name=name)
            if keep_takes:
                self._keeper.verify_kept(self, relinked, kept, relinks)
            if lays:
                self._layer.verify_laid(self, kept, patched, lays)

    @property
    def keeps_baked_takes(self) -> bool:
        """Whether a take can be kept whose speed is baked into the new media.

        Raises:
            EditError: this format keeps no takes.
        """
        return self._keeper.keeps_baked

    @property
    def _keeper(self) -> TakeKeeper:
        if not isinstance(self.adapter, TakeKeeper):
            raise EditError(
                f"A clip has one take in this format ({self.adapter.name}): none can be kept",
                file=self.path,
                remedy="Leave out --keep-takes: the old edit has the old takes; or export FCPXML "
                "or OTIO",
            )
        return self.adapter

    @property
    def _layer(self) -> Layer:
        if not isinstance(self.adapter, Layer):
            raise EditError(
                f"The dub cannot be laid in this format ({self.adapter.name})",
                file=self.path,
                remedy="Leave out --lay-dub and lay the file in the NLE, or export FCP7 XML, "
                "FCPXML or OTIO",
            )
        return self.adapter


FORMATS = ("otio_json", "fcp7", "fcpxml", "edl", "aaf")
"""Sub-packages that hold a format; each exposes its :class:`Adapter` as ``ADAPTER``."""


def adapters() -> Iterator[Adapter]:
    """Every format's adapter, in the order in which they are asked to recognise a file."""
    for name in FORMATS:
        adapter: Adapter = import_module(f".{name}", __package__).ADAPTER
        yield adapter


def open_edit(
    path: Path | str,
    *,
    path_map: PathMap | None = None,
    sequence: str | None = None,
    rate: Rate | None = None,
    max_bytes: int = MAX_BYTES,
) -> Document:
    """Open an edit document, whatever its format; the content decides, not the file name.

    Args:
        path: the document; or a bundle: an .otioz, or the folder that an .fcpxmld or .otiod is.
            The media in an .otioz must be unpacked (:mod:`.otio_bundle`) and mapped.
        path_map: how the edit's media paths become this machine's.
        sequence: name of the sequence to take when the document holds several.
        rate: the record rate, for a format that does not state it (EDL).
        max_bytes: a larger document is refused before it is read.

    Raises:
        EditError: missing, empty, of no known format, damaged, several sequences to choose
            from, of a rate that is not known, or not of ``rate``.
    """
    path = Path(path)
    if is_bundle(path):
        data = read_content(path, max_bytes)
        if is_folder_bundle(path):
            path_map = media_map(path / MEDIA, path_map or PathMap())
    else:
        path, inside = _bundle(path)
        data = read_bytes(inside, max_bytes)
    return read_edit(data, path, path_map=path_map, sequence=sequence, rate=rate)


def _bundle(path: Path) -> tuple[Path, Path]:
    """The edit, and the file that holds it: an .fcpxmld is a folder that bears the edit's name."""
    if (path / "Info.fcpxml").is_file():
        return path, path / "Info.fcpxml"
    if path.name == "Info.fcpxml" and path.absolute().parent.suffix.lower() == ".fcpxmld":
        return path.absolute().parent, path
    return path, path


def read_edit(
    data: bytes,
    path: Path,
    *,
    path_map: PathMap | None = None,
    sequence: str | None = None,
    rate: Rate | None = None,
) -> Document:
    """Read an edit document from its bytes.

    Args:
        data: the document.
        path: where it stands or stood: relative media paths are resolved from there.
        path_map, sequence, rate: as in :func:`open_edit`.

    Raises:
        EditError: as :func:`open_edit`.
    """
    for adapter in adapters():
        if adapter.sniff(data, path):
            if rate is not None and isinstance(adapter, Rateless):
                adapter = adapter.at(rate)
            with telling(path, "Export it again"):
                document = adapter.read(data, path, path_map or PathMap(), sequence)
            if rate is not None and document.rate != rate:
                raise EditError(
                    f"The edit runs at {document.rate.label} fps, not at {rate.label}",
                    file=path,
                    remedy="Leave the rate out: this edit states its own",
                )
            return document
    if kind := foreign(data, path):
        raise EditError(f"This is {kind.what}, not an edit", file=path, remedy=kind.remedy)
    known = ", ".join(f"{a.name} ({' '.join(a.suffixes)})" for a in adapters())
    raise EditError(
        "This is no edit document of a known format",
        file=path,
        remedy=f"Export one of: {known}",
    )
