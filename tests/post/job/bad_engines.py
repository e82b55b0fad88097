"""Engines that fail in every way there is; opened by name in worker processes.

What must be counted over processes is counted in files of the folder TROUBLE.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from job_kit import Painter

from unisync_post.engines.base import EngineInfo, Generated, Take
from unisync_post.errors import EngineError


def count(what: str) -> int:
    """How often this was called by now, this time included, over all processes."""
    with (Path(os.environ["TROUBLE"]) / what).open("ab", buffering=0) as file:
        file.write(b".")
        return file.tell()  # where our own dot ended: the file's size may count another's


class Sound(Painter):
    """Nothing wrong with it."""

    @property
    def info(self) -> EngineInfo:
        return replace(super().info, name=f"bad_engines:{type(self).__name__}")


class Crasher(Sound):
    """Takes its process down on one person, as a decoder or a driver can."""

    def generate(self, take: Take) -> Generated:
        if take.frames[..., 0].mean() < float(os.environ["CRASH_BELOW"]):
            os._exit(11)
        return super().generate(take)


class Loads(Sound):
    """Counts how often it is opened; draws slowly enough to be disturbed."""

    def __init__(self) -> None:
        super().__init__()
        count("opened")

    def generate(self, take: Take) -> Generated:
        count("takes")
        time.sleep(0.3)
        return super().generate(take)


class Killed(Sound):
    """Its process is killed in the middle of its first take."""

    def generate(self, take: Take) -> Generated:
        if count("takes") == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().generate(take)


class Hangs(Sound):
    """Stands still in its first two takes."""

    def generate(self, take: Take) -> Generated:
        if count("takes") <= 2:
            time.sleep(3600)
        return super().generate(take)


class Stumbles(Sound):
    """The share does not answer twice; then the GPU's memory is full once."""

    def __init__(self) -> None:
        super().__init__()
        count("opened")

    def generate(self, take: Take) -> Generated:
        number = count("takes")
        if number == 1:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        if number == 2:
            raise OutOfMemoryError("CUDA out of memory. Tried to allocate 40.00 GiB")
        return super().generate(take)


class OutOfMemoryError(RuntimeError):
    """Called like torch's."""


class Broken(Sound):
    """Cannot be opened."""

    def __init__(self) -> None:
        os._exit(3)


class Frozen(Sound):
    """One and the same mouth."""

    def generate(self, take: Take) -> Generated:
        frames = take.frames.copy()
        frames[take.mouth > 0] = 90
        return Generated(frames, take.generate.copy())


class Black(Sound):
    """One frame's mouth is black."""

    def generate(self, take: Take) -> Generated:
        made = super().generate(take)
        made.frames[5][take.mouth[5] > 0] = 0
        return made


class Short(Sound):
    """A frame is missing."""

    def generate(self, take: Take) -> Generated:
        made = super().generate(take)
        return Generated(np.ascontiguousarray(made.frames[:-1]), made.changed)


class OnlyOnce(Sound):
    """There is room for one of it."""

    def __init__(self) -> None:
        super().__init__()
        if count("opened") > 1:
            raise EngineError("The GPU's memory is full")
