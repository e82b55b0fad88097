"""Other lips for a clip: another clip's voice drives an engine over the same pictures.

What the engine makes is laid over the true pictures as a dub's is, through the soft matte: the
two differ where a mouth moves and nowhere else.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from unisync_adapters.timebase import Rate

from ..driver import CONTEXT, SAMPLE_RATE
from ..engines.base import Driver, Engine, Generated, Take
from ..errors import EngineError
from ..faces.crop import crop_frame, crop_window, to_crop
from ..faces.matte import mouth_matte
from ..faces.pose import draw_pose
from ..faces.types import CropWindow, FaceTrack
from ..media.info import MediaInfo
from ..media.viewing import read_colour
from ..quality import check_generated
from ..takes import Span, join, spans
from .clips import read_crops, read_sound
from .kinds import Clip

_LEAST_CHANGED = 0.5
"""Share of the frames that must have got other lips."""


def other_voice(voice: Clip, seconds: Fraction) -> Driver:
    """Another clip's sound, from its first picture on; said again from there where it ends."""
    heard = read_sound(
        voice.source, voice.first / voice.rate, min(voice.seconds, seconds + CONTEXT)
    )
    lead = heard.samples[: int(CONTEXT * SAMPLE_RATE)]
    said = heard.samples[len(lead) : len(heard.samples) - len(lead)]
    wanted = int(-(-(seconds + CONTEXT) * SAMPLE_RATE // 1))
    return replace(heard, samples=np.concatenate([lead, np.resize(said, wanted)]))


def relipped(
    clip: Clip,
    track: FaceTrack,
    info: MediaInfo,
    engine: Engine,
    voice: Clip,
    frames: NDArray[np.uint8],
    window: CropWindow,
) -> NDArray[np.uint8]:
    """The clip's crops with other lips.

    Args:
        track: of the clip's own frames, portraits left out.
        frames: (F, S, S, 3) uint8, the true crops; ``window``: where they lie in the plate.

    Returns:
        (F, S, S, 3) uint8, equal to ``frames`` outside the soft mouth matte.

    Raises:
        EngineError: it failed, or left more than half of the mouths as they were.
    """
    own = crop_window(track, engine.info.size, engine.info.framing)
    takes = _Takes(clip, track, info, engine, voice, own)
    every = np.ones(clip.frames, np.bool_)
    pieces = spans(every, every, track.cuts, engine.info.window, engine.info.overlap)
    points = to_crop(track.landmarks, window)
    out: NDArray[np.uint8] = np.array(frames)
    changed = 0
    for made in join(pieces, takes.generate, clip.frames):
        if made.crop is None:
            continue
        k = made.index
        there = crop_frame(made.crop, _between(own.matrices[k], window.matrices[k]), window.size)
        out[k] = _laid(frames[k], there, mouth_matte(points[k], window.size).soft)
        changed += 1
    if changed < _LEAST_CHANGED * clip.frames:
        raise EngineError(f"only {changed} of {clip.frames} mouths were changed")
    return out


class _Takes:
    """The engine's takes of one clip."""

    def __init__(
        self,
        clip: Clip,
        track: FaceTrack,
        info: MediaInfo,
        engine: Engine,
        voice: Clip,
        window: CropWindow,
    ) -> None:
        self.clip, self.track, self.info = clip, track, info
        self.engine, self.window, self.rate = engine, window, Rate(clip.rate)
        self.driver = other_voice(voice, clip.seconds)
        self.tags = read_colour(info, None).encoding

    def generate(self, span: Span) -> Generated:
        """Run the engine on some of the frames.

        Raises:
            EngineError: it failed, or made what cannot be meant.
        """
        cut = slice(span.start, span.stop)
        window = CropWindow(self.window.size, self.window.matrices[cut])
        landmarks = to_crop(self.track.landmarks[cut], window)
        start = self.driver.start - self.rate.seconds(span.start)
        take = Take(
            frames=read_crops(self.info, self.clip.first + span.start, window, self.tags),
            landmarks=landmarks,
            generate=np.ones(span.count, np.bool_),
            mouth=np.stack([mouth_matte(points, window.size).dilated for points in landmarks]),
            pose=np.stack([draw_pose(points, window.size) for points in landmarks]),
            yaw=self.track.yaw[cut],
            driver=replace(self.driver, start=start),
            rate=self.rate,
        )
        generated = self.engine.generate(take)
        check_generated(take, generated)
        return generated


def _between(theirs: NDArray[np.float64], ours: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2, 3): the engine's crop -> ours, both given as plate -> crop."""
    linear = ours[:, :2] @ np.linalg.inv(theirs[:, :2])
    return np.hstack([linear, (ours[:, 2] - linear @ theirs[:, 2])[:, None]])


def _laid(
    below: NDArray[np.uint8], above: NDArray[np.uint8], soft: NDArray[np.float32]
) -> NDArray[np.uint8]:
    weight = soft[..., None]
    mixed = np.rint(below * (1 - weight) + above * weight).astype(np.uint8)
    laid: NDArray[np.uint8] = np.where(weight > 0, mixed, below)
    return laid
