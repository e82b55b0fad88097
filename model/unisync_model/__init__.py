"""The UniSync network: lip re-sync of a face crop to a dub, for those who only want the network.

    from unisync_model import UniSyncPipeline

    pipeline = UniSyncPipeline.from_pretrained(folder, device="cuda")
    frames = pipeline(crop, pose, mouth, audio, 16_000, Fraction(25))

Importing this package loads nothing; each name below loads its part when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import (
        CancelledError,
        CheckpointError,
        InputError,
        MemoryBudgetError,
        ModelError,
        NonFiniteError,
    )
    from .guidance import Guidance
    from .pipeline import UniSyncPipeline
    from .sampling import Step, sample
    from .settings import SamplingSettings
    from .tali import Tali
    from .transformer import UniSyncTransformer3DModel

__all__ = [
    "CancelledError",
    "CheckpointError",
    "Guidance",
    "InputError",
    "MemoryBudgetError",
    "ModelError",
    "NonFiniteError",
    "SamplingSettings",
    "Step",
    "Tali",
    "UniSyncPipeline",
    "UniSyncTransformer3DModel",
    "sample",
]

_HOMES = {
    "CancelledError": "errors",
    "CheckpointError": "errors",
    "Guidance": "guidance",
    "InputError": "errors",
    "MemoryBudgetError": "errors",
    "ModelError": "errors",
    "NonFiniteError": "errors",
    "SamplingSettings": "settings",
    "Step": "sampling",
    "Tali": "tali",
    "UniSyncPipeline": "pipeline",
    "UniSyncTransformer3DModel": "transformer",
    "sample": "sampling",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
