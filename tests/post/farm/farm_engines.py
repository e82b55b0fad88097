"""Engines for farms: they say in files of the folder TROUBLE what they do, and wait where told."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

from bad_engines import Sound, count

from unisync_post.engines.base import EngineInfo, Generated, Take


class Counted(Sound):
    """Counts how often it is opened and how many takes it makes, over all processes."""

    def __init__(self) -> None:
        super().__init__()
        count("opened")

    @property
    def info(self) -> EngineInfo:
        return replace(super().info, name=f"farm_engines:{type(self).__name__}")

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
    """Its GPU is out of memory, on every machine where UNWELL is set."""

    def generate(self, take: Take) -> Generated:
        if os.environ.get("UNWELL"):
            raise MemoryError("CUDA out of memory")
        return super().generate(take)
