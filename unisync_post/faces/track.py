"""Following every face through a shot in one streaming pass."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from unisync_adapters.timebase import Rate

from .boxes import Box, distance, iou, is_same_face, width
from .config import FaceConfig
from .cuts import with_cuts
from .detect import Detection, FaceDetector
from .landmarks import FaceMesh, Mesh, region_of_box, region_of_mesh
from .occlusion import skin_colours
from .state import Sighting, assemble
from .types import FaceTrack

Progress = Callable[[int], None]
"""Called with the number of frames done."""

_FOLLOWS = 0.35
"""Least overlap (IoU) of one face's boxes in neighbouring frames when looking back."""


def track_faces(
    frames: Iterable[NDArray[np.uint8]],
    rate: Rate,
    config: FaceConfig | None = None,
    *,
    progress: Progress | None = None,
) -> list[FaceTrack]:
    """Follow every face through a range of frames.

    One pass; besides landmarks it holds about ten frames. The same frames give the same tracks.

    Args:
        frames: (H, W, 3) uint8 R'G'B', all of one size.
        rate: frames a second, for limits that are times.
        config: limits; the defaults if None.
        progress: called after each frame.

    Returns:
        Tracks in the order of their ids: as first seen, then left to right; empty without a face.

    Raises:
        FaceError: the face models cannot be loaded.
    """
    config = config or FaceConfig()
    with closing(FaceDetector()) as detector, closing(FaceMesh()) as mesh:
        tracker = _Tracker(config, detector, mesh)
        for index, (frame, cut) in enumerate(with_cuts(frames)):
            tracker.feed(index, frame, cut)
            if progress is not None:
                progress(index + 1)
    least = min(math.ceil(config.min_seconds * rate.fps), max(1, tracker.count // 2))
    believed = [
        face.sightings
        for face in tracker.faces
        if len(face.sightings) >= least and face.sureness >= config.sure
    ]
    return assemble(believed, tracker.cuts, tracker.count, config)


@dataclass
class _Followed:
    """A face of the current scene: what was seen of it, by frame."""

    sureness: float = 0.0
    sightings: dict[int, Sighting] = field(default_factory=dict)
    last: int = -1
    missed: int = 0

    def see(self, index: int, mesh: Mesh) -> None:
        self.sightings[index] = Sighting(
            mesh.points.astype(np.float32), mesh.score, skin_colours(mesh)
        )
        if index >= self.last:
            self.last, self.missed = index, 0

    @property
    def points(self) -> NDArray[np.float32]:
        return self.sightings[self.last].points

    def box_at(self, index: int) -> Box | None:
        seen = self.sightings.get(index)
        return None if seen is None else seen.box


class _Tracker:
    """Looks where each face was last; searches now and then, and whenever one is lost."""

    def __init__(self, config: FaceConfig, detector: FaceDetector, mesh: FaceMesh) -> None:
        self._config = config
        self._detector = detector
        self._mesh = mesh
        self._open: list[_Followed] = []
        self._recent: deque[tuple[int, NDArray[np.uint8]]] = deque(maxlen=config.search_every)
        self._searched = self._tiled = -(10**9)
        self.faces: list[_Followed] = []
        self.cuts: list[int] = []
        self.count = 0

    def feed(self, index: int, frame: NDArray[np.uint8], cut: bool) -> None:
        if cut:
            self.cuts.append(index)
            self._open, self._tiled = [], -(10**9)
            self._recent.clear()
        for face in self._open:
            self._follow(index, frame, face)
        self._drop_doubles(index)
        if self._is_search_due(index):
            for found in self._search(index, frame):
                self._take_up(index, frame, found)
            self._confirm(index, frame)
        self._recent.append((index, frame))
        self.count = index + 1

    def _follow(self, index: int, frame: NDArray[np.uint8], face: _Followed) -> None:
        if face.missed <= self._config.bridge:
            mesh = self._mesh.look(frame, region_of_mesh(face.points))
            if mesh is not None and self._is_plausible(mesh, face):
                face.see(index, mesh)
                return
        face.missed += 1

    def _is_plausible(self, mesh: Mesh, face: _Followed) -> bool:
        """A face neither jumps nor changes size from one frame to the next."""
        old, new = face.sightings[face.last].box, mesh.box
        patience = 1 + 0.2 * face.missed
        grown = (width(new) + 1) / (width(old) + 1)
        return (
            mesh.score >= self._config.presence
            and 1 / 1.5 < grown < 1.5
            and distance(old, new) < 0.6 * patience * width(old)
        )

    def _drop_doubles(self, index: int) -> None:
        """Two meshes that slid onto one face: the one followed longer keeps it."""
        by_age = sorted(self._open, key=lambda f: -len(f.sightings))
        for k, older in enumerate(by_age):
            for younger in by_age[k + 1 :]:
                a, b = older.box_at(index), younger.box_at(index)
                if a is not None and b is not None and is_same_face(a, b):
                    self._unsee(index, younger)

    def _unsee(self, index: int, face: _Followed) -> None:
        del face.sightings[index]
        if face.sightings:
            face.last, face.missed = max(face.sightings), self._config.bridge + 1
        else:
            self._open.remove(face)
            self.faces.remove(face)

    def _is_search_due(self, index: int) -> bool:
        lost = any(face.missed == 1 for face in self._open)
        nobody = all(face.missed for face in self._open)
        return lost or nobody or index - self._searched >= self._config.search_every

    def _search(self, index: int, frame: NDArray[np.uint8]) -> list[Detection]:
        self._searched = index
        boxes = [box for face in self._open if (box := face.box_at(index)) is not None]
        close = all(width(box) >= self._config.small for box in boxes) and bool(boxes)
        every = self._config.tile_every if close else 2 * self._config.search_every
        if index - self._tiled < every:
            return self._detector.detect(frame)
        self._tiled = index
        return self._detector.search(frame)

    def _take_up(self, index: int, frame: NDArray[np.uint8], found: Detection) -> None:
        """Begin to follow a detected face, or find a lost one again; then look back for it."""
        if self._known(index, found.box) is not None:
            return
        mesh = self._settle(frame, found)
        if mesh is None or self._known(index, mesh.box) is not None:
            return
        face = self._lost_near(index, mesh)
        if face is None:
            face = _Followed()
            self._open.append(face)
            self.faces.append(face)
        since = face.last
        face.see(index, mesh)
        self._look_back(face, mesh, since)

    def _confirm(self, index: int, frame: NDArray[np.uint8]) -> None:
        """Look from close by at faces that no detector was sure of yet."""
        for face in self._open:
            box = face.box_at(index)
            if box is not None and face.sureness < self._config.sure:
                face.sureness = max(face.sureness, self._detector.confirm(frame, box))

    def _look_back(self, face: _Followed, mesh: Mesh, since: int) -> None:
        """Follow a face backwards from where it was found, as far as frames are still held."""
        for earlier, old in reversed(self._recent):
            if earlier <= since:
                return
            before = self._mesh.look(old, region_of_mesh(mesh.points))
            if before is None or before.score < self._config.presence:
                return
            if self._known(earlier, before.box) or iou(mesh.box, before.box) < _FOLLOWS:
                return
            face.see(earlier, before)
            mesh = before

    def _settle(self, frame: NDArray[np.uint8], found: Detection) -> Mesh | None:
        """The mesh of a detection, its region refined until it is the face's own."""
        region = region_of_box(found.box, found.eyes)
        mesh: Mesh | None = None
        for _ in range(3):
            mesh = self._mesh.look(frame, region)
            if mesh is None or mesh.score < self._config.presence:
                return None
            region = region_of_mesh(mesh.points)
        return mesh

    def _known(self, index: int, box: Box) -> _Followed | None:
        """The face that is already seen here in this frame."""
        for face in self._open:
            other = face.box_at(index)
            if other is not None and is_same_face(box, other):
                return face
        return None

    def _lost_near(self, index: int, mesh: Mesh) -> _Followed | None:
        """The face of this scene that was lost about here, if any."""
        best, nearest = None, math.inf
        for face in self._open:
            if index in face.sightings:
                continue
            old, new = face.sightings[face.last].box, mesh.box
            ratio = (width(new) + 1) / (width(old) + 1)
            reach = min(0.6 + 0.1 * (index - face.last), 2.0)
            away = distance(old, new) / max(width(old), width(new), 1.0)
            if 0.5 < ratio < 2 and away < min(reach, nearest):
                best, nearest = face, away
        return best
