"""Which shot a pilot takes next."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

from ..job.faults import RetryPolicy
from ..job.folder import JobFolder
from ..job.result import ShotResult
from ..job.work import set_aside
from ..lease import Fence, Lease, Observer
from ..plan.plan import ClipPlan
from .marks import AGAIN, BEGUN, DIED, forget_marks, history, mark, unmark
from .plan import FarmPlan

FARM_POLICY = RetryPolicy(attempts=3, backoff=30.0, deaths=3)
"""Attempts and deaths are counted over all pilots. One more death than on a single machine: a node
that is taken away without notice looks like a shot that killed it."""
_GOLDEN = 0.6180339887498949


@dataclass
class Claim:
    """A shot that this pilot has.

    Attributes:
        tries: attempts that failed for a reason that may pass; ``deaths``: workers and pilots lost.
    """

    clip: ClipPlan
    key: str
    lease: Lease
    tries: int
    deaths: int

    @property
    def fence(self) -> Fence:
        return Fence(self.lease.folder, self.lease.fence)

    def give_back(self) -> None:
        """Nothing was wrong with it; anybody may take it at once."""
        unmark(self.fence, BEGUN)
        self.lease.release()

    def failed(self, *, died: bool) -> None:
        """Let others try it: it failed for a reason that may pass, or took the worker down."""
        mark(self.fence, DIED if died else AGAIN)
        self.give_back()


@dataclass
class Claims:
    """The shots of a job as one pilot sees them.

    Attributes:
        job: the job folder.
        clips: one for each shot, in the order in which this pilot takes them.
        observer: claims and judges by this pilot's own clock.
        policy: how often a shot is tried, by all pilots together.
        clock: monotonic seconds.
        set_aside: the last shots that this pilot found to have taken too many others down.
    """

    job: JobFolder
    clips: tuple[ClipPlan, ...]
    observer: Observer
    policy: RetryPolicy = FARM_POLICY
    clock: Callable[[], float] = time.monotonic
    set_aside: list[tuple[ClipPlan, ShotResult]] = field(default_factory=list)
    _settled: set[int] = field(default_factory=set)
    _not_before: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._keys = [self.job.render_key(clip) for clip in self.clips]

    @property
    def left(self) -> list[ClipPlan]:
        """Shots without a result, as far as this pilot has seen."""
        return [clip for number, clip in enumerate(self.clips) if number not in self._settled]

    def look(self) -> None:
        """See which shots have a result by now."""
        for number in range(len(self.clips)):
            self._is_settled(number)

    def take(self, fits: Callable[[ClipPlan], bool] = lambda clip: True) -> Claim | None:
        """The next shot that is free, or None: then every other one is held, or rests.

        Args:
            fits: whether there is time for it.

        Raises:
            OSError: the job folder cannot be reached.
        """
        for number, (clip, key) in enumerate(zip(self.clips, self._keys, strict=True)):
            rests = self.clock() < self._not_before.get(key, float("-inf"))
            if rests or self._is_settled(number) or not fits(clip):
                continue
            claim = self._claim(number)
            if claim is not None:
                return claim
        return None

    def settle(self, claim: Claim) -> None:
        """Its result is recorded."""
        self._settled.add(self._keys.index(claim.key))
        forget_marks(claim.lease.folder)
        claim.lease.release()

    def rest(self, claim: Claim) -> None:
        """Leave a shot that failed here to others for a while."""
        self._not_before[claim.key] = self.clock() + self.policy.pause(claim.tries + 1)

    def _claim(self, number: int) -> Claim | None:
        clip, key = self.clips[number], self._keys[number]
        lease = self.observer.claim(self.job.lease_folder(key))
        if lease is None:
            return None
        _reread(self.job.shot_folder(key))
        if self._is_settled(number):  # it was finished between our look and our claim
            lease.release()
            return None
        tries, deaths = history(lease.folder, lease.fence)
        claim = Claim(clip, key, lease, tries, deaths)
        if deaths >= self.policy.deaths:
            result = set_aside(self.job, clip, deaths, "took its pilot along", None, claim.fence)
            if result is not None:
                self.set_aside.append((clip, result))
            self.settle(claim)
            return None
        mark(claim.fence, BEGUN)
        return claim

    def _is_settled(self, number: int) -> bool:
        """Whatever the result says: a pilot leaves failed shots to `unisync jobs retry`."""
        if number not in self._settled and self.job.result(self.clips[number]) is not None:
            self._settled.add(number)
        return number in self._settled


def in_turn(plan: FarmPlan, clips: Iterable[ClipPlan], start: float) -> tuple[ClipPlan, ...]:
    """The plan's shots as one pilot takes them: a whole group, long ones first, then the next.

    Args:
        clips: those wanted.
        start: a point of the plan's work, 0 to 1: the pilot begins with the group that holds it.
            So groups have pilots as they have work, each pilot stays with shots of one size for as
            long as there are any, and no long shot is begun last.
    """
    wanted = {clip.index: clip for clip in clips}
    groups = [[shot for shot in group.shots if shot in wanted] for group in plan.groups]
    ends = list(accumulate(sum(group.minutes) for group in plan.groups))
    first = sum(end <= start * plan.minutes for end in ends)
    shots = [shot for group in (*groups[first:], *groups[:first]) for shot in group]
    # another face was chosen since: another shot, which the plan does not know
    shots += sorted(wanted.keys() - set(shots))
    return tuple(wanted[shot] for shot in shots)


def starting_point(slot: int) -> float:
    """Multiples of the golden ratio: however many slots there are, they lie evenly apart."""
    return slot * _GOLDEN % 1.0


def _reread(folder: Path) -> None:
    """Have an NFS client ask its server what is in a folder: it remembers for up to a minute that a
    file was not there, unless the folder is opened."""
    with suppress(FileNotFoundError), os.scandir(folder):
        return
