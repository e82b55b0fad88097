"""UniSync as an engine: the only bridge between the product and ``unisync_model``.

A model folder in diffusers' layout is the whole engine (:mod:`unisync_model.folder`). Beside the
weights it may hold an ``engine.toml`` (:class:`~.setup.Setup`); without one the folder is run as
the published 14B is.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unisync_model.errors import ModelError

from ..errors import EngineError
from ..faces.crop import Framing
from .base import EngineInfo, Generated, Take
from .fingerprint import fingerprint
from .setup import SETUP, Setup

if TYPE_CHECKING:
    from unisync_model.folder import ModelFolder
    from unisync_model.memory import Estimate, Profile
    from unisync_model.pipeline import UniSyncPipeline
    from unisync_model.sampling import Step
    from unisync_model.shot import Shot
    from unisync_model.speed import FirstBlock, MagCache

VERSION = "1"
MODEL_VARIABLE = "UNISYNC_MODEL"
"""Names the model folder of the engine ``unisync``; ``unisync@FOLDER`` names another."""
RATIOS = "magcache.json"
"""What `unisync weights calibrate` writes, and ``cache = "mag"`` needs."""
_WEIGHTS = (".safetensors", ".gguf", ".json")
_TAKE_BYTES = 2**29
"""Bytes of crop frames in one take: the network sees a shot of 27 s at 512 pixels in one piece."""
_SAMPLED = 0.9
"""Share of a take's progress when its last step is done and its pictures are to be decoded."""


class UniSyncEngine:
    """Any checkpoint of ``unisync_model``, from the tiny one to the 14B.

    Opening it reads headers only; the weights are loaded by the first take and kept.

    Args:
        folder: the model folder.
        name: as :func:`~unisync_post.engines.open_engine` was asked for it.
        setup: instead of what the folder's ``engine.toml`` says.

    Raises:
        EngineError: no model there, or it cannot run here; nothing was loaded.
    """

    def __init__(self, folder: Path, name: str, setup: Setup | None = None) -> None:
        if not folder.is_dir():
            raise EngineError(
                "there is no model folder", file=folder, remedy="Check the path of the model."
            )
        self._folder, self._name = folder, name
        self.setup = setup or Setup.of(folder)
        with _explained():
            self._found, self._fit = _fitting(folder, self.setup)
        self._pipeline: UniSyncPipeline | None = None

    @property
    def about(self) -> str:
        """Mode, memory profile and the peak it is estimated to need."""
        fit = self._fit
        return (
            f"{self._found.mode} mode, profile {fit.estimate}, of {fit.free / 2**30:.1f} GiB free"
        )

    @cached_property
    def info(self) -> EngineInfo:
        """Takes as long as reading the weights when they are met for the first time."""
        setup, profile = self.setup, self._fit.estimate.profile
        words = (VERSION, profile.name, json.dumps(asdict(setup)))
        return EngineInfo(
            name=self._name,
            version=f"{VERSION}, {self._found.mode} mode, profile {profile.name}",
            fingerprint=fingerprint(words, self._files()),
            draft=setup.draft,
            title=setup.title,
            size=setup.size,
            framing=Framing(setup.side, setup.down),
            window=_most_frames(setup.size),
            memory=self._fit.host,
            gpu_memory=0 if profile.name == "cpu" else self._fit.estimate.total,
        )

    def calibrate(self, take: Take) -> Path:
        """Measure MagCache's ratios over a take, and write them beside the weights.

        Raises:
            EngineError: the network could not run this take.
        """
        with _explained(), _in_one_thread():
            shot = _shot(take, take.mouth * take.generate[:, None, None])
            weights = f"{self._folder.name}, {self._found.mode} mode"
            self._loaded().calibrate(shot, weights, take.seed).save(self._folder / RATIOS)
        return self._folder / RATIOS

    def generate(self, take: Take) -> Generated:
        """Re-animate the mouth; see :class:`unisync_model.UniSyncPipeline`.

        Frames that are not to be generated have no mouth to change; they are context. The first
        take loads the weights.

        Raises:
            EngineError: the network could not make this take.
        """
        mouth = take.mouth * take.generate[:, None, None]
        changed: NDArray[np.bool_] = np.asarray(mouth.any(axis=(1, 2)))
        with _explained(), _in_one_thread():
            pipeline = self._loaded()
            begin = time.perf_counter()
            frames = _pictures(pipeline, take, mouth)
        frames[~changed] = take.frames[~changed]
        remarks: dict[str, float | int | str] = {
            "mode": pipeline.mode,
            "profile": self._fit.estimate.profile.name,
            "memory estimated": str(self._fit.estimate),
            "steps": pipeline.settings.steps,
            "seconds a frame": round((time.perf_counter() - begin) / take.count, 4),
        }
        outside = np.flatnonzero(take.generate & ~changed)
        reasons = {int(k): "mouth outside the picture" for k in outside}
        return Generated(frames, changed, reasons, remarks)

    def _files(self) -> dict[str, Path]:
        """Every file that decides the pixels; the text encoder has done its work."""
        from unisync_model.registry import RECORD

        found = self._found
        folders = (found.transformer, found.vae, found.audio_encoder, found.scheduler)
        named = ("transformer", "vae", "audio_encoder", "scheduler")
        files = {
            f"{name}/{path.name}": path
            for name, folder in zip(named, folders, strict=True)
            if folder is not None
            for path in folder.iterdir()
            if path.suffix in _WEIGHTS and path.name != RECORD and path.is_file()
        }
        ratios = self._folder / RATIOS if self.setup.cache == "mag" else None
        single = {"prompt_embeds": found.prompt_embeds, "lora": found.lora, "ratios": ratios}
        return {**files, **{name: path for name, path in single.items() if path is not None}}

    def _loaded(self) -> UniSyncPipeline:
        if self._pipeline is None:
            from unisync_model.pipeline_folder import open_pipeline
            from unisync_model.speed import compile_blocks, enable_cache, set_attention

            quiet()
            setup, fit = self.setup, self._fit
            pipeline = open_pipeline(self._folder, device=fit.device, profile=fit.estimate.profile)
            set_attention(pipeline.transformer, setup.attention, fit.device)
            if setup.compile:
                compile_blocks(pipeline.transformer)
            cache = _cache(setup, self._folder, pipeline.settings.steps)
            enable_cache(pipeline.transformer, cache)
            self._pipeline = pipeline
        return self._pipeline


def open_unisync(name: str = "unisync") -> UniSyncEngine:
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


def open_tiny() -> UniSyncEngine:
    """The network that comes with this version, on any processor.

    Raises:
        EngineError: the package was installed without it.
    """
    from unisync_model.folder import TINY

    return UniSyncEngine(TINY, "unisync-tiny")


def _shot(take: Take, mouth: NDArray[np.uint8]) -> Shot:
    from unisync_model.shot import Shot

    driver = take.driver
    return Shot(
        take.frames,
        take.pose,
        mouth,
        driver.samples,
        driver.sample_rate,
        take.rate.fps,
        driver.start,
    )


def _pictures(pipeline: UniSyncPipeline, take: Take, mouth: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(F, S, S, 3), telling the take how far it is after each step and each latent decoded."""

    def stepped(step: Step) -> None:
        take.tell(_SAMPLED * (step.index + 1) / step.count)

    take.tell(0.0)  # the weights are loaded
    frames = np.empty_like(take.frames)
    done = 0
    for piece in pipeline.stream(_shot(take, mouth), seed=take.seed, callback=stepped):
        frames[done : done + len(piece)] = piece
        done += len(piece)
        take.tell(_SAMPLED + (1 - _SAMPLED) * done / take.count)
    return frames


def quiet() -> None:
    """No progress bars and no advice of libraries in what a worker prints."""
    from diffusers.utils import logging as of_diffusers
    from transformers.utils import logging as of_transformers

    of_transformers.disable_progress_bar()
    of_diffusers.set_verbosity_error()


@contextmanager
def _in_one_thread() -> Iterator[None]:
    """What torch computes on the CPU: its matrix products and reductions add up in another order
    with every number of threads, and a shot must have the same bytes however many cores a machine
    has and workers share them. Several workers use several cores."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def _explained() -> Iterator[None]:
    """The network's errors as the product's."""
    try:
        yield
    except ModelError as error:
        raise EngineError(error.what, file=error.file, remedy=error.remedy) from error


@dataclass(frozen=True)
class _Fit:
    """Where and how it runs.

    Attributes:
        device: ``cuda`` or ``cpu``.
        free: bytes free on it.
        estimate: its profile, and the peak on the device.
        host: bytes of host memory beyond what an opened engine holds.
    """

    device: str
    free: int
    estimate: Estimate
    host: int


def _fitting(folder: Path, setup: Setup) -> tuple[ModelFolder, _Fit]:
    """The folder, and how it runs here; refused before anything is loaded."""
    import torch

    from unisync_model.folder import ModelFolder
    from unisync_model.memory import free_bytes, total_bytes
    from unisync_model.needs import needs_of
    from unisync_model.speed import attention_backends

    device = "cuda" if torch.cuda.is_available() else "cpu"
    found = ModelFolder.open(folder)
    needs = needs_of(found, setup.size, _most_frames(setup.size) if setup.cache else 0)
    _one_of("attention", setup.attention, ("auto", *attention_backends(device)), folder)
    _cache(setup, folder, 1)
    # by the card's size and not by what is free on it: two workers of a job take the same one
    profile = _named(setup, folder) or needs.choose(total_bytes(device), device == "cuda")
    free = free_bytes(device)
    return found, _Fit(device, free, needs.refuse(profile, free), needs.host_bytes(profile))


def _named(setup: Setup, folder: Path) -> Profile | None:
    from unisync_model.memory import PROFILES

    _one_of("memory profile", setup.profile, ("", *PROFILES), folder)
    return PROFILES.get(setup.profile)


def _cache(setup: Setup, folder: Path, steps: int) -> FirstBlock | MagCache | None:
    from unisync_model.speed import FirstBlock, MagCache, MagRatios

    _one_of("cache", setup.cache, ("", "first-block", "mag"), folder)
    if not setup.cache:
        return None
    mag = setup.cache == "mag"
    cache = MagCache(MagRatios.load(folder / RATIOS), steps) if mag else FirstBlock()
    return replace(cache, threshold=setup.cache_threshold or cache.threshold)


def _one_of(what: str, name: str, known: tuple[str, ...], folder: Path) -> None:
    if name not in known:
        raise EngineError(
            f"there is no {what} {name!r} here",
            file=folder / SETUP,
            remedy=f"Choose one of {', '.join(filter(None, known))}.",
        )


def _most_frames(size: int) -> int:
    """Of one take, at this side of the crop."""
    return max(240, _TAKE_BYTES // (3 * size**2))
