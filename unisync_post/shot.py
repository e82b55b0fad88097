"""One shot from plate to new media: faces, takes, engine, composite, file, check.

Streamed in three passes over the plate (faces, crops, composite), so memory is bounded by the
engine's window and not by the shot's length. Everything here is deterministic: the same shot, face
and engine give the same file, byte for byte.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby, islice, repeat
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from . import __version__
from .check import MOST_DRIFT, inspect_delivered
from .composite import Region, composite, measure_colour, outside_difference, union
from .driver import build_driver
from .engines.base import Engine, Generated, Take
from .errors import MediaError
from .faces.matte import mouth_matte
from .faces.pose import draw_pose
from .faces.track import track_faces
from .faces.types import FaceState
from .job.result import ShotResult
from .measure import lip_sync, speaking_face
from .media.delivery import AUTO, delivery_for
from .media.frames import read_played
from .media.info import MediaInfo
from .media.mux import Picture
from .media.probe import check_usable, probe
from .media.sequences import remove
from .media.viewed import seen, seen_crop
from .media.viewing import Encoding, read_colour
from .media.write import write_media
from .parts import Part, parts_of
from .plan.relink import relink_of
from .plan.shots import Shot
from .quality import check_generated
from .takes import Made, Span, join, spans, wanted

_IN_ENGINE = 0.95
"""Share of a take's progress that its engine may claim before the first frame is composited."""

_HELD = 48
"""Crops held while their plates are decoded: enough for every core, few enough for memory."""

_Frame = tuple[Made, ...]
"""One frame of the shot as each of its parts was generated."""

Progress = Callable[[str, int, int], None]
"""Called with step, frames done, frames in all."""


@dataclass
class _Ledger:
    """What is learnt while the pictures stream by."""

    outside: int = 0
    told: int = 0
    changed: list[bool] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    remarks: list[dict[str, float | int | str]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        self.seconds[step] = self.seconds.get(step, 0.0) + time.perf_counter() - begin


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
    ledger = _Ledger()
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
    job = _Rendering(shot, info, colour.encoding, engine, parts, ledger, progress)
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


@dataclass
class _Rendering:
    """The passes that follow the choice of faces."""

    shot: Shot
    info: MediaInfo
    tags: Encoding | None
    engine: Engine
    parts: Sequence[Part]
    ledger: _Ledger
    progress: Progress

    def __post_init__(self) -> None:
        self.played = self.shot.played()

    def write(self, target: Path) -> None:
        shot, info = self.shot, self.info
        first = self.played[0]
        relink = relink_of(shot, info, target)
        write_media(
            info,
            self.pictures(),
            target,
            count=shot.length,
            rate=shot.rate,
            start_frame=relink.start_frame,
            drop=relink.drop,
            reel=relink.reel,
            audio=shot.speed == 1 and self.played == list(range(first, first + shot.length)),
            marks=provenance(self.engine),
            mezzanine=shot.mezzanine,
        )

    def pictures(self) -> Iterator[Picture]:
        """(plate frame, picture, where it changed or False) for each frame of the new media."""
        made = zip(*map(self._made, range(len(self.parts))), strict=True)
        delivery = delivery_for(self.info, self.shot.rate, self.shot.mezzanine or AUTO)
        if not delivery.splice:
            yield from self._shown(made, read_played(self.info, self.played))
            return
        for changed, run in groupby(made, _changes):
            while held := list(islice(run, _HELD)):
                plates = [self.played[frame[0].index] for frame in held]
                shown = read_played(self.info, plates) if changed else repeat(None)
                yield from self._shown(held, shown)

    def _made(self, number: int) -> Iterator[Made]:
        """Every frame of one part, generated take by take."""
        track, info = self.parts[number].track, self.engine.info
        takes = spans(track.seen, wanted(track), track.cuts, info.window, info.overlap)
        return join(takes, lambda take: self.generate(number, take), self.shot.length)

    def _shown(
        self, made: Iterable[_Frame], plates: Iterable[av.VideoFrame | None]
    ) -> Iterator[Picture]:
        """Pictures of frames and their plates; a plate that is only copied is not decoded."""
        for frame, plate in zip(made, plates, strict=False):
            index = frame[0].index
            self._note(frame)
            if plate is None or not _changes(frame):
                yield self.played[index], plate, False
            else:
                picture, regions = self._composited(plate, frame)
                yield self.played[index], picture, [region.box for region in regions]
            self._at(index + 1)

    def _note(self, frame: _Frame) -> None:
        self.ledger.changed.append(_changes(frame))
        reasons = (
            made.reason or part.track.reasons[made.index]
            for part, made in zip(self.parts, frame, strict=True)
        )
        reason = next(filter(None, reasons), None)
        if not _changes(frame) and reason:
            self.ledger.reasons[reason] += 1

    def _composited(
        self, plate: av.VideoFrame, frame: _Frame
    ) -> tuple[av.VideoFrame, list[Region]]:
        """The plate with every part's face put back, and where it may differ."""
        picture, regions = plate, []
        for part, made in zip(self.parts, frame, strict=True):
            if made.crop is None:
                continue
            assert part.match is not None
            soft = mouth_matte(part.landmarks[made.index], part.window.size).soft
            matrix = part.window.matrices[made.index]
            picture, region = composite(picture, made.crop, matrix, soft, part.match, self.tags)
            regions.append(region)
        outside = outside_difference(plate, picture, union(regions))
        self.ledger.outside = max(self.ledger.outside, outside)
        return picture, regions

    def generate(self, number: int, span: Span) -> Generated:
        """Run the engine on these frames of one part and keep what it says."""
        part, take = self.parts[number], self._take(number, span)
        generated = self.engine.generate(take)
        check_generated(take, generated)
        self.ledger.remarks.append(dict(generated.remarks))
        if part.match is None and generated.changed.any():
            part.match = measure_colour(
                take.frames[generated.changed],
                generated.frames[generated.changed],
                take.mouth[generated.changed],
            )
        return generated

    def _at(self, frames: int) -> None:
        """Say how far the lips are; never less than before."""
        self.ledger.told = max(self.ledger.told, frames)
        self.progress("lips", self.ledger.told, self.shot.length)

    def _take(self, number: int, span: Span) -> Take:
        shot, part, frames_of = self.shot, self.parts[number], slice(span.start, span.stop)
        size, landmarks = part.window.size, part.landmarks[frames_of]
        matrices = part.window.matrices[frames_of]
        frames = read_played(self.info, self.played[frames_of])

        def done(share: float) -> float:
            """Parts of one span are generated one after the other."""
            return _IN_ENGINE * (number + share) / len(self.parts)

        crops = [
            seen_crop(frame, matrix, size, self.tags)
            for frame, matrix in zip(frames, matrices, strict=True)
        ]
        return Take(
            frames=np.stack(crops),
            landmarks=landmarks,
            generate=wanted(part.track)[frames_of],
            mouth=np.stack([mouth_matte(points, size).dilated for points in landmarks]),
            pose=np.stack([draw_pose(points, size) for points in landmarks]),
            yaw=part.track.yaw[frames_of],
            driver=build_driver(
                part.dub,
                shot.dub_start + shot.rate.seconds(span.start),
                shot.rate.seconds(span.count),
            ),
            rate=shot.rate,
            tell=lambda share: self._at(span.start + int(done(share) * span.count)),
        )


def _changes(frame: _Frame) -> bool:
    return any(made.crop is not None for made in frame)


def provenance(engine: Engine) -> dict[str, str]:
    """What the file itself says of how it was made."""
    info = engine.info
    kind = "draft preview, not for delivery" if info.draft else "lip re-sync"
    return {
        "comment": f"AI-modified picture: lips re-synced to a dub ({kind})",
        "description": (
            f"UniSync Post {__version__}; engine {info.title or info.name} {info.version} "
            f"({info.fingerprint[:16]})"
        ),
        "software": f"UniSync Post {__version__}",
    }


def _checked(result: ShotResult, job: _Rendering, target: Path) -> ShotResult:
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
