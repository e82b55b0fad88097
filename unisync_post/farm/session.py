"""The other side of :mod:`.daemon`: start it for a session, have it render, stop it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
from pydantic import TypeAdapter

from ..errors import EngineError, JobCancelledError, JobError, NodeError
from ..job.events import Event, Listener, silent
from ..job.folder import JobFolder
from ..job.tally import tally
from ..job.work import unique
from .address import NAME, connect_in
from .daemon import PID, Request

LOG = "unisync-daemon.log"
IDLE = 1800.0
"""Seconds: a farm's worker that got no more tasks ends its session long before."""
_GRACE = 10.0
_TAIL = 2000
"""Characters of a daemon's log worth repeating."""


class DaemonError(JobError):
    """The daemon of this session does not do its work."""


def start(session: Path, job: JobFolder, *, idle: float = IDLE) -> None:
    """Start the session's daemon and wait until the job's engine is loaded.

    Args:
        session: the session's folder; the daemon ends when it vanishes.
        idle: seconds without work after which the daemon ends by itself.

    Raises:
        EngineError: it cannot be opened, or is another one than the job's.
        DaemonError: there is a daemon already, or the folder is none.
    """
    if not session.is_dir():
        raise DaemonError("There is no such session folder", file=session)
    if _answers(session):
        raise DaemonError("This session has a daemon", file=session, remedy="Stop it first.")
    (session / NAME).unlink(missing_ok=True)  # left by one that was killed
    words = [str(session), job.job.engine, job.job.fingerprint, f"{idle:g}"]
    argv = [sys.executable, "-m", "unisync_post.farm.daemon", *words]
    with (session / LOG).open("ab") as log:
        # a session of its own and no pipe of the farm's: a farm waits for all that hold one
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    while not _answers(session):
        if process.poll() is not None:
            raise EngineError(f"The daemon ended while it started: {_tail(session)}")
        time.sleep(0.05)
    try:
        end = _ask(session, Request(), silent, lambda: False)
    except DaemonError as error:
        raise EngineError(f"The daemon ended while it started: {_tail(session)}") from error
    if end.status != "loaded":
        raise EngineError(end.message)


def render_in(
    session: Path,
    job: JobFolder,
    shots: Collection[int],
    *,
    listen: Listener = silent,
    stop: Callable[[], bool] = lambda: False,
) -> Counter[str]:
    """Have the session's daemon render these shots of a job, those that are not finished.

    A daemon that is gone, or goes meanwhile, is started anew once.

    Args:
        shots: clip numbers.
        stop: asked a few times a second whether to leave the shots and give them back.

    Returns:
        How many of these shots are now ``rendered``, ``kept``, ``failed``.

    Raises:
        DaemonError: it was lost twice.
        JobCancelledError: the job was cancelled, or ``stop`` said so.
        NodeError: this machine cannot render them; finished ones are kept.
    """
    request = Request(str(job.path), tuple(sorted(shots)))
    try:
        end = _ask(session, request, listen, stop)
    except DaemonError as error:
        listen(Event("warning", message=f"{error}. Another one is started."))
        start(session, job)
        end = _ask(session, request, listen, stop)
    if end.status == "cancelled":
        raise JobCancelledError(end.message)
    if end.status != "finished":
        raise NodeError(end.message)
    return tally(job, unique(job, (c for c in job.plan.to_render if c.index in shots)))


def stop(session: Path) -> bool:
    """End the session's daemon; False when there was none."""
    try:
        process = psutil.Process(int((session / PID).read_text()))
        if "unisync_post.farm.daemon" not in process.cmdline():
            return False  # the number went to somebody else
        process.send_signal(signal.SIGTERM)
    except (FileNotFoundError, ValueError, psutil.Error):
        return False
    try:
        process.wait(_GRACE)
    except psutil.TimeoutExpired:
        process.kill()  # its workers die with it; nothing finished is lost
        process.wait(_GRACE)
    return True


def _ask(session: Path, request: Request, listen: Listener, stop: Callable[[], bool]) -> Event:
    """Say one request and pass on what is told; returns the end.

    Raises:
        DaemonError: nobody answers, or no end was told.
    """
    try:
        connection = connect_in(session)
    except OSError as error:
        raise DaemonError("The session's daemon does not answer", file=session) from error
    with connection, suppress(OSError):
        connection.sendall(TypeAdapter(Request).dump_json(request) + b"\n")
        for line in _lines(connection, stop):
            event = Event(**json.loads(line))
            if event.kind == "end":
                return event
            listen(event)
    raise DaemonError(f"The session's daemon was lost. {_tail(session)}".strip(), file=session)


def _lines(connection: socket.socket, stop: Callable[[], bool]) -> Iterator[bytes]:
    """Whole lines until the other side hangs up. ``stop`` hangs up ours: it hears that we leave."""
    connection.settimeout(0.3)
    rest, told = b"", False
    while True:
        if stop() and not told:
            connection.shutdown(socket.SHUT_WR)
            told = True
        try:
            said = connection.recv(1 << 16)
        except TimeoutError:
            continue
        if not said:
            return
        *lines, rest = (rest + said).split(b"\n")
        yield from lines


def _answers(session: Path) -> bool:
    try:
        connect_in(session).close()
    except OSError:
        return False
    return True


def _tail(session: Path) -> str:
    """What the daemon said last; empty without a log."""
    with suppress(OSError), (session / LOG).open("rb") as log:
        log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL))
        return log.read().decode(errors="replace").strip()
    return ""
