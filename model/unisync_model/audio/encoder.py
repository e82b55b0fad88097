"""What every audio encoder promises, the samples it is given, and the choice between encoders."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import soxr
import torch
from torch import Tensor

from ..errors import CheckpointError, InputError

Samples = npt.NDArray[np.float32] | Tensor
"""Mono samples (N,), -1..1."""

NETWORK_RATE = 16_000
"""Samples a second that every encoder here listens to."""


@dataclass(frozen=True)
class SpeechStates:
    """Speech features of a whole shot on the encoder's own clock.

    Attributes:
        values: (layers, dim, T) float32.
        rate: states a second, exactly.
        start: seconds from the first sample to state 0; state k stands at ``start + k / rate``.
    """

    values: Tensor
    rate: Fraction
    start: Fraction = Fraction(0)


class AudioEncoder(Protocol):
    """Anything that hears a shot: ``layers`` feature layers of ``dim`` channels."""

    @property
    def layers(self) -> int: ...

    @property
    def dim(self) -> int: ...

    def states(self, samples: Samples, sample_rate: int) -> SpeechStates:
        """The features of a whole shot.

        Args:
            samples: (N,) mono, any sample rate.
            sample_rate: samples a second.

        Raises:
            InputError: no samples, not mono, or not finite.
        """


def heard(samples: Samples, sample_rate: int) -> npt.NDArray[np.float32]:
    """Samples as an encoder wants them: 16 kHz, zero mean, unit variance over the whole shot.

    The level is taken over the shot and not over a part of it, as wav2vec2's processor does: a
    whispered line split in two would otherwise change its features at the split. Digital silence
    stays zero. The conversion is soxr's, without delay: sample 0 stays at time 0.

    Args:
        samples: (N,) mono.
        sample_rate: samples a second.

    Raises:
        InputError: no samples, not mono, not finite, or an impossible rate.
    """
    wave = np.asarray(samples.detach().cpu() if isinstance(samples, Tensor) else samples)
    if wave.ndim != 1:
        raise InputError(
            f"audio must be mono (N,), got shape {wave.shape}",
            remedy="Mix the channels down, or choose the dialogue stem",
        )
    if wave.size == 0:
        raise InputError("audio is empty", remedy="Give the dub audio of this shot")
    if not np.issubdtype(wave.dtype, np.floating):
        raise InputError(
            f"audio must be floating point in -1..1, got {wave.dtype}",
            remedy="Divide integer samples by their full scale",
        )
    if not np.isfinite(wave).all():
        bad = int(np.flatnonzero(~np.isfinite(wave))[0])
        raise InputError(f"audio sample {bad} is not finite", remedy="Export the audio again")
    if sample_rate <= 0:
        raise InputError(f"{sample_rate} is not a sample rate")
    wave = wave.astype(np.float32)
    if sample_rate != NETWORK_RATE:
        wave = soxr.resample(wave, sample_rate, NETWORK_RATE)
    mean, variance = wave.mean(dtype=np.float64), wave.var(dtype=np.float64)
    # 1e-7 is the processor's own guard against silence
    normal: npt.NDArray[np.float32] = ((wave - mean) / np.sqrt(variance + 1e-7)).astype(np.float32)
    return normal


def open_audio_encoder(folder: str | Path, device: str | torch.device = "cpu") -> AudioEncoder:
    """The encoder of a model directory's ``audio_encoder`` folder, chosen by its ``config.json``.

    Raises:
        CheckpointError: no configuration, or one of an encoder we do not know.
    """
    from .logmel import LogMelEncoder
    from .wav2vec import Wav2Vec2Encoder

    path = Path(folder) / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"no readable audio encoder configuration: {error}",
            file=path,
            remedy="Point at a folder with config.json and model weights",
        ) from error
    if config.get("_class_name") == LogMelEncoder.__name__:
        small: AudioEncoder = LogMelEncoder.open(folder, device)
        return small
    if config.get("model_type") == "wav2vec2":
        return Wav2Vec2Encoder.open(folder, device)
    name = config.get("_class_name") or config.get("model_type")
    raise CheckpointError(
        f"the audio encoder is a {name!r}; known are wav2vec2 and LogMelEncoder", file=path
    )
