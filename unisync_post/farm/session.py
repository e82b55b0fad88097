"""The other side of :mod:`.daemon`: start it for a session, have it render, stop it."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
from pydantic import TypeAdapter

from ..errors import JobCancelledError, NodeError
from ..job.events import Event, Listener, silent
from ..job.folder import JobFolder
from ..job.tally import tally
from ..job.work import unique
from .address import NAME, connect_in
from .daemon import PID, Request
from .leash import lives

LOG = "unisync-daemon.log"
MODULE = "unisync_post.farm.daemon"
IDLE = 1800.0
"""Seconds: a farm's worker that got no more tasks ends its session long before."""
_GRACE = 10.0
_TAIL = 2000
"""Characters of a daemon's log worth repeating."""


class DaemonError(NodeError):
    """The daemon of this session does not do its work."""


def start(session: Path, job: JobFolder, *, idle: float = IDLE) -> None:
    """Start the session's daemon and wait until the job's engine is loaded.

    Args:
        session: the session's folder; the daemon ends when it vanishes.
        idle: seconds without work after which the daemon ends by itself.

    Raises:
        NodeError: it cannot be opened here, or is another one than the job's.
        DaemonError: there is a daemon already, or the folder is none.
    """
    if not session.is_dir():
        raise DaemonError("There is no such session folder", file=session)
    if _answers(session):
        raise DaemonError("This session has a daemon", file=session, remedy="Stop it first.")
    (session / NAME).unlink(missing_ok=True)  # left by one that was killed
    words = [str(session), job.job.engine, job.job.fingerprint, f"{idle:g}"]
    pid = _spawn(words, session / LOG)
    while not _answers(session):
        if os.waitpid(pid, os.WNOHANG)[0]:
            raise NodeError(f"The daemon ended while it started: {_tail(session)}")
        time.sleep(0.05)
    try:
        end = _ask(session, Request(), silent, lambda: False)
    except DaemonError as error:
        raise NodeError(f"The daemon ended while it started: {_tail(session)}") from error
    if end.status != "loaded":
        stop_daemon(session)
        raise NodeError(end.message)


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
        stop_daemon(session)  # it may not be quite dead
        start(session, job)
        end = _ask(session, request, listen, stop)
    if end.status == "cancelled":
        raise JobCancelledError(end.message)
    if end.status != "finished":
        raise NodeError(end.message)
    return tally(job, unique(job, (c for c in job.plan.to_render if c.index in shots)))


def stop_daemon(session: Path) -> bool:
    """End the session's daemon; False when there was none."""
    process = _daemon_of(session)
    with suppress(psutil.NoSuchProcess):
        if process is not None:
            process.terminate()
            _wait_for_end(process)
            process.kill()  # its workers die with it; nothing finished is lost
            _wait_for_end(process)
    for name in (NAME, PID):
        (session / name).unlink(missing_ok=True)
    return process is not None


def _daemon_of(session: Path) -> psutil.Process | None:
    """Its process, unless that is gone and its number went to somebody else."""
    with suppress(FileNotFoundError, ValueError, psutil.Error):
        process = psutil.Process(int((session / PID).read_text()))
        return process if MODULE in process.cmdline() else None
    return None


def _wait_for_end(process: psutil.Process) -> None:
    """Not by waiting for the process itself: its number may stay until its parent has looked."""
    end = time.monotonic() + _GRACE
    while lives(process) and time.monotonic() < end:
        time.sleep(0.05)


def _spawn(words: list[str], log: Path) -> int:
    """Start the daemon in a session of its own, with no pipe of ours: a farm waits for whoever
    holds one. Not by :mod:`subprocess`, which expects that somebody waits for its processes."""
    argv = [sys.executable, "-m", MODULE, *words]
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawn(sys.executable, argv, os.environ, file_actions=actions, setsid=True)


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
