"""The network's errors: what happened, in which file, and what to do about it.

The package stands alone, so these are not the product's errors; the product's engine turns them
into its own.
"""

from __future__ import annotations

from pathlib import Path


class ModelError(Exception):
    """An error a person can act on.

    Args:
        what: what happened, in one sentence without a full stop.
        file: the weights or configuration concerned.
        remedy: what to do now, as an imperative sentence.
    """

    def __init__(
        self, what: str, *, file: str | Path | None = None, remedy: str | None = None
    ) -> None:
        self.what = what
        self.file = None if file is None else str(file)
        self.remedy = remedy
        text = f"{what} ({self.file})" if self.file else what
        super().__init__(f"{text}. {remedy}" if remedy else text)


class InputError(ModelError, ValueError):
    """A tensor of the wrong shape, size or content; the message prints what came and what fits."""


class CheckpointError(ModelError):
    """Weights that cannot be loaded: missing or surplus keys, another base, an unsafe format."""


class MemoryBudgetError(ModelError):
    """The run would not fit on the device; the message names a profile that does."""


class CancelledError(ModelError):
    """The caller asked to stop between two sampling steps."""


class NonFiniteError(ModelError):
    """The network returned NaN or infinity; the message names the sampling step."""
