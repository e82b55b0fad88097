"""One shot from plate to new media: faces, takes, engine, composite, file, check.

Streamed in three passes over the plate (faces, crops, composite), so memory is bounded by the
engine's window and not by the shot's length. Everything here is deterministic: the same shot, face
and engine give the same file, byte for byte.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .check import MOST_DRIFT, inspect_delivered
from .engines.base import Engine
from .errors import MediaError
from .faces.track import track_faces
from .faces.types import FaceState
from .job.result import ShotResult
from .measure import lip_sync, speaking_face
from .media.frames import read_played
from .media.info import MediaInfo
from .media.probe import check_usable, probe
from .media.sequences import remove
from .media.viewed import seen
from .media.viewing import Encoding, read_colour
from .parts import Part, parts_of
from .plan.shots import Shot
from .rendering import Ledger, Progress, Rendering
from .takes import wanted


def render_shot(
    shot: Shot,
    engine: Engine,
    out: Path,
    media: str,
    *,
    face: str | None,
    folder: Path,
    progress: Progress,
) -> ShotResult:
    """Render one shot.

    Args:
        shot: what to render.
        engine: what draws the mouths.
        out: folder the new media goes into; ``media``: its name there, relative.
        face: which face, or the face of each character, overriding ``shot.face``.
        folder: the shot's own folder, for thumbnails.
        progress: told how far each step is.

    Returns:
        The result with status ``rendered``, or ``kept`` when there is nothing to re-animate here.

    Raises:
        MediaError, FaceError, EngineError: the shot cannot be rendered; nothing is left behind.
    """
    ledger = Ledger()
    info = _usable(shot)
    colour = read_colour(info, shot.colour)
    with ledger.timed("faces"):
        tracks = track_faces(_analysis_frames(shot, info, colour.encoding, progress), shot.rate)
        choice = speaking_face(tracks, face or shot.face, shot, info, folder)
    kept = ShotResult(
        key=shot.key,
        status="kept",
        frames=shot.length,
        draft=engine.info.draft,
        engine=_engine_record(engine),
        colour=colour.reason,
        face=choice,
    )
    if choice.track is None:
        return replace(kept, reason=choice.reason, seconds=_rounded(ledger.seconds))
    parts = parts_of(shot, choice, tracks, engine.info.size, engine.info.framing)
    if not any(wanted(part.track).any() for part in parts):
        passed = Counter(r for part in parts for r in part.track.reasons if r)
        return replace(kept, reason=_why_passed(passed), states=_states(parts))
    job = Rendering(shot, info, colour.encoding, engine, parts, ledger, progress)
    with ledger.timed("lips"):
        job.write(out / media)
    if not any(ledger.changed):
        remove(out / media)
        return replace(kept, reason=_why_passed(ledger.reasons), states=_states(parts))
    try:
        with ledger.timed("check"):
            result = _checked(replace(kept, status="rendered", media=media), job, out / media)
        return replace(result, seconds=_rounded(ledger.seconds))
    except BaseException:
        remove(out / media)
        raise


def _usable(shot: Shot) -> MediaInfo:
    info = probe(shot.media, shot.source.rate)
    reason = check_usable(info)
    if reason is not None:
        raise MediaError(reason, file=shot.media, clip=shot.name)
    if shot.identity and info.identity != shot.identity:
        raise MediaError(
            "The media is not what it was when the edit was planned",
            file=shot.media,
            clip=shot.name,
            remedy="Dub the edit again, so that it is planned with the new media.",
        )
    return info


def _analysis_frames(
    shot: Shot, info: MediaInfo, tags: Encoding | None, progress: Progress
) -> Iterator[NDArray[np.uint8]]:
    for done, frame in enumerate(read_played(info, shot.played()), start=1):
        yield seen(frame, tags)
        progress("faces", done, shot.length)


def _checked(result: ShotResult, job: Rendering, target: Path) -> ShotResult:
    """Decode the delivered file: count it, compare it with the plate, listen with its lips."""
    ledger, shot, info = job.ledger, job.shot, job.engine.info
    delivered = inspect_delivered(
        job.info,
        job.played,
        target,
        job.parts,
        lambda done: job.progress("check", done, shot.length),
        job.tags,
    )
    if len(ledger.changed) != shot.length or delivered.frames != shot.length:
        raise MediaError(
            f"The new media holds {delivered.frames} frames instead of {shot.length}", file=target
        )
    if ledger.outside or delivered.drift > MOST_DRIFT:
        raise MediaError(
            f"The new media does not show the plate outside the mouth (frame {delivered.drifted}): "
            "it is black, frozen or out of step",
            file=target,
            remedy="Conform the plate to ProRes and try again.",
        )
    sync = min(
        (
            lip_sync(part.track, opening, replace(shot, dub=part.dub))
            for part, opening in zip(job.parts, delivered.openings, strict=True)
        ),
        key=lambda sync: 1.0 if sync.after.fit is None else sync.after.fit,
    )
    return replace(
        result,
        changed=sum(ledger.changed),
        states=_states(job.parts, ledger.changed),
        reasons=dict(ledger.reasons.most_common()),
        outside_composite=float(ledger.outside),
        outside_delivered=float(delivered.outside),
        offset_before=sync.before.lag,
        offset_after=sync.after.lag,
        fit_before=sync.before.fit,
        fit_after=sync.after.fit,
        draft=info.draft,
        remarks=_summary(ledger.remarks),
        sha256=delivered.sha256,
    )


def _engine_record(engine: Engine) -> dict[str, str]:
    info = engine.info
    return {"name": info.name, "version": info.version, "fingerprint": info.fingerprint}


def _states(parts: Sequence[Part], changed: Sequence[bool] | None = None) -> str:
    """A letter for each frame; of several faces, what most was done with any of them."""
    order = (FaceState.GENERATE, FaceState.BRIDGE, FaceState.PASS)
    frames = zip(*(part.track.states for part in parts), strict=True)
    marks = ["gb."[min(map(order.index, states))] for states in frames]
    if changed is not None:
        marks = [m if done else "." for m, done in zip(marks, changed, strict=True)]
    return "".join(marks)


def _why_passed(reasons: Counter[str]) -> str:
    if not reasons:
        return "There was nothing to change: the mouth rests and so does the dub"
    reason, count = reasons.most_common(1)[0]
    return f"No frame could be re-animated: {reason} ({count} frames)"


def _summary(remarks: Sequence[dict[str, float | int | str]]) -> dict[str, float | int | str]:
    """One remark for the shot from those of its takes: mean of numbers, the texts that differ."""
    merged: dict[str, float | int | str] = {}
    for name in dict.fromkeys(key for remark in remarks for key in remark):
        values = [remark[name] for remark in remarks if name in remark]
        numbers = [v for v in values if isinstance(v, (int, float))]
        if len(numbers) == len(values):
            merged[name] = round(float(np.mean(numbers)), 4)
        else:
            merged[name] = "; ".join(dict.fromkeys(str(v) for v in values))
    return merged


def _rounded(seconds: dict[str, float]) -> dict[str, float]:
    return {step: round(value, 2) for step, value in seconds.items()}
