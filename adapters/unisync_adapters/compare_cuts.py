"""Prove that two cut lists of an edit differ only in the media of the relinked clips.

As :mod:`.compare` does of timelines: things are matched by where they stand, the relinks are found
by the origin of the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio

from .compare import Comparison
from .cutlist import Clip, CutList, Item, Mark, Moment, Nest, Track
from .document import Relink
from .otiotime import settled
from .timebase import Rate

_SAME_TIME = Fraction(1, 100_000)
"""Seconds. What ticks and frames say of one place may differ by less than a tick."""


def compare_cuts(
    before: CutList, after: CutList, relinks: Sequence[Relink], *, name: str | None, file: Path
) -> None:
    """Raise unless ``after`` is ``before`` with ``relinks`` done and ``name`` as its name.

    Raises:
        EditError: naming the first track, clip, transition or marker that differs.
    """
    comparison = _CutComparison(relinks, file)
    comparison.same("timeline name", before.name if name is None else name, after.name)
    comparison.sequences(before, after, "the timeline")
    comparison.all_met()


class _CutComparison(Comparison):
    """A comparison of two cut lists."""

    def __init__(self, relinks: Sequence[Relink], file: Path) -> None:
        super().__init__(relinks, file)
        self._texts: dict[otio.core.MediaReference, str] = {}

    def sequences(self, before: CutList, after: CutList, where: str) -> None:
        for what in ("rate", "start", "drop", "trim", "marks"):
            self.same(f"{what} of {where}", getattr(before, what), getattr(after, what))
        self.same(f"number of tracks in {where}", len(before.tracks), len(after.tracks))
        for old, new in zip(before.tracks, after.tracks, strict=True):
            self.tracks(old, new, before.rate)

    def tracks(self, before: Track, after: Track, rate: Rate) -> None:
        for what in (field for field in Track._fields if field != "items"):
            label = f"{what} of Track {before.name!r}"
            self.same(label, getattr(before, what), getattr(after, what))
        number = f"number of items in Track {before.name!r}"
        self.same(number, len(before.items), len(after.items))
        for old, new in zip(before.items, after.items, strict=True):
            self.items(old, new, rate)

    def items(self, before: Item, after: Item, rate: Rate) -> None:
        """Two items at the same place of a track."""
        kinds = type(before).__name__, type(after).__name__
        self.same(f"kind of item {before.name!r}", *kinds)
        if isinstance(before, Clip) and isinstance(after, Clip):
            self.clips(before, after, rate)
        elif isinstance(before, Nest) and isinstance(after, Nest):
            self.fields(before, after, set(Nest._fields) - {"cuts"})
            self.sequences(before.cuts, after.cuts, f"Nest {before.name!r}")
        else:
            self.same(kinds[0], before, after)

    def fields(self, before: Clip | Nest, after: Clip | Nest, names: set[str]) -> None:
        for what in sorted(names):
            self.same(what, getattr(before, what), getattr(after, what), before.name)

    def clips(self, before: Clip, after: Clip, rate: Rate) -> None:
        """Keys are proved by their places: names in them may change."""
        relink = self.relinks.get(before.origin)
        if relink is None:
            if before != after._replace(origin=before.origin, media=before.media):
                self.fields(before, after, _OWN | _PLAYED)
            self.same("media", self.text(before.media), self.text(after.media), before.name)
            return
        self.met.add(relink.origin)
        self.fields(before, after, _OWN if relink.baked else _OWN | _SPEED)
        if relink.baked:
            self.same("speed", (1, False), (after.speed, after.ramped), before.name)
        start = self.new_media(relink, before.media, after.media, before.name)
        at = _at(relink.rate, after.start, after.clock)
        first = int((at - start) // 1)
        self.same("first frame of the new media", relink.source_in, first, before.name)
        self.marks(relink, before, after, rate, relink.rate.seconds(start))

    def text(self, media: otio.core.MediaReference) -> str:
        """A media reference as text, to compare; clips of one file hold one reference."""
        known = self._texts.get(media)
        if known is None:
            known = self._texts[media] = str(media.to_json_string())
        return known

    def marks(self, relink: Relink, before: Clip, after: Clip, rate: Rate, begin: Fraction) -> None:
        """Markers hold their place in the record, which the clip's first frame anchors, and their
        length there: at twice the speed one covers twice the media.

        Args:
            begin: seconds at which the new media begins. Not every format can say to the frame
                where a marker ends that lies before it.
        """
        self.same("number of markers", len(before.marks), len(after.marks), before.name)
        if not before.marks:
            return
        speed = before.speed if relink.baked else Fraction(1)
        first = before.clock.seconds(before.start)
        if speed < 0:
            # the last picture of its range: otiotime.first_shown
            first -= speed * (rate.seconds(before.length) - 1 / relink.rate.fps)
        new_first = after.clock.seconds(after.start)
        # where a clip takes on another clock, either end of a marker stands on the nearest frame
        off = after.clock.seconds(1) / 2
        for a, b in zip(before.marks, after.marks, strict=True):
            self.same("marker", _said(a), _said(b), before.name)
            if speed == 0:
                continue
            place = (before.clock.seconds(a.start) - first) / speed
            self.near("place", place, after.clock.seconds(b.start) - new_first, off, before.name)
            length = before.clock.seconds(a.length) / abs(speed)
            lost = after.clock.seconds(b.start) < begin
            about = 2 * off + after.clock.seconds(1) * lost
            self.near("length", length, after.clock.seconds(b.length), about, before.name)

    def near(self, what: str, old: Fraction, new: Fraction, off: Fraction, clip: str) -> None:
        """Two times of a marker, in seconds of the record."""
        if abs(old - new) > off + _SAME_TIME:
            self.same(f"marker's {what}", float(old), float(new), clip)


_PLAYED = {"start", "clock", "marks", "speed", "ramped", "ramp"}
_SPEED = {"speed", "ramped", "ramp"}
_OWN = set(Clip._fields) - _PLAYED - {"origin", "media"}
"""What no relink changes."""


def _said(mark: Mark) -> tuple[object, ...]:
    return mark.name, mark.comment, mark.others


def _at(rate: Rate, position: Moment, clock: Rate) -> Moment:
    return settled(position * rate.fps / clock.fps)
