"""Reading and planning a drop, in the watcher's helper process.

Nothing here writes into the watched folder. A drop is planned from the bytes read now; the job
folder keeps them, so what happens to the drop later does not touch the job.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from unisync_adapters.document import Document, open_edit
from unisync_adapters.timebase import Rate

from ..engines.base import EngineInfo
from ..errors import DiskFullError, JobError, PlanError
from ..job.dub import taken_names
from ..job.faults import is_full
from ..job.folder import JobFolder, create_job, job_identity, jobs_in, open_job, slug
from ..job.work import finished, unique
from ..media.probe import probe
from ..media.sequences import files_of
from ..plan.make import make_plan
from ..plan.options import DubFile, PlanOptions
from ..plan.plan import Plan
from ..plan.shots import Shot
from ..plan.tracks import audio_tracks, listed
from .admit import check_confined, check_names, the_edit
from .bundles import unfinished, with_media
from .config import DropSettings, Preset, WatchConfig
from .gate import missing_media, refuse_hostile
from .hashlist import disagreements
from .names import edit_suffixes, family_key, shown
from .pairing import Pair, Pairing, pair_dubs
from .scan import Found, Mark, mark_of

_BYTES_A_PIXEL = 45
"""Hundredths: Apple ProRes 422 HQ at its target rate, for plates that are stored smaller."""


@dataclass(frozen=True, slots=True)
class Order:
    """A drop to be planned, and everything that decides how."""

    found: Found
    config: WatchConfig
    preset: Preset
    settings: DropSettings
    engine: EngineInfo


@dataclass(frozen=True, slots=True)
class Planned:
    """One output of a drop, ready to be rendered.

    Attributes:
        job: the job folder.
        shots: different shots to render; ``done``: those that are finished already.
        bytes: what the others will write, estimated.
    """

    language: str
    job: Path
    shots: int
    done: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """A drop that was read.

    Attributes:
        outputs: what to render; empty when something is lacking.
        reason, remedy, waiting_for: what is lacking.
        elsewhere: it may come from outside of the drop; ``expected``: where it would be.
        pairing: which files are the dub, and why.
        media: the files that will be read, as they are now.
    """

    outputs: tuple[Planned, ...] = ()
    reason: str = ""
    remedy: str = ""
    waiting_for: tuple[str, ...] = ()
    elsewhere: bool = False
    expected: tuple[Path, ...] = ()
    pairing: tuple[str, ...] = ()
    media: dict[Path, Mark] = field(default_factory=dict)


def prepare(order: Order) -> Prepared:
    """Read a drop, plan all its outputs and write their job folders.

    Raises:
        UniSyncError: it cannot be worked with as it is.
        DiskFullError: there is no room for the job folder.
    """
    found, config = order.found, order.config
    check_names(found)
    if not found.edits:
        return Prepared(
            reason="There is no edit at its top level.",
            waiting_for=(f"an edit ({' '.join(edit_suffixes())})",),
        )
    wrong = tuple(text for path in found.hash_lists() for text in disagreements(found.home / path))
    if wrong:
        reason = "It does not agree with its list of hashes."
        return Prepared(reason=reason, waiting_for=wrong, remedy="Copy these files again.")
    edit = the_edit(found)
    pairing = pair_dubs(edit, found.files, order.preset, order.settings, config.language)
    check_confined(found, edit, pairing, config)
    lacking = unfinished(found.home / edit)
    if lacking is not None:
        remedy = "If all of it is here, write it again."
        return Prepared(reason=lacking, waiting_for=("the end of its copy",), remedy=remedy)
    base = _base(order, edit)
    document = open_edit(found.home / edit, path_map=base.path_map, rate=base.rate)
    refuse_hostile(document, base.media_roots)
    return _planned(order, base, document, pairing)


def _planned(order: Order, base: PlanOptions, document: Document, pairing: Pairing) -> Prepared:
    plans: list[tuple[Pair, PlanOptions, Plan]] = []
    lacking: dict[str, Path | None] = {}
    for pair in pairing.pairs:
        options = _options(order, base, pair)
        try:
            plan = make_plan(document, options, taken=taken_names(_out(order, pair)))
        except PlanError as error:
            if pair.dub or order.settings.tracks.dub:
                raise
            name = document.path.stem
            return Prepared(
                reason=error.what,
                remedy="Put the dub beside it, or name its track in unisync.toml, [tracks] dub. "
                f"Its audio tracks are: {listed(audio_tracks(document))}.",
                waiting_for=(f"a dub, such as {shown(name)}_FR.wav",),
                pairing=pairing.reasons,
            )
        lacking |= missing_media(document, plan, options)
        plans.append((pair, options, plan))
    if lacking:
        return Prepared(
            reason="Media is missing.",
            remedy="Copy it into the drop or to where the edit says; it goes on by itself.",
            waiting_for=tuple(lacking),
            elsewhere=True,
            expected=tuple(path for path in lacking.values() if path is not None),
            pairing=pairing.reasons,
        )
    if any(mark_of(order.found.home / path) != mark for path, mark in order.found.files.items()):
        return Prepared(
            reason="It changed while it was read.", waiting_for=("the end of its copy",)
        )
    outputs = tuple(_output(order, document, *planned) for planned in plans)
    return Prepared(outputs, pairing=pairing.reasons, media=_media([p for _, _, p in plans]))


def _output(
    order: Order, document: Document, pair: Pair, options: PlanOptions, plan: Plan
) -> Planned:
    identity = job_identity(plan, order.engine, options)
    out = _out(order, pair)
    job = _known_job(order.config.out, identity)
    try:
        job = job or create_job(out, plan, document.data, order.engine, options)
    except JobError as error:
        if is_full(error):
            raise DiskFullError("There is no room for the job folder", file=out) from error
        raise
    clips = unique(job, job.plan.to_render)
    open_clips = [clip for clip in clips if finished(job, clip) is None]
    return Planned(
        plan.dub.language,
        job.path,
        len(clips),
        len(clips) - len(open_clips),
        sum(_bytes(clip.shot) for clip in open_clips if clip.shot),
    )


def _known_job(out: Path, identity: str) -> JobFolder | None:
    """The job that does this very work, whichever drop it came from."""
    for path in (job for jobs in sorted(out.glob("*/*/jobs")) for job in jobs_in(jobs.parent)):
        try:
            if json.loads((path / "job.json").read_bytes()).get("identity") == identity:
                return open_job(path)
        except (OSError, ValueError, JobError):
            continue  # damaged: not that job, and no matter of this drop
    return None


def _out(order: Order, pair: Pair) -> Path:
    """Output folder of one language of a drop, shared by the versions of its edit."""
    return order.config.out / family_key(order.found.name) / slug(pair.language).lower()


def _base(order: Order, edit: str) -> PlanOptions:
    """What holds for all outputs. A bundle's media are unpacked once, beside their folders."""
    config, found = order.config, order.found
    options = PlanOptions(
        media=(*(found.home / folder for folder in order.preset.media), *config.media),
        media_roots=config.allowed,
        path_map=config.maps,
        rate=_rate(order),
    )
    return with_media(found.home / edit, config.out / family_key(found.name), options)


def _options(order: Order, base: PlanOptions, pair: Pair) -> PlanOptions:
    config, found, tracks = order.config, order.found, order.settings.tracks
    language = None if pair.language == "und" else pair.language
    return replace(
        base,
        dub=tuple(DubFile(found.home / path, language) for path in pair.dub),
        dub_track=tracks.dub,
        orig_track=tracks.original,
        language=language,
        handles=config.handles,
    )


def _rate(order: Order) -> Rate | None:
    """What a drop's own settings say of an edit that does not state its rate."""
    rate = order.settings.rate
    return None if rate is None else Rate.of(rate)


def _media(plans: Iterable[Plan]) -> dict[Path, Mark]:
    marks = {}
    for path in sorted(set(_files(plans))):
        mark = mark_of(path)
        if mark is not None:
            marks[path] = mark
    return marks


def _files(plans: Iterable[Plan]) -> Iterator[Path]:
    for plan in plans:
        for clip in plan.to_render:
            if clip.shot is not None:
                source = clip.shot.source
                yield from files_of(clip.shot.media, source.start, source.count)
                yield from (piece.path for piece in clip.shot.dub)


def _bytes(shot: Shot) -> int:
    """About what a shot's new media takes: the plate's own rate, or that of ProRes."""
    info = probe(shot.media, shot.source.rate)
    sample = next(files_of(shot.media, shot.source.start, 1))
    pictures = info.frames if sample == shot.media else 1
    own = os.stat(sample).st_size // pictures if info.intra else 0
    return shot.length * max(own, info.width * info.height * _BYTES_A_PIXEL // 100)
