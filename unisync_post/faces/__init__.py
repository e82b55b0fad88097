"""Faces: where they are, how they turn, and the window and mattes that a mouth is made in."""

from __future__ import annotations

from .config import FaceConfig
from .track import track_faces
from .types import CropWindow, FaceState, FaceTrack, Matte

__all__ = ["CropWindow", "FaceConfig", "FaceState", "FaceTrack", "Matte", "track_faces"]
