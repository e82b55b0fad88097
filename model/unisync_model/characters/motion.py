"""How heads, eyes and the camera move: functions of a seed and the time, of nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np


@dataclass(frozen=True)
class Movement:
    """How much things move.

    Attributes:
        seed: the way they move.
        yaw, pitch, roll: resting turn in degrees: right, down, clockwise in the picture.
        sway: how far the head wanders, 0 still .. 1 lively (to about 25 degrees).
        turn: an extra turn within the shot, in degrees, 0 for none.
        nod: strength of nods, 0..1.
        shake, pan, zoom: of the camera: hand-held tremor, drift, and slow zoom, 0..1.
        flicker: of the light, 0..1.
    """

    seed: int
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    sway: float = 0.5
    turn: float = 0.0
    nod: float = 0.0
    shake: float = 0.0
    pan: float = 0.0
    zoom: float = 0.0
    flicker: float = 0.0


@dataclass(frozen=True)
class Pose:
    """One moment. Lengths in half head widths, angles in radians.

    Attributes:
        x, y, zoom: the head in the crop: offset and size, what the crop's own smoothing leaves.
        yaw, pitch, roll: right, down, clockwise in the picture.
        lid: 0 open .. 1 shut.
        gaze: -1..1 to the right and down.
        back_x, back_y, back_zoom: what is behind, moved by the camera.
        gain: light.
    """

    x: float
    y: float
    zoom: float
    yaw: float
    pitch: float
    roll: float
    lid: float
    gaze: tuple[float, float]
    back_x: float
    back_y: float
    back_zoom: float
    gain: float


def random_movement(rng: np.random.Generator, seed: int) -> Movement:
    """From a held close-up to a lively hand-held shot."""
    lively = rng.random() < 0.5
    return Movement(
        seed=seed,
        yaw=float(np.clip(rng.normal(0, 9), -20, 20)),
        pitch=float(np.clip(rng.normal(0, 4), -9, 9)),
        roll=float(np.clip(rng.normal(0, 4), -10, 10)),
        sway=rng.uniform(0.3, 1.0) if lively else rng.uniform(0.05, 0.35),
        turn=float(rng.random() < 0.25) * rng.choice((-1, 1)) * rng.uniform(8, 22),
        nod=float(rng.random() < 0.3) * rng.uniform(0.3, 1.0),
        shake=float(rng.random() < 0.3) * rng.uniform(0.2, 1.0),
        pan=rng.uniform(-1, 1) * float(rng.random() < 0.5),
        zoom=rng.uniform(-1, 1) * float(rng.random() < 0.3),
        flicker=float(rng.random() < 0.12) * rng.uniform(0.2, 1.0),
    )


def pose_at(movement: Movement, frame: int, rate: Fraction) -> Pose:
    """Where everything is at a frame: slow sums of sines, a turn, nods, a blink now and then."""
    rng = np.random.default_rng([movement.seed, 111])
    second = float(frame / rate)
    phase, speed = rng.uniform(0, 2 * np.pi, (9, 2)), rng.uniform(0.10, 0.45, (9, 2))
    sway = np.sin(2 * np.pi * speed * second + phase).mean(1)
    start, period, offset = rng.uniform(0.2, 1.6), rng.uniform(2.2, 4.2), rng.uniform(0, 2.5)
    turned = np.clip((second - start) / 0.7, 0, 1)
    turned = float(turned * turned * (3 - 2 * turned))
    nod = movement.nod * np.sin(2 * np.pi * 1.6 * second) * max(0.0, float(sway[8]))
    quick = rng.uniform(0, 2 * np.pi, (3, 3))
    tremor = np.sin(2 * np.pi * np.array([2.3, 3.7, 5.9]) * second + quick).mean(1)
    tremor *= 0.035 * movement.shake
    yaw = movement.yaw + movement.turn * (turned - 0.5) + 9 * movement.sway * sway[0]
    pitch = movement.pitch + 6 * movement.sway * sway[1] + 7 * nod
    roll = movement.roll + 5 * movement.sway * sway[2]
    # eyes rest, then jump
    darting = rng.uniform(-1, 1, (64, 2))[int(second * 0.9 + offset) % 64]
    glance = 0.45 * movement.sway * darting - (0.02 * movement.yaw, 0.02 * movement.pitch)
    return Pose(
        x=0.06 * movement.sway * sway[3] + tremor[0],
        y=0.05 * movement.sway * sway[4] + 0.03 * nod + tremor[1],
        zoom=1 + 0.03 * movement.sway * sway[5] + 0.03 * movement.zoom * turned,
        yaw=float(np.radians(np.clip(yaw, -26, 26))),
        pitch=float(np.radians(np.clip(pitch, -14, 14))),
        roll=float(np.radians(np.clip(roll, -16, 16) + 0.6 * tremor[2] / 0.035)),
        lid=float(np.clip(1.4 - abs((second + offset) % period - 0.12) / 0.07, 0, 1)),
        gaze=(float(np.clip(glance[0], -1, 1)), float(np.clip(glance[1], -1, 1))),
        back_x=0.35 * movement.pan * second + 0.12 * movement.sway * sway[6] + tremor[0],
        back_y=0.06 * movement.sway * sway[7] + tremor[1],
        back_zoom=1 + 0.10 * movement.zoom * second / (1 + second),
        gain=1 + 0.10 * movement.flicker * float(np.sin(2 * np.pi * 3.1 * second + quick[0, 0])),
    )
