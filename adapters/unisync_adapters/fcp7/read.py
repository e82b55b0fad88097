"""xmeml (Final Cut Pro 7 XML; Premiere, Resolve, Hiero) read into a cut list.

Beyond the contract of :mod:`..document`, an audio clip's ``metadata["unisync"]`` holds
``source_track``: the 1-based channel of its file (``sourcetrack/trackindex``). A nested sequence is
a ``Stack`` holding its picture tracks in a picture track, its sound tracks in a sound track. Where
a clip begins under a transition, its ``source_range`` starts at the cut, as OTIO has it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import opentimelineio as otio

from ..collector import no_cycles
from ..cutlist import Clip, CutList, Mark, Moment, Nest, Track, Transition, length_of
from ..document import Adapter, Document, Origin, PathMap
from ..errors import EditError
from ..otiotime import settled
from ..reading import ReadCuts
from ..timebase import Rate
from .convert import mark, ramp_shown, refusal, sequence_marks, source_frame, transition
from .filters import Filters, FilterTable
from .framing import frame_of, shows_below
from .layout import Crossing, Placed, lay_out
from .media import FileTable, MediaFile, rate_of, start_code
from .retime import PLAIN, Retime, retime_of
from .scan import Element
from .sequences import SequenceTable, tracks_of
from .stated import Stated
from .text import XmlText

MAX_CLIPS = 1_000_000
"""Nests within nests multiply; beyond this the document is an attack, not an edit."""


class ClipItem(NamedTuple):
    """What patching one picture clip needs to know.

    Attributes:
        stated: what the ``clipitem`` says of itself.
        media: what its ``file`` stands for.
        rate: the clock that ``in``, ``out`` and ``duration`` count in.
        head: frames of that clock between ``in`` and the cut, under the leading transition.
        retime, filters: its speed, and what its filters say.
        refuse: why it cannot be relinked.
    """

    stated: Stated
    media: MediaFile | None
    rate: Rate
    head: int | Fraction
    retime: Retime
    filters: Filters
    refuse: str | None

    @property
    def element(self) -> Element:
        """The ``clipitem``."""
        return self.stated.element

    @property
    def file(self) -> Element | None:
        """Its ``file`` child."""
        return self.element.first("file")


@dataclass(frozen=True, kw_only=True)
class Fcp7Document(Document):
    """A :class:`Document` that remembers where its parts stand.

    Attributes:
        source: the text and its bytes.
        sequence: the sequence that was read.
        files: the ``file`` definitions and references.
        items: clipitems by origin key.
        position: the sequence's place among the document's sequences.
    """

    source: XmlText
    sequence: Element
    files: FileTable
    items: dict[str, ClipItem]
    position: int


def read_document(
    data: bytes, path: Path, path_map: PathMap, adapter: Adapter, sequence: str | int | None
) -> Fcp7Document:
    """Read one sequence of a document: by name or id, or by place among the sequences.

    Raises:
        EditError: damaged, no sequence, or several and none (or none of that name) picked.
    """
    try:
        with no_cycles():
            return _Reader(XmlText.of(data, path), path).read(data, path_map, adapter, sequence)
    except EditError as error:
        error.file = error.file or str(path)
        raise
    except RecursionError as error:
        raise EditError("The XML is nested too deeply", file=path) from error


class _Reader:
    """One reading: the tables of the document, and the clips met so far."""

    def __init__(self, source: XmlText, path: Path) -> None:
        self.source = source
        self.path = path
        self.files = FileTable(source)
        self.sequences = SequenceTable(source, path)
        self.filters = FilterTable()
        self.origins: dict[str, Origin] = {}
        self.items: dict[str, ClipItem] = {}
        self.keys: dict[int, str] = {}
        self.channels: dict[str | None, int | None] = {}
        self.met = 0

    def read(
        self, data: bytes, path_map: PathMap, adapter: Adapter, pick: str | int | None
    ) -> Fcp7Document:
        sequence = self.sequences.choose(pick)
        rate = self._sequence_rate(sequence)
        code = start_code(sequence, rate)
        start = Fraction(code.frame) * rate.fps / (code.rate or rate).fps
        tracks = self._tracks(sequence, rate, ("video", "audio"), (sequence,), None)
        cuts = CutList(
            name=sequence.text_of("name") or "",
            rate=rate,
            tracks=tracks,
            length=max([track.length for track in tracks], default=0),
            start=settled(start),
            drop=code.drop,
            marks=sequence_marks(sequence),
        )
        return Fcp7Document(
            path=self.path,
            data=data,
            adapter=adapter,
            reading=ReadCuts(cuts),
            origins=self.origins,
            rate=rate,
            drop=code.drop,
            path_map=path_map,
            source=self.source,
            sequence=sequence,
            files=self.files,
            items=self.items,
            position=self.sequences.top.index(sequence),
        )

    def _sequence_rate(self, sequence: Element) -> Rate:
        format_ = sequence.first("media", "video", "format", "samplecharacteristics")
        rate = rate_of(sequence) or rate_of(sequence.first("timecode")) or rate_of(format_)
        if rate is None:
            raise EditError(
                f"The sequence {sequence.text_of('name')!r} states no rate",
                file=self.path,
                remedy="Export it again",
            )
        return rate

    def _tracks(
        self,
        sequence: Element,
        rate: Rate,
        kinds: tuple[str, ...],
        nest: tuple[Element, ...],
        refuse: str | None,
    ) -> tuple[Track, ...]:
        tracks = []
        for kind in kinds:
            for head in tracks_of(sequence, kind):
                key = f"{self.sequences.key(sequence)}/{head.position}"
                items = self._items(
                    head.element, _Context(kind, rate, head.label, key, nest, refuse)
                )
                track = Track(
                    name=head.name or head.position,
                    kind=kind.capitalize(),
                    items=items,
                    length=length_of(items),
                    enabled=head.enabled,
                    locked=head.locked,
                    language=head.language,
                    channels=head.channels,
                )
                tracks.append(track)
        return tuple(tracks)

    def _items(self, track: Element, at: _Context) -> tuple[Clip | Nest | Transition, ...]:
        laid = lay_out(track, at.rate)
        return tuple(
            [
                transition(item) if isinstance(item, Crossing) else self._item(item, at)
                for item in laid
            ]
        )

    def _item(self, placed: Placed, at: _Context) -> Clip | Nest:
        self.met += 1
        if self.met > MAX_CLIPS:
            raise EditError(f"The edit shows more than {MAX_CLIPS} clips", file=self.path)
        stated = placed.stated
        element, name = stated.element, stated.name or ""
        nested = self.sequences.nested(element) if stated.nests else None
        if nested is not None:
            return self._nest(placed, nested, name, at)
        if element.tag == "generatoritem":
            kind = element.text_of("effect", "effectid") or element.text_of("effect", "name") or ""
            return Clip(
                name=name,
                media=otio.schema.GeneratorReference(name=name, generator_kind=kind),
                at=placed.start,
                length=placed.end - placed.start,
                start=0,
                clock=at.rate,
                enabled=stated.is_on,
            )
        return self._clip(placed, name, at)

    def _nest(self, placed: Placed, nested: Element, name: str, at: _Context) -> Nest:
        stated = placed.stated
        if nested in at.nest:
            raise EditError(
                f"The sequence {nested.text_of('name')!r} holds itself",
                file=self.path,
                clip=name,
                remedy="Remove it from itself",
            )
        rate = self._sequence_rate(nested)
        filters = self.filters.of(stated)
        retime = retime_of(stated, filters)
        clock = rate_of(stated.element) or rate
        head = Fraction(placed.head) * rate.fps / at.rate.fps
        start = (stated.entry or 0) * rate.fps / clock.fps + head
        length = placed.end - placed.start
        refuse = at.refuse
        if retime is not PLAIN:
            refuse = f"It lies in the nest {name!r}, whose speed is changed"
        below = at.kind == "video" and shows_below(stated, filters, frame_of(nested), at.nest[-1])
        tracks = self._tracks(nested, rate, (at.kind,), (*at.nest, nested), refuse)
        cuts = CutList(
            name=name,
            rate=rate,
            tracks=tracks,
            length=max([track.length for track in tracks], default=0),
            trim=(settled(start), settled(length * rate.fps / at.rate.fps)),
            marks=sequence_marks(nested),
        )
        return Nest(
            name=name,
            at=placed.start,
            length=length,
            cuts=cuts,
            refuse=refuse,
            enabled=stated.is_on,
            uncovers=below,
        )

    def _clip(self, placed: Placed, name: str, at: _Context) -> Clip:
        stated = placed.stated
        media, clock, plate, reference = self._source(stated, at)
        filters = self.filters.of(stated)
        retime = retime_of(stated, filters)
        at_in = source_frame(stated, media, retime, clock, plate)
        # a whole number where it can be: most clips run at one rate and plain speed
        plain = (clock is plate or clock == plate) and retime is PLAIN
        scale: Moment = 1 if plain else retime.speed * plate.fps / clock.fps
        head: Moment = placed.head
        if head and clock != at.rate:
            head = head * clock.fps / at.rate.fps
        length = placed.end - placed.start
        base = (at_in or 0) + (media.start if media else 0)
        start = base + head * scale
        ramp, reach = None, retime.refuse
        if retime.ramp is not None:
            zero = (stated.entry or 0) + head
            first, ramp = ramp_shown(retime.ramp, zero, clock, plate, at.rate)
            start = first + (media.start if media else 0)
            base = start - head * scale  # clip markers go on in record time
            if not ramp.covers(0, length - 1):
                reach = "Its speed ramp is stated for a part of it only"
        if scale < 0:  # a source range starts at the earliest picture played: otiotime.first_shown
            start += (length - 1) * retime.speed * plate.fps / at.rate.fps
        origin, refuse, below, channel = "", None, False, None
        if at.kind == "video":
            refuse = at.refuse or reach or refusal(placed, media, clock, at.rate)
            if at_in is None and refuse is None:
                refuse = "It plays backwards, and the length of its media is unknown"
            item = ClipItem(stated, media, clock, head, retime, filters, refuse)
            origin = self._origin(item, name, at)
            below = shows_below(stated, filters, media.raster if media else None, at.nest[-1])
        else:
            channel = self._channel(stated)
        # in order: ten thousand tuples are made in half the time without their names
        return Clip(
            name,
            reference or otio.schema.MissingReference(name),
            placed.start,
            length,
            settled(start),
            plate,
            origin,
            refuse,
            stated.is_on,
            retime.shown,
            retime.ramp is not None or retime.refuse is not None,
            ramp,
            below,
            channel,
            _marks(stated, base, scale) if stated.marked else (),
        )

    def _source(self, stated: Stated, at: _Context) -> _Source:
        """What a clipitem of this track plays; those whose file and rate read alike are alike."""
        key = stated.file, stated.rate
        known = at.sources.get(key)
        if known is None:
            element = stated.element
            file = element.first("file")
            media = self.files.media(file) if file is not None else None
            clock = rate_of(element) or (media and media.rate) or at.rate
            plate = (media and media.rate) or clock
            reference = self.files.reference(media, plate) if media else None
            known = at.sources[key] = _Source(media, clock, plate, reference)
        return known

    def _channel(self, stated: Stated) -> int | None:
        """The channel of its file that a sound clipitem plays."""
        key = stated.source_track
        if key not in self.channels:
            self.channels[key] = stated.element.int_of("sourcetrack", "trackindex")
        return self.channels[key]

    def _origin(self, item: ClipItem, name: str, at: _Context) -> str:
        known = self.keys.get(item.element.row)
        if known is not None:
            origin = self.origins[known]
            self.origins[known] = origin._replace(uses=origin.uses + 1)
            return known
        base = key = f"{at.key}/{item.element.id or 'clipitem'}"
        number = 1
        while key in self.origins:
            number += 1
            key = f"{base}~{number}"
        self.keys[item.element.row] = key
        self.items[key] = item
        self.origins[key] = Origin(key, name, at.label)
        return key


def _marks(stated: Stated, base: Moment, scale: Moment) -> tuple[Mark, ...]:
    markers = stated.element.all("marker")
    return tuple([mark(marker, stated.entry or 0, base, scale) for marker in markers])


class _Source(NamedTuple):
    """A file as a clipitem plays it.

    Attributes:
        media: the file, if the document says which.
        clock: the rate that the clipitem counts in; ``plate`` that of the file.
        reference: the file as OTIO holds it.
    """

    media: MediaFile | None
    clock: Rate
    plate: Rate
    reference: otio.core.MediaReference | None


@dataclass(frozen=True, slots=True)
class _Context:
    """The track that is being read, and what its clipitems play."""

    kind: str
    rate: Rate
    label: str
    key: str
    nest: tuple[Element, ...]
    refuse: str | None
    sources: dict[tuple[str | None, str | None], _Source] = field(default_factory=dict)
