"""What a model folder needs of a machine, read off its headers before anything is loaded."""

from __future__ import annotations

import inspect as python
import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .checkpoints.inspection import inspect
from .errors import CheckpointError
from .folder import ModelFolder
from .footprint import VAE_BASE_DIM, WindowSize, parameters
from .lora import meta_of
from .masks import FRAMES
from .memory import GIB, Estimate, Profile, choose, estimate, refuse_unless_fits
from .pipeline_folder import parts_of, settings_of
from .placement import quantization
from .settings import SamplingSettings
from .transformer import UniSyncTransformer3DModel

HOST_BESIDE = 4 * GIB
"""Host memory of libraries, the audio encoder, and the pictures and latents of a shot."""

SLOW, FAST = Fraction(25), Fraction(60)
"""Frame rates on both sides of the one above which windows are longer."""


@dataclass(frozen=True)
class Needs:
    """What a run of a model folder asks for, whatever the profile.

    Attributes:
        config: of the network, with the layers its adapter brings.
        window: the largest one call of the network sees, at any frame rate.
        adapter: parameters of the adapter.
        vae_base_dim: the VAE's narrowest width.
        gguf: whether the weights are in a GGUF file.
    """

    config: Mapping[str, Any]
    window: WindowSize
    adapter: int
    vae_base_dim: int
    gguf: bool

    def estimate(self, profile: Profile) -> Estimate:
        """The peak on the device under a profile."""
        return estimate(self.config, profile, self.window, **self._more)

    def choose(self, budget: int, cuda: bool) -> Profile:
        """The fastest profile within ``budget`` bytes.

        Raises:
            MemoryBudgetError: none fits.
        """
        return choose(self.config, self.window, budget, cuda, **self._more)

    def refuse(self, profile: Profile, budget: int) -> Estimate:
        """The estimate, if the run can be done so.

        Raises:
            MemoryBudgetError: more than ``budget`` bytes; the message names a profile that fits.
            CheckpointError: the profile keeps weights in GGUF blocks and these are none.
            ModelError: the profile needs a library that is not installed.
        """
        if quantization(profile) == "gguf" and not self.gguf:
            raise CheckpointError(
                f"the profile {profile.name} is for GGUF files, and these weights are none",
                remedy="Choose another profile, or put a GGUF file into transformer/",
            )
        return refuse_unless_fits(self.config, profile, self.window, budget, **self._more)

    def host_bytes(self, profile: Profile) -> int:
        """Host memory that loading and running take at most.

        Weights that are shrunk to fp8 or wait in host memory pass through it whole.
        """
        if profile.name == "cpu":
            return self.estimate(profile).total + HOST_BESIDE
        if profile.offload is None and profile.storage != "fp8":
            return HOST_BESIDE
        weights = parameters(self.config).total + self.adapter
        return weights * profile.compute.itemsize + HOST_BESIDE

    @property
    def _more(self) -> dict[str, int]:
        return {"adapter": self.adapter, "vae_base_dim": self.vae_base_dim}


def needs_of(found: ModelFolder, side: int = 512, cached_frames: int = 0) -> Needs:
    """The needs of a model folder.

    Args:
        found: the folder, opened; nothing of it is loaded.
        side: of the square crop, pixels.
        cached_frames: frames of the longest shot, where a step cache holds states of every window.

    Raises:
        CheckpointError: a part missing or unreadable.
    """
    info, settings = inspect(found.transformer), settings_of(found)
    meta = meta_of(found.lora) if found.lora else None
    vae = json.loads((parts_of(found).vae / "config.json").read_text(encoding="utf-8"))
    return Needs(
        config={**_defaults(), **info.config, **(meta.needs if meta else {})},
        window=_window(settings, side, cached_frames),
        adapter=inspect(found.lora).parameters if found.lora else 0,
        vae_base_dim=vae.get("base_dim", VAE_BASE_DIM),
        gguf=info.layout == "gguf",
    )


def _defaults() -> dict[str, Any]:
    """What the network takes where a checkpoint's configuration does not say."""
    known = python.signature(UniSyncTransformer3DModel.__init__).parameters.values()
    return {p.name: p.default for p in known if p.default is not p.empty}


def _window(settings: SamplingSettings, side: int, cached_frames: int) -> WindowSize:
    layouts = [settings.layout(rate) for rate in (SLOW, FAST)]
    windows = layouts[0].windows(-(-cached_frames // FRAMES)) if cached_frames else ()
    return WindowSize(
        latents=max(layout.length for layout in layouts),
        height=side,
        width=side,
        motion=settings.mode == "autoregressive" or settings.motion == "source",
        passes=settings.passes,
        caches=len(windows) * settings.passes,
    )
