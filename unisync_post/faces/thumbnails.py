"""Small pictures of the faces of a shot, so that a person can say which one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import FaceError
from .types import FaceTrack

_SIDE = 192
_MARGIN = 0.6
_BOX_COLOUR = (255, 208, 64)


def thumbnail_frame(track: FaceTrack) -> int:
    """The frame that shows this face best: seen, large and turned to the camera.

    Raises:
        FaceError: the face is seen in no frame.
    """
    if not track.seen.any():
        raise FaceError(f"face {track.id} is seen in no frame")
    width = track.boxes[:, 2] - track.boxes[:, 0]
    return int(np.nanargmax(width * np.cos(np.radians(track.yaw))))


def thumbnail(rgb: NDArray[np.uint8], track: FaceTrack, frame: int) -> NDArray[np.uint8]:
    """A square around the face with its box and id.

    Args:
        rgb: (H, W, 3) uint8, the plate's frame ``frame``.

    Returns:
        (192, 192, 3) uint8.
    """
    x0, y0, x1, y1 = (float(v) for v in track.boxes[frame])
    side = max(x1 - x0, y1 - y0) * (1 + _MARGIN)
    scale = _SIDE / side
    origin = np.array([(x0 + x1 - side) / 2, (y0 + y1 - side) / 2])
    low = np.clip(np.floor(origin), 0, None).astype(int)
    high = np.ceil(origin + side).astype(int)
    part = np.ascontiguousarray(rgb[low[1] : high[1], low[0] : high[0]])
    size = np.maximum(np.rint(np.array(part.shape[1::-1]) * scale), 1).astype(int)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    part = cv2.resize(part, (int(size[0]), int(size[1])), interpolation=how)
    picture = np.zeros((_SIDE, _SIDE, 3), np.uint8)
    at = np.rint((low - origin) * scale).astype(int)
    room = picture[at[1] : at[1] + len(part), at[0] : at[0] + part.shape[1]]
    room[:] = part[: room.shape[0], : room.shape[1]]
    corners = np.rint((np.array([(x0, y0), (x1, y1)]) - origin) * scale).astype(int)
    first, last = (int(corners[0, 0]), int(corners[0, 1])), (int(corners[1, 0]), int(corners[1, 1]))
    cv2.rectangle(picture, first, last, _BOX_COLOUR, 1, cv2.LINE_AA)
    _label(picture, str(track.id))
    return picture


def _label(picture: NDArray[np.uint8], text: str) -> None:
    """Black-edged figures, readable on any picture."""
    for colour, width in (((0, 0, 0), 5), (_BOX_COLOUR, 2)):
        cv2.putText(
            picture, text, (8, 28), cv2.FONT_HERSHEY_SIMPLEX, 0.9, colour, width, cv2.LINE_AA
        )


def write_thumbnails(
    tracks: Sequence[FaceTrack], frames: Mapping[int, NDArray[np.uint8]], folder: Path
) -> dict[int, str]:
    """Write ``face-<id>.png`` for each track into a folder.

    Args:
        tracks: the shot's faces.
        frames: the plate's frame (H, W, 3) uint8 R'G'B' for each :func:`thumbnail_frame`.
        folder: is made if missing.

    Returns:
        File name by track id.

    Raises:
        FaceError: a picture cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = {}
    for track in tracks:
        frame = thumbnail_frame(track)
        picture = thumbnail(frames[frame], track, frame)
        done, data = cv2.imencode(".png", picture[:, :, ::-1])
        if not done:
            raise FaceError(f"the thumbnail of face {track.id} cannot be encoded", file=folder)
        name = f"face-{track.id}.png"
        (folder / name).write_bytes(data.tobytes())
        names[track.id] = name
    return names
