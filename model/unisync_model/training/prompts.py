"""The words of a data set: a few prompts, embedded once and kept beside the manifest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import pad

from ..prompt import PromptEmbeds
from .errors import DataError

NEGATIVE = "negative"


@dataclass(frozen=True)
class Prompts:
    """Embedded texts.

    Attributes:
        positive: (L, text_dim) each; a sample's ``prompt`` counts them.
        negative: (M, text_dim), what guidance's null branch is told.
    """

    positive: tuple[Tensor, ...]
    negative: Tensor

    @classmethod
    def of(cls, embeds: PromptEmbeds) -> Prompts:
        """The one prompt of a model folder."""
        return cls((embeds.positive,), embeds.negative)

    @classmethod
    def open(cls, path: str | Path) -> Prompts:
        """From a file written by :meth:`save`.

        Raises:
            DataError: no such file, or one without prompts.
        """
        try:
            held = load_file(path)
            count = len(held) - 1
            return cls(tuple(held[str(i)] for i in range(count)), held[NEGATIVE])
        except (OSError, SafetensorError, KeyError) as error:
            raise DataError(f"no prompts can be read: {error}", file=path) from error

    def save(self, path: str | Path) -> None:
        tensors = {str(i): text.contiguous() for i, text in enumerate(self.positive)}
        save_file({**tensors, NEGATIVE: self.negative.contiguous()}, str(path))

    def states(self, chosen: Sequence[int | None]) -> Tensor:
        """(B, L, text_dim) for a batch, zero-padded to its longest as the network pads them.

        Args:
            chosen: which prompt; None = the negative one.

        Raises:
            DataError: a prompt that there is none of.
        """
        texts = []
        for number in chosen:
            if number is not None and not 0 <= number < len(self.positive):
                raise DataError(f"prompt {number} of {len(self.positive)} was asked for")
            texts.append(self.negative if number is None else self.positive[number])
        longest = max(len(text) for text in texts)
        return torch.stack([pad(text, (0, 0, 0, longest - len(text))) for text in texts]).float()
