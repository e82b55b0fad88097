"""How a job stands on its farm, read from its folder: which pilot is at what, what went wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from ..job.folder import JobFolder
from ..job.manage import LOST, state_of
from ..job.work import unique
from ..lease import Observer, seconds_silent
from .marks import history
from .plan import load_farm_plan


@dataclass(frozen=True, slots=True)
class FarmShot:
    """One shot.

    Attributes:
        shot: clip number.
        status: ``rendered``, ``kept``, ``failed``, ``running``, ``lost`` (its pilot is silent) or
            ``waiting``.
        reason: why it was kept or failed.
        pilot: who has it; empty while nobody does.
        silent: seconds since that pilot was heard of, None where that cannot be told.
        tries, deaths: attempts that failed for a passing reason, and workers and pilots lost.
        minutes: estimated, on one slot.
    """

    shot: int
    name: str
    timecode: str
    status: str
    reason: str = ""
    pilot: str = ""
    silent: float | None = None
    tries: int = 0
    deaths: int = 0
    minutes: float = 0.0


@dataclass(frozen=True, slots=True)
class FarmStatus:
    """The job.

    Attributes:
        state: as :class:`~unisync_post.job.manage.JobState` has it.
        counts: shots by status.
        pilots: those at work.
        minutes_left: estimated until the last shot ends, with the pilots at work; None without
            any.
    """

    name: str
    path: Path
    state: str
    engine: str
    counts: dict[str, int]
    pilots: tuple[str, ...]
    minutes_left: float | None
    shots: tuple[FarmShot, ...]


def farm_status(folder: JobFolder) -> FarmStatus:
    """Read how a job stands; changes nothing.

    Raises:
        JobError: it has no farm plan.
    """
    plan = load_farm_plan(folder.path)
    minutes = {
        shot: estimate
        for group in plan.groups
        for shot, estimate in zip(group.shots, group.minutes, strict=True)
    }
    job = state_of(folder)
    keys = {c.index: folder.render_key(c) for c in unique(folder, folder.plan.to_render)}
    shots = []
    for known in job.shots:
        shot = FarmShot(
            known.shot, known.name, known.timecode, known.status, known.reason,
            minutes=minutes.get(known.shot, 0.0),
        )  # fmt: skip
        if known.status in ("running", "waiting"):
            shot = _with_pilot(shot, folder.lease_folder(keys[known.shot]))
        shots.append(shot)
    pilots = tuple(sorted({shot.pilot for shot in shots if shot.status == "running"} - {""}))
    left = sum(shot.minutes for shot in shots if shot.status in ("running", "waiting", "lost"))
    return FarmStatus(
        name=job.name,
        path=job.path,
        state=job.state,
        engine=job.engine,
        counts=dict(Counter(shot.status for shot in shots)),
        pilots=pilots,
        minutes_left=round(left / len(pilots), 1) if pilots else None,
        shots=tuple(shots),
    )


def _with_pilot(shot: FarmShot, lease: Path) -> FarmShot:
    if not lease.is_dir():
        return shot
    holder = Observer().holder_of(lease)
    silent = seconds_silent(lease) if holder is not None else None
    tries, deaths = history(lease)
    if holder is None:
        return replace(shot, tries=tries, deaths=deaths)
    lost = silent is not None and silent >= LOST
    return replace(
        shot,
        status="lost" if lost else "running",
        pilot=str(holder),
        silent=None if silent is None else round(silent, 1),
        tries=tries,
        deaths=deaths - 1,  # its own mark is that of a pilot at work
    )
