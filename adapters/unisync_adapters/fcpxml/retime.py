"""Speed of a clip: its ``timeMap``, and the conform of another frame rate to the timeline's.

A clip has a clock of its own: ``start``, markers and the offsets of what is connected to it count
in it. A ``timeMap`` says what that clock's times (``time``) are in the media (``value``). Without
one the clock is the media's, and a ``conform-rate`` that scales plays it so that its frames fall on
the timeline's: 25 pictures of 25 fps media fill 25 frames at 24 fps; of 23.976 fps media at 60 fps
24 pictures fill a second, by turns two and three frames long.

Points with ``interp="linear"`` are joined by straight lines; ``smooth2``, which Final Cut writes
for whatever it eases and for constant speeds too, and ``smooth`` are names without a formula.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ..errors import EditError, TimeError
from ..ramp import Ramp
from ..timebase import Rate
from .tags import EXPORT_AGAIN, Tag


@dataclass(frozen=True, slots=True)
class Retime:
    """How an element's clock runs.

    Attributes:
        pace: seconds of its clock per record second (the conform).
        slope: media seconds per second of its clock (the time map); 1 where it changes over time.
        point: a clock time and the media time there; None where they are the same.
        ramp: of a speed that changes over time, clock times and media times.
        tags: ``timeMap`` and ``conform-rate``, which leave the document when this is baked.
        refuse: why it cannot be processed, as a sentence.
    """

    pace: Fraction = Fraction(1)
    slope: Fraction = Fraction(1)
    point: tuple[Fraction, Fraction] | None = None
    ramp: Ramp | None = None
    tags: tuple[Tag, ...] = ()
    refuse: str | None = None

    @property
    def speed(self) -> Fraction:
        """Media seconds per record second, where that is one number."""
        return self.pace * self.slope

    @property
    def is_changed(self) -> bool:
        """Plays at another speed than the media's own, or at several."""
        return self.speed != 1 or self.ramp is not None

    @property
    def is_plain(self) -> bool:
        """Plays as the media does."""
        return not self.is_changed and self.refuse is None

    def media(self, clock: Fraction) -> Fraction:
        """The media time at this time of the clock."""
        if self.ramp is not None:
            return self.ramp.at(clock)
        if self.point is None:
            return clock
        return self.point[1] + (clock - self.point[0]) * self.slope


PLAIN = Retime()


def retime_of(tag: Tag, rate: Rate) -> Retime:
    """The retime of a story element in a timeline of this rate.

    Raises:
        EditError: a time map without times, or a source rate that does not exist.
    """
    conform, time_map = tag.first("conform-rate"), tag.first("timeMap")
    tags = tuple(found for found in (conform, time_map) if found is not None)
    if not tags:
        return PLAIN
    pace: Fraction | None = Fraction(1)
    if conform is not None and not conform.is_off("scaleEnabled"):
        pace = _pace(conform, rate)
    if pace is None:
        why = (
            "Its frame rate is conformed in a way that no rule tells; set it by hand, or transcode"
        )
        return Retime(tags=tags, refuse=why)
    if time_map is None:
        return Retime(pace, tags=tags)
    points = _points(time_map)
    if len(points) < 2 or points[0][0] == points[-1][0]:
        return Retime(pace, tags=tags, refuse="Its speed map has fewer than two points")
    (first, at), (last, to) = points[0], points[-1]
    slope = (to - at) / (last - first)
    if any(abs(at + (time - first) * slope - value) > _LINE for time, value in points):
        return _variable(pace, time_map, points, tags)
    if slope == 1 and pace == 1:
        return Retime(tags=tags, refuse="Its speed was changed back to 100 %; reset its speed")
    return Retime(pace, slope, (first, at), tags=tags)


_EXPORT = "export the clip as rendered media and relink it to that"


def _variable(
    pace: Fraction, time_map: Tag, points: list[tuple[Fraction, Fraction]], tags: tuple[Tag, ...]
) -> Retime:
    """A ramp, if the map says exactly what is shown when."""
    eased = {p.get("interp") or "smooth2" for p in time_map.all("timept")} - {"linear"}
    sampling = time_map.get("frameSampling") or "floor"
    if eased:
        why = (
            f"Its speed changes over time (a ramp or a hold) by a curve, {', '.join(sorted(eased))}"
            f", that is documented nowhere; {_EXPORT}"
        )
    elif sampling != "floor":
        why = f"Its speed ramp is played with made-up frames (frameSampling {sampling}); {_EXPORT}"
    else:
        try:
            return Retime(pace, ramp=Ramp(tuple(points)), tags=tags)
        except TimeError as error:
            why = f"{error.what}; {_EXPORT}"
    return Retime(pace, tags=tags, refuse=why)


_LINE = Fraction(1, 10_000)
"""Seconds by which a point may lie off a line that is one: writers round."""


def _pace(conform: Tag, rate: Rate) -> Fraction | None:
    """Media seconds per record second of media that is conformed; None where we do not know.

    Final Cut plays neighbouring rates frame by frame, and repeats or drops whole frames where one
    rate is the other's double, or film's in video; then only the 1000/1001 between them is left.
    """
    text = conform.get("srcFrameRate")
    if text is None:
        return Fraction(1)
    try:
        if len(text) > 9:
            raise TimeError(text)
        source = Rate.of(text)
    except TimeError as error:
        what = f"srcFrameRate {text[:30]!r} is no frame rate"
        raise conform.located(EditError(what, remedy=EXPORT_AGAIN)) from error
    exact = rate.fps / source.fps
    if abs(exact - 1) < _NEIGHBOURS:
        return exact
    nominal = Fraction(rate.nominal, source.nominal)
    return exact / nominal if max(nominal, 1 / nominal) in _CADENCES else None


_NEIGHBOURS = Fraction(1, 20)
_CADENCES = (2, 4, 5, Fraction(5, 2), Fraction(5, 4))
"""How often each picture is shown: every one twice …, or 24 pictures over 60 or 30 frames."""


def _points(time_map: Tag) -> list[tuple[Fraction, Fraction]]:
    points = []
    for point in time_map.all("timept"):
        time, value = point.time("time"), point.time("value")
        if time is None or value is None:
            what = "A point of a speed map states no time"
            raise point.located(EditError(what, remedy=EXPORT_AGAIN))
        points.append((time, value))
    return points
