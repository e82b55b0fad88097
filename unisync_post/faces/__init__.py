"""Faces: where they are, how they turn, and the window and mattes that a mouth is made in."""

from __future__ import annotations

from .config import FaceConfig
from .crop import Framing, crop_frame, crop_window, to_crop
from .matte import MatteConfig, mouth_matte
from .pose import draw_pose
from .track import track_faces
from .types import CropWindow, FaceState, FaceTrack, Matte

__all__ = [
    "CropWindow",
    "FaceConfig",
    "FaceState",
    "FaceTrack",
    "Framing",
    "Matte",
    "MatteConfig",
    "crop_frame",
    "crop_window",
    "draw_pose",
    "mouth_matte",
    "to_crop",
    "track_faces",
]
