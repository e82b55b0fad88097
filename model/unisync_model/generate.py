"""From a checked shot to latents and pictures: what the pipeline does between its two doors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from .audio import AudioEncoder
from .codec import Encoded, LatentCodec
from .flow import sigmas
from .guidance import Guidance
from .masks import FRAMES, latent_mask
from .prompt import PromptEmbeds
from .sampling import Branch, Callback, Velocity, sample
from .settings import PAPER_TAU, SamplingSettings
from .shot import Frames, Shot
from .shot_conditions import (
    MOTION_FRAMES,
    ShotConditions,
    hear,
    motion_context,
    references,
    velocity,
)
from .speed import guarded, start_shot
from .tali import Tali
from .transformer import UniSyncTransformer3DModel
from .windows import Chunk, Window, joint, sample_autoregressive


@dataclass(frozen=True)
class Run:
    """One shot, ready to be sampled. Latents are (1, C, n, h, w) float32 on the CPU.

    Attributes:
        plate: the shot's latents, the first frame's own apart.
        told: what the network is told.
        noise: eps, where sampling starts; drawn on the CPU, so that a seed is the same pictures
            on every device.
        tali: what holds the shot outside the mouth.
        guide: how the branches are combined.
    """

    transformer: UniSyncTransformer3DModel
    codec: LatentCodec
    settings: SamplingSettings
    shot: Shot
    plate: Encoded
    told: ShotConditions
    windows: tuple[Window, ...]
    noise: Tensor
    tali: Tali
    guide: Guidance

    @property
    def levels(self) -> tuple[float, ...]:
        return sigmas(self.settings.steps, self.settings.shift)


def prepare(
    transformer: UniSyncTransformer3DModel,
    codec: LatentCodec,
    encoder: AudioEncoder,
    prompt: PromptEmbeds,
    settings: SamplingSettings,
    shot: Shot,
    seed: int,
    shown: bool,
) -> Run:
    """Hear, encode and mask a whole shot.

    Args:
        shown: the network is shown the plate (eq. 2).
    """
    count = -(-shot.count // FRAMES)
    windows = settings.layout(shot.rate).windows(count)
    audio = hear(encoder, shot, count, settings.audio_grid)
    plate = _on_cpu(codec.encode(shot.crop))
    told = ShotConditions(
        audio,
        codec.encode(shot.pose).latents.cpu(),
        prompt,
        references(codec, shot.crop, windows),
        plate.latents if shown else None,
        settings.whole_timesteps,
    )
    noise = torch.randn(plate.latents.shape, generator=torch.Generator().manual_seed(seed))
    mask = latent_mask(torch.from_numpy(shot.mouth), settings.mask_margin)
    tali = injection(settings, plate.latents, mask, noise, seed, shown)
    return Run(
        transformer,
        codec,
        settings,
        shot,
        plate,
        told,
        windows,
        noise,
        tali,
        settings.guidance(mask),
    )


def injection(
    settings: SamplingSettings, plate: Tensor, mask: Tensor, noise: Tensor, seed: int, shown: bool
) -> Tali:
    """TALI as the settings want it; where they leave tau open, as the weights need it.

    A network that is not shown the plate has nothing but TALI to know the face by, so it is held
    to the end.
    """
    tau = settings.tau
    if tau is None and settings.tau_sigma is None:
        tau = PAPER_TAU if shown else 1.0
    again = torch.Generator().manual_seed(seed + 1) if settings.resample else None
    return Tali(
        plate,
        mask,
        noise,
        tau,
        settings.tau_sigma,
        settings.level,
        settings.index,
        again,
        settings.copy_error,
    )


def pictures(run: Run, callback: Callback | None) -> Iterator[Frames]:
    """Sample a shot and decode it, a few frames in memory at a time.

    Yields:
        (4, H, W, 3) uint8, the last one shorter where the shot is.
    """
    start_shot(run.transformer)
    if run.settings.mode == "autoregressive":
        yield from _in_turn(run, callback)
        return
    made = _jointly(run, callback)
    yield from run.codec.decode(run.plate.first, made, run.shot.count)


def joint_velocity(run: Run) -> Velocity:
    """The network over the whole shot, its windows averaged where they overlap."""
    motions: dict[Window, Tensor] = {}
    if run.settings.motion == "source":
        crop = run.shot.crop
        motions = {
            w: motion_context(run.codec, crop[: w.start * FRAMES]) for w in run.windows if w.start
        }

    def of_window(z: Tensor, s: float, window: Window, branch: Branch, /) -> Tensor:
        return velocity(run.transformer, run.told, z, s, window, branch, motions.get(window))

    return joint(of_window, run.windows)


def _jointly(run: Run, callback: Callback | None) -> Tensor:
    return sample(
        joint_velocity(run),
        run.noise,
        run.levels,
        inject=guarded(run.transformer, run.tali),
        guide=run.guide,
        solver=run.settings.solver,
        callback=callback,
    )


def _in_turn(run: Run, callback: Callback | None) -> Iterator[Frames]:
    """Window after window, each told the composited pictures of what came before."""
    past = _Past(run)

    def begin(window: Window, finished: Tensor) -> Chunk:
        past.latents = finished
        motion = past.context(window) if window.start else None
        guide = run.guide
        if guide.weight is not None:
            guide = replace(guide, weight=window.of(guide.weight))
        tali = guarded(run.transformer, run.tali.window(*window))
        return Chunk(_over(run, window, motion), tali, guide)

    past.latents = sample_autoregressive(
        begin,
        run.noise,
        run.levels,
        run.windows,
        solver=run.settings.solver,
        callback=callback,
    )
    yield from past.made
    yield from past.rest()


def _over(run: Run, window: Window, motion: Tensor | None) -> Velocity:
    def of_window(z: Tensor, s: float, branch: Branch = "full", /) -> Tensor:
        return velocity(run.transformer, run.told, z, s, window, branch, motion)

    return of_window


class _Past:
    """The finished part of an autoregressive run as pictures, every latent decoded once.

    What the next window is told of it is composited: outside the mouth the plate's own pixels, so
    that what drifts can only drift inside the mouth.
    """

    def __init__(self, run: Run) -> None:
        self.latents = run.noise[:, :, :0]
        self.made: list[Frames] = []
        self._run = run
        feed = chain([run.plate.first], self._each())
        self._decoded = run.codec.decode_stream(feed, run.shot.count)

    def context(self, window: Window) -> Tensor:
        """The motion context of a window, from everything finished before it."""
        while len(self.made) < window.start:
            self.made.append(next(self._decoded))
        crop, mouth = self._run.shot.crop, self._run.shot.mouth
        # as many as the context reaches back, or all from the shot's first frame
        first = max(0, window.start * FRAMES - MOTION_FRAMES) // FRAMES
        made = np.concatenate(self.made[first:])
        at = slice(first * FRAMES, first * FRAMES + len(made))
        seen = np.where(mouth[at, ..., None], made, crop[at])
        return motion_context(self._run.codec, seen)

    def rest(self) -> Iterator[Frames]:
        """The pictures not decoded yet."""
        return self._decoded

    def _each(self) -> Iterator[Tensor]:
        for j in range(self._run.noise.shape[2]):
            yield self.latents[:, :, j : j + 1]


def _on_cpu(encoded: Encoded) -> Encoded:
    return Encoded(encoded.first.cpu(), encoded.latents.cpu(), encoded.frames)
