"""The one family of errors: what happened, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class UniSyncError(Exception):
    """An error a person can act on.

    Args:
        what: what happened, in one sentence without a full stop.
        file: the file it happened in, if one is concerned.
        clip: the clip's name as the editor knows it.
        timecode: record timecode of the clip, as the edit writes it.
        remedy: what to do now, as an imperative sentence.
    """

    def __init__(
        self,
        what: str,
        *,
        file: str | Path | None = None,
        clip: str | None = None,
        timecode: str | None = None,
        remedy: str | None = None,
    ) -> None:
        self.what = what
        self.file = None if file is None else str(file)
        self.clip = clip
        self.timecode = timecode
        self.remedy = remedy
        super().__init__(what)

    def __str__(self) -> str:
        where = [
            part
            for part in (
                self.file,
                f"clip “{self.clip}”" if self.clip else None,
                f"at {self.timecode}" if self.timecode else None,
            )
            if part
        ]
        text = f"{self.what} ({', '.join(where)})" if where else self.what
        return f"{text}. {self.remedy}" if self.remedy else text


class EditError(UniSyncError):
    """An edit document cannot be read, or cannot be patched without touching something else."""


class TimeError(UniSyncError, ValueError):
    """A time, rate or timecode that does not exist."""


class UrlError(UniSyncError, ValueError):
    """A media URL that names no plain file."""


@contextmanager
def telling(file: str | Path, remedy: str) -> Iterator[None]:
    """Errors that leave this block name a file and what to do: these, if they name none."""
    try:
        yield
    except UniSyncError as error:
        error.file = error.file or str(file)
        error.remedy = error.remedy or remedy
        raise
