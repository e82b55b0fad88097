"""Relink events of an EDL: the lines that must change, and no column of any other.

A relinked event keeps number, reel, channels, transition and record times. Its clip name and
source file become the new media's; its source times change only where the new media starts
elsewhere; its ``M2`` goes when its speed is baked. So do those of every line that plays on with it
under a transition.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..document import Relink
from ..errors import EditError, UrlError
from ..splice import Edit, splice
from ..timebase import Rate, Timecode
from ..urls import MediaUrl, map_from_local
from .cuts import Cut
from .read import EdlDocument
from .sheet import BOM, Event, Remark, Sheet
from .sides import Side


def patch_document(document: EdlDocument, relinks: Sequence[Relink], name: str | None) -> bytes:
    """The document's bytes with the clips relinked and the title changed.

    Raises:
        EditError: a clip that was refused, whose retime is not baked, or whose new media cannot be
            said in an EDL.
    """
    edits: list[Edit] = []
    for relink in relinks:
        cut = document.cuts[relink.origin]
        try:
            _check(cut, relink, document)
            edits += _relink(document, cut, relink)
        except (EditError, UrlError) as error:
            raise EditError(
                error.what,
                file=document.path,
                clip=document.origins[relink.origin].name,
                timecode=cut.side.event.times[2],
                remedy=error.remedy,
            ) from error
    if name is not None:
        edits += _rename(document.sheet, name)
    return splice(document.data, edits)


def _check(cut: Cut, relink: Relink, document: EdlDocument) -> None:
    if cut.refuse is not None:
        raise EditError(cut.refuse, remedy="Leave this clip as it is")
    if cut.speed != 1 and not relink.baked:
        raise EditError(
            "The clip is retimed, and its new media does not have the retime baked",
            remedy="Render it as it plays and relink it as baked",
        )
    if relink.rate != document.rate:
        raise EditError(
            f"The new media runs at {relink.rate.label} fps; an EDL counts all its media at the "
            f"record rate, {document.rate.label}",
            remedy="Export the edit as AAF or XML",
        )
    if relink.source_in < 0:
        raise EditError("The new media begins after the clip does", remedy="Render it whole")


def _relink(document: EdlDocument, cut: Cut, relink: Relink) -> Iterator[Edit]:
    entry = relink.start_frame + relink.source_in
    yield from _side(document, cut.side, relink, (entry, entry + cut.count))
    for tail in cut.tails:
        yield from _side(document, tail, relink, (entry + cut.count, entry + cut.count))


def _side(
    document: EdlDocument, side: Side, relink: Relink, frames: tuple[int, int]
) -> Iterator[Edit]:
    yield from _names(document, side, relink)
    for column, frame in enumerate(frames):
        yield from _time(document, side.event, column, frame, relink.drop)
    if relink.baked:
        for remark in baked_away(side):
            yield Edit(remark.line.start, remark.line.stop, b"")


def baked_away(side: Side) -> list[Remark]:
    """Lines that say a speed, which leave with it."""
    return [*side.speeds, *(side.block.of("freeze") if len(side.block.events) == 1 else ())]


def _names(document: EdlDocument, side: Side, relink: Relink) -> Iterator[Edit]:
    name = _encoded(relink.path.name)
    for remark in side.names:
        yield Edit(*remark.span, _spaced(remark, name))
    for remark in side.sources:
        yield Edit(*remark.span, _spaced(remark, _encoded(_file(document, remark, relink))))
    if not side.names:
        at = _after_head(side)
        label = b"TO" if side.incoming else b"FROM"
        newline = document.sheet.newline
        before = b"" if at.ends_line else newline
        after = newline if at.ends_line else b""
        text = b"* " + label + b" CLIP NAME: " + name
        yield Edit(at.position, at.position, before + text + after)


def _spaced(remark: Remark, text: bytes) -> bytes:
    """With the space that every reader expects after the colon, where there was no value."""
    return text if remark.span.start < remark.span.end or _ends_in_space(remark) else b" " + text


def _ends_in_space(remark: Remark) -> bool:
    before = remark.line.text[: remark.span.start - remark.line.start]
    return before.endswith((" ", "\t"))


def _file(document: EdlDocument, remark: Remark, relink: Relink) -> str:
    """The new file as this author writes a source file: a path where he writes paths."""
    if "/" in remark.value or "\\" in remark.value:
        return map_from_local(relink.path, document.path_map, MediaUrl.parse(remark.value))
    return relink.path.name


def _encoded(text: str) -> bytes:
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise EditError(f"{text!r} is not valid text", remedy="Choose another name") from error
    if any(byte < 32 for byte in data):
        raise EditError(f"{text!r} does not fit in a line", remedy="Choose another name")
    return data


class _Place:
    """Where a line may be put in, and whether the line before it is ended."""

    def __init__(self, event: Event | Remark) -> None:
        self.position = event.line.stop
        self.ends_line = event.line.stop > event.line.end


def _after_head(side: Side) -> _Place:
    """After the block's events and what is no remark about names: M2, EFFECTS NAME, AUD."""
    order = side.block.order
    last = max(index for index, entry in enumerate(order) if isinstance(entry, Event))
    for entry in order[last + 1 :]:
        text = entry.line.text.strip()
        if not text or text.startswith("*") or isinstance(entry, Event):
            break
        if entry.kind not in ("m2", "aud", "fcm") and not text.upper().startswith("EFFECTS"):
            break
        last += 1
    return _Place(order[last])


def _time(
    document: EdlDocument, event: Event, column: int, frame: int, drop: bool
) -> Iterator[Edit]:
    """A source time, where it is another one, in the event's own separators."""
    written = event.times[column]
    counts_drop = event.drop and document.rate.can_drop
    if Timecode.parse(written, document.rate, counts_drop).frame == frame:
        return
    if drop != counts_drop:
        raise EditError(
            "The new media's timecode and the EDL's differ in drop-frame",
            remedy="Export the edit with the media's own frame code mode",
        )
    yield Edit(*event.spans[column], _written(frame, document.rate, drop, written))


def _written(frame: int, rate: Rate, drop: bool, like: str) -> bytes:
    digits = str(Timecode(frame, rate, drop)).replace(";", ":").split(":")
    separators = [c for c in like if not c.isdigit()]
    text = digits[0] + "".join(s + d for s, d in zip(separators, digits[1:], strict=True))
    return text.encode("ascii")


def _rename(sheet: Sheet, name: str) -> Iterator[Edit]:
    title = sheet.title
    text = _encoded(name)
    if title is not None:
        yield Edit(*title.span, _spaced(title, text))
    else:
        start = len(BOM) if sheet.data.startswith(BOM) else 0
        yield Edit(start, start, b"TITLE: " + text + sheet.newline)
