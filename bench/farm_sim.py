"""A simulated feature on a simulated farm: real leases, real choosing, a clock of its own.

Every pilot here is the product's own `Claims` (which shot next, what was lost, what is set aside)
and `Observer` (who holds what, judged by this pilot's clock) on real files; only the rendering is
a number of seconds, and time jumps from event to event. Pilots are lost at random and come back
under another name, their clocks disagree by hours and run fast or slow. A shot counts as doubled
when two results were delivered for it, as lost when none was.

    python bench/farm_sim.py [--shots 2000] [--workers 100] [--lost-every HOURS] [--seed N]

Give it a folder in memory to be quick: TMPDIR=/dev/shm python bench/farm_sim.py
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from unisync_adapters.timebase import FrameRange, Rate
from unisync_post.engines.base import EngineInfo
from unisync_post.farm.capacity import Farm, hours
from unisync_post.farm.claims import Claim, Claims, in_turn, starting_point
from unisync_post.farm.plan import FarmPlan, ShotGroup
from unisync_post.farm.roots import Roots
from unisync_post.farm.versions import Versions
from unisync_post.job.folder import FORMAT, Job, JobFolder
from unisync_post.job.result import ShotResult
from unisync_post.lease import Fence, Holder, LeaseLostError, Observer
from unisync_post.plan.options import PlanOptions
from unisync_post.plan.plan import ClipPlan, Decision, DubChoice, Plan
from unisync_post.plan.shots import Shot
from unisync_post.records import dump

RATE = Rate.of(24)
PATIENCE = 60.0
LOOKS = 5
"""Looks at held shots within the patience, by a pilot that has nothing else to do."""


@dataclass(frozen=True)
class Case:
    """What is simulated.

    Attributes:
        pace: seconds of compute for one second of picture.
        lost_every: hours of one slot's work between two losses of it; 0: never.
        zombies: share of the lost that were only asleep: they wake up and try to deliver.
    """

    shots: int
    workers: int
    pace: float
    lost_every: float
    zombies: float
    seed: int
    load: float = 60.0
    between: float = 1.0
    back_after: float = 120.0


@dataclass
class Slot:
    """A GPU slot and the pilot that it has at present."""

    number: int
    generation: int
    claims: Claims


@dataclass
class Farmyard:
    """The simulation: a heap of things to happen, each at its second."""

    case: Case
    folder: JobFolder
    plan: FarmPlan
    dice: random.Random
    now: float = 0.0
    events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    order: itertools.count[int] = field(default_factory=itertools.count)
    delivered: Counter[str] = field(default_factory=Counter)
    stopped: Counter[str] = field(default_factory=Counter)
    losses: int = 0
    busy: float = 0.0
    end: float = 0.0

    def run(self) -> None:
        for number in range(self.case.workers):
            self.at(self.dice.uniform(0, 30), lambda n=number: self.start(n, 0))
        while self.events and len(self.delivered) + self.stopped["set aside"] < self.case.shots:
            self.now, _, happens = heapq.heappop(self.events)
            happens()
        self.end = self.now
        while self.events:  # sleepers that wake up after the end must deliver nothing
            self.now, _, happens = heapq.heappop(self.events)
            if getattr(happens, "wakes", False):
                happens()

    def at(self, seconds: float, happens: Callable[[], None]) -> None:
        heapq.heappush(self.events, (seconds, next(self.order), happens))

    def start(self, number: int, generation: int) -> None:
        """A pilot starts, loads its engine and looks for shots."""
        drift, offset = self.dice.uniform(0.98, 1.02), self.dice.uniform(-1e5, 1e5)

        def clock() -> float:
            return self.now * drift + offset

        holder = Holder(f"node{number}", generation, f"{number}-{generation}", f"{number:016x}")
        clips = in_turn(self.plan, self.folder.plan.to_render, starting_point(number))
        claims = Claims(self.folder, clips, Observer(PATIENCE, clock, holder), clock=clock)
        slot = Slot(number, generation, claims)
        self.at(self.now + self.case.load, lambda: self.next_shot(slot))

    def next_shot(self, slot: Slot) -> None:
        claim = slot.claims.take()
        self.stopped["set aside"] += len(slot.claims.set_aside)
        slot.claims.set_aside.clear()
        if claim is None:
            if slot.claims.left:
                self.at(self.now + PATIENCE / LOOKS, lambda: self.next_shot(slot))
            return
        seconds = self.seconds(claim.clip) * self.dice.uniform(0.85, 1.15)
        dies = self.dies_after(seconds)
        if dies is None:
            self.beat(claim, self.now + seconds)
            self.at(self.now + seconds, lambda: self.deliver(slot, claim, seconds))
            return
        self.losses += 1
        self.beat(claim, self.now + dies)
        back = self.now + dies + self.case.back_after
        self.at(back, lambda: self.start(slot.number, slot.generation + 1))
        if self.dice.random() < self.case.zombies:
            self.wake_up(slot, claim, self.now + dies + self.dice.uniform(2, 30) * 60)

    def dies_after(self, seconds: float) -> float | None:
        if not self.case.lost_every:
            return None
        dies = self.dice.expovariate(1 / (self.case.lost_every * 3600))
        return dies if dies < seconds else None

    def beat(self, claim: Claim, until: float) -> None:
        """Heartbeats while the pilot is at the shot, a few within the patience."""

        def beats() -> None:
            if self.now < until:
                try:
                    claim.lease.beat()
                except LeaseLostError:
                    return
                self.at(self.now + PATIENCE / LOOKS, beats)

        self.at(self.now + PATIENCE / LOOKS, beats)

    def deliver(self, slot: Slot, claim: Claim, seconds: float) -> None:
        try:
            self.write(claim)
        except LeaseLostError:
            self.stopped["taken over"] += 1
        else:
            slot.claims.settle(claim)
            self.busy += seconds
        self.at(self.now + self.case.between, lambda: self.next_shot(slot))

    def wake_up(self, slot: Slot, claim: Claim, when: float) -> None:
        """A pilot that slept goes on where it was, and finds that it was replaced."""

        def wakes() -> None:
            try:
                self.write(claim)
            except LeaseLostError:
                self.stopped["sleepers kept out"] += 1
            else:
                slot.claims.settle(claim)  # nobody had missed it: its result is as good as any

        wakes.wakes = True  # type: ignore[attr-defined]
        self.at(when, wakes)

    def write(self, claim: Claim) -> None:
        """As the worker does: the fence last, then the result."""
        Fence(claim.lease.folder, claim.lease.fence).confirm()
        shot = self.folder.shot_folder(claim.key)
        shot.mkdir(parents=True, exist_ok=True)
        (shot / "result.json").write_bytes(dump(ShotResult(claim.key, "kept")))
        self.delivered[claim.key] += 1

    def seconds(self, clip: ClipPlan) -> float:
        assert clip.shot is not None
        return float(clip.shot.length / RATE.fps) * self.case.pace


def feature(out: Path, case: Case, dice: random.Random) -> tuple[JobFolder, FarmPlan]:
    """A job of shots as long as dialogue shots are: 3.6 s on average, some of them 20 s."""
    clips = [
        _clip(n, max(12, int(dice.lognormvariate(4.2, 0.7)))) for n in range(1, case.shots + 1)
    ]
    plan = Plan(
        "Feature.xml", "0" * 64, "Feature", "Feature_UNISYNC", RATE, False, 0,
        DubChoice((), "fr", ""), tuple(clips),
    )  # fmt: skip
    info = EngineInfo("simulated", "1", "f" * 64, True)
    job = Job(FORMAT, "0", "edit.xml", "x.xml", info.name, info.fingerprint, PlanOptions())
    folder = JobFolder(out / "jobs" / "Feature", job, plan)
    groups = tuple(
        _group(size, [c for c in clips if c.index % 5 in rest], case.pace)
        for size, rest in (((3840, 2160), (0, 1, 2)), ((1920, 1080), (3, 4)))
    )
    picture = sum(_length(clip) for clip in clips)
    farm = FarmPlan(
        1, folder.path, "Feature", info.name, info.fingerprint, Versions(), groups, Roots(),
        picture, case.pace, True,
    )  # fmt: skip
    return folder, farm


def _clip(number: int, frames: int) -> ClipPlan:
    span = FrameRange(0, frames, RATE)
    shot = Shot(
        f"key{number}", f"o{number}", f"shot {number}", Path("plate.mov"), span, span, 0, 0,
        frames, RATE, Fraction(0), Fraction(0),
    )  # fmt: skip
    name = f"shot {number}"
    return ClipPlan(
        number, f"o{number}", name, "V1", span, "", "", (), 1.0, Decision.RENDER, "", shot
    )


def _length(clip: ClipPlan) -> float:
    assert clip.shot is not None
    return float(clip.shot.length / RATE.fps)


def _group(size: tuple[int, int], clips: list[ClipPlan], pace: float) -> ShotGroup:
    ordered = sorted(clips, key=lambda clip: -_length(clip))
    minutes = tuple(round(_length(clip) * pace / 60, 2) for clip in ordered)
    return ShotGroup("simulated", *size, 0, tuple(c.index for c in ordered), minutes)


def simulate(case: Case) -> dict[str, float]:
    """Run one case; figures for the table."""
    dice = random.Random(case.seed)
    with tempfile.TemporaryDirectory() as name:
        folder, plan = feature(Path(name), case, dice)
        yard = Farmyard(case, folder, plan, dice)
        yard.run()
    model = hours(
        case.shots,
        plan.picture,
        case.pace,
        Farm(case.workers, case.load, case.between, case.lost_every, case.back_after, PATIENCE),
    )
    lost = case.shots - len(yard.delivered) - yard.stopped["set aside"]
    return {
        "picture, min": plan.picture / 60,
        "wall, h": yard.end / 3600,
        "model, h": model,
        "model/wall": model / (yard.end / 3600),
        "utilisation": yard.busy / (yard.end * case.workers),
        "pilots lost": yard.losses,
        "sleepers kept out": yard.stopped["sleepers kept out"],
        "set aside": yard.stopped["set aside"],
        "shots lost": lost,
        "shots doubled": sum(count > 1 for count in yard.delivered.values()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shots", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=100)
    parser.add_argument("--pace", type=float, default=80.0)
    parser.add_argument("--lost-every", type=float, help="hours; default: never, 24 and 4")
    parser.add_argument("--seed", type=int, default=1)
    words = parser.parse_args()
    every = [words.lost_every] if words.lost_every is not None else [0.0, 24.0, 4.0]
    for lost_every in every:
        begun = time.perf_counter()
        case = Case(words.shots, words.workers, words.pace, lost_every, 0.3, words.seed)
        found = simulate(case)
        took = time.perf_counter() - begun
        head = f"{case.shots} shots, {case.workers} workers, a slot lost every {lost_every:g} h"
        print(f"{head}  (simulated in {took:.0f} s)")
        for name, value in found.items():
            print(f"  {name:<18} {value:g}" if value == int(value) else f"  {name:<18} {value:.3f}")


if __name__ == "__main__":
    main()
