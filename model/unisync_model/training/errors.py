"""What goes wrong around a training run."""

from __future__ import annotations

from ..errors import ModelError


class ConfigError(ModelError, ValueError):
    """A configuration that says what no run can be made of; the message names the setting."""


class DataError(ModelError):
    """A manifest, a row or a shard that cannot be used; the message names the row."""


class StorageError(ModelError):
    """A checkpoint that could not be written; the ones before it are untouched."""


class ResumeError(ModelError):
    """A checkpoint that another run wrote; the message names what differs."""
