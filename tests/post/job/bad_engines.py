"""Engines that die in ways no exception handler sees; opened by name in worker processes."""

from __future__ import annotations

import os
from dataclasses import replace

from job_kit import Painter

from unisync_post.engines.base import EngineInfo, Generated, Take


class Crasher(Painter):
    """Takes its process down on one person, as a decoder or a driver can."""

    @property
    def info(self) -> EngineInfo:
        return replace(super().info, name="bad_engines:Crasher")

    def generate(self, take: Take) -> Generated:
        if take.frames[..., 0].mean() < float(os.environ["CRASH_BELOW"]):
            os._exit(11)
        return super().generate(take)


class Sound(Painter):
    """Nothing wrong with it."""

    @property
    def info(self) -> EngineInfo:
        return replace(super().info, name="bad_engines:Sound")
