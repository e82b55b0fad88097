"""Log-mel columns at exact times: what the draft engine hears."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

import numpy as np
import soxr
from numpy.typing import NDArray

SAMPLE_RATE = 16000
BANDS = 80
HOP = Fraction(1, 100)
"""Seconds between two columns."""

_WINDOW = 400
_FLOOR = 1e-5


def log_mel(
    samples: NDArray[np.float32],
    sample_rate: int,
    start: Fraction,
    first: Fraction,
    count: int,
) -> NDArray[np.float32]:
    """Log-mel columns centred at ``first + k * HOP`` seconds.

    The grid belongs to the picture, not to the audio file, and nothing is normalised over the
    file: a column depends on the 25 ms around it alone.

    Args:
        samples: (N,) float32 mono.
        sample_rate: of ``samples``, Hz.
        start: time of ``samples[0]``.
        first: time of the first column, on the same clock.
        count: number of columns.

    Returns:
        (BANDS, count) float32, about -1.5 (silence) to 2.5 (loud).
    """
    if sample_rate != SAMPLE_RATE:
        samples = soxr.resample(samples, sample_rate, SAMPLE_RATE).astype(np.float32)
    hop = int(HOP * SAMPLE_RATE)
    begin = round((first - start) * SAMPLE_RATE) - _WINDOW // 2
    needed = hop * (count - 1) + _WINDOW
    padded = np.zeros(needed, np.float32)
    low, high = max(0, begin), min(len(samples), begin + needed)
    if high > low:
        padded[low - begin : high - begin] = samples[low:high]
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::hop]
    power = np.abs(np.fft.rfft(windows * _hann(), axis=1)) ** 2
    mel = power @ mel_filters().T
    columns: NDArray[np.float32] = (np.log10(mel + _FLOOR) / 2 + 1).T.astype(np.float32)
    return columns


@lru_cache(maxsize=1)
def _hann() -> NDArray[np.float64]:
    return np.hanning(_WINDOW + 1)[:-1]


@lru_cache(maxsize=1)
def mel_filters() -> NDArray[np.float64]:
    """(BANDS, 201) triangular filters, area-normalised, on Slaney's mel scale (Auditory
    Toolbox, 1998: linear to 1 kHz, logarithmic above)."""
    edges = _mel_to_hz(np.linspace(0.0, _hz_to_mel(SAMPLE_RATE / 2), BANDS + 2))
    bins = np.fft.rfftfreq(_WINDOW, 1 / SAMPLE_RATE)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    area = 2 / (edges[2:] - edges[:-2])
    filters: NDArray[np.float64] = np.maximum(0, np.minimum(rising, falling)) * area[:, None]
    return filters


def _hz_to_mel(hertz: float) -> float:
    return 3 * hertz / 200 if hertz < 1000 else 15 + 27 * float(np.log(hertz / 1000) / np.log(6.4))


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mel < 15, mel * 200 / 3, 1000 * 6.4 ** ((mel - 15) / 27))
