"""The new pictures of a shot: each part's takes through the engine, and back into the plate.

Nothing here knows how a face was chosen or what is made of the result.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby, islice, repeat
from pathlib import Path

import av
import numpy as np

from . import __version__
from .composite import Region, composite, measure_colour, outside_difference, union
from .driver import build_driver
from .engines.base import Engine, Generated, Take
from .faces.matte import mouth_matte
from .faces.pose import draw_pose
from .media.delivery import AUTO, delivery_for
from .media.frames import read_played
from .media.info import MediaInfo
from .media.mux import Picture
from .media.viewed import seen_crop
from .media.viewing import Encoding
from .media.write import write_media
from .parts import Part
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
class Ledger:
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


@dataclass
class Rendering:
    """The passes that follow the choice of faces."""

    shot: Shot
    info: MediaInfo
    tags: Encoding | None
    engine: Engine
    parts: Sequence[Part]
    ledger: Ledger
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
