"""From what was seen of each face to a track: bridging, smoothing, head pose, states."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .boxes import Box, box_of, iou, width
from .canonical import RIGID
from .config import FaceConfig
from .landmarks import COUNT
from .occlusion import covered
from .pose3d import head_pose
from .smooth import gaussian, runs
from .types import FaceState, FaceTrack

NO_FACE = "no face"
TOO_SMALL = "too small"
TURNED = "turned away"
OCCLUDED = "occluded"

_SLACK = 1.1
"""A limit once crossed is left only when it is cleared by a tenth: states do not flicker."""
_NOISE_WIDTH = 16.0
"""Pixels; what is narrower is not worth listing, nor sure to be a face."""


@dataclass(frozen=True)
class Sighting:
    """One face in one frame: landmarks (478, 3), the mesh's score, colours for occlusion."""

    points: NDArray[np.float32]
    score: float
    colours: NDArray[np.float32]

    @property
    def box(self) -> Box:
        return box_of(self.points)


def assemble(
    faces: list[dict[int, Sighting]],
    cuts: list[int],
    count: int,
    config: FaceConfig,
) -> list[FaceTrack]:
    """Turn sightings into tracks, tiny faces dropped, in the order of their ids.

    Args:
        faces: per face, sightings by frame; each within one scene.
        cuts: frames at which scenes begin.
        count: frames F in all.
    """
    joined = _joined_over_cuts([face for face in faces if face], cuts)
    kept = [face for face in joined if _is_listed(face)]
    kept.sort(key=lambda f: (min(f), f[min(f)].box[0]))
    return [_track(k, face, tuple(cuts), count, config) for k, face in enumerate(kept)]


def _is_listed(face: dict[int, Sighting]) -> bool:
    widths = [width(one.box) for one in face.values()]
    return float(np.median(widths)) >= _NOISE_WIDTH


def _joined_over_cuts(
    faces: list[dict[int, Sighting]], cuts: list[int]
) -> list[dict[int, Sighting]]:
    """Join a face to the same face after a jump cut: same place, size and colours.

    Any other cut parts tracks: who a face in another place is cannot be told by its landmarks.
    """
    joined: list[dict[int, Sighting]] = []
    for face in sorted(faces, key=min):
        start = min(face)
        before = next(
            (
                old
                for old in joined
                if start in cuts and max(old) == start - 1 and _is_same(old[start - 1], face[start])
            ),
            None,
        )
        if before is None:
            joined.append(dict(face))
        else:
            before.update(face)
    return joined


def _is_same(a: Sighting, b: Sighting) -> bool:
    colour = float(np.abs(np.median(a.colours, axis=0) - np.median(b.colours, axis=0)).max())
    return iou(a.box, b.box) > 0.4 and colour < 0.15


def _track(
    id_: int, face: dict[int, Sighting], cuts: tuple[int, ...], count: int, config: FaceConfig
) -> FaceTrack:
    landmarks = np.full((count, COUNT, 3), np.nan)
    for index, one in face.items():
        landmarks[index] = one.points
    bridged = _bridge(landmarks, cuts, config.bridge)
    for start, end in runs(np.isfinite(landmarks[:, 0, 0]), cuts):
        landmarks[start:end] = gaussian(landmarks[start:end], config.smooth)
    boxes, angles = _boxes(landmarks), _angles(landmarks)
    hidden = _covered(face, cuts, count)
    reasons = _reasons(boxes, angles[:, 0], hidden, cuts, config)
    states, final = _states(reasons, bridged, cuts, config)
    yaw, pitch, roll = angles.T.astype(np.float32)
    return FaceTrack(
        id_, boxes, landmarks.astype(np.float32), yaw, pitch, roll, states, final, cuts
    )


def _bridge(
    landmarks: NDArray[np.float64], cuts: tuple[int, ...], longest: int
) -> NDArray[np.bool_]:
    """Fill short gaps inside a scene by straight interpolation, in place; (F,) what was filled."""
    filled = np.zeros(len(landmarks), np.bool_)
    for start, end in runs(~np.isfinite(landmarks[:, 0, 0]), cuts):
        if start == 0 or end == len(landmarks) or end - start > longest:
            continue
        if start in cuts or end in cuts:
            continue
        before, after = landmarks[start - 1], landmarks[end]
        for k in range(start, end):
            share = (k - start + 1) / (end - start + 1)
            landmarks[k] = (1 - share) * before + share * after
        filled[start:end] = True
    return filled


def _boxes(landmarks: NDArray[np.float64]) -> NDArray[np.float32]:
    flat = landmarks[:, :, :2]
    return np.concatenate([flat.min(axis=1), flat.max(axis=1)], axis=1).astype(np.float32)


def _angles(landmarks: NDArray[np.float64]) -> NDArray[np.float64]:
    """(F, 3) yaw, pitch, roll in degrees."""
    angles = np.full((len(landmarks), 3), np.nan)
    for k in np.flatnonzero(np.isfinite(landmarks[:, RIGID[0], 0])):
        pose = head_pose(landmarks[k])
        angles[k] = pose.yaw, pose.pitch, pose.roll
    return angles


def _covered(face: dict[int, Sighting], cuts: tuple[int, ...], count: int) -> NDArray[np.float32]:
    """(F,) evidence that the mouth is covered, 1 = limit; 0 where unseen."""
    evidence = np.zeros(count, np.float32)
    scenes: dict[int, list[int]] = {}
    for index in sorted(face):
        scenes.setdefault(bisect_right(cuts, index), []).append(index)
    for indices in scenes.values():
        evidence[indices] = covered(np.stack([face[k].colours for k in indices]))
    return evidence


def _reasons(
    boxes: NDArray[np.float32],
    yaw: NDArray[np.float64],
    hidden: NDArray[np.float32],
    cuts: tuple[int, ...],
    config: FaceConfig,
) -> list[str]:
    """Why each frame cannot be generated; empty where it can."""
    with np.errstate(divide="ignore"):
        small = _latched(config.min_width / (boxes[:, 2] - boxes[:, 0]), cuts)
    turned = _latched(np.abs(yaw) / config.yaw_limit, cuts)
    occluded = _latched(hidden / config.occlusion, cuts)
    reasons = []
    for k in range(len(boxes)):
        if not np.isfinite(boxes[k, 0]):
            reasons.append(NO_FACE)
        elif small[k]:
            reasons.append(TOO_SMALL)
        elif turned[k]:
            reasons.append(TURNED)
        else:
            reasons.append(OCCLUDED if occluded[k] else "")
    return reasons


def _latched(excess: NDArray[np.floating], cuts: tuple[int, ...]) -> NDArray[np.bool_]:
    """Where a measure passed its limit (1), until it falls clearly below it again."""
    over = np.zeros(len(excess), np.bool_)
    held = False
    for k, value in enumerate(excess):
        if k in cuts or not np.isfinite(value):
            held = False
        held = bool(value > (1 / _SLACK if held else 1.0))
        over[k] = held
    return over


def _states(
    reasons: list[str], bridged: NDArray[np.bool_], cuts: tuple[int, ...], config: FaceConfig
) -> tuple[tuple[FaceState, ...], tuple[str, ...]]:
    """States and reasons; runs too short to be worth a change of state are passed."""
    wanted = np.array([not reason for reason in reasons])
    for start, end in runs(wanted & bridged, cuts):
        # a bridge needs both banks
        if not (wanted[start - 1] and wanted[min(end, len(wanted) - 1)]):
            _pass(start, end, reasons, wanted)
    for start, end in runs(wanted, cuts):
        walled = start > 0 and start not in cuts and end < len(wanted) and end not in cuts
        if walled and end - start < config.min_run:
            _pass(start, end, reasons, wanted)
    states = tuple(
        (FaceState.BRIDGE if bridged[k] else FaceState.GENERATE) if wanted[k] else FaceState.PASS
        for k in range(len(reasons))
    )
    return states, tuple(reasons)


def _pass(start: int, end: int, reasons: list[str], wanted: NDArray[np.bool_]) -> None:
    reason = reasons[start - 1] or reasons[min(end, len(reasons) - 1)] or NO_FACE
    for k in range(start, end):
        reasons[k] = reason
        wanted[k] = False
