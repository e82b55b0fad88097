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


class JobCancelledError(JobError):
    """Somebody asked the job to stop; it can be gone on with."""


class NodeError(JobError):
    """This machine cannot render the job; another one may."""


class DiskFullError(JobError):
    """There is no room for what is made; finished shots are kept."""


__all__ = [
    "DiskFullError",
    "EditError",
    "EngineError",
    "FaceError",
    "JobCancelledError",
    "JobError",
    "MediaError",
    "NodeError",
    "PlanError",
    "TimeError",
    "UniSyncError",
    "UrlError",
]
