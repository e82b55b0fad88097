"""Put the rendered shots back: patch the edit, prove the patch, write it beside the new media."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from unisync_adapters.document import Document, Relink, read_edit

from .. import __version__
from ..errors import JobError, PlanError
from ..media.probe import probe
from ..media.roots import confined
from ..plan.plan import ClipPlan
from ..plan.relink import relink_of
from ..records import clear_stale, dump, load, write_atomic
from .bundle import edit_digest, returned_map, write_returned
from .folder import JobFolder
from .result import ShotResult

STATEMENT = (
    "The pictures listed here were modified by software: the lips were re-synced to a dub. "
    "Everything else in the edit is as it was."
)
LAID = " The dub was laid in it on new audio tracks."
KEPT = " What a changed clip played before is kept in it as a take that does not play."


@dataclass(frozen=True, slots=True)
class Changed:
    """One relinked clip in the sidecar."""

    clip: str
    track: str
    timecode: str
    old_media: str
    new_media: str
    sha256: str | None
    engine: str
    draft: bool


@dataclass(frozen=True, slots=True)
class Unchanged:
    """One clip that keeps its media, and why."""

    clip: str
    track: str
    timecode: str
    reason: str


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What was made, from what, by what: written beside the returned edit (law 10)."""

    statement: str
    software: str
    edit: str
    edit_sha256: str
    returned: str
    returned_sha256: str
    timeline: str
    language: str
    changed: tuple[Changed, ...] = ()
    unchanged: tuple[Unchanged, ...] = field(default=())
    laid: tuple[str, ...] = ()
    """Names of the new audio tracks on which the dub was laid."""


@dataclass(frozen=True, slots=True)
class Assembled:
    """The returned edit."""

    edit: Path
    sidecar: Path
    relinked: int


def assemble(job: JobFolder, *, partial: bool = False) -> Assembled:
    """Write the edit with its dubbed clips relinked.

    Args:
        job: a job whose shots are rendered.
        partial: shots not rendered yet keep their original media instead of being an error.

    Raises:
        JobError: shots are missing, or the name is taken by a file that is not ours.
        EditError: the patched edit does not read back as it must; nothing is written.
    """
    options = job.job.options
    document = read_edit(
        job.edit.read_bytes(),
        Path(job.plan.edit),
        path_map=returned_map(Path(job.plan.edit), job.out / "media", options.path_map),
        sequence=options.sequence,
        rate=options.rate,
    )
    rendered = _rendered(job, partial)
    with confined(job.job.options.readable(job.out)):
        relinks = _relinks(job, document, rendered)
    name = job.plan.new_name
    lays, keep = job.plan.lays, job.plan.keep_takes
    data = document.patch(relinks, name=name, lays=lays, keep_takes=keep)
    document.verify(data, relinks, name=name, lays=lays, keep_takes=keep)
    target = job.out / job.job.output
    sidecar = job.sidecar
    _refuse_foreign(target, sidecar)
    clear_stale(target.parent)
    record = _sidecar(job, data, rendered)
    # the sidecar first: a file with our name and no sidecar is somebody else's
    write_atomic(sidecar, dump(record))
    media = sorted({relink.path for relink in relinks})
    write_returned(Path(job.plan.edit), target, data, media)
    return Assembled(target, sidecar, len(relinks))


def _rendered(job: JobFolder, partial: bool) -> list[tuple[ClipPlan, ShotResult]]:
    results = [(clip, job.result(clip)) for clip in job.plan.to_render]
    missing = [clip for clip, result in results if result is None]
    if missing and not partial:
        raise JobError(
            f"{len(missing)} of {len(results)} shots are not rendered yet "
            f"(the first is {missing[0].index}, “{missing[0].name}”)",
            file=job.path,
            remedy=f"Run `unisync render {job.path}` first, or add --partial.",
        )
    return [(clip, r) for clip, r in results if r is not None and r.status == "rendered"]


def _relinks(
    job: JobFolder, document: Document, rendered: Iterable[tuple[ClipPlan, ShotResult]]
) -> list[Relink]:
    """One for each clip of the document: a nest used twice is relinked once."""
    relinks: dict[str, Relink] = {}
    for clip, result in rendered:
        assert clip.shot is not None
        assert result.media is not None
        info = probe(clip.shot.media, clip.shot.source.rate)
        relink = relink_of(clip.shot, info, job.out / result.media)
        known = relinks.setdefault(clip.origin, relink)
        if known != relink:
            raise PlanError(
                "One clip of the edit is to play two different media",
                file=document.path,
                clip=clip.name,
                timecode=clip.timecode,
                remedy="Decompose one of the nests that hold it.",
            )
    return list(relinks.values())


def _refuse_foreign(target: Path, sidecar: Path) -> None:
    if target.exists() and not sidecar.exists():
        raise JobError(
            "A file of this name exists that was not written by this job",
            file=target,
            remedy="Move it away, or choose another --out folder.",
        )


def _sidecar(
    job: JobFolder, data: bytes, rendered: Iterable[tuple[ClipPlan, ShotResult]]
) -> Sidecar:
    done = {clip.index: result for clip, result in rendered}
    return Sidecar(
        statement=STATEMENT
        + (LAID if job.plan.lays else "")
        + (KEPT if job.plan.keep_takes else ""),
        software=f"UniSync Post {__version__}",
        edit=job.plan.edit,
        edit_sha256=job.plan.edit_sha256,
        returned=job.job.output,
        returned_sha256=hashlib.sha256(data).hexdigest(),
        timeline=job.plan.new_name,
        language=job.plan.dub.language,
        changed=tuple(_changed(c, done[c.index]) for c in job.plan.clips if c.index in done),
        unchanged=tuple(
            Unchanged(c.name, c.track, c.timecode, _why_unchanged(job, c))
            for c in job.plan.clips
            if c.index not in done
        ),
        laid=tuple(lay.track for lay in job.plan.lays),
    )


def _changed(clip: ClipPlan, result: ShotResult) -> Changed:
    engine = f"{result.engine.get('name', '')} {result.engine.get('fingerprint', '')[:16]}"
    return Changed(
        clip=clip.name,
        track=clip.track,
        timecode=clip.timecode,
        old_media=clip.media,
        new_media=result.media or "",
        sha256=result.sha256,
        engine=engine.strip(),
        draft=result.draft,
    )


def _why_unchanged(job: JobFolder, clip: ClipPlan) -> str:
    if clip.shot is None:
        return clip.reason
    result = job.result(clip)
    return result.reason if result is not None else "not rendered yet"


def is_ours(job: JobFolder) -> bool:
    """Whether the returned edit is there and is, to the byte, what :func:`assemble` wrote."""
    target = job.out / job.job.output
    if not (target.exists() and job.sidecar.exists()):
        return False
    return edit_digest(target) == read_sidecar(job.sidecar).returned_sha256


def read_sidecar(path: Path) -> Sidecar:
    """What :func:`assemble` wrote beside an edit."""
    return load(Sidecar, path.read_bytes(), file=path)
