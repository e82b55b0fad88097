"""What a running job says of itself: one small record, many listeners."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a job.

    Attributes:
        kind: ``choice`` (something was decided for the job), ``job`` (begins), ``shot`` (begins),
            ``step`` (progress), ``done`` (one shot ended), ``warning``, ``worker`` (a process was
            started or lost), ``end``.
        shot: index of the shot's clip in the plan; 0 for the job as a whole.
        key: the shot's render key.
        step: ``faces``, ``lips``, ``check`` …
        done, total: frames of the step; for kind ``job``: shots ready, and frames to render.
        status: for ``done``: rendered, kept, failed, or ready (found finished); for ``worker``:
            loaded, died, hung; for ``end``: finished, cancelled, full, refused.
        message: one sentence for people.
        job: path of the job folder, where a pool serves several.
        attempt: for ``shot``: which try this is, from the second on.
    """

    kind: str
    shot: int = 0
    key: str = ""
    step: str = ""
    done: int = 0
    total: int = 0
    status: str = ""
    message: str = ""
    job: str = ""
    attempt: int = 0

    def as_dict(self) -> dict[str, object]:
        """Only what is set; always holds ``kind``."""
        return {name: value for name, value in asdict(self).items() if value not in ("", 0)}


Listener = Callable[[Event], None]


def silent(event: Event) -> None:
    """A listener that hears nothing."""
