"""`--on`: where a job's workers run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import JobError
from ..job.crew import Crew
from ..job.folder import JobFolder
from .plan import load_farm_plan
from .roots import PLAN


@contextmanager
def crew_on(
    place: str | None, *, gpu_memory: int | None = None, workers: int | None = None
) -> Iterator[Crew | None]:
    """The crew that ``--on`` names; None for this machine's own processes.

    Args:
        place: ``ray``, ``ray:HOST:PORT``, ``ray:auto``, or None.
        gpu_memory: MiB that one worker needs; 0: no GPU; None: not known.
        workers: most of them.

    Raises:
        JobError: there is no such place, or nobody answers there.
    """
    if place is None:
        yield None
        return
    kind, _, address = place.partition(":")
    if kind != "ray":
        raise JobError(f"There is no {place!r} to render on", remedy="Write ray or ray:HOST:PORT.")
    from .ray import RayCrew

    crew = RayCrew(address, gpu_memory=gpu_memory, workers=workers)
    try:
        yield crew
    finally:
        crew.close()


def gpu_memory_of(job: JobFolder) -> int | None:
    """What the job's farm plan says; None without one."""
    return load_farm_plan(job.path).gpu_memory if (job.path / PLAN).exists() else None
