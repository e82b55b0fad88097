"""The product's errors: the same family as the adapters'."""

from __future__ import annotations

from unisync_adapters.errors import EditError, TimeError, UniSyncError, UrlError


class PlanError(UniSyncError):
    """The edit and the dub do not say unambiguously what to do."""


class MediaError(UniSyncError):
    """A media file that cannot be used as it is."""


class FaceError(UniSyncError):
    """No face that can be dubbed in this shot."""


class EngineError(UniSyncError):
    """The engine could not generate this shot."""


class JobError(UniSyncError):
    """A job folder that is locked, foreign or damaged."""


__all__ = [
    "EditError",
    "EngineError",
    "FaceError",
    "JobError",
    "MediaError",
    "PlanError",
    "TimeError",
    "UniSyncError",
    "UrlError",
]
