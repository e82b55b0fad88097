"""478 landmarks of one face: MediaPipe's attention mesh, run on a square we cut ourselves.

The stock solution follows a face by the last frame's result inside its graph. Here the graph holds
no state: the caller gives the region, so faces cannot leak into each other, a far face in 4K is
looked at with all its pixels, and shrinking is anti-aliased (the stock graph's is not).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .boxes import Box, box_of
from .graphs import Graph, blank
from .resample import crop_frame

COUNT = 478
SIDE = 192
"""Pixels on a side of the mesh model's input."""

_MARGIN = 1.5
_CONFIG = """
input_stream: "image"
input_stream: "region"
input_side_packet: "attention"
output_stream: "landmarks"
node {
  calculator: "FaceLandmarkCpu"
  input_stream: "IMAGE:image"
  input_stream: "ROI:region"
  input_side_packet: "WITH_ATTENTION:attention"
  output_stream: "LANDMARKS:landmarks"
}
"""
_PRESENCE = "facelandmarkcpu__face_presence_score"


@dataclass(frozen=True)
class Region:
    """A square to look at: centre and side in frame pixels, clockwise angle in radians."""

    x: float
    y: float
    side: float
    angle: float

    @property
    def matrix(self) -> NDArray[np.float64]:
        """(2, 3) similarity, frame pixels -> the mesh's input pixels, the face upright."""
        scale = SIDE / self.side
        cos, sin = math.cos(self.angle) * scale, math.sin(self.angle) * scale
        middle = (SIDE - 1) / 2
        return np.array(
            [
                [cos, sin, middle - cos * self.x - sin * self.y],
                [-sin, cos, middle + sin * self.x - cos * self.y],
            ]
        )


@dataclass(frozen=True)
class Mesh:
    """What the mesh found in one region.

    Attributes:
        points: (478, 3) float64 frame pixels (pixel centres at integers), z in the same scale.
        score: 0..1, that this is a face.
        input: (192, 192, 3) uint8, the upright square it looked at, and ``matrix`` to get there.
    """

    points: NDArray[np.float64]
    score: float
    input: NDArray[np.uint8]
    matrix: NDArray[np.float64]

    @property
    def box(self) -> Box:
        return box_of(self.points)


class FaceMesh:
    """The landmark model; keeps no state between calls."""

    def __init__(self) -> None:
        from mediapipe.framework.formats import rect_pb2

        self._whole = rect_pb2.NormalizedRect(
            x_center=0.5, y_center=0.5, width=1.0, height=1.0, rotation=0.0
        )
        self._graph = Graph(
            _CONFIG,
            ("landmarks", _PRESENCE),
            {"attention": True},
            {"image": blank(SIDE), "region": self._whole},
        )

    def look(self, rgb: NDArray[np.uint8], region: Region) -> Mesh | None:
        """The landmarks of the face in this region of the frame, None if there is none.

        Args:
            rgb: (H, W, 3) uint8.
        """
        matrix = region.matrix
        square = crop_frame(rgb, matrix, SIDE)
        found, score = self._graph.run({"image": square, "region": self._whole})
        if found is None:
            return None
        points = np.array([(p.x, p.y, p.z) for p in found.landmark], np.float64) * SIDE
        # the model counts from the picture's edge (measured: mirrored pairs add up to SIDE)
        points[:, :2] -= 0.5
        inverse = np.linalg.inv(matrix[:, :2])
        points[:, :2] = (points[:, :2] - matrix[:, 2]) @ inverse.T
        points[:, 2] *= region.side / SIDE
        return Mesh(points, float(score), square, matrix)

    def close(self) -> None:
        self._graph.close()


def region_of_box(box: Box, eyes: NDArray[np.float64]) -> Region:
    """The region to look at for a detection: its box with margin, upright by its eyes."""
    angle = math.atan2(eyes[1, 1] - eyes[0, 1], eyes[1, 0] - eyes[0, 0])
    side = max(box[2] - box[0], box[3] - box[1]) * _MARGIN
    return Region((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, side, angle)


def region_of_mesh(points: NDArray[np.floating]) -> Region:
    """The region to look at next for a face with these landmarks, (478, 2 or 3)."""
    right, left = points[33, :2], points[263, :2]
    angle = math.atan2(float(left[1] - right[1]), float(left[0] - right[0]))
    cos, sin = math.cos(angle), math.sin(angle)
    turned = points[:, :2] @ np.array([[cos, -sin], [sin, cos]])
    low, high = turned.min(axis=0), turned.max(axis=0)
    x, y = (low + high) / 2
    side = float((high - low).max()) * _MARGIN
    return Region(cos * x - sin * y, sin * x + cos * y, side, angle)
