"""Small pictures of the faces of a shot, so that a person can say which one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import FaceError
from .resample import crop_frame
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
    """A square around the face with its box and id; mirrored where it leaves the frame.

    Args:
        rgb: (H, W, 3) uint8, the plate's frame ``frame``.

    Returns:
        (192, 192, 3) uint8.
    """
    box = track.boxes[frame].astype(np.float64)
    scale = _SIDE / (max(box[2] - box[0], box[3] - box[1]) * (1 + _MARGIN))
    shift = (_SIDE - 1) / 2 - scale * (box[:2] + box[2:]) / 2
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    picture = crop_frame(rgb, matrix, _SIDE)
    x0, y0, x1, y1 = (int(v) for v in np.rint(scale * box + np.tile(shift, 2)))
    cv2.rectangle(picture, (x0, y0), (x1, y1), _BOX_COLOUR, 1, cv2.LINE_AA)
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
