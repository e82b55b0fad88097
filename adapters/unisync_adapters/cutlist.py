"""The cut list of an edit: what lies where on its tracks, in exact time.

This is what a plan is made of. A long edit has tens of thousands of clips, and a record of a clip
costs a tenth of the OpenTimelineIO object that says the same; that is made of it where somebody
asks (:attr:`.document.Document.timeline`).

Times are frames of the sequence that holds a thing, exactly; whole ones are integers, which are
much faster. Only where a clip is in its media, and its markers, counts in the media's clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import opentimelineio as otio

from .ramp import Ramp
from .timebase import Rate

Moment = int | Fraction
"""Frames or seconds, exactly."""

UNCHANGED = Fraction(1)
"""The speed of a clip without a retime."""

PICTURE, SOUND = otio.schema.TrackKind.Video, otio.schema.TrackKind.Audio


class Mark(NamedTuple):
    """A marker; ``others`` are texts that a program keeps in a place of its own."""

    name: str
    comment: str
    start: Moment
    length: Moment
    others: tuple[str, ...] = ()


class Transition(NamedTuple):
    """A transition over the cut ``at``, from ``before`` frames before it to ``after`` after it."""

    name: str
    kind: str
    at: Moment
    before: Moment
    after: Moment


class Clip(NamedTuple):
    """A clip that plays media.

    Attributes:
        name: as the editor knows it.
        media: what it plays; clips of one file hold one reference.
        at, length: where it lies on its track, from cut to cut.
        start, clock: frame of the media that its range starts at (at the earliest picture that is
            played, in whatever direction: :func:`.otiotime.first_shown`), and their rate.
        origin: its key in the document; empty where it has none.
        refuse: why its reader says that it cannot be processed, as a sentence.
        enabled: it is switched on.
        speed: media seconds per record second; negative for backwards, 0 for a freeze frame, 1
            where it changes over time.
        ramped: its speed changes over time; ``ramp``: how, where the document says exactly
            (:func:`.ramp.ramp_of`).
        uncovers: it is scaled or faded down, so that what lies below may be seen.
        channel: of a sound, the 1-based channel of its file.
        marks: its markers, in its media's clock.
    """

    name: str
    media: otio.core.MediaReference
    at: Moment
    length: Moment
    start: Moment
    clock: Rate
    origin: str = ""
    refuse: str | None = None
    enabled: bool = True
    speed: Fraction = UNCHANGED
    ramped: bool = False
    ramp: Ramp | None = None
    uncovers: bool = False
    channel: int | None = None
    marks: tuple[Mark, ...] = ()


class Track(NamedTuple):
    """A track: its items in order, without the gaps between them.

    Attributes:
        kind: PICTURE, SOUND, or a kind that nobody knows.
        length: from its beginning to the end of its last item.
        trim: the part of it that plays (start and length), where that is not all.
        locked, language, channels: as the document says; None where it does not.
    """

    name: str
    kind: str
    items: tuple[Item, ...]
    length: Moment
    enabled: bool = True
    trim: tuple[Moment, Moment] | None = None
    marks: tuple[Mark, ...] = ()
    locked: bool | None = None
    language: str | None = None
    channels: int | None = None


class CutList(NamedTuple):
    """A sequence: its tracks, the lowest (or first) one first.

    Attributes:
        rate: what its times count in.
        length: the end of the track that ends last.
        start: frame number of its start timecode; None without one.
        drop: that is drop-frame.
        trim: the part of it that plays (start and length), where that is not all.
    """

    name: str
    rate: Rate
    tracks: tuple[Track, ...]
    length: Moment
    start: Moment | None = None
    drop: bool = False
    trim: tuple[Moment, Moment] | None = None
    marks: tuple[Mark, ...] = ()


class Nest(NamedTuple):
    """A sequence that lies on a track.

    Attributes:
        at, length: where, in frames of the sequence that holds it.
        cuts: the sequence; its ``trim`` says which part is shown.
        refuse, enabled, uncovers: as of a :class:`Clip`.
        retimed: its speed is changed.
    """

    name: str
    at: Moment
    length: Moment
    cuts: CutList
    refuse: str | None = None
    enabled: bool = True
    uncovers: bool = False
    retimed: bool = False


Item = Clip | Nest | Transition


def length_of(items: Sequence[Item]) -> Moment:
    """How long a track of these items is; a transition at either end belongs to it."""
    if not items:
        return 0
    first, last = items[0], items[-1]
    end = last.at + (last.after if isinstance(last, Transition) else last.length)
    return end + (first.before if isinstance(first, Transition) and not first.at else 0)
