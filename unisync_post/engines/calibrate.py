"""MagCache's ratios, measured on a shot of a job: real pictures, cropped as they will be."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from ..errors import EngineError
from ..job.folder import open_job
from ..shot import render_shot
from .base import EngineInfo, Generated, Take
from .setup import Setup
from .unisync import UniSyncEngine


def calibrate(folder: Path, job: Path) -> Path:
    """Measure the model in ``folder`` on the first shot that ``job`` renders.

    Returns:
        The file written beside the weights, for ``cache = "mag"`` in ``engine.toml``.

    Raises:
        UniSyncError: no such model or job, or a job without a face to re-animate.
    """
    # the cache that is being calibrated for may be asked for already
    setup = replace(Setup.of(folder), cache="")
    engine = _Calibrating(UniSyncEngine(folder, f"unisync@{folder}", setup))
    made = open_job(job)
    for clip in made.plan.to_render:
        if clip.shot is None:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            try:
                render_shot(
                    clip.shot,
                    engine,
                    Path(scratch),
                    "calibration.mov",
                    face=made.face_of(clip),
                    folder=Path(scratch),
                    progress=lambda step, done, total: None,
                )
            except _Measured as measured:
                return measured.written
    raise EngineError("no shot of this job has a face to re-animate", file=job)


class _Measured(BaseException):
    """Out of the rendering, as soon as the ratios are known and written."""

    def __init__(self, written: Path) -> None:
        super().__init__()
        self.written = written


class _Calibrating:
    """An engine that measures its first take and makes no picture."""

    def __init__(self, engine: UniSyncEngine) -> None:
        self._engine = engine

    @property
    def info(self) -> EngineInfo:
        return self._engine.info

    def generate(self, take: Take) -> Generated:
        raise _Measured(self._engine.calibrate(take))
