"""The neutral farm plan, ``JOB/farm.json``: everything that any farm has to know of a job.

Shots are whole numbers, as farms count frames; the names, paths and decisions behind them stay in
the job folder.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from ..engines import open_engine
from ..errors import JobError
from ..job.folder import JobFolder
from ..job.work import unique
from ..media.probe import probe
from ..media.roots import confined
from ..plan.plan import ClipPlan
from ..records import dump, load, write_atomic
from .roots import PLAN, Roots
from .versions import Versions

FORMAT = 1
PACE_DRAFT = 5.0
"""Seconds of compute a second of picture of the draft engine on two cores, 1080p."""
PACE_UNKNOWN = 80.0
"""The same of any other engine before one shot was rendered: the 14B's arithmetic on one large GPU
(docs/performance.md), which no measurement promises."""


@dataclass(frozen=True, slots=True)
class ShotGroup:
    """Shots that one compiled model renders without being compiled anew, long ones first.

    Attributes:
        engine: as :func:`~unisync_post.engines.open_engine` takes it.
        width, height: of the plates, pixels.
        gpu_memory: MiB of GPU memory; 0: it needs no GPU.
        shots: clip numbers.
        minutes: estimated for each of them, on one slot.
    """

    engine: str
    width: int
    height: int
    gpu_memory: int
    shots: tuple[int, ...]
    minutes: tuple[float, ...]

    @property
    def ranges(self) -> str:
        return ranges_of(self.shots)


@dataclass(frozen=True, slots=True)
class FarmPlan:
    """What a farm is told.

    Attributes:
        format: layout version.
        job: the job folder, as the machine that planned it sees it.
        name: of the job.
        engine, fingerprint: what renders it, and exactly which.
        versions: what every machine must have.
        groups: the shots.
        roots: where its paths lie on other systems.
        picture: seconds of picture in all shots.
        pace: seconds of compute for one second of picture.
        measured: the pace was taken from shots rendered before, or given; else it is a guess.
    """

    format: int
    job: Path
    name: str
    engine: str
    fingerprint: str
    versions: Versions
    groups: tuple[ShotGroup, ...]
    roots: Roots
    picture: float
    pace: float
    measured: bool

    @property
    def shots(self) -> tuple[int, ...]:
        """Clip numbers in the order in which they should be rendered."""
        return tuple(shot for group in self.groups for shot in group.shots)

    @property
    def ranges(self) -> str:
        """``3-8,12``: all of them, as ``--shots`` and farms take them."""
        return ranges_of(self.shots)

    @property
    def gpu_memory(self) -> int:
        """MiB of GPU memory that suffice for every shot; 0: no GPU is needed."""
        return max((group.gpu_memory for group in self.groups), default=0)

    @property
    def minutes(self) -> float:
        """Of one slot, for everything."""
        return sum(sum(group.minutes) for group in self.groups)

    @property
    def longest(self) -> float:
        """Minutes of the longest shot: what a farm's time limit must allow."""
        return max((m for group in self.groups for m in group.minutes), default=0.0)


def ranges_of(shots: Iterable[int]) -> str:
    """
    >>> ranges_of((8, 3, 4, 12, 5))
    '3-5,8,12'
    """
    runs = []
    for _, run in groupby(enumerate(sorted(set(shots))), key=lambda pair: pair[1] - pair[0]):
        numbers = [number for _, number in run]
        runs.append(f"{numbers[0]}-{numbers[-1]}" if len(numbers) > 1 else f"{numbers[0]}")
    return ",".join(runs)


def make_farm_plan(
    folder: JobFolder,
    *,
    roots: Roots | None = None,
    gpu_memory: int | None = None,
    pace: float | None = None,
) -> FarmPlan:
    """Plan a job's shots for a farm.

    Args:
        folder: the job; its media is looked at.
        roots: where its paths lie on other systems.
        gpu_memory: MiB of one slot; None asks the engine, which must open here.
        pace: seconds of compute for one second of picture; None takes it from the shots of this
            job that are rendered already, else a guess.

    Raises:
        JobError: there is nothing to render.
        MediaError: a plate cannot be read.
        EngineError: the engine cannot be asked for its memory here.
    """
    clips = unique(folder, folder.plan.to_render)
    if not clips:
        raise JobError("No shot of this job is to be rendered", file=folder.path)
    if gpu_memory is None:
        gpu_memory = -(-open_engine(folder.job.engine).info.gpu_memory // 2**20)
    known = pace or _measured_pace(folder, clips)
    speed = known or (PACE_DRAFT if folder.job.engine == "draft" else PACE_UNKNOWN)
    return FarmPlan(
        format=FORMAT,
        job=folder.path,
        name=folder.name,
        engine=folder.job.engine,
        fingerprint=folder.job.fingerprint,
        versions=Versions.here(),
        groups=_groups(folder, clips, gpu_memory, speed),
        roots=roots or Roots(),
        picture=round(sum(map(_seconds, clips)), 3),
        pace=round(speed, 3),
        measured=known is not None,
    )


def write_farm_plan(folder: JobFolder, plan: FarmPlan) -> Path:
    """Keep the plan in its job folder, for every machine to read."""
    path = folder.path / PLAN
    write_atomic(path, dump(plan))
    return path


def load_farm_plan(job: Path) -> FarmPlan:
    """The plan of a job folder.

    Raises:
        JobError: there is none, or another version wrote it.
    """
    path = job / PLAN
    remedy = f"Run `unisync farm plan {job}`."
    if not path.exists():
        raise JobError("This job has no farm plan", file=job, remedy=remedy)
    plan = load(FarmPlan, path.read_bytes(), file=path)
    if plan.format != FORMAT:
        raise JobError(
            f"Another version wrote this farm plan (format {plan.format})", file=path, remedy=remedy
        )
    return plan


def _groups(
    folder: JobFolder, clips: Iterable[ClipPlan], gpu_memory: int, pace: float
) -> tuple[ShotGroup, ...]:
    by_size: dict[tuple[int, int], list[ClipPlan]] = defaultdict(list)
    sizes: dict[Path, tuple[int, int]] = {}
    with confined(folder.job.options.readable(folder.out)):
        for clip in clips:
            assert clip.shot is not None
            if clip.shot.media not in sizes:
                info = probe(clip.shot.media, clip.shot.source.rate)
                sizes[clip.shot.media] = info.width, info.height
            by_size[sizes[clip.shot.media]].append(clip)
    return tuple(
        _group(folder.job.engine, size, gpu_memory, group, pace)
        for size, group in sorted(by_size.items(), key=lambda pair: pair[0], reverse=True)
    )


def _group(
    engine: str, size: tuple[int, int], gpu_memory: int, clips: list[ClipPlan], pace: float
) -> ShotGroup:
    """Shots of one length side by side: a compiled network is compiled for a number of frames."""
    ordered = sorted(clips, key=lambda clip: (-_seconds(clip), clip.index))
    return ShotGroup(
        engine=engine,
        width=size[0],
        height=size[1],
        gpu_memory=gpu_memory,
        shots=tuple(clip.index for clip in ordered),
        minutes=tuple(round(_seconds(clip) * pace / 60, 2) for clip in ordered),
    )


def _seconds(clip: ClipPlan) -> float:
    assert clip.shot is not None
    return float(clip.shot.length / clip.shot.rate.fps)


def _measured_pace(folder: JobFolder, clips: Iterable[ClipPlan]) -> float | None:
    """Seconds of compute a second of picture, over the shots that are rendered."""
    compute = picture = 0.0
    for clip in clips:
        result = folder.result(clip)
        if result is not None and result.status == "rendered":
            compute += sum(result.seconds.values())
            picture += _seconds(clip)
    return compute / picture if picture else None
