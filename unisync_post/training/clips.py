"""A shot's faces as clips: followed, cut to length, and held against the limits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import xxhash
from numpy.typing import NDArray
from safetensors.numpy import load_file, save

from unisync_adapters.timebase import Rate

from ..driver import CONTEXT, SAMPLE_RATE
from ..engines.base import Driver
from ..faces.crop import crop_window, to_crop
from ..faces.track import track_faces
from ..faces.types import CropWindow, FaceState, FaceTrack
from ..media.audio import read_mono
from ..media.frames import read_frames, read_played
from ..media.info import MediaInfo
from ..media.probe import probe
from ..media.viewed import seen, seen_crop
from ..media.viewing import Encoding, read_colour
from ..records import write_atomic
from .filters import Verdict, judge_lips, judge_pictures, judge_size, judge_sound
from .kinds import NO_FACE, SHORT, Clip, Looked, Measures, Rejected, Source
from .settings import Settings

LATENT = 4
"""Frames of a latent."""
_LOOKS = 5
"""Pictures of a clip that are looked at for light and focus."""


@dataclass(frozen=True)
class _Piece:
    """Frames ``start .. stop - 1`` of a shot in which a face can be used."""

    track: FaceTrack
    start: int
    stop: int


def look_at_shot(source: Source, shot: tuple[int, int], settings: Settings, out: Path) -> Looked:
    """Find the clips of one shot and keep their landmarks in ``out``.

    Raises:
        UniSyncError: the media cannot be decoded here.
    """
    return _Shot(source, shot, settings, out).looked()


def landmarks_file(folder: Path, clip: Clip) -> Path:
    return folder / f"{clip.key}.safetensors"


def read_track(path: Path) -> FaceTrack:
    """The face of a clip as it was followed, its portraits included."""
    held = load_file(path)
    landmarks, yaw = held["landmarks"], held["yaw"]
    count = len(landmarks)
    flat, unknown = landmarks[:, :, :2], np.full(count, np.nan, np.float32)
    return FaceTrack(
        id=0,
        boxes=np.concatenate([flat.min(1), flat.max(1)], axis=1),
        landmarks=landmarks,
        yaw=yaw,
        pitch=unknown,
        roll=unknown,
        states=(FaceState.GENERATE,) * count,
        reasons=("",) * count,
    )


def read_sound(path: Path, start: Fraction, seconds: Fraction) -> Driver:
    """The file's own sound under some pictures, with context on both sides."""
    samples = read_mono(path, start - CONTEXT, seconds + 2 * CONTEXT, sample_rate=SAMPLE_RATE)
    return Driver(samples, SAMPLE_RATE, -CONTEXT)


def read_crops(
    info: MediaInfo, first: int, window: CropWindow, tags: Encoding | None
) -> NDArray[np.uint8]:
    """(F, S, S, 3) uint8: the window's pictures from picture ``first`` of the file on."""
    frames = read_frames(info, first, len(window.matrices))
    crops = [
        seen_crop(frame, matrix, window.size, tags)
        for (_, frame), matrix in zip(frames, window.matrices, strict=True)
    ]
    return np.stack(crops)


class _Shot:
    def __init__(
        self, source: Source, shot: tuple[int, int], settings: Settings, out: Path
    ) -> None:
        self.source, self.settings, self.out = source, settings, out
        self.begin, self.end = shot
        self.info = probe(source.path)
        self.rate: Rate = self.info.rate
        self.tags = read_colour(self.info, None).encoding
        self.clips: list[Clip] = []
        self.rejected: list[Rejected] = []

    def looked(self) -> Looked:
        limits, count = self.settings.limits, self.end - self.begin
        if count < self._frames(limits.aside) + self._frames(limits.shortest):
            self._reject(SHORT, f"{float(count / self.rate.fps):.1f} s", 0, count)
        else:
            self._follow(count)
        return Looked(
            self.source.path, self.source.identity, tuple(self.clips), tuple(self.rejected)
        )

    def _follow(self, count: int) -> None:
        pictures = (seen(f, self.tags) for _, f in read_frames(self.info, self.begin, count))
        tracks = track_faces(pictures, self.rate)
        if not tracks:
            self._reject(NO_FACE, "", 0, count)
        for track in tracks:
            for piece in self._pieces(track):
                self._judge(piece, [t for t in tracks if t is not track])

    def _pieces(self, track: FaceTrack) -> Iterator[_Piece]:
        """Runs of frames that can be used, long ones in equal parts; the others are rejected."""
        limits = self.settings.limits
        longest = self._frames(limits.longest) + self._frames(limits.aside)
        for start, stop, reason in _runs(track):
            if reason:
                self._reject(reason, "", start, stop, track.id)
                continue
            parts = -(-(stop - start) // longest)
            edges = [start + k * (stop - start) // parts for k in range(parts + 1)]
            for low, high in pairwise(edges):
                yield _Piece(track, low, high)

    def _judge(self, piece: _Piece, others: list[FaceTrack]) -> None:
        limits = self.settings.limits
        aside = self._frames(limits.aside)
        frames = (piece.stop - piece.start - aside) // LATENT * LATENT
        if frames < max(LATENT, self._frames(limits.shortest)):
            seconds = f"{float((piece.stop - piece.start) / self.rate.fps):.1f} s"
            self._reject(SHORT, seconds, piece.start, piece.stop, piece.track.id)
            return
        first = piece.start + aside
        cut = slice(first, first + frames)
        measures: Measures = {}
        for verdict in self._verdicts(piece.track, cut, others):
            measures |= verdict.measures
            if verdict.reason:
                self._reject(
                    verdict.reason, verdict.detail, piece.start, piece.stop, piece.track.id
                )
                return
        self._keep(piece, aside, frames, measures)

    def _verdicts(self, track: FaceTrack, cut: slice, others: list[FaceTrack]) -> Iterator[Verdict]:
        """Of every filter, the cheap ones first."""
        limits, count = self.settings.limits, cut.stop - cut.start
        landmarks = track.landmarks[cut]
        whole = crop_window(track, self.settings.size, self.settings.framing)
        window = CropWindow(whole.size, whole.matrices[cut])
        yield judge_size(landmarks, window, self.info, limits)
        start = self.rate.seconds(self.begin + cut.start)
        driver = read_sound(self.info.path, start, self.rate.seconds(count))
        yield judge_sound(driver, self.rate, count, limits)
        rivals = [t.landmarks[cut] for t in others if t.seen[cut].any()]
        yield judge_lips(landmarks, rivals, driver, self.rate, limits)
        looks = np.linspace(0, count - 1, _LOOKS).round().astype(int)
        numbers = [self.begin + cut.start + int(k) for k in looks]
        frames = read_played(self.info, numbers)
        crops = [
            seen_crop(frame, window.matrices[k], window.size, self.tags)
            for frame, k in zip(frames, looks, strict=True)
        ]
        yield judge_pictures(crops, to_crop(landmarks, window)[looks], limits)

    def _keep(self, piece: _Piece, aside: int, frames: int, measures: Measures) -> None:
        start = self.begin + piece.start
        words = f"{self.source.identity} {start} {frames} {piece.track.id}"
        clip = Clip(
            key=xxhash.xxh64(words.encode()).hexdigest(),
            source=self.source.path,
            identity=self.source.identity,
            start=start,
            aside=aside,
            frames=frames,
            rate=self.rate.fps,
            face=piece.track.id,
            measures=measures | {"width": round(piece.track.width, 1)},
        )
        cut = slice(piece.start, piece.start + aside + frames)
        held = {"landmarks": piece.track.landmarks[cut], "yaw": piece.track.yaw[cut]}
        tensors = {name: np.ascontiguousarray(value) for name, value in held.items()}
        write_atomic(landmarks_file(self.out, clip), save(tensors))
        self.clips.append(clip)

    def _reject(
        self, reason: str, detail: str, start: int, stop: int, face: int | None = None
    ) -> None:
        self.rejected.append(
            Rejected(
                self.source.path.name,
                reason,
                detail,
                self.begin + start,
                stop - start,
                self.rate.fps,
                face,
            )
        )

    def _frames(self, seconds: Fraction) -> int:
        return int(-(-seconds * self.rate.fps // 1))


def _runs(track: FaceTrack) -> Iterator[tuple[int, int, str]]:
    """First frame, frame after the last, and why it cannot be used (empty: it can)."""
    marks = [
        reason or "no face" if state is FaceState.PASS else ""
        for state, reason in zip(track.states, track.reasons, strict=True)
    ]
    start = 0
    for k in range(1, len(marks) + 1):
        if k == len(marks) or marks[k] != marks[start] or k in track.cuts:
            yield start, k, marks[start]
            start = k
