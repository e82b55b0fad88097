"""``engine.toml``: how a model folder is run."""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields
from pathlib import Path

from ..errors import EngineError
from ..faces.crop import WHOLE_FACE

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]

SETUP = "engine.toml"


@dataclass(frozen=True)
class Setup:
    """How a model folder is run.

    Attributes:
        title: what its pictures are made by, for people.
        draft: its pictures are previews, and are labelled so everywhere.
        size: side of the square face crop, pixels; a multiple of 64.
        side, down: what of the face it shows (:class:`~..faces.crop.Framing`).
        profile: memory profile (:data:`unisync_model.memory.PROFILES`); empty takes the fastest
            for a card of this size. To be named where the machines of a farm differ: precision
            changes pixels, and a job is rendered by one engine.
        attention: attention kernel, or ``auto``.
        compile: compile the blocks once a process; pays off after a few shots.
        cache: skip work that changes little from step to step: empty (none), ``first-block``, or
            ``mag``, which is calibrated once (`unisync weights calibrate`).
        cache_threshold: error the cache may make; 0 takes its usual one.
    """

    title: str = "UniSync"
    draft: bool = False
    size: int = 512
    side: float = WHOLE_FACE.side
    down: float = WHOLE_FACE.down
    profile: str = ""
    attention: str = "auto"
    compile: bool = False
    cache: str = ""
    cache_threshold: float = 0.0

    @classmethod
    def of(cls, folder: Path) -> Setup:
        """As the folder says.

        Raises:
            EngineError: a field that does not exist, or a value that does not fit.
        """
        path = folder / SETUP
        if not path.is_file():
            return cls()
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise EngineError(
                f"This is no engine setup: {error}",
                file=path,
                remedy="Write it as TOML: name = value.",
            ) from error
        kinds = {field.name: type(field.default) for field in fields(cls)}
        for name, value in values.items():
            if type(value) is not kinds.get(name):
                raise EngineError(
                    f"{name} = {value!r} is no setting of an engine",
                    file=path,
                    remedy="There are "
                    + ", ".join(f"{name} ({kind.__name__})" for name, kind in kinds.items()),
                )
        return cls(**values)
