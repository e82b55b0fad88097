"""wav2vec2 as the ear of the 14B network: all hidden states of the whole shot.

The published network was trained on the hidden states of wav2vec2-large-xlsr-53-english: the input
of the first transformer layer and the output of each of the 24, 25 x 1024, 50 a second.
"""

from __future__ import annotations

from fractions import Fraction
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from transformers import Wav2Vec2Model

from ..errors import CheckpointError
from .encoder import NETWORK_RATE, Samples, SpeechStates, heard
from .spans import joined

SPAN_SECONDS = 60
OVERLAP_SECONDS = 6


def all_hidden_states(model: nn.Module, output: object) -> list[Tensor]:
    """The hidden states as the network was trained on them, whatever the library's convention.

    The last of them is the encoder's output *after* its final layer norm. transformers 4 returned
    it so; transformers 5 returns the raw last layer there for the large (stable layer norm)
    models. Which of the two came is found by comparing, not by the version.

    Args:
        model: a ``Wav2Vec2Model``.
        output: what it returned with ``output_hidden_states=True``.

    Returns:
        layers + 1 tensors (B, T, dim); the last is ``last_hidden_state``.

    Raises:
        CheckpointError: the last state is neither of the two.
    """
    states = list(output.hidden_states)  # type: ignore[attr-defined]
    final: Tensor = output.last_hidden_state  # type: ignore[attr-defined]
    if not torch.equal(states[-1], final):
        normed = model.encoder.layer_norm(states[-1])  # type: ignore[union-attr,operator]
        if not torch.allclose(normed, final, rtol=1e-4, atol=1e-4):
            raise CheckpointError(
                "wav2vec2's last hidden state is neither its output nor that before the layer norm",
                remedy="Install a transformers version whose Wav2Vec2Model does one of the two",
            )
    states[-1] = final
    return states


class Wav2Vec2Encoder:
    """``AudioEncoder`` over transformers' ``Wav2Vec2Model``.

    State k comes from the samples 320 k .. 320 k + 399, whose true centre is
    (320 k + 199.5) / 16000 s. It is *placed* at k / 50 s, 12.5 ms before that centre, since this
    is where the published network learned to find it (its front end takes state 50 t for the frame
    at t). Placing the states at their true centres would move every lip by those 12.5 ms.

    Args:
        model: a ``Wav2Vec2Model`` in eval mode, float32.
    """

    def __init__(self, model: Wav2Vec2Model) -> None:
        self.model = model.eval().requires_grad_(False)
        config = model.config
        self.hop = prod(config.conv_stride)
        self.window = 1
        for kernel, stride in zip(
            reversed(config.conv_kernel), reversed(config.conv_stride), strict=True
        ):
            self.window = (self.window - 1) * stride + kernel

    @classmethod
    def open(cls, folder: str | Path, device: str | torch.device = "cpu") -> Wav2Vec2Encoder:
        """From a transformers directory of the model, with or without its CTC head.

        Raises:
            CheckpointError: no safetensors weights (a pickle is never opened).
        """
        if not any(Path(folder).glob("*.safetensors")):
            raise CheckpointError(
                "the audio encoder has no safetensors weights",
                file=folder,
                remedy="Save the model with transformers' save_pretrained, which writes them",
            )
        model = Wav2Vec2Model.from_pretrained(
            folder, dtype=torch.float32, local_files_only=True, use_safetensors=True
        )
        return cls(model.to(device))

    @property
    def layers(self) -> int:
        return int(self.model.config.num_hidden_layers) + 1

    @property
    def dim(self) -> int:
        return int(self.model.config.hidden_size)

    @torch.no_grad()
    def states(self, samples: Samples, sample_rate: int) -> SpeechStates:
        """See ``AudioEncoder.states``; audio over a minute is heard in overlapping spans.

        A shot shorter than one window (25 ms) is padded with silence to one state.
        """
        wave = heard(samples, sample_rate)
        wave = np.pad(wave, (0, max(0, self.window - wave.size)))
        count = (wave.size - self.window) // self.hop + 1
        a_second = NETWORK_RATE // self.hop

        def of_span(first: int, stop: int) -> Tensor:
            return self._span(wave[first * self.hop : (stop - 1) * self.hop + self.window])

        values = joined(of_span, count, SPAN_SECONDS * a_second, OVERLAP_SECONDS * a_second)
        return SpeechStates(values, Fraction(NETWORK_RATE, self.hop))

    def _span(self, wave: npt.NDArray[np.float32]) -> Tensor:
        inputs = torch.from_numpy(wave)[None].to(self.model.device)
        output = self.model(inputs, output_hidden_states=True)
        stacked = torch.cat(all_hidden_states(self.model, output))
        return stacked.transpose(1, 2)
