"""The pilot: leases shots of a job until none is left, with the engine opened once.

Any number of pilots may work on one job, on any machines that see its folder. Nothing but files is
shared between them. A pilot may be killed at any instant; told to stop (SIGTERM), it gives its shot
back first.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field

from ..errors import JobCancelledError, NodeError
from ..job.events import Event, Listener, silent
from ..job.faults import RetryPolicy
from ..job.folder import JobFolder
from ..job.queue import Task
from ..job.work import done_event, set_aside, unique
from ..job.worker import Ended, Order
from ..lease import LeaseLostError, Observer
from ..plan.plan import ClipPlan
from ..records import write_atomic
from .claims import FARM_POLICY, Claim, Claims, in_turn, starting_point
from .plan import FarmPlan, load_farm_plan
from .roots import mapped, roots_for
from .slot import Slot
from .versions import refuse_mixed

_BEATS = 5
"""Heartbeats within the patience of those who watch."""
_TURN = 0.2
_MARKS_EVERY = 2.0
_UNWELL = 3
"""Different shots in a row that fail on a machine, each for a reason of machines, before it leaves:
a sick node must not go through the whole job."""


@dataclass(frozen=True, slots=True)
class PilotOptions:
    """How a pilot works.

    Attributes:
        slot: which GPU slot this is; spreads pilots over the job, and over the GPUs that one
            process could use. None: anywhere, and all the GPUs there are.
        shots: clip numbers; None: all of the plan.
        max_shots: leave after so many; None: go on.
        time_limit: seconds after which the shot under way is given back; None: no limit.
        patience: seconds of silence after which a pilot counts as lost. All pilots of a job should
            have the same.
        policy: attempts of a shot, over all pilots.
    """

    slot: int | None = None
    shots: frozenset[int] | None = None
    max_shots: int | None = None
    time_limit: float | None = None
    patience: float = 60.0
    policy: RetryPolicy = FARM_POLICY


@dataclass(frozen=True, slots=True)
class PilotReport:
    """What a pilot did.

    Attributes:
        counts: shots that ended here as ``rendered``, ``kept``, ``failed``, and those ``given
            back``.
        left: shots of the job without a result when it left.
        why: why it left: ``none left``, ``stopped``, ``time``, ``shots``.
    """

    counts: Counter[str]
    left: int
    why: str


def run_pilot(
    folder: JobFolder,
    *,
    options: PilotOptions | None = None,
    listen: Listener = silent,
    stop: Callable[[], bool] = lambda: False,
    slot: Slot | None = None,
) -> PilotReport:
    """Render shots of a job until none is left.

    Waits for shots that other pilots hold, in case one of them is lost.

    Args:
        folder: the job, with its farm plan.
        options: how.
        listen: hears the events.
        stop: asked often; once true, the shot under way is given back.
        slot: an open one to render with; it stays open.

    Raises:
        NodeError: this machine cannot render the job; whatever it held was given back.
        JobCancelledError: somebody asked the job to stop; the same.
        JobError: no farm plan, or a damaged job folder.
    """
    options = options or PilotOptions()
    plan = load_farm_plan(folder.path)
    refuse_mixed(plan.versions)
    slot = slot or Slot(folder.job.engine, options.slot, options.policy, listen)
    stays = slot.is_open
    try:
        return _Pilot(folder, plan, options, listen, stop, slot).fly()
    finally:
        if not stays:
            slot.close()


@dataclass
class _Pilot:
    folder: JobFolder
    plan: FarmPlan
    options: PilotOptions
    listen: Listener
    stop: Callable[[], bool]
    slot: Slot
    counts: Counter[str] = field(default_factory=Counter)
    _failed_here: set[str] = field(default_factory=set)
    _next_look: float = 0.0
    _cancel_seen: bool = False

    def __post_init__(self) -> None:
        options, observer = self.options, Observer(self.options.patience)
        nowhere = int(observer.holder.nonce, 16) / 16 ** len(observer.holder.nonce)
        start = nowhere if options.slot is None else starting_point(options.slot)
        clips = in_turn(self.plan, _wanted(self.folder, options.shots), start)
        self.claims = Claims(self.folder, clips, observer, options.policy)
        self.slot.listen = self.listen
        self.begun = time.monotonic()
        self._minutes = {
            shot: minutes
            for group in self.plan.groups
            for shot, minutes in zip(group.shots, group.minutes, strict=True)
        }

    def fly(self) -> PilotReport:
        self.claims.look()
        left = self.claims.left
        frames = sum(clip.shot.length for clip in left if clip.shot)
        ready = len(self.claims.clips) - len(left)
        self.listen(Event("job", done=ready, total=frames, message=self.plan.name))
        if left and not self.slot.is_open and not self._reason_to_leave():
            self.slot.open()
        while True:
            why = self._reason_to_leave()
            if why:
                return PilotReport(self.counts, len(self.claims.left), why)
            if self.slot.info is None:
                self.slot.turn(_TURN)
            elif (claim := self._take()) is not None:
                self._fly_with(claim)
            else:
                self._wait()

    # -- choosing ----------------------------------------------------------------------------

    def _reason_to_leave(self) -> str:
        if self._cancelled():
            raise JobCancelledError(
                "The job was cancelled",
                file=self.folder.path,
                remedy=f"`unisync jobs retry {self.folder.path}` lets pilots go on with it.",
            )
        if not self.claims.left:
            return "none left"
        if self.stop():
            return "stopped"
        if self._seconds_left() <= 0 or not any(map(self._fits, self.claims.left)):
            return "time"
        ended = self.counts.total() - self.counts["given back"]
        if self.options.max_shots is not None and ended >= self.options.max_shots:
            return "shots"
        return ""

    def _take(self) -> Claim | None:
        self._refuse_other_engine()
        claim = self.claims.take(self._fits)
        for clip, result in self.claims.set_aside:
            self._tell(clip, result.status, result.key)
        self.claims.set_aside.clear()
        return claim

    def _fits(self, clip: ClipPlan) -> bool:
        """Whether the plan thinks that there is time for it; a guess decides nothing."""
        return not self.plan.measured or self._minutes[clip.index] * 60 <= self._seconds_left()

    def _wait(self) -> None:
        """Others hold what is left. Looked at a few times within the patience, they are judged."""
        end = time.monotonic() + self.options.patience / _BEATS
        while time.monotonic() < end and not self.stop() and self._seconds_left() > 0:
            self.slot.turn(_TURN)

    def _cancelled(self) -> bool:
        """Asked of the shared storage every few seconds only."""
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + _MARKS_EVERY
            with suppress(OSError):  # out of reach: the shots will tell
                self._cancel_seen = self.folder.cancelled
        return self._cancel_seen

    def _seconds_left(self) -> float:
        if self.options.time_limit is None:
            return float("inf")
        return self.begun + self.options.time_limit - time.monotonic()

    # -- one shot ----------------------------------------------------------------------------

    def _fly_with(self, claim: Claim) -> None:
        try:
            ended = self._rendered(claim)
        except BaseException:
            claim.give_back()
            raise
        self._end(claim, ended)

    def _rendered(self, claim: Claim) -> Ended:
        """Have the worker render it, showing meanwhile that this pilot lives."""
        self._refuse_unmapped(claim.clip)
        last = claim.tries + 1 >= self.options.policy.attempts
        task = Task(self.folder.path, claim.clip, claim.key, claim.tries, claim.deaths)
        self.slot.begin(Order(self.folder.path, claim.clip.index, last, claim.fence), task)
        beat, taken = time.monotonic(), ""
        while (ended := self.slot.turn(_TURN)) is None:
            if self.stop() or self._seconds_left() <= 0 or self._cancelled():
                self.slot.stop()
            if time.monotonic() >= beat:
                beat = time.monotonic() + self.options.patience / _BEATS
                try:
                    claim.lease.beat()
                except LeaseLostError as error:
                    taken = str(error)
                    self.slot.stop()
                except OSError as error:
                    self._warn(claim, f"its lease cannot be renewed: {error.strerror}")
        return Ended("lost", taken) if taken else ended

    def _end(self, claim: Claim, ended: Ended) -> None:
        if ended.outcome == "died" and self.stop():
            ended = Ended("stopped")  # the worker heard the signal that this pilot heard
        if ended.outcome == "done":
            self._done(claim)
        elif ended.outcome in ("again", "died"):
            self._failed(claim, ended)
        elif ended.outcome == "lost":
            self._warn(claim, ended.reason)
            claim.lease.release()
        else:
            claim.give_back()
            self.counts["given back"] += 1
            self._warn(claim, "it was given back")
            if ended.outcome == "full":
                raise NodeError(
                    f"{ended.reason}; shot {claim.clip.index} was given back",
                    remedy="Make room on this machine, or on the storage of the job.",
                )
            if ended.outcome == "refused":
                raise NodeError(f"Shot {claim.clip.index} was given back: {ended.reason}")

    def _done(self, claim: Claim) -> None:
        result = self.folder.result(claim.clip)
        status = result.status if result is not None else "failed"
        machine = result is not None and result.fault == "transient"
        self.claims.settle(claim)
        self.counts[status] += 1
        if machine and result is not None:
            self._count_failure(claim, result.reason)
        else:
            self._failed_here.clear()

    def _failed(self, claim: Claim, ended: Ended) -> None:
        """A reason of machines, as far as can be told: others try it, and it is counted."""
        died = ended.outcome == "died"
        if died and claim.deaths + 1 >= self.options.policy.deaths:
            self._set_aside(claim, ended.reason)
        else:
            self._warn(claim, f"{ended.reason}; left to be tried again")
            self.claims.rest(claim)
            claim.failed(died=died)
            self.counts["given back"] += 1
        self._count_failure(claim, ended.reason)

    def _set_aside(self, claim: Claim, how: str) -> None:
        if self.slot.trace:
            report = self.folder.shot_folder(claim.key) / "error.txt"
            write_atomic(report, self.slot.trace.encode())
        result = set_aside(
            self.folder, claim.clip, claim.deaths + 1, how, self.slot.info, claim.fence
        )
        self.claims.settle(claim)
        if result is not None:
            self.counts[result.status] += 1
            self.listen(done_event(claim.clip, claim.key, result, result.status))

    def _count_failure(self, claim: Claim, why: str) -> None:
        self._failed_here.add(claim.key)
        if len(self._failed_here) >= _UNWELL:
            raise NodeError(
                f"{_UNWELL} shots in a row failed on this machine, the last one because {why}",
                remedy="Look after this machine (`unisync doctor`); others go on with the job.",
            )

    # -- refusing ----------------------------------------------------------------------------

    def _refuse_other_engine(self) -> None:
        info = self.slot.info
        if info is not None and info.fingerprint != self.folder.job.fingerprint:
            raise NodeError(
                f"This machine's engine {info.name} {info.version} ({info.fingerprint[:12]}) is "
                f"another one than the job's ({self.folder.job.fingerprint[:12]})",
                remedy="Give every machine the same weights and the same engine.toml, with its "
                "memory profile named.",
            )

    def _refuse_unmapped(self, clip: ClipPlan) -> None:
        """
        Raises:
            UnmappedPathError: a file of this shot has another system's path.
        """
        assert clip.shot is not None
        roots = roots_for(self.folder.path)
        for path in (clip.shot.media, *(p.path for p in (*clip.shot.dub, *clip.shot.original))):
            mapped(path, roots)

    def _warn(self, claim: Claim, what: str) -> None:
        message = f"Shot {claim.clip.index}: {what}"
        self.listen(Event("warning", claim.clip.index, claim.key, message=message))

    def _tell(self, clip: ClipPlan, status: str, key: str) -> None:
        result = self.folder.result(clip)
        if result is not None:
            self.counts[status] += 1
            self.listen(done_event(clip, key, result, status))


def _wanted(folder: JobFolder, shots: Collection[int] | None) -> list[ClipPlan]:
    """One clip for each shot that is asked for, the same one as in the farm plan."""
    clips = folder.plan.to_render
    keys = {folder.render_key(clip) for clip in clips if shots is None or clip.index in shots}
    return [clip for clip in unique(folder, clips) if folder.render_key(clip) in keys]
