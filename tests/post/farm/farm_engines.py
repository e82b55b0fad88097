"""Engines for farms: they say in files of the folder TROUBLE what they do, and wait where told."""

from __future__ import annotations

import errno
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

from bad_engines import Sound, count

from unisync_post.engines.base import EngineInfo, Generated, Take
from unisync_post.errors import EngineError


class Counted(Sound):
    """Counts how often it is opened and how many takes it makes, over all processes; TINT makes
    another engine of it."""

    def __init__(self) -> None:
        super().__init__()
        if os.environ.get("WEIGHTS") == "away":
            raise EngineError("there is no model folder", file=Path("/mnt/weights"))
        self.tint = (int(os.environ.get("TINT", "40")), 160, 40)
        count("opened")

    @property
    def info(self) -> EngineInfo:
        name = f"farm_engines:{type(self).__name__}"
        return replace(super().info, name=name, title="painter")

    def generate(self, take: Take) -> Generated:
        count("takes")
        return super().generate(take)


class Gated(Counted):
    """Waits in a take for as long as TROUBLE/gate is there."""

    def generate(self, take: Take) -> Generated:
        made = super().generate(take)
        while (Path(os.environ["TROUBLE"]) / "gate").exists():
            time.sleep(0.05)
        return made


class Deadly(Counted):
    """Ends every process that draws with it."""

    def generate(self, take: Take) -> Generated:
        count("deaths")
        os.kill(os.getpid(), signal.SIGKILL)
        return super().generate(take)


class Unwell(Counted):
    """Where UNWELL is set, its GPU is out of memory, or (``full``) the disk is."""

    def generate(self, take: Take) -> Generated:
        unwell = os.environ.get("UNWELL")
        if unwell == "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if unwell:
            raise MemoryError("CUDA out of memory")
        return super().generate(take)


class Chokes(Counted):
    """Cannot draw its first take."""

    def generate(self, take: Take) -> Generated:
        if count("choked") == 1:
            raise ValueError("no such mouth")
        return super().generate(take)


class Struck(Counted):
    """Its process is killed in the middle of the very first take."""

    def generate(self, take: Take) -> Generated:
        if count("struck") == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().generate(take)
