"""`from_pretrained` and `from_single_file` of the network: diffusers' names, every layout.

They only look at the local disk. Nothing is ever downloaded here: `unisync weights pull` does that,
when asked by name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch

from ..errors import CheckpointError

Model = TypeVar("Model", bound="CheckpointMixin")


class CheckpointMixin:
    """Puts our loader behind diffusers' two class methods; goes first among the base classes."""

    @classmethod
    def from_pretrained(
        cls: type[Model],
        pretrained_model_name_or_path: Path | str,
        *,
        subfolder: str | None = None,
        dtype: torch.dtype | None = None,
        torch_dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        quantization_config: Any = None,
        config: Mapping[str, Any] | Path | str | None = None,
        **options: Any,
    ) -> Model:
        """The transformer in a local folder or file, whatever its layout.

        Args:
            subfolder: of the folder, such as "transformer".
            dtype: of the weights; `torch_dtype` is diffusers' older name for it. float32 unless
                told, as diffusers has it.
            quantization_config: see `load_transformer`'s `quantization`.
            config: a config.json (or what it says, or its folder) for a single file without one.
            options: `av2v` and `pafs`, see `load_transformer`.

        Raises:
            CheckpointError: nothing loadable lies there.
        """
        from .loading import load_transformer

        path = Path(pretrained_model_name_or_path)
        if subfolder:
            path = path / subfolder
        if not path.exists():
            raise CheckpointError(
                "there is no such file or folder, and nothing is downloaded by itself",
                file=path,
                remedy="`unisync weights list` shows what `unisync weights pull` can fetch.",
            )
        model: Any = load_transformer(
            path,
            dtype=dtype or torch_dtype,
            device=device,
            quantization=quantization_config,
            config=_read(config),
            **options,
        )
        return model  # type: ignore[no-any-return]

    @classmethod
    def from_single_file(
        cls: type[Model], pretrained_model_link_or_path: Path | str, **options: Any
    ) -> Model:
        """The transformer in one local file; the options are those of `from_pretrained`."""
        return cls.from_pretrained(pretrained_model_link_or_path, **options)


def _read(config: Mapping[str, Any] | Path | str | None) -> Mapping[str, Any] | None:
    if config is None or isinstance(config, Mapping):
        return config
    file = Path(config) / "config.json" if Path(config).is_dir() else Path(config)
    try:
        held = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot be read as JSON: {error}", file=file) from error
    return held if isinstance(held, dict) else {}
