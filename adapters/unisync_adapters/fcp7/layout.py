"""Where the items of a track lie in the record: cuts, transitions, and what hides under them.

xmeml writes ``start`` or ``end`` as -1 where the edge lies inside a transition: the clip is then
visible from the transition's start (to its end), and ``in`` (``out``) names that frame. OTIO puts
the cut inside the transition instead; ``head`` is what lies between the two.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from ..errors import EditError
from ..timebase import PREMIERE_TICKS_PER_SECOND, Rate
from .scan import Element
from .stated import Stated, stated_in


class Placed(NamedTuple):
    """A clipitem or generatoritem from record frame ``start`` to ``end``, cut to cut.

    Attributes:
        head: frames visible before ``start``, under the transition that leads in.
        tail: frames visible after ``end``, under the transition that leads out.
        crossed: it overlaps a neighbour, which no track of an NLE allows.
    """

    stated: Stated
    start: int
    end: int
    head: int = 0
    tail: int = 0
    crossed: bool = False


class Crossing(NamedTuple):
    """A transitionitem from record frame ``start`` to ``end`` over the cut at ``cut``."""

    element: Element
    start: int
    cut: int
    end: int


def lay_out(track: Element, rate: Rate) -> list[Placed | Crossing]:
    """The items of a track in record order, without overlaps; empty ones are left out."""
    items = stated_in(track)
    crossings = {
        index: _crossing(item, rate)
        for index, item in enumerate(items)
        if item.element.tag == "transitionitem"
    }
    placed: list[Placed | Crossing] = []
    cursor = 0
    for index, item in enumerate(items):
        if index in crossings:
            placed.append(crossings[index])
            continue
        clip = _place(item, crossings.get(index - 1), crossings.get(index + 1), cursor)
        cursor = max(cursor, clip.end)
        placed.append(clip)
    if crossings:
        placed = _meet(placed)
    return _uncrossed(placed)


def _crossing(item: Stated, rate: Rate) -> Crossing:
    start, end = item.start or 0, item.end or 0
    ticks = item.element.int_of("cutPointTicks")
    alignment = item.element.text_of("alignment") or "center"
    if ticks is not None and ticks >= 0:
        cut = start + round(Fraction(ticks, PREMIERE_TICKS_PER_SECOND) * rate.fps)
    elif alignment.startswith("start"):
        cut = start
    elif alignment.startswith("end"):
        cut = end
    else:
        cut = (start + end) // 2
    return Crossing(item.element, start, min(max(cut, start), max(start, end)), end)


def _place(item: Stated, lead: Crossing | None, follow: Crossing | None, cursor: int) -> Placed:
    start, end = _edge(item, "start", item.start), _edge(item, "end", item.end)
    if start is not None and end is not None:
        if end < start:
            raise _impossible(item, f"It begins at frame {start} and ends before, at {end}")
        return Placed(item, start, end)
    length = (item.exit or 0) - (item.entry or 0)
    head = tail = 0
    if start is None and lead is not None:
        start, head = lead.cut, lead.cut - lead.start
    if end is None and follow is not None:
        end, tail = follow.cut, follow.end - follow.cut
    if start is None:
        start = cursor if end is None else max(0, end + tail - length)
    if end is None:
        end = start - head + length
    return Placed(item, start, end, head, tail)


def _edge(item: Stated, tag: str, frame: int | None) -> int | None:
    """A record frame; None where it lies in a transition (-1) or is not stated."""
    if frame is not None and frame < -1:
        raise _impossible(item, f"Its {tag} {frame} is no frame of the sequence")
    return None if frame is None or frame < 0 else frame


def _impossible(item: Stated, what: str) -> EditError:
    return item.element.located(EditError(what, clip=item.name))


def _meet(placed: list[Placed | Crossing]) -> list[Placed | Crossing]:
    """Transitions moved to the cut that a neighbour states in so many words."""
    result = list(placed)
    for index, item in enumerate(placed):
        if not isinstance(item, Crossing):
            continue
        before = placed[index - 1] if index else None
        after = placed[index + 1] if index + 1 < len(placed) else None
        if isinstance(after, Placed) and not after.head:
            cut = after.start
        elif isinstance(before, Placed) and not before.tail:
            cut = before.end
        else:
            continue
        if item.start <= cut <= item.end:
            result[index] = item._replace(cut=cut)
    return result


def _uncrossed(placed: list[Placed | Crossing]) -> list[Placed | Crossing]:
    ordered = sorted(placed, key=lambda i: i.start if isinstance(i, Placed) else i.cut)
    result: list[Placed | Crossing] = []
    last: int | None = None
    for item in ordered:
        if isinstance(item, Crossing):
            result.append(item)
            continue
        if item.end <= item.start:
            continue
        earlier = result[last] if last is not None else None
        if last is not None and isinstance(earlier, Placed) and item.start < earlier.end:
            # what comes later in the track covers what came before, as an overwrite edit does
            item = item._replace(crossed=True)
            result[last] = earlier._replace(end=max(item.start, earlier.start), crossed=True)
        last = len(result)
        result.append(item)
    return [i for i in result if isinstance(i, Crossing) or i.end > i.start]
