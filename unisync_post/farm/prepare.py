"""Before a farm starts a hundred machines: does one of them find everything it needs?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import JobError
from ..job.folder import JobFolder
from ..job.work import finished, unique
from ..media.sequences import files_of as media_files
from ..plan.shots import Shot
from ..records import make_folder
from .plan import load_farm_plan
from .versions import refuse_mixed


@dataclass(frozen=True, slots=True)
class Prepared:
    """Shots of a job that are to be rendered, and those that are finished."""

    waiting: int
    ready: int


def prepare(folder: JobFolder) -> Prepared:
    """Check what every machine of the farm needs, as this machine sees it. Nothing is decoded.

    Args:
        folder: the job, its paths as they are here (:func:`.roots.brought_here`).

    Raises:
        MixedVersionsError: this machine has other versions than the one that planned.
        JobError: no farm plan, files that are not there, or OUT cannot be written.
    """
    refuse_mixed(load_farm_plan(folder.path).versions)
    clips = unique(folder, folder.plan.to_render)
    waiting = [clip for clip in clips if finished(folder, clip) is None]
    missing = sorted(
        {path for c in waiting if c.shot for path in files_of(c.shot) if not path.is_file()}
    )
    if missing:
        raise JobError(
            f"{len(missing)} of the job's files are not on this machine",
            file=missing[0],
            remedy="Mount their storage here, or say in a roots file (UNISYNC_ROOTS) or the "
            "farm's path mapping rules where it lies.",
        )
    try:
        make_folder(folder.out / "shots")
        make_folder(folder.out / "media")
    except OSError as error:
        raise JobError(
            f"This machine cannot write here: {error.strerror}", file=folder.out
        ) from error
    return Prepared(len(waiting), len(clips) - len(waiting))


def files_of(shot: Shot) -> Iterator[Path]:
    """The files that a shot is made from: its plate, the dub, the original dialogue."""
    yield from media_files(shot.media, shot.source.start, shot.source.count)
    for piece in (*shot.dub, *shot.original):
        yield piece.path
