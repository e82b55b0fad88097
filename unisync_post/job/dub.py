"""The whole way: plan, render, assemble, and a page to look at."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from unisync_adapters.document import open_edit

from ..engines.base import EngineInfo
from ..errors import JobError
from ..media.roots import confined
from ..plan.make import make_plan
from ..plan.options import PlanOptions
from ..plan.plan import Plan
from ..records import clear_stale
from ..review.page import build_review
from .assemble import Assembled, assemble
from .bundle import with_bundle_media
from .crew import Crew
from .events import Event, Listener, silent
from .folder import JobFolder, create_job, jobs_in, open_job
from .pool import WorkerPool
from .run import render_job


@dataclass(frozen=True)
class Dubbed:
    """What `unisync dub` made.

    Attributes:
        job: the job folder.
        counts: shots rendered, kept, failed, ready before.
        returned: the relinked edit.
        page: the review page.
    """

    job: JobFolder
    counts: Counter[str]
    returned: Assembled
    page: Path


def dub_edit(
    edit: Path,
    out: Path,
    options: PlanOptions,
    *,
    engine: str = "auto",
    workers: int | None = None,
    crew: Crew | None = None,
    burn_in: bool = True,
    listen: Listener = silent,
) -> Dubbed:
    """Dub one edit into ``out``.

    Killed at any instant and called again, it goes on where it was. The edit and its media are
    only read.

    Args:
        edit: the edit document.
        out: folder for everything that is made.
        options: which dub, which tracks, handles, path maps.
        engine: ``auto``, ``draft`` …
        workers: processes; None: one for each GPU, or one.
        crew: where they run; None: on this machine.
        burn_in: label draft pictures in the review proxies (never in the delivered media).
        listen: hears the events.

    Raises:
        UniSyncError: the edit cannot be read or planned, or nothing can be written.
    """
    with WorkerPool(engine, workers, crew=crew) as pool:  # the engine opens while the edit is read
        job = plan_job(edit, out, options, pool)
        for message in choices(job.plan, pool.info):
            listen(Event("choice", message=message))
        counts = render_job(job, pool=pool, listen=listen)
    return assemble_and_show(job, counts, burn_in=burn_in, listen=listen)


class Described(Protocol):
    """An engine, or a pool of workers that have one open."""

    @property
    def info(self) -> EngineInfo: ...


def plan_job(edit: Path, out: Path, options: PlanOptions, engine: Described) -> JobFolder:
    """Read and plan the edit and write the job folder: the first half, before any rendering."""
    options = with_bundle_media(edit, out, options)
    document = open_edit(
        edit, path_map=options.path_map, sequence=options.sequence, rate=options.rate
    )
    _refuse_source_folder(edit, out)
    plan = make_plan(document, options, taken=taken_names(out))
    return create_job(out, plan, document.data, engine.info, options)


def choices(plan: Plan, info: EngineInfo) -> tuple[str, ...]:
    """What was decided for the whole job, in sentences (law 8)."""
    kind = "previews, not for delivery" if info.draft else "final pictures"
    return (
        f"engine: {info.name} {info.version} ({kind})",
        f"dub: {plan.dub.reason}",
        *plan.dub.warnings,
        *plan.warnings,
    )


def taken_names(out: Path) -> frozenset[str]:
    """Timeline names that earlier jobs in this folder have used."""
    return frozenset(open_job(path).plan.new_name for path in jobs_in(out))


def assemble_and_show(
    job: JobFolder, counts: Counter[str], *, burn_in: bool = True, listen: Listener = silent
) -> Dubbed:
    """The last part, once every shot has ended: the edit and the page.

    Args:
        counts: as :func:`~.run.render_job` returned them.
    """
    returned = assemble(job)
    listen(Event("step", step="review", message="Building the review page"))
    page = show_job(job, burn_in=burn_in)
    return Dubbed(job, counts, returned, page)


def show_job(job: JobFolder, *, burn_in: bool = True) -> Path:
    """(Re)build the review page of a job."""
    review = job.out / "review"
    for folder in (review, *review.glob("media/*")):
        clear_stale(folder)
    with confined(job.job.options.readable(job.out)):
        return build_review(job.out, job.plan, job.results(), job=job.path, burn_in=burn_in)


def _refuse_source_folder(edit: Path, out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise JobError("--out is a file", file=out, remedy="Name a folder.")
    if out.resolve() == edit.resolve().parent:
        raise JobError(
            "--out is the folder that holds the edit",
            file=out,
            remedy="Name a folder of its own, so that nothing of yours can be touched.",
        )
