"""How many hours a farm needs: a model small enough to be checked by hand.

``bench/farm_sim.py`` sets it beside a simulated job on the real leases.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Farm:
    """The machines.

    Attributes:
        gpus: slots that render at the same time.
        load: seconds to start a pilot and open its engine.
        between: seconds between two shots of a pilot.
        lost_every: hours of one slot's work between two losses of it (a preemption without
            notice, a crash, a power cut); 0: never.
        back_after: seconds until a lost slot has a pilot again.
        noticed_after: seconds until a lost pilot's shot is taken up by another.
    """

    gpus: int
    load: float = 60.0
    between: float = 1.0
    lost_every: float = 0.0
    back_after: float = 120.0
    noticed_after: float = 90.0


def hours(shots: int, picture: float, pace: float, farm: Farm) -> float:
    """Wall-clock hours from the first pilot's start to the last shot's end.

    Every slot works ``W/G`` seconds, loads once, and waits half a shot at the end for the last ones
    (they are started long ones first). A lost slot loses half a shot, the time until it is back,
    and a load; the last of them is noticed late::

        W = picture * pace + shots * between        s = picture * pace / shots
        T = (load + W/G + s/2) / (1 - (s/2 + back + load) / lost_every)

    Args:
        shots: how many.
        picture: seconds of picture in all of them together.
        pace: seconds of compute for one second of picture, on one slot.
    """
    if not shots:
        return 0.0
    one = picture * pace / shots
    slots = min(farm.gpus, shots)
    total = farm.load + (picture * pace + shots * farm.between) / slots + one / 2
    if farm.lost_every:
        lost = one / 2 + farm.back_after + farm.load
        total /= max(0.05, 1 - lost / (farm.lost_every * 3600))
        total += farm.noticed_after
    return total / 3600
