"""A small trainable ear for tiny networks: log-mel spectrogram and a few convolutions."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import torch
import torch.nn.functional as functional
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from transformers.audio_utils import mel_filter_bank

from ..errors import CheckpointError, InputError
from .encoder import NETWORK_RATE, Samples, SpeechStates, heard
from .spans import joined

HOP = 160
WINDOW = 400
FFT = 512
SPAN_SECONDS = 60
OVERLAP_SECONDS = 6


class LogMelEncoder(ModelMixin, ConfigMixin):
    """``AudioEncoder`` of one layer at 100 states a second, fully convolutional.

    State k is centred at k / 100 s and hears ``10 * depth * (kernel - 1) / 2 + 12.5`` ms to each
    side. It trains with the network: ``forward`` has gradients, ``states`` has not.

    Args:
        dim: channels out.
        mels: mel bands between 0 and 8 kHz.
        hidden: channels of the convolutions.
        depth: residual convolutions.
        kernel: their width in states, odd.
    """

    layers = 1

    @register_to_config
    def __init__(
        self, dim: int = 64, mels: int = 80, hidden: int = 128, depth: int = 3, kernel: int = 5
    ) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise InputError(f"the kernel must be odd, got {kernel}")
        bank = mel_filter_bank(FFT // 2 + 1, mels, 0.0, NETWORK_RATE / 2, NETWORK_RATE, "slaney")
        self.register_buffer("bank", torch.from_numpy(bank).float().T, persistent=False)
        self.register_buffer("taper", torch.hann_window(WINDOW), persistent=False)
        self.embed = nn.Conv1d(mels, hidden, 1)
        self.convs = nn.ModuleList(
            nn.Conv1d(hidden, hidden, kernel, padding=kernel // 2) for _ in range(depth)
        )
        self.project = nn.Conv1d(hidden, dim, 1)

    @classmethod
    def open(cls, folder: str | Path, device: str | torch.device = "cpu") -> LogMelEncoder:
        """From a directory written by ``save_pretrained``.

        Raises:
            CheckpointError: no weights there.
        """
        try:
            model = cls.from_pretrained(str(folder), local_files_only=True, use_safetensors=True)
        except OSError as error:
            raise CheckpointError(str(error), file=folder) from error
        return model.to(device).eval()  # type: ignore[no-any-return]

    @property
    def dim(self) -> int:
        return int(self.config.dim)

    def forward(self, wave: Tensor) -> Tensor:
        """Features of normalised audio.

        Args:
            wave: (B, N) at 16 kHz, zero mean and unit variance (see ``heard``).

        Returns:
            (B, dim, N // 160 + 1), with gradients.
        """
        return self.features(log_mel(wave, self.bank, self.taper))

    def features(self, mel: Tensor) -> Tensor:
        """(B, mels, T) log-mel bands -> (B, dim, T)."""
        hidden = self.embed(mel)
        for conv in self.convs:
            hidden = hidden + conv(functional.gelu(hidden))
        return self.project(functional.gelu(hidden))  # type: ignore[no-any-return]

    @torch.no_grad()
    def states(self, samples: Samples, sample_rate: int) -> SpeechStates:
        """See ``AudioEncoder.states``; audio over a minute is heard in overlapping spans."""
        wave = torch.from_numpy(heard(samples, sample_rate))
        count = wave.numel() // HOP + 1
        margin = FFT // 2
        padded = functional.pad(wave, (margin, margin))

        def of_span(first: int, stop: int) -> Tensor:
            part = padded[first * HOP : (stop - 1) * HOP + FFT].to(self.device)
            return self.features(log_mel(part[None], self.bank, self.taper, padded=True))

        a_second = NETWORK_RATE // HOP
        values = joined(of_span, count, SPAN_SECONDS * a_second, OVERLAP_SECONDS * a_second)
        return SpeechStates(values, Fraction(a_second))


def log_mel(wave: Tensor, bank: Tensor, taper: Tensor, padded: bool = False) -> Tensor:
    """Log energies of mel bands, about zero for speech at unit variance.

    Args:
        wave: (B, N) at 16 kHz.
        bank: (mels, 257) filters.
        taper: (400,) window.
        padded: the wave already has half a transform's neighbours on both sides.

    Returns:
        (B, mels, T), T = N // 160 + 1, or (N - 512) // 160 + 1 if padded.
    """
    spectrum = torch.stft(
        wave,
        FFT,
        HOP,
        WINDOW,
        window=taper,
        center=not padded,
        pad_mode="constant",
        return_complex=True,
    )
    power = bank @ (spectrum.abs() ** 2)
    # the floor keeps silence finite; the scale brings speech to about unit variance
    return (power.clamp(min=1e-6).log() + 4) / 4
