"""Text conditioning without the text encoder: embeddings computed once, kept beside the weights.

UMT5-XXL takes 10.6 GiB in bfloat16 and its output hardly ever changes, so a model directory holds
``prompt_embeds.safetensors`` and the encoder is loaded only when someone asks for new texts; it is
gone again before the function returns, and so is never in memory beside the network.
"""

from __future__ import annotations

import gc
import html
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from .errors import CheckpointError, InputError

MAX_TOKENS = 512

Source = Literal["umt5", "zero"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PromptEmbeds:
    """What the network is told in words: what to draw, and what not to.

    Attributes:
        positive: (L, text_dim), trimmed to the real length; the network pads it with zeros.
        negative: (M, text_dim), of the unconditional branch.
        positive_text: the words.
        negative_text: the words not wanted.
        source: ``umt5``, or ``zero`` where no text was ever encoded.
    """

    positive: Tensor
    negative: Tensor
    positive_text: str = ""
    negative_text: str = ""
    source: Source = "umt5"

    def __post_init__(self) -> None:
        for name in ("positive", "negative"):
            tensor: Tensor = getattr(self, name)
            if tensor.ndim != 2 or not 1 <= len(tensor) <= MAX_TOKENS:
                raise InputError(
                    f"{name} prompt embeddings must be (1..{MAX_TOKENS}, text_dim), "
                    f"got {tuple(tensor.shape)}"
                )
            if not tensor.isfinite().all():
                raise InputError(f"{name} prompt embeddings are not finite")
        if self.positive.shape[1] != self.negative.shape[1]:
            raise InputError(
                f"positive and negative prompt embeddings differ in width: "
                f"{self.positive.shape[1]} and {self.negative.shape[1]}"
            )

    def save(self, path: str | Path) -> None:
        """Writes ``prompt_embeds.safetensors``: two tensors; texts, lengths, source as metadata."""
        save_file(
            {"positive": self.positive.contiguous(), "negative": self.negative.contiguous()},
            str(path),
            {
                "positive_text": self.positive_text,
                "negative_text": self.negative_text,
                "positive_length": str(len(self.positive)),
                "negative_length": str(len(self.negative)),
                "source": self.source,
            },
        )

    @classmethod
    def load(cls, path: str | Path) -> PromptEmbeds:
        """Reads what ``save`` wrote.

        Embeddings padded to 512 by another tool are trimmed to the length in the metadata.

        Raises:
            CheckpointError: no such file, or not prompt embeddings.
        """
        try:
            with safe_open(str(path), "pt") as file:
                meta = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in ("positive", "negative")}
        except (OSError, SafetensorError) as error:
            raise CheckpointError(
                f"no prompt embeddings: {error}",
                file=path,
                remedy="Compute them once with encode_prompt, or choose zero_prompt explicitly",
            ) from error
        for name, tensor in tensors.items():
            tensors[name] = tensor[: int(meta.get(f"{name}_length", len(tensor)))]
        source: Source = "zero" if meta.get("source") == "zero" else "umt5"
        if source == "zero":
            _say_zero()
        return cls(
            tensors["positive"],
            tensors["negative"],
            meta.get("positive_text", ""),
            meta.get("negative_text", ""),
            source,
        )


def zero_prompt(text_dim: int, dtype: torch.dtype = torch.float32) -> PromptEmbeds:
    """No words at all: one zero token on both branches.

    For networks trained without text. The published network was never shown this; the log says
    so, and ``source`` records it.
    """
    _say_zero()
    token = torch.zeros(1, text_dim, dtype=dtype)
    return PromptEmbeds(token, token.clone(), source="zero")


def encode_prompt(
    folder: str | Path,
    positive: str,
    negative: str,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.bfloat16,
) -> PromptEmbeds:
    """Computes embeddings with UMT5 and frees it before returning.

    Args:
        folder: holds ``text_encoder/`` and ``tokenizer/`` in diffusers' layout, for instance
            Wan-AI/Wan2.1-T2V-1.3B-Diffusers; nothing is downloaded.
        positive: what to draw.
        negative: what not to.
        device: where UMT5 runs.
        dtype: of its weights and of the result.

    Returns:
        Embeddings on the CPU.

    Raises:
        CheckpointError: no text encoder or tokenizer there.
    """
    from transformers import AutoTokenizer, UMT5EncoderModel

    root = Path(folder)
    for part in ("text_encoder", "tokenizer"):
        if not (root / part).is_dir():
            raise CheckpointError(
                f"no {part} folder",
                file=root,
                remedy="Point at a local copy of Wan-AI/Wan2.1-T2V-1.3B-Diffusers",
            )
    tokenizer = AutoTokenizer.from_pretrained(root / "tokenizer", local_files_only=True)
    encoder = UMT5EncoderModel.from_pretrained(
        root / "text_encoder", dtype=dtype, local_files_only=True, use_safetensors=True
    )
    try:
        encoder.to(device).eval()
        texts = (cleaned(positive), cleaned(negative))
        wanted, unwanted = (_embed(encoder, tokenizer, text) for text in texts)
    finally:
        del encoder
        gc.collect()
        if torch.device(device).type == "cuda":
            torch.cuda.empty_cache()
    return PromptEmbeds(wanted, unwanted, *texts)


def cleaned(text: str) -> str:
    """The text as Wan's pipeline gives it to UMT5: entities resolved, white space collapsed."""
    return re.sub(r"\s+", " ", html.unescape(html.unescape(text))).strip()


@torch.no_grad()
def _embed(encoder: torch.nn.Module, tokenizer: object, text: str) -> Tensor:
    """(L, text_dim) of one text, its padding never seen by the encoder's attention."""
    tokens = tokenizer(  # type: ignore[operator]
        text, max_length=MAX_TOKENS, truncation=True, return_tensors="pt"
    )
    device = next(encoder.parameters()).device
    mask = tokens.attention_mask.to(device)
    states = encoder(tokens.input_ids.to(device), attention_mask=mask).last_hidden_state
    return states[0].cpu()  # type: ignore[no-any-return]


def _say_zero() -> None:
    log.warning("No prompt embeddings: the network hears no words (zero text embedding)")
