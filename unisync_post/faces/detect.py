"""Where faces are: MediaPipe's full-range and short-range detectors, and a tiled search.

The detectors look at 192 (128) pixels whatever they are given, so a face that is small in the
frame is lost to them; the tiled search looks at overlapping squares of half the frame's height,
and of 576 pixels at most: a face of 48 pixels in 4K is still found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .boxes import Box, is_same_face
from .graphs import Graph, blank

_SIDE = 192
_TILE_SHARE = 0.5
_TILE_STEP = 0.7
_TILE_LEAST, _TILE_MOST = 160, 576
_CLOSE_BY = 3.0

_CONFIG = """
input_stream: "image"
output_stream: "detections"
node {{
  calculator: "FaceDetection{model}Cpu"
  input_stream: "IMAGE:image"
  output_stream: "DETECTIONS:detections"
}}
"""


@dataclass(frozen=True)
class Detection:
    """One face as the detector sees it, in frame pixels.

    Attributes:
        box: x0, y0, x1, y1 from brow to chin.
        eyes: (2, 2) the eye on the image's left, then the right.
        score: 0..1.
    """

    box: Box
    eyes: NDArray[np.float64]
    score: float


class FaceDetector:
    """Finds faces in single frames; keeps no state between them."""

    def __init__(self) -> None:
        warm = {"image": blank(_SIDE)}
        self._full = Graph(_CONFIG.format(model="FullRange"), ("detections",), {}, warm)
        self._short = Graph(_CONFIG.format(model="ShortRange"), ("detections",), {}, warm)

    def detect(self, rgb: NDArray[np.uint8]) -> list[Detection]:
        """Faces of an ordinary size in the frame, best first.

        Args:
            rgb: (H, W, 3) uint8.
        """
        whole = (0, 0, rgb.shape[1], rgb.shape[0])
        small = _shrunk(rgb, whole)
        return distinct(_read(self._full, small, whole) + _read(self._short, small, whole))

    def search(self, rgb: NDArray[np.uint8]) -> list[Detection]:
        """:meth:`detect`, and the small faces too, tile by tile (some 50 ms at 1920x1080)."""
        found = self.detect(rgb)
        for tile in tiles(rgb.shape[1], rgb.shape[0]):
            found += _read(self._full, _shrunk(rgb, tile), tile)
        return distinct(found)

    def confirm(self, rgb: NDArray[np.uint8], box: Box) -> float:
        """How sure the detectors are (0..1) of a face in this box, looking at it from close by."""
        tile = _around(box, rgb.shape[1], rgb.shape[0])
        near = _shrunk(rgb, tile)
        found = _read(self._full, near, tile) + _read(self._short, near, tile)
        return max((one.score for one in found if is_same_face(one.box, box)), default=0.0)

    def close(self) -> None:
        self._full.close()
        self._short.close()


def tiles(width: int, height: int) -> Iterator[tuple[int, int, int, int]]:
    """Overlapping squares x0, y0, x1, y1 that cover the frame."""
    share = round(min(width, height) * _TILE_SHARE)
    side = min(max(share, _TILE_LEAST), _TILE_MOST, width, height)
    for y in _starts(height, side):
        for x in _starts(width, side):
            yield x, y, x + side, y + side


def _starts(length: int, side: int) -> list[int]:
    count = 1 + int(np.ceil((length - side) / (side * _TILE_STEP)))
    return [round(k * (length - side) / max(count - 1, 1)) for k in range(count)]


def _around(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """The part of the frame around a face, three times its size."""
    side = max(box[2] - box[0], box[3] - box[1]) * _CLOSE_BY
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    x0, x1 = (round(min(max(v, 0), width)) for v in (x - side / 2, x + side / 2))
    y0, y1 = (round(min(max(v, 0), height)) for v in (y - side / 2, y + side / 2))
    return min(x0, width - 1), min(y0, height - 1), max(x1, x0 + 1), max(y1, y0 + 1)


def distinct(found: list[Detection]) -> list[Detection]:
    """The best detection of each face, best first."""
    kept: list[Detection] = []
    for one in sorted(found, key=lambda d: -d.score):
        if not any(is_same_face(one.box, other.box) for other in kept):
            kept.append(one)
    return kept


def _shrunk(rgb: NDArray[np.uint8], tile: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    part = rgb[tile[1] : tile[3], tile[0] : tile[2]]
    scale = _SIDE / max(part.shape[:2])
    size = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    shrunk: NDArray[np.uint8] = cv2.resize(np.ascontiguousarray(part), size, interpolation=how)
    return shrunk


def _read(
    graph: Graph, picture: NDArray[np.uint8], tile: tuple[int, int, int, int]
) -> list[Detection]:
    """Run a detector on a picture of this tile; positions come back in the frame's pixels."""
    (protos,) = graph.run({"image": picture})
    origin = np.array(tile[:2], np.float64)
    extent = np.array(tile[2:], np.float64) - origin
    found = []
    for proto in protos or ():
        place = proto.location_data
        box = place.relative_bounding_box
        x0, y0 = origin + extent * (box.xmin, box.ymin)
        x1, y1 = origin + extent * (box.xmin + box.width, box.ymin + box.height)
        eyes = np.array([(p.x, p.y) for p in place.relative_keypoints[:2]], np.float64)
        found.append(Detection((x0, y0, x1, y1), origin + extent * eyes, float(proto.score[0])))
    return found
