"""Putting a rendered job back together, in a helper process of the watcher's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import DiskFullError, JobError
from ..job.assemble import assemble
from ..job.bundle import edit_digest
from ..job.dub import show_job
from ..job.faults import Fault, is_full
from ..job.folder import JobFolder, open_job
from ..job.work import unique
from ..plan.plan import Decision
from .names import is_bundle_name, shown


@dataclass(frozen=True, slots=True)
class Finished:
    """A job that was put back together.

    Attributes:
        again: shots failed because their media went away or changed: another plan may help.
    """

    edit: Path
    review: Path
    rendered: int
    kept: int
    failed: int
    reasons: tuple[str, ...]
    again: bool


def finish(path: Path) -> Finished:
    """Write the relinked edit of a rendered job, and its review page.

    Raises:
        UniSyncError: the edit cannot be written.
        DiskFullError: there is no room for it.
    """
    job = open_job(path)
    _check_bundle(job)
    try:
        returned = assemble(job)
        page = show_job(job)
    except OSError as error:
        if is_full(error):
            raise DiskFullError("There is no room for the returned edit", file=job.out) from error
        raise
    results = [(clip, job.result(clip)) for clip in unique(job, job.plan.to_render)]
    ended = [(clip, result) for clip, result in results if result is not None]
    counts = {
        status: sum(result.status == status for _, result in ended)
        for status in ("rendered", "kept", "failed")
    }
    reasons = tuple(
        f"{clip.timecode} {shown(clip.name)}: {result.reason}"
        for clip, result in ended
        if result.reason
    )
    left = tuple(
        f"{c.timecode} {shown(c.name)}: {c.reason}"
        for c in job.plan.clips
        if c.decision is Decision.REFUSE
    )
    again = any(r.status == "failed" and r.fault == Fault.TRANSIENT.value for _, r in ended)
    return Finished(returned.edit, page, **counts, reasons=reasons + left, again=again)


def _check_bundle(job: JobFolder) -> None:
    """A bundle is given back with all that came in it, so it must still be the one planned.

    Raises:
        JobError: it is gone or another.
    """
    edit = Path(job.plan.edit)
    if not is_bundle_name(job.job.output):
        return
    if not edit.exists() or edit_digest(edit) != job.plan.edit_sha256:
        raise JobError(
            "The bundle was taken away or replaced while its shots were rendered",
            file=edit.name,
            remedy="Drop it in again: what is rendered is kept.",
        )
