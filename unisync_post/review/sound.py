"""What is heard under the review pictures."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ..media.audio import read_mono
from ..media.info import MediaInfo
from ..plan.shots import DubClip, Shot
from .encode import SOUND_RATE, sample_at


def dub_sound(shot: Shot) -> NDArray[np.float32] | None:
    """(N,) float32 mono: the dub under the new media's frames; None when there is none."""
    return laid_out(shot.dub, shot.dub_start, shot)


def original_sound(shot: Shot, plate: MediaInfo) -> NDArray[np.float32] | None:
    """(N,) float32 mono: the dialogue that was there, else the plate's own sound, else None.

    A retimed plate is not played at its own speed, so its sound would not fit the pictures.
    """
    if shot.original:
        return laid_out(shot.original, shot.dub_start, shot)
    if not plate.audio or shot.speed != 1:
        return None
    start = shot.source.rate.seconds(shot.source.start)
    whole = DubClip(plate.path, shot.dub_start, start, shot.rate.seconds(shot.length))
    return laid_out((whole,), shot.dub_start, shot)


def laid_out(clips: Sequence[DubClip], begin: Fraction, shot: Shot) -> NDArray[np.float32] | None:
    """The pieces mixed over record time from ``begin``, as long as the shot, silence between."""
    mix = np.zeros(sample_at(shot.length, shot.rate), np.float32)
    end = begin + shot.rate.seconds(shot.length)
    found = False
    for clip in clips:
        head, tail = max(clip.record, begin), min(clip.record + clip.duration, end)
        if tail <= head:
            continue
        found = True
        samples = read_mono(
            clip.path,
            clip.source + head - clip.record,
            tail - head,
            sample_rate=SOUND_RATE,
            stream=clip.stream,
            channel=clip.channel,
        )
        first = round((head - begin) * SOUND_RATE)
        samples = samples[: len(mix) - first]
        mix[first : first + len(samples)] += samples
    return np.clip(mix, -1.0, 1.0) if found else None
