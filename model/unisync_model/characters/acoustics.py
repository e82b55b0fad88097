"""What a voice meets on its way to a file: level, tone, room and noise; for training on audio."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]


def roughened(samples: Samples, sample_rate: int, seed: int) -> Samples:
    """The same speech, recorded otherwise; nothing moves in time by more than the first echo.

    Level -20..0 dB of full scale, a smooth equaliser of +-8 dB, in part a short room and in part
    noise 8..40 dB under the speech.

    Args:
        samples: (N,) float32 mono.
        sample_rate: Hz.
        seed: how; the same one gives the same samples.

    Returns:
        (N,) float32, -1..1.
    """
    rng = np.random.default_rng([seed, 161])
    if not len(samples):
        return samples.astype(np.float32)
    rough = _equalised(samples.astype(np.float64), sample_rate, rng)
    if rng.random() < 0.3:
        rough = _in_room(rough, sample_rate, rng)
    if rng.random() < 0.6:
        below = 10 ** (-rng.uniform(8, 40) / 20)
        rough = rough + _noise(len(rough), rng) * np.sqrt(np.mean(rough**2)) * below
    peak = float(np.abs(rough).max())
    level = 10 ** (-rng.uniform(0, 20) / 20)
    return np.asarray(rough / max(peak, 1e-9) * level if peak else rough, np.float32)


def _equalised(
    samples: NDArray[np.float64], sample_rate: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Gains drawn at octaves, without phase: nothing moves in time."""
    octaves = np.log2(np.array([60, 125, 250, 500, 1000, 2000, 4000, 8000, 16000]))
    gains = np.convolve(rng.normal(0, 6, len(octaves) + 2), (0.25, 0.5, 0.25), "valid")
    spectrum = np.fft.rfft(samples)
    pitch = np.log2(np.maximum(np.fft.rfftfreq(len(samples), 1 / sample_rate), 1))
    decibels = np.clip(np.interp(pitch, octaves, gains), -8, 8)
    return np.asarray(np.fft.irfft(spectrum * 10 ** (decibels / 20), len(samples)))


def _in_room(
    samples: NDArray[np.float64], sample_rate: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Decaying noise of up to a third of a second behind the direct sound."""
    length = max(2, round(rng.uniform(0.08, 0.33) * sample_rate))
    tail = rng.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
    tail *= rng.uniform(0.1, 0.5) / np.sqrt(np.sum(tail**2))
    tail[0] = 1
    total = len(samples) + length
    wet = np.fft.irfft(np.fft.rfft(samples, total) * np.fft.rfft(tail, total), total)
    return np.asarray(wet[: len(samples)])


def _noise(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """White to brown noise of power 1."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    spectrum *= np.maximum(np.arange(len(spectrum)), 1) ** (-rng.uniform(0, 1))
    noise = np.fft.irfft(spectrum, count)
    return np.asarray(noise / (noise.std() + 1e-12))
