"""UniSync as an engine: the only bridge between the product and ``unisync_model``.

A model folder in diffusers' layout is the whole engine (:mod:`unisync_model.folder`). Beside the
weights it may hold an ``engine.toml`` with the fields of :class:`Setup`; without one the folder is
run as the published 14B is.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xxhash

from unisync_model.errors import CancelledError, ModelError

from ..errors import EngineError
from ..records import write_atomic
from .base import EngineInfo, Generated, Take

if TYPE_CHECKING:
    from unisync_model.pipeline import UniSyncPipeline
    from unisync_model.sampling import Step

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

VERSION = "1"
MODEL_VARIABLE = "UNISYNC_MODEL"
"""Names the model folder of the engine ``unisync``; ``unisync@FOLDER`` names another."""
SETUP = "engine.toml"
_WEIGHTS = (".safetensors", ".gguf", ".json", ".toml")
_TAKE_BYTES = 2**29
"""Bytes of crop frames in one take: the network sees a shot of 27 s at 512 pixels in one piece."""
_CHUNK = 1 << 24


@dataclass(frozen=True)
class Setup:
    """How a model folder is run.

    Attributes:
        title: what its pictures are made by, for people.
        draft: its pictures are previews, and are labelled so everywhere.
        size: side of the square face crop, pixels; a multiple of 64.
        profile: memory profile (:data:`unisync_model.memory.PROFILES`); empty takes the fastest
            that fits.
        attention: attention kernel, or ``auto``.
        compile: compile the blocks once a process; pays off after a few shots.
        first_block_cache: threshold of FirstBlockCache; 0 is off.
    """

    title: str = "UniSync"
    draft: bool = False
    size: int = 512
    profile: str = ""
    attention: str = "auto"
    compile: bool = False
    first_block_cache: float = 0.0

    @classmethod
    def of(cls, folder: Path) -> Setup:
        """As the folder says.

        Raises:
            EngineError: a field that does not exist, or a value of another type.
        """
        path = folder / SETUP
        if not path.is_file():
            return cls()
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise EngineError(f"This is no engine setup: {error}", file=path) from error
        kinds = {field.name: type(field.default) for field in fields(cls)}
        for name, value in values.items():
            if name not in kinds or not isinstance(value, kinds[name]):
                raise EngineError(
                    f"{name} = {value!r} is no setting of an engine",
                    file=path,
                    remedy="There are "
                    + ", ".join(f"{name} ({kind.__name__})" for name, kind in kinds.items()),
                )
        return cls(**values)


class UniSyncEngine:
    """Any checkpoint of ``unisync_model``, from the tiny one to the 14B.

    Opening it reads headers only; the weights are loaded by the first take and kept.

    Args:
        folder: the model folder.
        name: as :func:`~unisync_post.engines.open_engine` was asked for it.

    Raises:
        EngineError: no model there, or it would not fit in the memory that is free.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._setup = Setup.of(folder)
        with _explained():
            self._device, self._profile, self._peak = _fitting(folder, self._setup)
        self._pipeline: UniSyncPipeline | None = None
        self.info = EngineInfo(
            name=name,
            version=VERSION,
            fingerprint=_fingerprint(folder, self._setup, self._profile),
            draft=self._setup.draft,
            size=self._setup.size,
            window=max(240, _TAKE_BYTES // (3 * self._setup.size**2)),
        )

    @property
    def peak(self) -> str:
        """The memory a run will need at most, by part."""
        return self._peak

    def generate(self, take: Take) -> Generated:
        """Re-animate the mouth; see :class:`unisync_model.UniSyncPipeline`.

        Frames that are not to be generated have no mouth to change; they are context.

        Raises:
            EngineError: the network could not make this take.
        """
        with _explained():
            pipeline = self._loaded()
            begin = time.perf_counter()
            mouth = take.mouth * take.generate[:, None, None]
            frames = pipeline(
                take.frames,
                take.pose,
                mouth,
                take.driver.samples,
                take.driver.sample_rate,
                take.rate.fps,
                Fraction(take.driver.start),
                seed=take.seed,
                callback=_telling(take.tell),
            )
        frames[~take.generate] = take.frames[~take.generate]
        seconds = time.perf_counter() - begin
        remarks: dict[str, float | int | str] = {
            "mode": pipeline.mode,
            "profile": self._profile,
            "steps": pipeline.settings.steps,
            "seconds a frame": round(seconds / take.count, 4),
        }
        return Generated(frames, take.generate.copy(), remarks=remarks)

    def _loaded(self) -> UniSyncPipeline:
        if self._pipeline is None:
            from unisync_model.memory import PROFILES
            from unisync_model.pipeline_folder import open_pipeline
            from unisync_model.speed import FirstBlock, compile_blocks, enable_cache, set_attention

            setup = self._setup
            pipeline = open_pipeline(
                self._folder, device=self._device, profile=PROFILES[self._profile]
            )
            set_attention(pipeline.transformer, setup.attention, self._device)
            if setup.compile:
                compile_blocks(pipeline.transformer)
            if setup.first_block_cache:
                enable_cache(pipeline.transformer, FirstBlock(setup.first_block_cache))
            self._pipeline = pipeline
        return self._pipeline


def open_unisync(name: str) -> UniSyncEngine:
    """``unisync`` (the folder named by the environment) or ``unisync@FOLDER``.

    Raises:
        EngineError: no model is named, or it cannot run here.
    """
    folder = name.partition("@")[2] or os.environ.get(MODEL_VARIABLE, "")
    if not folder:
        raise EngineError(
            "no UniSync model is named",
            remedy=f"Set {MODEL_VARIABLE} to a model folder or give --engine unisync@FOLDER; "
            "`unisync weights list` says where the published ones are.",
        )
    return UniSyncEngine(Path(folder).absolute(), name)


def _telling(tell: Callable[[float], None]) -> Callable[[Step], None]:
    return lambda step: tell((step.index + 1) / step.count)


@contextmanager
def _explained() -> Iterator[None]:
    """The network's errors as the product's."""
    try:
        yield
    except CancelledError:
        raise
    except ModelError as error:
        raise EngineError(error.what, file=error.file, remedy=error.remedy) from error


def _fitting(folder: Path, setup: Setup) -> tuple[str, str, str]:
    """Device, profile and the estimated peak; refused before anything is loaded."""
    import torch

    from unisync_model.checkpoints.inspection import inspect
    from unisync_model.folder import ModelFolder
    from unisync_model.footprint import WindowSize
    from unisync_model.memory import PROFILES, choose, free_bytes, refuse_unless_fits
    from unisync_model.pipeline_folder import settings_of

    found = ModelFolder.open(folder)
    config, settings = inspect(found.transformer).config, settings_of(found)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    window = WindowSize(
        latents=settings.layout(Fraction(25)).length,
        height=setup.size,
        width=setup.size,
        passes=settings.passes,
    )
    if setup.profile and setup.profile not in PROFILES:
        raise EngineError(
            f"there is no memory profile {setup.profile!r}",
            file=folder / SETUP,
            remedy=f"Choose one of {', '.join(PROFILES)}.",
        )
    free = free_bytes(device)
    chosen = (
        PROFILES[setup.profile] if setup.profile else choose(config, window, free, device == "cuda")
    )
    return device, chosen.name, str(refuse_unless_fits(config, chosen, window, free))


def _fingerprint(folder: Path, setup: Setup, profile: str) -> str:
    """Everything that decides the pixels: code, weights by content, settings, precision."""
    digest = hashlib.sha256(f"{VERSION}\0{profile}\0{json.dumps(asdict(setup))}".encode())
    hashes = _Hashes()
    for path in sorted(folder.rglob("*")):
        if path.suffix in _WEIGHTS and path.is_file():
            digest.update(f"\0{path.relative_to(folder).as_posix()}\0{hashes(path)}".encode())
    hashes.save()
    return digest.hexdigest()


class _Hashes:
    """Content hashes of weights, remembered while a file keeps its size and time.

    Hashing 30 GB takes as long as reading them; a farm's worker opens the engine for every shot.
    """

    def __init__(self) -> None:
        home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        self._path = Path(home) / "unisync" / "weights.json"
        self._known: dict[str, list[Any]] = {}
        self._new = False
        try:
            known = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return
        if isinstance(known, Mapping):
            self._known = dict(known)

    def __call__(self, path: Path) -> str:
        stat = path.stat()
        stamp = [stat.st_size, stat.st_mtime_ns]
        known = self._known.get(str(path))
        if known is not None and known[:2] == stamp:
            return str(known[2])
        digest = xxhash.xxh3_128()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        self._known[str(path)] = [*stamp, digest.hexdigest()]
        self._new = True
        return digest.hexdigest()

    def save(self) -> None:
        """Keep what was learnt; a home that cannot be written only costs the next opening time."""
        if self._new:
            try:
                write_atomic(self._path, json.dumps(self._known, indent=1).encode())
            except OSError:
                return
