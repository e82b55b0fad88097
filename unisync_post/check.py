"""The delivered file, decoded again: what is really in it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from unisync_adapters.timebase import Rate

from .composite import Region, outside_difference, region_of, union
from .faces.matte import mouth_matte
from .faces.speaker import mouth_opening
from .faces.track import track_faces
from .faces.types import CropWindow
from .media.delivery import to_delivery
from .media.frames import read_frames, read_played
from .media.info import MediaInfo
from .media.pixels import layout_of, planes_of
from .media.probe import probe
from .media.sequences import files_of
from .media.viewed import seen_crop
from .media.viewing import Encoding
from .parts import Part

MOST_DRIFT = 0.04
"""No codec here loses this much on average; a black or misplaced picture differs by more."""


@dataclass
class Delivered:
    """What the delivered file holds when decoded.

    Attributes:
        frames: pictures decoded.
        outside: largest difference to the plate outside the matte, in code values of the new file:
            0 where packets were copied, the codec's own loss where pictures were encoded.
        drift: largest mean luma difference of a picture to the plate, outside the matte's box,
            as a share of full scale; ``drifted``: the frame it was found in.
        openings: of each part, (F,) mouth opening of the delivered lips, NaN where no face was
            found.
        sha256: of the file.
    """

    sha256: str
    frames: int = 0
    outside: int = 0
    drift: float = 0.0
    drifted: int = 0
    openings: list[NDArray[np.float32]] = field(default_factory=list)


def inspect_delivered(
    info: MediaInfo,
    played: Sequence[int],
    target: Path,
    parts: Sequence[Part],
    progress: Callable[[int], None] | None = None,
    tags: Encoding | None = None,
) -> Delivered:
    """Decode the new file beside the plate and measure it, streaming: a pass for each face.

    Args:
        info: the plate.
        played: plate frame of each new frame.
        target: the new file.
        parts: the faces that were re-animated: where the mattes were.
        progress: told how many frames are done.
        tags: what the plate's values mean, where it is viewed.
    """
    new = probe(target, info.rate)
    found = Delivered(sha256_of(target))

    def compared() -> Iterator[VideoFrame]:
        pairs = zip(read_played(info, played), read_frames(new, 0, new.frames), strict=False)
        for k, (plate, (_, picture)) in enumerate(pairs):
            found.frames += 1
            same = to_delivery(plate, picture.format.name)
            region = union([_region(same, part, k) for part in parts])
            found.outside = max(found.outside, outside_difference(same, picture, region))
            drift = _luma_drift(same, picture, region)
            if drift > found.drift:
                found.drift, found.drifted = drift, k
            yield picture

    for number, part in enumerate(parts):

        def tell(done: int, before: int = number * len(played)) -> None:
            if progress is not None:
                progress((before + done) // len(parts))

        again = (picture for _, picture in read_frames(new, 0, new.frames))
        pictures = again if number else compared()
        found.openings.append(_opening(pictures, part, new.rate, tell, tags))
    return found


def _region(plate: VideoFrame, part: Part, k: int) -> Region:
    matte = mouth_matte(part.landmarks[k], part.window.size)
    return region_of(plate, part.window.matrices[k], matte.soft)


def _opening(
    pictures: Iterable[VideoFrame],
    part: Part,
    rate: Rate,
    progress: Callable[[int], None],
    tags: Encoding | None,
) -> NDArray[np.float32]:
    """(F,) how far this face's mouth is open in the delivered pictures."""
    crops = (_crop(picture, part.window, k, tags) for k, picture in enumerate(pictures))
    tracks = track_faces(crops, rate, progress=progress)
    opening = np.full(len(part.landmarks), np.nan, np.float32)
    for track in sorted(tracks, key=lambda t: int(t.seen.sum())):
        seen = np.flatnonzero(track.seen)
        opening[seen] = mouth_opening(track.landmarks)[seen]
    return opening


def _luma_drift(plate: VideoFrame, picture: VideoFrame, region: Region) -> float:
    """Mean |difference| of luma outside the region's box, 0..1: what a wrong picture shows."""
    off = cv2.absdiff(planes_of(plate)[0], planes_of(picture)[0])
    box = region.box
    off[box.y0 : box.y1, box.x0 : box.x1] = 0
    return float(np.nan_to_num(off).mean()) / layout_of(plate).top


def _crop(
    picture: VideoFrame, window: CropWindow, k: int, tags: Encoding | None
) -> NDArray[np.uint8]:
    """The face as delivered; black where there is none, so that frames keep their numbers."""
    matrix = window.matrices[k]
    if not np.isfinite(matrix).all():
        return np.zeros((window.size, window.size, 3), np.uint8)
    return seen_crop(picture, matrix, window.size, tags)


def sha256_of(path: Path) -> str:
    """Hash of a file, or of an image sequence's frames one after the other, read in blocks."""
    digest = hashlib.sha256()
    for part in files_of(path):
        with part.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
