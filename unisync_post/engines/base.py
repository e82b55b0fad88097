"""The one door to every generator of mouths."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from unisync_adapters.timebase import Rate

from ..faces.crop import WHOLE_FACE, Framing


@dataclass(frozen=True)
class Driver:
    """The dub audio that drives one stretch of picture.

    Attributes:
        samples: (N,) float32 mono, -1..1, all speakers together.
        sample_rate: Hz.
        start: time of ``samples[0]`` in seconds from the first picture; negative when there is
            context before it. Audio reaches at least from the first to the end of the last
            picture, silence where the dub has none.
        stems: each speaker alone, same length and clock; empty when there is only one.
    """

    samples: NDArray[np.float32]
    sample_rate: int
    start: Fraction
    stems: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)


def untold(share: float) -> None:
    """Nobody wants to know how far a take is."""


@dataclass(frozen=True)
class Take:
    """What an engine is given: one face through one window of a shot.

    Attributes:
        frames: (F, S, S, 3) uint8 R'G'B' face crops, stabilised.
        landmarks: (F, 478, 3) float32, x and y in crop pixels, z in the same scale; NaN rows where
            the face is not seen.
        generate: (F,) bool; frames the engine should re-animate. Others are context only and are
            returned unchanged.
        mouth: (F, S, S) uint8 0/255 dilated mouth masks: where pixels may change.
        pose: (F, S, S, 3) uint8 pose drawings, jaw at rest so that no old lips leak.
        yaw: (F,) float32 degrees, 0 = frontal, NaN where unseen.
        driver: the dub over these frames, with context on both sides.
        rate: pictures a second.
        seed: for engines that draw noise; the same take and seed give the same frames.
        tell: to be called with the share done (0 to 1) by an engine that takes minutes: without a
            sign of life its worker counts as hung. It may raise, to stop the engine there.
    """

    frames: NDArray[np.uint8]
    landmarks: NDArray[np.float32]
    generate: NDArray[np.bool_]
    mouth: NDArray[np.uint8]
    pose: NDArray[np.uint8]
    yaw: NDArray[np.float32]
    driver: Driver
    rate: Rate
    seed: int = 0
    tell: Callable[[float], None] = untold

    @property
    def count(self) -> int:
        return len(self.frames)


@dataclass(frozen=True)
class Generated:
    """What an engine gives back.

    Attributes:
        frames: (F, S, S, 3) uint8, the take's shape.
        changed: (F,) bool; False = the engine passed this frame through, see ``reasons``.
        reasons: for each passed frame among those asked for, why; by frame index.
        remarks: figures worth reporting (coverage, share of frames using a placeholder …).
    """

    frames: NDArray[np.uint8]
    changed: NDArray[np.bool_]
    reasons: Mapping[int, str] = field(default_factory=dict)
    remarks: Mapping[str, float | int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What an engine is, for the record and for content keys.

    Attributes:
        fingerprint: hash of everything that decides its pixels: code version, weights, settings.
        draft: its pictures are previews and are labelled so everywhere.
        size: side of the square crop it wants, pixels.
        framing: what of the face the crop shows.
        window: most frames in one take.
        overlap: context frames shared by neighbouring takes.
        title: what people call it; its name where empty.
        memory: bytes of host memory it may come to take beyond what it holds once it is opened.
        gpu_memory: bytes of GPU memory it is estimated to need; 0: it needs no GPU.
    """

    name: str
    version: str
    fingerprint: str
    draft: bool
    size: int = 512
    framing: Framing = WHOLE_FACE
    window: int = 240
    overlap: int = 24
    title: str = ""
    memory: int = 0
    gpu_memory: int = 0


class Engine(Protocol):
    """Re-animates the mouth of one face to a driver."""

    @property
    def info(self) -> EngineInfo: ...

    def generate(self, take: Take) -> Generated: ...
