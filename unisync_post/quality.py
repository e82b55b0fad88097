"""Pictures that are wrong although nothing failed: black or frozen mouths, too few, not the plate.

An engine that goes wrong quietly costs a shot its new picture, not the film its good name: the
shot fails with the reason and keeps its original media.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .engines.base import Generated, Take
from .errors import EngineError
from .media.vad import speech_spans

_BLACK = 6.0
"""Mean of a mouth, in 8-bit codes, below which nothing is to be seen."""
_LIT = 24.0
"""Mean of the plate's own mouth above which that cannot be meant."""
_SAME = 0.25
"""Mean difference of two mouths, in 8-bit codes, that no moving mouth stays below."""


def check_generated(take: Take, generated: Generated) -> None:
    """Hold what an engine gave back against what it was asked for.

    Raises:
        EngineError: other pictures than the take's in number, size or depth; a black mouth where
            the plate's is lit; or a mouth that stands still for a second of speech.
    """
    wanted = f"{take.frames.shape} {take.frames.dtype}"
    given = f"{generated.frames.shape} {generated.frames.dtype}"
    if given != wanted or generated.changed.shape != (take.count,):
        raise EngineError(f"The engine gave back {given} pictures for {wanted}")
    changed = np.flatnonzero(generated.changed & take.generate)
    for k in changed:
        mouth = take.mouth[k] > 0
        if _mean(generated.frames[k], mouth) < _BLACK and _mean(take.frames[k], mouth) > _LIT:
            raise EngineError(f"The engine drew a black mouth (frame {k} of its take)")
    limit = max(12, take.rate.nominal)
    active = generated.changed & take.generate
    if _longest_still(take, generated, active) >= limit:  # only then is the dub listened to
        still = _longest_still(take, generated, active & _speaking(take))
        if still >= limit:
            raise EngineError(f"The engine's mouth stands still through {still} frames of speech")


def _longest_still(take: Take, generated: Generated, active: NDArray[np.bool_]) -> int:
    """Most active frames in a row with one and the same mouth."""
    longest = run = 0
    for k in range(take.count):
        if not active[k]:
            run = 0
            continue
        run = run + 1 if run and _same_mouth(take, generated, k) else 1
        longest = max(longest, run)
    return longest


def _same_mouth(take: Take, generated: Generated, k: int) -> bool:
    both = (take.mouth[k] > 0) & (take.mouth[k - 1] > 0)
    if not both.any():
        return False
    now, before = (generated.frames[n][both].astype(np.int16) for n in (k, k - 1))
    return float(np.abs(now - before).mean()) < _SAME


def _speaking(take: Take) -> NDArray[np.bool_]:
    """(F,) frames under which the dub speaks."""
    frames = np.zeros(take.count, np.bool_)
    for begin, end in speech_spans(take.driver.samples):
        first = take.rate.frame_at(begin + take.driver.start)
        last = take.rate.frame_at(end + take.driver.start)
        frames[max(0, first) : max(0, last + 1)] = True
    return frames


def _mean(picture: NDArray[np.uint8], mask: NDArray[np.bool_]) -> float:
    return float(picture[mask].mean()) if mask.any() else 255.0
