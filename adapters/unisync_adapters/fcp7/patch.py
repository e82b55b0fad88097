"""Relink clipitems of an xmeml document by changing the spans that must change.

A relinked clipitem gets a ``file`` definition of its own, a copy of the old one. Its ``in`` and
``out`` move only where the new media starts elsewhere, and what counts in the same clock (clip
markers, effect keyframes, Premiere's ticks) moves with them, so that it stays on its picture. If
the old definition stood in the clipitem, it moves to the next clipitem that refers to it: sound
stays on the old file. Links, ``masterclipid``, labels and filters are not touched.

A renamed sequence that has a ``uuid`` gets a new one, the same for the same old one and name: an
NLE that already holds the old sequence imports the new one beside it.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil

from ..document import Relink
from ..errors import EditError
from ..image_sequence import spelled_like
from ..splice import TextEdit
from ..timebase import PREMIERE_TICKS_PER_SECOND, Rate
from ..urls import LocalUrls, MediaUrl
from .convert import marked
from .definition import Template, indent_of, removed, set_number, set_rate, set_text, template
from .read import ClipItem, Fcp7Document
from .retime import PLAIN
from .scan import Element
from .text import escape

_OURS = re.compile(r"unisync-(\d{1,15})")


def patch_document(document: Fcp7Document, relinks: Sequence[Relink], name: str | None) -> bytes:
    """The document's bytes with the clips relinked and the sequence renamed.

    Raises:
        EditError: a clip that was refused, whose retime is not baked, or whose new media is too
            short at its head.
    """
    edits = _relink_all(document, relinks)
    if name is not None:
        edits += _rename(document.sequence, name)
    return document.source.spliced(document.data, edits)


def _relink_all(document: Fcp7Document, relinks: Sequence[Relink]) -> list[TextEdit]:
    writer = _FileWriter(document)
    edits: list[TextEdit] = []
    for relink in relinks:
        item = document.items[relink.origin]
        try:
            file = _relinkable(item, relink)
            edits.append(writer.write(item, file, relink))
            edits += _clip_edits(item, relink)
        except EditError as error:
            raise EditError(
                error.what,
                file=document.path,
                clip=document.origins[relink.origin].name,
                remedy=error.remedy,
            ) from error
    return [*edits, *writer.moved_definitions()]


def _relinkable(item: ClipItem, relink: Relink) -> Element:
    if item.refuse:
        raise EditError(item.refuse, remedy="Leave this clip as it is")
    file = item.file
    if file is None or item.media is None or not item.media.url:
        raise EditError("The clip has no media to replace", remedy="Leave this clip as it is")
    if item.retime is not PLAIN and not relink.baked:
        raise EditError(
            "The clip is retimed, and its new media does not have the retime baked",
            remedy="Render it as it plays and relink it as baked",
        )
    return file


class _FileWriter:
    """The ``file`` elements of one patch: new ids, one definition each, old ones moved on."""

    def __init__(self, document: Fcp7Document) -> None:
        self.document = document
        self.replaced: set[int] = set()
        self.written: dict[tuple[object, ...], str] = {}
        self.templates: dict[tuple[object, ...], Template] = {}
        self.urls: dict[int, LocalUrls] = {}
        ours = map(_OURS.fullmatch, set(document.files.references.values()))
        self.next_id = max([int(match[1]) for match in ours if match], default=0) + 1

    def write(self, item: ClipItem, file: Element, relink: Relink) -> TextEdit:
        """The clipitem's ``file``: a definition, or a reference to one just written."""
        assert item.media is not None, "_relinkable has seen it"
        self.replaced.add(file.row)
        key = (
            item.media.element.row,
            str(relink.path),
            relink.duration,
            relink.rate.fps.as_integer_ratio(),
            relink.start_frame,
            relink.drop,
            relink.reel,
        )
        identity = self.written.get(key)
        if identity is not None:
            return TextEdit(file.start, file.end, f'<file id="{identity}"/>')
        identity = self.written[key] = f"unisync-{self.next_id}"
        self.next_id += 1
        return TextEdit(file.start, file.end, self._definition(item, relink, identity))

    def _definition(self, item: ClipItem, relink: Relink, identity: str) -> str:
        media = item.media
        assert media is not None, "_relinkable has seen it"
        row = media.element.row
        urls = self.urls.get(row)
        if urls is None:
            like = MediaUrl.parse(media.url)
            urls = self.urls[row] = LocalUrls(self.document.path_map, like)
        # fractions hash slowly, pairs of numbers do not
        rates = relink.rate.fps.as_integer_ratio(), item.rate.fps.as_integer_ratio()
        key = row, rates, relink.drop, relink.reel, bool(relink.start_frame)
        made = self.templates.get(key)
        if made is None:
            made = self.templates[key] = template(media, relink, item.rate)
        path = relink.path
        if media.kind == "sequence":
            # its name and its URL may be of two forms: a range, and the first frame
            path = spelled_like(relink.path, MediaUrl.parse(media.url).name)
            relink = replace(relink, path=spelled_like(relink.path, media.name))
        return made.fill(relink, identity, urls.of(path))

    def moved_definitions(self) -> Iterator[TextEdit]:
        """Definitions whose clipitem was relinked, put where they are next referred to."""
        files = self.document.files
        orphaned = {
            identity: row for identity, row in files.definitions.items() if row in self.replaced
        }
        if not orphaned:
            return
        for row, identity in files.references.items():
            if identity in orphaned and row not in self.replaced:
                definition = Element(self.document.source, orphaned.pop(identity))
                reference = Element(self.document.source, row)
                if not reference.has_children:
                    yield TextEdit(reference.start, reference.end, definition.raw)


@dataclass(frozen=True, slots=True)
class _Clock:
    """How positions in the old media's clock become positions in the new one's."""

    old_in: int
    new_in: int
    scale: int | Fraction

    def moved(self, position: int) -> int:
        return self.new_in + round((position - self.old_in) * self.scale)

    @property
    def still(self) -> bool:
        return self.old_in == self.new_in and self.scale == 1


def _clip_edits(item: ClipItem, relink: Relink) -> list[TextEdit]:
    stated = item.stated
    clip = stated.element
    rate, clock = _clock(item, relink)
    edits: list[TextEdit] = []
    if rate is not item.rate and (said := clip.first("rate")) is not None:
        edits += set_rate(said, rate)
    length: int | Fraction = relink.duration
    if rate != relink.rate:
        length = length * rate.fps / relink.rate.fps
    if stated.duration != (frames := round(length)):
        edits += set_number(clip, "duration", frames)
    if item.retime.filter is not None:
        edits.append(removed(item.retime.filter))
    if relink.baked and stated.is_still and (still := clip.first("stillframe")):
        edits.append(set_text(still, "FALSE"))
    if not clock.still:
        if stated.entry is not None:
            edits += set_number(clip, "in", clock.new_in)
        elif clip.first("in") is None and item.file is not None:
            tag = f"<in>{clock.new_in}</in>{indent_of(item.file)}"
            edits.append(TextEdit(item.file.start, item.file.start, tag))
        if stated.exit is not None:
            edits += set_number(clip, "out", clock.moved(stated.exit))
        edits += _moved_marks(item, clock)
    return edits + _ticks(item, relink)


def _clock(item: ClipItem, relink: Relink) -> tuple[Rate, _Clock]:
    """The clock the clipitem counts in from now on, and where everything moves in it.

    It stays, unless the clipitem inherits it from its file, or cannot name the new first frame.
    """
    rate = item.rate
    old_in = item.stated.entry or 0
    if rate == relink.rate and isinstance(item.head, int):
        return rate, _Clock(old_in, _not_before(relink.source_in - item.head), 1)
    exact = relink.source_in * rate.fps / relink.rate.fps - item.head
    if item.stated.rate is None or exact.denominator != 1:
        rate = relink.rate
    scale = rate.fps / item.rate.fps
    # the first at which the cut shows this frame of the media, or what follows within it
    new_in = ceil(relink.source_in * rate.fps / relink.rate.fps - item.head * scale)
    return rate, _Clock(old_in, _not_before(new_in), scale)


def _not_before(new_in: int) -> int:
    if new_in < 0:
        raise EditError(
            f"The new media has {-new_in} frames too few before the cut for the transition there",
            remedy="Render it with longer handles",
        )
    return new_in


def _moved_marks(item: ClipItem, clock: _Clock) -> list[TextEdit]:
    """Clip markers and effect keyframes: they count in the clipitem's clock."""
    edits: list[TextEdit] = []
    for marker in item.element.all("marker") if item.stated.marked else ():
        start, end = marked(marker)
        edits += set_number(marker, "in", clock.moved(start))
        if end is not None:
            moved = clock.moved(end)
            # -1 would say that it has no end
            edits += set_number(marker, "out", moved if moved != -1 else 0)
    if not item.filters.keyed:
        return edits
    gone = item.retime.filter
    for effect in item.element.all("filter"):
        if gone is not None and effect.row == gone.row:
            continue
        for keyframe in effect.below("keyframe"):
            position = keyframe.int_of("when")
            if position is not None:
                edits += set_number(keyframe, "when", clock.moved(position))
    return edits


def _ticks(item: ClipItem, relink: Relink) -> list[TextEdit]:
    """Premiere's own idea of ``in`` and ``out``."""
    stated = item.stated
    if stated.ticks_in is None:
        return []
    entry = _exact_ticks(relink.source_in, relink.rate)
    if item.head:
        entry -= _exact_ticks(item.head, item.rate)
    first = round(entry)
    if stated.ticks_in == first and item.retime is PLAIN:
        return []
    exit_ = entry + _exact_ticks((stated.exit or 0) - (stated.entry or 0), item.rate)
    return [
        *set_number(item.element, "pproTicksIn", first),
        *set_number(item.element, "pproTicksOut", round(exit_)),
    ]


def _exact_ticks(frames: int | Fraction, rate: Rate) -> int | Fraction:
    """Frames in Premiere's ticks; a whole number at every rate that Premiere knows."""
    number, parts = frames.as_integer_ratio()
    over, under = rate.fps.as_integer_ratio()
    ticks, rest = divmod(number * PREMIERE_TICKS_PER_SECOND * under, parts * over)
    return ticks + Fraction(rest, parts * over) if rest else ticks


def _rename(sequence: Element, name: str) -> Iterator[TextEdit]:
    element = sequence.first("name")
    if element is None:
        yield TextEdit(sequence.inner, sequence.inner, f"<name>{escape(name)}</name>")
    elif element.text != name:
        yield set_text(element, name)
    known = sequence.first("uuid")
    if known is not None and known.text:
        fresh = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{known.text.lower()}/{name}"))
        yield set_text(known, fresh.upper() if known.text.isupper() else fresh)
