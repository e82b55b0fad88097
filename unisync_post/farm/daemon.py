"""A process that keeps an engine loaded while a farm's session lasts, and renders what it is asked.

Farms such as OpenJD start a command for each task. The model would be loaded for each; instead the
session starts this daemon, its tasks ask it over a unix socket in the session's folder, and the
session's end stops it. It renders as every pilot does, under leases in the job folder, which is the
only record: a daemon may be killed at any instant.

A client sends one :class:`Request` as a line of JSON and then hears events, a line each, the last
one of kind ``end``. A client that hangs up no longer wants its shots: they are left, for others.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from ..errors import JobCancelledError, NodeError, UniSyncError
from ..job.events import Event
from ..job.folder import open_job
from .address import NAME, listen_in
from .claims import FARM_POLICY
from .leash import Leash
from .slot import Slot
from .worker import PilotOptions, run_pilot

PID = "unisync.pid"
_TURN = 0.1
"""Seconds between two looks at clients and leash."""
_PATIENCE = 10.0
"""Seconds for a client to say what it wants, or to take what it is told."""
_LONGEST = 1 << 20
"""Bytes of a request; two thousand shots are ten thousand."""


@dataclass(frozen=True, slots=True)
class Request:
    """Shots to render: clip numbers of this job. Without a job: say when the engine is loaded."""

    job: str = ""
    shots: tuple[int, ...] = ()


_LOADED = Event("end", status="loaded")


class _OverError(Exception):
    """The daemon has to end; the reason."""


class Daemon:
    """Serves one client at a time: a session runs one task at a time.

    Args:
        listener: where clients connect.
        slot: the engine, being opened.
        fingerprint: of the engine that is wanted.
        leash: when to end.
    """

    def __init__(self, listener: socket.socket, slot: Slot, fingerprint: str, leash: Leash) -> None:
        self._listener = listener
        self._slot = slot
        self._fingerprint = fingerprint
        self._leash = leash

    def serve(self) -> str:
        """Serve until the leash breaks; returns why it did.

        Raises:
            NodeError: the engine cannot be opened; a client that waits is told so.
        """
        self._listener.settimeout(0)
        try:
            while True:
                self._turn()
                with suppress(BlockingIOError):
                    connection, _ = self._listener.accept()
                    with _Client(connection) as client:
                        self._attend(client)
                    self._leash.worked()
        except _OverError as over:
            return str(over)

    def _turn(self) -> None:
        why = self._leash.broken()
        if why:
            raise _OverError(why)
        self._slot.turn(_TURN)

    def _attend(self, client: _Client) -> None:
        try:
            request = client.request()
            if request is None:
                return
            while self._slot.info is None:
                self._turn()
                if client.left:
                    return
            self._refuse_other_engine()
            client.hear(self._render(request, client) if request.job else _LOADED)
        except _OverError as over:
            client.hear(Event("end", status="refused", message=f"The daemon ends: {over}"))
            raise
        except JobCancelledError as error:
            client.hear(Event("end", status="cancelled", message=str(error)))
        except UniSyncError as error:
            client.hear(Event("end", status="refused", message=str(error)))
            if self._slot.info is None:
                raise  # the engine cannot be opened: nobody can be served

    def _render(self, request: Request, client: _Client) -> Event:
        def stop() -> bool:
            self._leash.worked()
            return client.left or bool(self._leash.broken())

        report = run_pilot(
            open_job(Path(request.job)),
            options=PilotOptions(shots=frozenset(request.shots)),
            listen=client.hear,
            stop=stop,
            slot=self._slot,
        )
        self._slot.listen = _log
        if report.left:
            message = f"{report.left} shots were given back"
            return Event("end", status="cancelled", message=message)
        return Event("end", status="finished")

    def _refuse_other_engine(self) -> None:
        info = self._slot.info
        if info is not None and info.fingerprint != self._fingerprint:
            raise NodeError(
                f"This machine's engine {info.name} {info.version} ({info.fingerprint[:12]}) is "
                f"another one than the job's ({self._fingerprint[:12]})",
                remedy="Give every machine the same weights and the same engine.toml.",
            )


class _Client:
    """One connection. Telling somebody who is gone is no error: nobody is there to care."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._connection.settimeout(_PATIENCE)
        self._deaf = False

    def __enter__(self) -> _Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def request(self) -> Request | None:
        """What it wants; None when it says nothing that makes sense."""
        with suppress(OSError, ValidationError), self._connection.makefile("rb") as said:
            return TypeAdapter(Request).validate_json(said.readline(_LONGEST))
        return None

    def hear(self, event: Event) -> None:
        line = json.dumps(event.as_dict(), ensure_ascii=False) + "\n"
        try:
            if not self._deaf:
                self._connection.sendall(line.encode())
        except OSError:
            self._deaf = True

    @property
    def left(self) -> bool:
        """It hung up, or says something it should not."""
        return self._deaf or bool(select.select([self._connection], [], [], 0)[0])


def main() -> int:
    """The program that :func:`.session.start` starts."""
    parser = argparse.ArgumentParser()
    parser.add_argument("session", type=Path)
    parser.add_argument("engine")
    parser.add_argument("fingerprint")
    parser.add_argument("idle", type=float)
    words = parser.parse_args()
    leash = Leash(words.session, words.idle)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    listener = listen_in(words.session)
    (words.session / PID).write_text(str(os.getpid()))
    slot = Slot(words.engine, None, FARM_POLICY, _log)
    try:
        slot.open()
        with listener:
            why = Daemon(listener, slot, words.fingerprint, leash).serve()
        print(f"daemon: {why}", flush=True)
    except UniSyncError as error:
        print(f"daemon: {error}", flush=True)
        return 1
    finally:
        slot.close()
        for name in (NAME, PID):
            (words.session / name).unlink(missing_ok=True)
    return 0


def _log(event: Event) -> None:
    if event.message:
        print(f"daemon: {event.message}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
