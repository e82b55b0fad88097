"""What the timecodes of one EDL mean: frames at its record rate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import EditError, TimeError
from ..timebase import Rate, Timecode
from .sheet import Event, Sheet
from .sides import is_black


@dataclass(frozen=True, slots=True)
class Clock:
    """What the timecodes of one EDL mean."""

    rate: Rate
    drop: bool
    path: Path
    wraps: bool = False
    """It runs past midnight: times of the morning are the next day's."""

    @classmethod
    def of(cls, sheet: Sheet, rate: Rate, path: Path) -> Clock:
        clock = cls(rate, sheet.drop, path)
        noon = clock.day // 2
        wraps = any(clock.record(e, 3) < noon <= clock.record(e, 2) for e in sheet.events)
        return replace(clock, wraps=wraps)

    @property
    def day(self) -> int:
        """Frames from midnight to midnight."""
        return Timecode.parse("23:59:59:00", self.rate, self.drop).frame + self.rate.nominal

    def record(self, event: Event, column: int) -> int:
        """Record in (2) or out (3) of an event, in frames.

        Raises:
            EditError: a timecode that does not exist at this rate.
        """
        try:
            frame = Timecode.parse(event.times[column], self.rate, self.drop).frame
        except TimeError as error:
            raise EditError(
                f"Line {event.line.number}: {error.what}",
                file=self.path,
                timecode=event.times[column],
                remedy="Check the FCM line (drop-frame or not) and --rate",
            ) from error
        return frame + self.day if self.wraps and frame < self.day // 2 else frame

    def end(self, event: Event) -> int:
        """The record out, in frames. Final Cut closes its list with black that ends before it
        begins; that lasts no time.

        Raises:
            EditError: an event that ends before it begins, or a timecode that does not exist.
        """
        start, end = self.record(event, 2), self.record(event, 3)
        if end >= start:
            return end
        if is_black(event):
            return start
        raise EditError(
            f"Line {event.line.number}: the record out lies before the record in",
            file=self.path,
            timecode=event.times[2],
            remedy="Correct the line, or export again",
        )

    def source(self, event: Event, column: int) -> int | None:
        """Source in (0) or out (1) of an event, in frames; None for what is none at this rate."""
        text = event.times[column]
        if text.isdigit():
            return int(text)
        drop = event.drop and self.rate.can_drop
        try:
            return Timecode.parse(text, self.rate, drop).frame
        except TimeError:
            return None
