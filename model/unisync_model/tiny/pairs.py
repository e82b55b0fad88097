"""Clips as cached samples: K speeches of a scene are K latents and K (K - 1) pairs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import torch
from torch import Tensor

from ..audio.logmel import LogMelEncoder
from ..characters.splits import Split
from ..codec import Frames, LatentCodec
from ..group_autoencoder import GroupAutoencoder
from ..masks import FRAMES, latent_mask
from ..shot import Shot
from ..shot_conditions import LEAD, hear
from ..training.samples import Row, Sample, Samples, Shape, write_manifest, write_shard
from .clips import Clip, clip
from .recipe import RATE, PairsRecipe

MANIFEST = "manifest.jsonl"
_PORTRAITS = 4
_SILENT_EVERY = 4


@dataclass(frozen=True)
class Parts:
    """What clips are encoded with: folders of the codec and of the ear."""

    vae: Path
    audio_encoder: Path


def prepare(
    split: Split,
    chosen: Sequence[int],
    parts: Parts,
    recipe: PairsRecipe,
    folder: Path,
    workers: int,
) -> Path:
    """Draw and encode scenes, a shard each; those that are there already are kept.

    Returns:
        The manifest: one row a pair.
    """
    folder.mkdir(parents=True, exist_ok=True)
    make = partial(_shard, split, parts, recipe, folder)
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        list(pool.map(make, chosen, chunksize=8))
    path = folder / MANIFEST
    write_manifest(path, [row for seed in chosen for row in _rows(split, seed, recipe)])
    return path


def _shard(split: Split, parts: Parts, recipe: PairsRecipe, folder: Path, seed: int) -> None:
    path = folder / _name(split, seed)
    if path.exists():
        return
    torch.set_num_threads(1)
    codec, ear = _opened(parts)
    drawn = clip(
        seed, split, recipe.speeches, recipe.frames, recipe.grain, seed % _SILENT_EVERY == 0
    )
    write_shard(path, {name: t.half() for name, t in tensors(drawn, codec, ear).items()})


def tensors(drawn: Clip, codec: LatentCodec, ear: LogMelEncoder) -> dict[str, Tensor]:
    """Everything of a clip that samples name: ``x0.k``, ``audio.k``, ``portraits.k`` of speech k,
    ``pose`` and ``mask`` of all."""
    found = {
        "pose": codec.encode(drawn.poses).latents[0],
        "mask": latent_mask(torch.from_numpy(drawn.masks))[0],
    }
    for k, frames in enumerate(drawn.frames):
        found[f"x0.{k}"] = codec.encode(frames).latents[0]
        found[f"audio.{k}"] = hear(ear, _shot(drawn, k), len(frames) // FRAMES, "native")[0]
        found[f"portraits.{k}"] = _portraits(frames, codec)
    return found


def _shot(drawn: Clip, k: int) -> Shot:
    said = drawn.speeches[k]
    return Shot(
        drawn.frames[k],
        drawn.poses,
        drawn.masks,
        said.samples,
        said.sample_rate,
        RATE,
        -LEAD / RATE,
    )


def _portraits(frames: Frames, codec: LatentCodec) -> Tensor:
    """(C, R, h, w) of the first frame, the last, and some between: the pipeline shows the first or
    the last of the *source*."""
    chosen = torch.linspace(0, len(frames) - 1, _PORTRAITS).round().int().tolist()
    return torch.cat([codec.encode_context(frames[i : i + 1])[0] for i in chosen], dim=1)


def _rows(split: Split, seed: int, recipe: PairsRecipe) -> list[Row]:
    cells = recipe.size // 8
    return [
        Row(
            name=f"{split}-{seed}-{k}-from-{other}",
            shard=_name(split, seed),
            shape=(recipe.frames // FRAMES, cells, cells),
            x0=f"x0.{k}",
            pose="pose",
            mask="mask",
            audio=f"audio.{k}",
            reference=f"portraits.{other}",
            video=f"x0.{other}",
            altered="characters",
            rate=str(RATE),
            domain="characters",
        )
        for k, other in itertools.permutations(range(recipe.speeches), 2)
    ]


def _name(split: Split, seed: int) -> str:
    return f"{split}-{seed // 1000:03d}/{seed}.safetensors"


def _opened(parts: Parts) -> tuple[LatentCodec, LogMelEncoder]:
    vae = GroupAutoencoder.from_pretrained(parts.vae, local_files_only=True)
    return LatentCodec(vae), LogMelEncoder.open(parts.audio_encoder)


@dataclass(frozen=True)
class Tiles:
    """Samples cut to a square of cells over the mouth, always the same one of a sample.

    A network whose positions are relative learns from tiles most of what it needs for whole crops,
    at a third of the work.

    Attributes:
        side: of the square, cells.
        whole_every: of so many samples one stays whole; 0 is none.
    """

    samples: Samples
    side: int
    whole_every: int = 0

    def __len__(self) -> int:
        return len(self.samples)

    def shape(self, index: int) -> Shape:
        shape = self.samples.shape(index)
        return shape if self._whole(index) else (shape[0], self.side, self.side)

    @property
    def fingerprint(self) -> str:
        whole = f", one of {self.whole_every} whole" if self.whole_every else ""
        return f"{self.samples.fingerprint}, tiles of {self.side}{whole}"

    def load(self, index: int) -> Sample:
        sample = self.samples.load(index)
        if self._whole(index):
            return sample
        top, left = self._corner(sample, torch.Generator().manual_seed(index))
        cut = (..., slice(top, top + self.side), slice(left, left + self.side))
        return replace(
            sample,
            x0=sample.x0[cut],
            pose=sample.pose[cut],
            mask=sample.mask[cut],
            reference=sample.reference[cut],
            video=None if sample.video is None else sample.video[cut],
        )

    def _whole(self, index: int) -> bool:
        return self.whole_every > 0 and index % self.whole_every == 0

    def _corner(self, sample: Sample, draw: torch.Generator) -> tuple[int, int]:
        where = sample.mask[0].any(0).nonzero().float().mean(0).round().int().tolist()
        jitter = torch.randint(-2, 3, (2,), generator=draw).tolist()
        rooms = (n - self.side for n in sample.shape[1:])
        top, left = (
            min(max(at - self.side // 2 + by, 0), room)
            for at, by, room in zip(where, jitter, rooms, strict=True)
        )
        return top, left
