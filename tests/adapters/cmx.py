"""Synthetic EDLs in the dialects that editors meet; nothing here is copied from a real one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unisync_adapters.document import PathMap, Relink
from unisync_adapters.edl import EdlAdapter
from unisync_adapters.edl.read import EdlDocument
from unisync_adapters.timebase import Rate, Timecode

PATH = Path("/cuts/cut.edl")
PAL = Rate.of(25)
HOUR = 90_000
"""Frame number of 01:00:00:00 at 25 fps."""


@dataclass(frozen=True)
class Dialect:
    """How one program writes an EDL."""

    name: str
    reel: int = 8
    digits: int = 3
    newline: str = "\r\n"
    star: str = "* "
    trail: str = " "
    tab: str = " "
    blank: bool = False
    fcm: bool = True


AVID = Dialect("avid")
FILE32 = Dialect("file32", reel=32, digits=6, star="*")
PREMIERE = Dialect("premiere", trail="", blank=True)
FILE128 = Dialect("file128", reel=128, newline="\n", trail="")
TABS = Dialect("tabs", tab="\t", newline="\r", fcm=False)
DIALECTS = (AVID, FILE32, PREMIERE, FILE128, TABS)


@dataclass(frozen=True)
class Ev:
    """One edit, frames at the rate of the list; ``dissolve`` makes it two lines.

    Attributes:
        speed: frames a second of its ``M2``.
        count: record frames; ``played`` source frames, where they differ.
        gap: record frames of nothing before it.
    """

    reel: str = "A001C001"
    entry: int = HOUR
    count: int = 50
    name: str | None = "12A-1"
    source: str | None = None
    channels: str = "V"
    dissolve: int = 0
    wipe: int = 0
    speed: str | None = None
    played: int | None = None
    gap: int = 0
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cmx:
    """A whole list."""

    events: list[Ev]
    dialect: Dialect = AVID
    rate: Rate = PAL
    drop: bool = False
    title: str | None = "REEL 1"
    start: int = HOUR
    header: tuple[str, ...] = field(default=())

    def data(self, encoding: str = "utf-8") -> bytes:
        out = [] if self.title is None else [f"TITLE:   {self.title}"]
        if self.dialect.fcm or self.drop:
            out.append(f"FCM: {'DROP FRAME' if self.drop else 'NON-DROP FRAME'}")
        out += self.header
        record, before = self.start, None
        for number, event in enumerate(self.events, 1):
            record += event.gap
            out += self._edit(number, event, record, before)
            record += event.count
            before = event
        return (self.dialect.newline.join(out) + self.dialect.newline).encode(encoding)

    def _edit(self, number: int, event: Ev, record: int, before: Ev | None) -> list[str]:
        played = event.count if event.played is None else event.played
        star, out = self.dialect.star, []
        kind = f"W{event.wipe:03d}" if event.wipe else "D" if event.dissolve else "C"
        if kind != "C":
            last = before or Ev("BL", 0, 0, None)
            end = last.entry + (last.count if last.played is None else last.played)
            end = 0 if last.reel == "BL" else end
            out.append(self._line(number, last.reel, event.channels, "C", (end, end), record, 0))
        times = (event.entry, event.entry + played)
        transition = f"{kind:4} {event.dissolve:03d}" if kind != "C" else kind
        out.append(
            self._line(number, event.reel, event.channels, transition, times, record, event.count)
        )
        if event.speed is not None:
            entry = Timecode(event.entry, self.rate, self.drop)
            out.append(f"M2   {event.reel:<8}   {event.speed:>8}                {entry} ")
        if kind != "C":
            out.append("EFFECTS NAME IS CROSS DISSOLVE")
            if before is not None and before.name:
                out.append(f"{star}FROM CLIP NAME:  {before.name}{self.dialect.trail}")
        if event.name is not None:
            side = "FROM" if kind == "C" else "TO"
            out.append(f"{star}{side} CLIP NAME:  {event.name}{self.dialect.trail}")
        out += event.remarks
        if event.source is not None and kind == "C":
            out.append(f"{star}SOURCE FILE: {event.source}")
        return out + ([""] if self.dialect.blank else [])

    def _line(
        self,
        number: int,
        reel: str,
        channels: str,
        transition: str,
        source: tuple[int, int],
        record: int,
        count: int,
    ) -> str:
        times = [Timecode(f, self.rate, self.drop) for f in (*source, record, record + count)]
        codes = " ".join(str(t).replace(";", ":") for t in times)
        head = f"{number:0{self.dialect.digits}d}{self.dialect.tab * 2}"
        return (
            f"{head}{reel[: self.dialect.reel]:<{self.dialect.reel}}{self.dialect.tab}"
            f"{channels:<5}{self.dialect.tab}{transition:<8} {codes}{self.dialect.trail}"
        )


def read(
    edit: Cmx | bytes | str, rate: Rate | None = PAL, path_map: PathMap | None = None
) -> EdlDocument:
    if isinstance(edit, Cmx):
        rate = edit.rate if rate is not None else None
    data = edit.data() if isinstance(edit, Cmx) else edit
    data = data.encode() if isinstance(data, str) else data
    document = EdlAdapter(rate).read(data, PATH, path_map or PathMap())
    assert isinstance(document, EdlDocument)
    return document


def relink(document: EdlDocument, index: int = 0, handle: int = 12, **changes: Any) -> Relink:
    """The clip and its handles as new media that repeats the timecode."""
    key = list(document.origins)[index]
    cut = document.cuts[key]
    handle = min(handle, int(cut.first_played))
    values: dict[str, Any] = {
        "origin": key,
        "path": Path(f"/out/media/unisync_fr_{index:04d}.mov"),
        "source_in": handle,
        "duration": cut.count + 2 * handle,
        "rate": document.rate,
        "start_frame": int(cut.first_played) - handle,
        "drop": cut.side.event.drop,
        "baked": cut.speed != 1,
    }
    return Relink(**(values | changes))


def patched(document: EdlDocument, *relinks: Relink, name: str | None = "REEL 1_FR_v001") -> bytes:
    result = document.patch(relinks, name=name)
    document.verify(result, relinks, name=name)
    return result


def changed(before: bytes, after: bytes) -> list[tuple[str, str]]:
    """Lines that differ, old and new, line for line."""
    old, new = before.decode().splitlines(), after.decode().splitlines()
    assert len(old) == len(new)
    return [(a, b) for a, b in zip(old, new, strict=True) if a != b]
