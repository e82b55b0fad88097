"""Where somebody speaks: Silero VAD over arrays, in one streaming pass.

The model looks at 512 samples (32 ms) at a time and keeps a state between them, so audio of any
length is heard with constant memory. Digital silence is not worth the model's time: most of a
dialogue stem is exactly that.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
"""The only rate the model is used at."""

_WINDOW = 512
_SILENCE = 1e-4
"""-80 dBFS: nobody speaks below the noise floor of 16-bit audio."""


def speech_spans(
    samples: NDArray[np.float32] | Iterable[NDArray[np.float32]],
) -> list[tuple[Fraction, Fraction]]:
    """Start and end, in exact seconds from the first sample, of every stretch of speech.

    Args:
        samples: (N,) float32 mono at 16 kHz, -1..1; or chunks of it in order, of any length.

    Returns:
        Ordered, disjoint spans, by Silero's own defaults: speech of at least 250 ms, pauses of
        at least 100 ms, 30 ms of padding.
    """
    chunks = (samples,) if isinstance(samples, np.ndarray) else samples
    probabilities, count = _probabilities(chunks)
    if not any(probabilities):
        return []
    import silero_vad

    spans = silero_vad.get_speech_timestamps_from_probs(
        probabilities, sampling_rate=SAMPLE_RATE, audio_length_samples=count
    )
    return [(Fraction(s["start"], SAMPLE_RATE), Fraction(s["end"], SAMPLE_RATE)) for s in spans]


def _probabilities(chunks: Iterable[NDArray[np.float32]]) -> tuple[list[float], int]:
    """Speech probability of every window, and how many samples there were."""
    listener = _Listener()
    found: list[float] = []
    rest = np.zeros(0, np.float32)
    count = 0
    for chunk in chunks:
        if chunk.ndim != 1:
            raise ValueError(f"audio must be (N,) mono, not {chunk.shape}")
        count += len(chunk)
        joined = np.concatenate((rest, chunk.astype(np.float32, copy=False)))
        whole = len(joined) - len(joined) % _WINDOW
        found += [listener.hear(window) for window in joined[:whole].reshape(-1, _WINDOW)]
        rest = joined[whole:]
    if len(rest):
        found.append(listener.hear(np.pad(rest, (0, _WINDOW - len(rest)))))
    return found, count


class _Listener:
    """The model with its running state, deaf to digital silence."""

    def __init__(self) -> None:
        self._fresh = False

    def hear(self, window: NDArray[np.float32]) -> float:
        """Probability of speech in the next (512,) samples."""
        if float(np.abs(window).max()) < _SILENCE:
            self._fresh = False
            return 0.0
        import torch

        model = _model()
        if not self._fresh:
            model.reset_states()
            self._fresh = True
        with torch.inference_mode():
            return float(model(torch.from_numpy(window), SAMPLE_RATE))


@lru_cache(maxsize=1)
def _model() -> Any:
    """Silero's model out of its wheel. One thread: sums in a fixed order, same spans always."""
    import torch

    with warnings.catch_warnings():
        # torch >= 2.9 deprecates torch.jit.load, the only way to open the shipped model
        warnings.simplefilter("ignore", DeprecationWarning)
        import silero_vad

        torch.set_num_threads(1)
        return silero_vad.load_silero_vad()
