"""Published weights in and out: every layout of Wan2.2-S2V-14B, safetensors and GGUF only.

Importing this package is cheap; torch and diffusers come with the first function used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .conversion import convert
    from .detect import Checkpoint, Layout, open_checkpoint
    from .inspection import CheckpointInfo, inspect
    from .loading import load_transformer
    from .verification import VerifyReport, verify

__all__ = [
    "Checkpoint",
    "CheckpointInfo",
    "Layout",
    "VerifyReport",
    "convert",
    "inspect",
    "load_transformer",
    "open_checkpoint",
    "verify",
]

_HOMES = {
    "Checkpoint": "detect",
    "CheckpointInfo": "inspection",
    "Layout": "detect",
    "VerifyReport": "verification",
    "convert": "conversion",
    "inspect": "inspection",
    "load_transformer": "loading",
    "open_checkpoint": "detect",
    "verify": "verification",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
