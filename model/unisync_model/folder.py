"""A model folder: where each part of a pipeline lies, and what the whole can do.

The layout is diffusers': `transformer/ vae/ audio_encoder/ scheduler/ model_index.json`, with the
prompt's embeddings computed once beside them (`prompt_embeds.safetensors`), so that the text
encoder, a third of the download, is not needed to run. UniSync's adapters lie in `lora/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from .checkpoints.detect import PROMPT_EMBEDS, open_checkpoint
from .checkpoints.inspection import Mode, info_of, inspect
from .checkpoints.safety import PICKLE_SUFFIXES, refusal
from .errors import CheckpointError
from .lora import check_base, load_lora, meta_of

if TYPE_CHECKING:
    from .transformer import UniSyncTransformer3DModel

TINY = Path(__file__).parent / "data" / "tiny"
"""The model folder that comes with the package: small, and trained on drawn people alone."""


@dataclass(frozen=True)
class ModelFolder:
    """Paths only; nothing is loaded. A part that is not there is None."""

    path: Path
    transformer: Path
    """A folder or a single file, in any layout."""
    vae: Path | None
    audio_encoder: Path | None
    scheduler: Path | None
    text_encoder: Path | None
    tokenizer: Path | None
    prompt_embeds: Path | None
    lora: Path | None
    """UniSync's adapter, which brings its own layers with it."""
    mode: Mode
    """`lora` where UniSync's layers are there, in the transformer or the adapter."""

    @classmethod
    def open(cls, path: Path | str) -> ModelFolder:
        """Looks at the folder (or single transformer file) at `path`.

        Raises:
            CheckpointError: there is no transformer in it, or an adapter that is for another
                network, a pickle, or one of several.
        """
        path = Path(path)
        home = path if path.is_dir() else path.parent
        transformer = path / "transformer" if (path / "transformer").exists() else path
        checkpoint = open_checkpoint(transformer)
        lora = _adapter(home)
        mode = info_of(checkpoint).mode
        if lora is not None:
            check_base(lora, checkpoint.config)
            mode = "lora" if inspect(lora).mode == "lora" else mode
        return cls(
            path=path,
            transformer=transformer,
            vae=_folder(home, "vae"),
            # the official repository keeps its encoder under the model's own name
            audio_encoder=_folder(home, "audio_encoder", "wav2vec2-large-xlsr-53-english"),
            scheduler=_folder(home, "scheduler"),
            text_encoder=_folder(home, "text_encoder"),
            tokenizer=_folder(home, "tokenizer", "google/umt5-xxl"),
            prompt_embeds=_file(home, PROMPT_EMBEDS),
            lora=lora,
            mode=mode,
        )

    def load_transformer(
        self,
        *,
        dtype: torch.dtype = torch.bfloat16,
        device: torch.device | str = "cpu",
        quantization: Any = None,
    ) -> UniSyncTransformer3DModel:
        """The transformer with the folder's adapter on it; see `checkpoints.load_transformer`."""
        from .checkpoints.loading import load_transformer

        meta = meta_of(self.lora) if self.lora else None
        model = load_transformer(
            self.transformer,
            dtype=dtype,
            device=device,
            quantization=quantization,
            **(meta.needs if meta else {}),
        )
        if self.lora:
            load_lora(model, self.lora)
        return model


def _folder(home: Path, *names: str) -> Path | None:
    return next((home / name for name in names if (home / name).is_dir()), None)


def _file(home: Path, name: str) -> Path | None:
    return home / name if (home / name).is_file() else None


def _adapter(home: Path) -> Path | None:
    files = sorted((home / "lora").glob("*"))
    found = [file for file in files if file.suffix == ".safetensors"]
    pickles = [file for file in files if file.suffix in PICKLE_SUFFIXES]
    if pickles and not found:
        raise refusal(pickles[0])
    if len(found) > 1:
        raise CheckpointError(
            f"several adapters: {', '.join(file.name for file in found[:10])}",
            file=home / "lora",
            remedy="Keep one here; put others on with load_lora.",
        )
    return found[0] if found else None
