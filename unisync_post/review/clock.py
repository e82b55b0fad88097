"""The clocks of one shot as integers, so that the page can count timecode exactly."""

from __future__ import annotations

from collections.abc import Mapping
from math import lcm

from unisync_adapters.timebase import Rate

from ..plan.plan import Plan
from ..plan.shots import Shot
from .shots import SourceClock

Json = Mapping[str, object]


def record_clock(plan: Plan, shot: Shot) -> Json:
    """Record frame of the new media's frame *k*: ``start + floor((at + k * step) / unit)``.

    The three integers are written as decimal strings: they may be longer than a JavaScript number
    holds, and the page counts with BigInt.
    """
    at = shot.dub_start * plan.rate.fps
    step = plan.rate.fps / shot.rate.fps
    unit = lcm(at.denominator, step.denominator)
    return {
        "start": plan.start_frame,
        "at": str(int(at * unit)),
        "step": str(int(step * unit)),
        "unit": str(unit),
        **_counting(plan.rate, plan.drop),
    }


def source_clock(shot: Shot, clock: SourceClock) -> Json:
    """Plate frame of the new media's frame *k*: ``first + k``, or ``played[k]``."""
    played = shot.played()
    straight = played == list(range(played[0], played[0] + len(played)))
    return {
        "start": clock.start,
        "known": clock.known,
        "first": played[0],
        "played": None if straight else played,
        **_counting(clock.rate, clock.drop),
    }


def _counting(rate: Rate, drop: bool) -> Json:
    return {"nominal": rate.nominal, "drop": drop, "label": rate.label}
