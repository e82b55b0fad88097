"""What the `unisync` command returns to a script."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Process exit codes. Scripts and farms rely on these numbers: they never change meaning."""

    OK = 0
    INTERNAL = 1
    """A bug: an error nobody foresaw. Python's own exit code for an unhandled exception."""
    USAGE = 2
    """The command line makes no sense (click's own exit code)."""
    INPUT = 3
    """The edit, the dub or a media file cannot be used; the message says what to do."""
    SOME_KEPT = 4
    """Everything was assembled, but some shots kept their original media."""
    NONE_RENDERED = 5
    """There were shots to render and not one succeeded."""
    JOB = 6
    """The output or the job folder exists already, is locked, damaged or out of room; or a job that
    was to be cancelled still runs."""
    NODE = 7
    """This machine cannot render the job: its versions, its weights, its paths, its disk or its
    GPU. What it had begun was given back; another machine may go on."""
    INTERRUPTED = 130
    """Stopped by the user (also by `unisync jobs cancel`); the same command goes on where it was.
    From `unisync jobs purge`: the question was answered with no."""
