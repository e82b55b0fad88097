"""The job folder: the only record of a job, safe to kill at any instant.

::

    OUT/
      EDIT_UNISYNC_FR_v001.xml          the returned edit, written by assemble
      EDIT_UNISYNC_FR_v001.unisync.json what was made, by what, from what
      media/unisync_fr_<key>.mov        new media (.mxf of MXF plates), named by content
      media/unisync_fr_<key>/           new frames of an image sequence, numbered as the plate's
      bundles/<content>/                media of an .otioz that came in, unpacked
      shots/<key>/result.json           one rendered shot; written last
      leases/<key>/                     which pilot of a farm is at it
      jobs/<name>/job.json plan.json edit.xml faces.json
      jobs/<name>/cancel                while this file is there, nobody renders the job
      review/index.html

Shots and media are named by what decides their pixels, so a second language or a changed cut in the
same OUT renders only what has not been rendered before.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .. import crashpoints
from ..engines.base import EngineInfo
from ..errors import JobError
from ..farm.roots import brought_here, roots_for
from ..media.sequences import delivered_name, whole
from ..plan.casting import cast_in, settle
from ..plan.options import PlanOptions
from ..plan.plan import ClipPlan, Plan
from ..records import clear_stale, dump, load, sync_folder, temporary_for, write_atomic
from .result import ShotResult

FORMAT = 1
CANCEL = "cancel"
PIPELINE = "2"
"""Raised whenever takes, faces or composite would make other pixels of the same shot."""
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class Job:
    """What a job is.

    Attributes:
        format: layout version of the folder.
        identity: hash of edit, dub, shots and engine; the same work is the same job.
        edit: file name of the copy of the edit inside the job folder.
        output: file name of the returned edit in OUT.
        engine: name of the engine; ``fingerprint``: exactly which.
        options: how the plan was made.
        pipeline: version of the picture path.
    """

    format: int
    identity: str
    edit: str
    output: str
    engine: str
    fingerprint: str
    options: PlanOptions
    pipeline: str = PIPELINE


@dataclass(frozen=True, slots=True)
class Faces:
    """Faces chosen after planning, by clip index: ``unisync render JOB --shots 3 --face right``."""

    chosen: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class JobFolder:
    """A job on disk. Everything it answers, it reads from files."""

    path: Path
    job: Job
    plan: Plan

    @property
    def out(self) -> Path:
        return self.path.parent.parent

    @property
    def edit(self) -> Path:
        return self.path / self.job.edit

    @property
    def sidecar(self) -> Path:
        """What is said beside the returned edit of how it was made."""
        output = self.out / self.job.output
        return output.with_name(f"{output.stem}.unisync.json")

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def faces(self) -> Faces:
        path = self.path / "faces.json"
        return load(Faces, path.read_bytes(), file=path) if path.exists() else Faces()

    def choose_face(self, clips: Iterable[ClipPlan], face: str) -> None:
        """Record that these clips dub this face from now on, or these characters' faces.

        Raises:
            PlanError: a character whom the dub does not have.
        """
        face = settle(face, {piece.speaker for piece in self.plan.dub.clips if piece.speaker})
        chosen = {**self.faces.chosen, **{clip.index: face for clip in clips}}
        write_atomic(self.path / "faces.json", dump(Faces(dict(sorted(chosen.items())))))

    def face_of(self, clip: ClipPlan) -> str | None:
        assert clip.shot is not None
        return self.faces.chosen.get(clip.index, clip.shot.face)

    @property
    def cancelled(self) -> bool:
        return (self.path / CANCEL).exists()

    def cancel(self) -> None:
        """Ask whoever renders this job, on any machine, to stop. Finished shots stay."""
        write_atomic(self.path / CANCEL, b"")

    def resume(self) -> None:
        """Let the job be rendered again after :meth:`cancel`."""
        (self.path / CANCEL).unlink(missing_ok=True)

    def render_key(self, clip: ClipPlan) -> str:
        """Hash of everything that decides the pixels of this clip's new media."""
        assert clip.shot is not None
        face = self.face_of(clip) or ""
        names = clip.shot.characters if cast_in(face) else ()
        parts = (clip.shot.key, face, self.job.fingerprint, self.job.pipeline, *names)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]

    def shot_folder(self, key: str) -> Path:
        return self.out / "shots" / key

    def lease_folder(self, key: str) -> Path:
        return self.out / "leases" / key

    def media_name(self, clip: ClipPlan) -> str:
        """Relative path of the new media if this job renders it; ``ShotResult.media`` says where it
        is. Ours entirely: no text from the edit enters it."""
        assert clip.shot is not None
        language = slug(clip.shot.language).lower()
        shot, stem = clip.shot, f"unisync_{language}_{self.render_key(clip)[:16]}"
        first = shot.played()[0]
        return f"media/{delivered_name(shot.media, stem, shot.suffix, first, shot.length)}"

    def result(self, clip: ClipPlan) -> ShotResult | None:
        """The finished record of this clip's shot, if there is one and its media is there."""
        path = self.shot_folder(self.render_key(clip)) / "result.json"
        if not path.exists():
            return None
        result = load(ShotResult, path.read_bytes(), file=path)
        if result.media is not None and not whole(self.out / result.media).exists():
            return None
        return result

    def forget(self, clip: ClipPlan) -> None:
        """Let this clip's shot be rendered anew; its media stays until then."""
        (self.shot_folder(self.render_key(clip)) / "result.json").unlink(missing_ok=True)

    def results(self) -> dict[str, ShotResult]:
        """Finished results by the planner's shot key."""
        found: dict[str, ShotResult] = {}
        for clip in self.plan.to_render:
            result = self.result(clip)
            if result is not None and clip.shot is not None:
                found[clip.shot.key] = result
        return found


def slug(text: str) -> str:
    """Letters, digits, dash and underscore; never empty, never long."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_")[:80] or "edit"


def job_identity(plan: Plan, info: EngineInfo, options: PlanOptions) -> str:
    """The same edit bytes, language, shots (and so dub), additions and engine are the same job."""
    digest = hashlib.sha256(f"{FORMAT}\0{PIPELINE}\0{info.fingerprint}\0".encode())
    digest.update(f"{plan.edit_sha256}\0{plan.dub.language}".encode())
    for clip in plan.clips:
        digest.update(f"\0{clip.origin}\0{clip.decision.value}".encode())
        digest.update((clip.shot.key if clip.shot else clip.reason).encode())
    if plan.lays:
        digest.update(f"\0{plan.lays!r}".encode())
    if plan.keep_takes:
        digest.update(b"\0takes")
    return digest.hexdigest()[:32]


def jobs_in(out: Path) -> list[Path]:
    """Job folders in OUT, oldest name first."""
    found = (path.parent for path in (out / "jobs").glob("*/job.json"))
    return sorted(path for path in found if not path.name.startswith("."))


def create_job(
    out: Path, plan: Plan, edit: bytes, info: EngineInfo, options: PlanOptions
) -> JobFolder:
    """The job for this plan: the one already in OUT if it is the same work, else a new folder.

    Raises:
        JobError: the folder cannot be written.
    """
    out = out.absolute()  # what the edit will say of its media must hold from anywhere
    identity = job_identity(plan, info, options)
    for path in jobs_in(out):
        known = open_job(path)
        if known.job.identity == identity:
            return known
    suffix = Path(plan.edit).suffix if _SUFFIX.fullmatch(Path(plan.edit).suffix) else ""
    if suffix.lower() == ".fcpxmld":  # a folder; what is returned is the one file in it
        suffix = ".fcpxml"
    name = _free_name(out, slug(Path(plan.edit).stem)[:60], version_suffix(plan))
    folder = out / "jobs" / name
    job = Job(
        format=FORMAT,
        identity=identity,
        edit=f"edit{'.otio' if suffix.lower() in ('.otioz', '.otiod') else suffix}",
        output=f"{name}{suffix}",
        engine=info.name,
        fingerprint=info.fingerprint,
        options=options,
    )
    _write_folder(folder, {"job.json": dump(job), "plan.json": dump(plan), job.edit: edit})
    return JobFolder(folder, job, plan)


def _free_name(out: Path, stem: str, version: str) -> str:
    """A job's name: cut to length before the version, so that two versions never share one, and
    numbered where two timelines came in files of one name."""
    name, number = f"{stem}{version}", 1
    while (out / "jobs" / name).exists():
        number += 1
        name = f"{stem}_{number}{version}"
    return name


def version_suffix(plan: Plan) -> str:
    """``_UNISYNC_FR_v001`` as in the new timeline's name, so that file and timeline agree."""
    match = re.search(r"_UNISYNC_[A-Za-z0-9-]+_v\d+$", plan.new_name)
    return match[0] if match else "_UNISYNC"


def _write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """All of it or nothing: written under a temporary name, then renamed."""
    building = temporary_for(folder)
    try:
        clear_stale(folder.parent)
        for name, data in files.items():
            write_atomic(building / name, data)
        crashpoints.reached("job folder filled")
        building.rename(folder)
        crashpoints.reached("job folder renamed")
        sync_folder(folder.parent)
        crashpoints.reached("job folder synced")
    except OSError as error:
        shutil.rmtree(building, ignore_errors=True)
        raise JobError(
            f"The job folder cannot be written: {error.strerror}",
            file=folder,
            remedy="Choose another --out folder, or make room there.",
        ) from error


def open_job(path: Path) -> JobFolder:
    """Open a job folder, or the only (or newest) job of an OUT folder; its paths are this machine's
    where roots say how (:mod:`~unisync_post.farm.roots`).

    Raises:
        JobError: there is no job here, or another version wrote it.
    """
    if not (path / "job.json").exists():
        found = jobs_in(path)
        if not found:
            raise JobError(
                "No job here", file=path, remedy="Make one with `unisync dub EDIT --out OUT`."
            )
        path = max(found, key=lambda job: ((job / "job.json").stat().st_mtime_ns, job.name))
    path = path.resolve()
    job = load(Job, (path / "job.json").read_bytes(), file=path / "job.json")
    if job.format != FORMAT:
        raise JobError(
            f"This job was written by another version (format {job.format})",
            file=path,
            remedy="Finish it with that version, or dub the edit again into a new folder.",
        )
    plan = load(Plan, (path / "plan.json").read_bytes(), file=path / "plan.json")
    return brought_here(JobFolder(path, job, plan), roots_for(path))
