"""An EDL as its lines: events, the remarks that belong to them, and where every field stands.

CMX 3600 is the grammar (SMPTE 258M keeps it); GVG, Sony and the NLEs' own dialects differ in the
width of the reel (8, 16, 32 or 128 characters), in separators and in remarks. So an event is known
by its tail, transition and four times, and what stands before it is number, reel and channels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ..errors import EditError
from .sheet import BOM, Block, Event, Line, Remark, Sheet, text_of

_LINE = re.compile(rb"[^\r\n]*")
_TC = r"\d{1,2}[:;.]\d{2}[:;.]\d{2}[:;.,]\d{2,3}"
_CHANNEL = r"(?:V\d*|AA|A\d*|B)"
_EVENT = re.compile(
    rf"(?P<head>.*?)[ \t]+(?P<channels>NONE|{_CHANNEL}(?:/?{_CHANNEL})*)"
    r"[ \t]+(?P<kind>C|D|W\d{1,4}|K(?:[ \t]*[BO](?=[ \t]))?)"
    r"(?:[ \t]+(?P<frames>\d{1,4}))?"
    rf"[ \t]+(?P<t0>{_TC}|\d{{1,9}})[ \t]+(?P<t1>{_TC}|\d{{1,9}})"
    rf"[ \t]+(?P<t2>{_TC})[ \t]+(?P<t3>{_TC})(?:[ \t].*)?",
    re.IGNORECASE,
)
_HEAD = re.compile(r"[ \t]*(\d{1,9})(?:[ \t]+(.*))?")
_NUMBERED = re.compile(rf"[ \t]*\d{{1,9}}[ \t].*{_TC}.*{_TC}")
_LONGEST = 1000
"""Characters of an event or a remark that means something; 128 of reel leave plenty."""
MAX_LINES = 2_000_000
"""A feature has ten thousand; beyond this the document is an attack, not an edit."""
_REMARKS: dict[str, re.Pattern[str]] = {
    kind: re.compile(pattern, re.IGNORECASE)
    for kind, pattern in {
        "title": r"[ \t]*TITLE[ \t]*:[ \t]*(?P<value>.*?)[ \t]*",
        "fcm": r"[ \t]*FCM[ \t]*:[ \t]*(?P<value>.*?)[ \t]*",
        "name": r"[ \t*]*(?:(?P<side>FROM|TO|KEY)[ \t]+)?CLIP[ \t]+NAME[ \t]*(?::|IS\b)[ \t]*"
        r"(?P<value>.*?)[ \t]*",
        "source": r"[ \t*]*(?:SOURCE[ \t]+FILE(?:[ \t]+PATH)?|(?P<side>FROM|TO)[ \t]+FILE)[ \t]*:"
        r"[ \t]*(?P<value>.*?)[ \t]*",
        "reel": r"[ \t*]*FINAL CUT PRO REEL:[ \t]*(?P<value>.+?)[ \t]+REPLACED BY:.*",
        "still": r"[ \t*]*(?P<side>FROM|TO)[ \t]+CLIP[ \t]+IS[ \t]+A[ \t]+(?P<value>STILL).*",
        "m2": r"[ \t]*M2\b[ \t]*(?P<reel>.*?)[ \t]+(?P<value>[+-]?\d{1,5}(?:\.\d{1,6})?)[ \t]+"
        rf"(?P<at>{_TC}|\d{{1,9}})[ \t]*",
        "freeze": r"[ \t*]+(?P<value>FREEZE[ \t]+FRAME)[ \t]*",
        "loc": rf"[ \t*]*LOC[ \t]*:[ \t]*(?P<at>{_TC})(?:[ \t]+(?P<side>[A-Z]+))?[ \t]*"
        r"(?P<value>.*?)[ \t]*",
        "aud": r"[ \t]*AUD(?P<value>(?:[ \t]+\d{1,2})+)[ \t]*",
        "rate": r"[ \t*]*(?:FRAME[ \t_]?RATE|FPS)[ \t]*[:=][ \t]*(?P<value>\d{1,3}(?:\.\d{1,6})?)"
        r"(?:[ \t]*FPS)?[ \t]*",
    }.items()
}
_BROKEN_M2 = re.compile(r"[ \t]*M2[ \t]", re.IGNORECASE)
_SNIFFED = 1 << 17
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def is_edl(data: bytes) -> bool:
    """Whether some line near the beginning is an event, or the head of an EDL stands there."""
    head = data[:_SNIFFED].decode("latin-1")
    if head.startswith(("\xff\xfe", "\xfe\xff")):
        head = head.replace("\0", "")[2:]
    lines = re.split(r"\r\n|\r|\n", head)
    if any(parse_event(line) for line in lines):
        return True
    heads = (_REMARKS["title"], _REMARKS["fcm"])
    return all(any(pattern.fullmatch(line) for line in lines[:20]) for pattern in heads)


def parse_event(text: str) -> re.Match[str] | None:
    """An event line's parts; None if this is no event."""
    return _EVENT.fullmatch(text.rstrip()) if len(text) <= _LONGEST else None


def parse(data: bytes, path: Path) -> Sheet:
    """Read the lines of an EDL.

    Raises:
        EditError: UTF-16, a line that begins like an event and is none, no event at all, or more
            lines than an edit can have.
    """
    if data.startswith(_UTF16):
        raise EditError("The EDL is UTF-16 text", file=path, remedy="Save it as UTF-8")
    parser = _Parser(path)
    for line in _lines(data):
        if line.number > MAX_LINES:
            raise EditError(f"The EDL has more than {MAX_LINES} lines", file=path)
        parser.line(line)
    if not parser.blocks:
        raise EditError("The EDL holds no event", file=path, remedy="Export it again")
    return Sheet(data, tuple(parser.header), tuple(parser.blocks), parser.record_drop)


def _lines(data: bytes) -> Iterator[Line]:
    position = len(BOM) if data.startswith(BOM) else 0
    number = 1
    while position < len(data):
        match = _LINE.match(data, position)
        assert match is not None, "it matches nothing too"
        stop = end = match.end()
        if stop < len(data):
            stop += 2 if data[stop : stop + 2] == b"\r\n" else 1
        yield Line(number, position, end, stop, data[position:end].decode("latin-1"))
        position = stop
        number += 1


class _Parser:
    """The lines so far, and the frame code mode in force."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header: list[Remark] = []
        self.blocks: list[Block] = []
        self.drop = False
        self.record_drop = False
        self.count = 0
        self.closed = True
        """A remark about the events above has been met."""

    def line(self, line: Line) -> None:
        match = parse_event(line.text)
        if match is not None:
            self._event(self._read(line, match))
        elif _NUMBERED.match(line.text[:_LONGEST]):
            raise EditError(
                f"Line {line.number} begins like an event and is none: {text_of(line.text)[:80]!r}",
                file=self.path,
                remedy="Correct the line, or export again",
            )
        else:
            self._remark(line)

    def _read(self, line: Line, match: re.Match[str]) -> Event:
        head = _HEAD.fullmatch(match["head"])
        number, reel = (head[1], head[2] or "") if head else ("", match["head"])
        times = tuple(match[f"t{i}"] for i in range(4))
        if self.count == 0:
            self.record_drop = self.drop or ";" in times[2]
        event = Event(
            line=line,
            ordinal=self.count,
            number=number,
            reel=text_of(reel.strip()),
            channels=match["channels"].upper(),
            kind=re.sub(r"\s", "", match["kind"]).upper(),
            frames=int(match["frames"] or 0),
            times=(times[0], times[1], times[2], times[3]),
            spans=(
                line.span(match, "t0"),
                line.span(match, "t1"),
                line.span(match, "t2"),
                line.span(match, "t3"),
            ),
            drop=self.drop or ";" in times[0],
        )
        self.count += 1
        return event

    def _event(self, event: Event) -> None:
        if self.blocks and not self.closed and _together(self.blocks[-1].events[-1], event):
            self.blocks[-1].events.append(event)
            self.blocks[-1].order.append(event)
        else:
            self.blocks.append(Block([event], order=[event]))
        self.closed = False

    def _remark(self, line: Line) -> None:
        remark = _remark(line)
        if remark.kind == "fcm":
            self.drop = remark.value.upper().startswith("DROP")
        if not self.blocks:
            self.header.append(remark)
            return
        self.blocks[-1].remarks.append(remark)
        self.blocks[-1].order.append(remark)
        # Premiere repeats the frame code mode between the two sides of a transition
        if remark.kind != "fcm" and line.text.strip():
            self.closed = True


def _together(last: Event, event: Event) -> bool:
    """Whether two adjacent event lines are one edit: both sides of a transition, a split edit."""
    if last.is_cut and not event.is_cut and last.channels == event.channels:
        return last.is_stub or (last.number == event.number and last.number != "")
    if last.kind.startswith("K") and event.kind.startswith("K"):
        return last.number == event.number
    return last.number == event.number != "" and last.channels != event.channels


def _remark(line: Line) -> Remark:
    for kind, pattern in _REMARKS.items() if len(line.text) <= _LONGEST else ():
        match = pattern.fullmatch(line.text)
        if match is not None:
            groups = match.groupdict()
            return Remark(
                line=line,
                kind=kind,
                value=text_of(match["value"]),
                span=line.span(match, "value"),
                side=(groups.get("side") or "").upper(),
                reel=text_of(groups.get("reel") or ""),
                at=groups.get("at") or "",
            )
    return Remark(line, "m2?" if _BROKEN_M2.match(line.text) else "other")
