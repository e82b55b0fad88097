"""Speech that is the same samples whenever it is asked for.

eSpeak NG's noise sources keep their phase from one utterance to the next, so only the first one of
a process can be repeated. A small server process starts the library, never speaks itself, and
forks a child for every request: each child's speech is that of a new process.
"""

from __future__ import annotations

import atexit
import os
import pickle
import struct
import subprocess
import sys
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from typing import IO, Any, NamedTuple

from .speech import SpeechError, Utterance, require_library, synthesise

_LENGTH = struct.Struct("<Q")
_LOCK = threading.Lock()


class Line(NamedTuple):
    """What to say, and how: the arguments of :func:`.speech.synthesise`."""

    text: str
    voice: str
    speed: int = 165
    pitch: int = 50


def synthesise_fresh(lines: Sequence[Line]) -> list[Utterance]:
    """Speak lines one after the other, as a new process would.

    Args:
        lines: the same ones give the same samples, whatever was said before.

    Raises:
        SpeechError: as :func:`.speech.synthesise`, or the system has no ``fork``.
    """
    if not hasattr(os, "fork"):
        raise SpeechError("Repeatable speech needs fork(): make it on Linux or macOS.")
    with _LOCK:
        server = _server(os.getpid())
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            _send(server.stdin, list(lines))
            answer = _receive(server.stdout)
        except (EOFError, BrokenPipeError):
            _server.cache_clear()
            answer = SpeechError("The speech process ended. Try again, or check eSpeak NG.")
    if isinstance(answer, SpeechError):
        raise answer
    return list(answer)


@cache
def _server(pid: int) -> subprocess.Popen[bytes]:
    """The server of this process: a forked worker must not share its parent's pipes."""
    command = [sys.executable, "-m", "unisync_model.characters.fresh"]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    atexit.register(_stop, server, pid)
    return server


def _stop(server: subprocess.Popen[bytes], pid: int) -> None:
    if os.getpid() == pid:
        for pipe in (server.stdin, server.stdout):
            if pipe is not None:
                pipe.close()
        server.wait(timeout=5)


def _send(pipe: IO[bytes], message: object) -> None:
    data = pickle.dumps(message)
    pipe.write(_LENGTH.pack(len(data)) + data)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> Any:
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    # what comes through these pipes is our own process's
    return pickle.loads(pipe.read(_LENGTH.unpack(head)[0]))


def _answer(lines: Sequence[Line]) -> list[Utterance] | SpeechError:
    try:
        return [
            synthesise(line.text, line.voice, speed=line.speed, pitch=line.pitch) for line in lines
        ]
    except SpeechError as error:
        return error


def serve() -> None:
    """Answer requests from standard input until it ends, each in a child of its own."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    # where it is missing, each child says so again in its answer
    with suppress(SpeechError):
        require_library()
    while True:
        try:
            lines = _receive(requests)
        except EOFError:
            return
        child = os.fork()
        if child == 0:
            status = 1
            try:
                _send(answers, _answer(lines))
                status = 0
            except Exception:
                traceback.print_exc()
            finally:
                os._exit(status)
        if os.waitpid(child, 0)[1]:
            _send(answers, SpeechError(f"eSpeak NG crashed over {lines!r}. Say something else."))


if __name__ == "__main__":
    serve()
