"""Clips: a scene with several speeches, and everything that is true of it."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..characters.crops import draw_in_one_thread, face_crop
from ..characters.speech import articulation
from ..characters.splits import Split, character_seeds
from ..characters.spoken import Speech, random_speech
from ..characters.stage import random_scene
from ..shot_conditions import LEAD
from .recipe import RATE, SIZE

_SPEECHES = 1000
"""Speech k of scene s has the seed 1000 k + s, so that no two scenes say the same."""

_PART = 25


@dataclass(frozen=True)
class Clip:
    """A scene with K speeches over F frames.

    Attributes:
        seed: of the scene; ``split``: whose it is.
        frames: (K, F, S, S, 3) uint8, bit-equal outside ``masks``.
        masks: (F, S, S) bool.
        poses: (F, S, S, 3) uint8.
        curves: (K, F, 6) float32, columns as :func:`..characters.speech.articulation` gives them.
        speeches: what is heard; picture k is ``LEAD + k`` frames after its first sample.
    """

    seed: int
    split: Split
    frames: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    poses: NDArray[np.uint8]
    curves: NDArray[np.float32]
    speeches: tuple[Speech, ...]


def clip(
    seed: int, split: Split, speeches: int, frames: int, grain: float, silent: bool = False
) -> Clip:
    """The clip of one scene; the same arguments draw the same bytes.

    Args:
        silent: the last of the speeches is digital silence.
    """
    draw_in_one_thread()  # the processes are the parallelism
    stage = random_scene(seed, rate=RATE)
    stage = replace(stage, grain=min(stage.grain, grain))
    said = tuple(
        silence(frames) if silent and k == speeches - 1 else speech(seed, k, split, frames)
        for k in range(speeches)
    )
    curves = np.stack([curve(one, frames) for one in said])
    crop = face_crop(stage, SIZE)
    numbers = range(frames)
    return Clip(
        seed,
        split,
        crop.render_all(curves),
        crop.masks(numbers),
        crop.poses(numbers),
        curves,
        said,
    )


def speech(seed: int, number: int, split: Split, frames: int) -> Speech:
    """Speech ``number`` of a scene, from ``LEAD`` frames before its first picture."""
    return random_speech(_SPEECHES * number + seed, _seconds(frames), split)


def silence(frames: int) -> Speech:
    """Nothing, as long as :func:`speech`."""
    return Speech(np.zeros(round(_seconds(frames) * 16_000), np.float32), 16_000, ())


def curve(said: Speech, frames: int) -> NDArray[np.float32]:
    """(F, 6) the mouth that a speech asks for."""
    return articulation(said.phonemes, RATE, frames, LEAD / RATE)


def _seconds(frames: int) -> float:
    return float((LEAD + frames + 1) / RATE)


def seeds(split: Split, count: int) -> list[int]:
    """The first ``count`` scenes of a split."""
    return list(itertools.islice(character_seeds(split), count))


def groups(
    folder: Path, chosen: Sequence[int], split: Split, frames: int, grain: float, workers: int
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The pictures of many scenes with one speech each, kept in ``folder`` part by part.

    Returns:
        (N, F, S, S, 3) pictures and (N, F, S, S) masks, mapped into memory, not read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = [tuple(chosen[i : i + _PART]) for i in range(0, len(chosen), _PART)]
    draw = partial(_part, folder, split, frames, grain)
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        files = list(pool.map(draw, parts))
    pictures, masks = zip(*files, strict=True)
    return _joined(folder / "pictures.npy", pictures), _joined(folder / "masks.npy", masks)


def _part(
    folder: Path, split: Split, frames: int, grain: float, chosen: tuple[int, ...]
) -> tuple[Path, Path]:
    name = f"{split}-{chosen[0]}-{len(chosen)}-{frames}"
    paths = folder / f"{name}.pictures.npy", folder / f"{name}.masks.npy"
    if not all(path.exists() for path in paths):
        drawn = [clip(seed, split, 1, frames, grain) for seed in chosen]
        for path, arrays in zip(
            paths, ([c.frames[0] for c in drawn], [c.masks for c in drawn]), strict=True
        ):
            save_array(path, np.stack(arrays))
    return paths


def save_array(path: Path, array: NDArray[np.generic]) -> None:
    """An array, whole or not at all."""
    part = path.with_name(f"{path.name}.partial")
    with part.open("wb") as file:
        np.save(file, array)
    os.replace(part, path)


def _joined(path: Path, parts: Sequence[Path]) -> Any:
    """Parts one after another as one array, mapped into memory."""
    arrays = [np.load(part, mmap_mode="r") for part in parts]
    shape = (sum(len(a) for a in arrays), *arrays[0].shape[1:])
    if not path.exists() or np.load(path, mmap_mode="r").shape != shape:
        unfinished = path.with_name(f"{path.name}.partial")
        whole = np.lib.format.open_memmap(unfinished, "w+", arrays[0].dtype, shape)
        at = itertools.accumulate([0, *map(len, arrays)])
        for start, array in zip(at, arrays, strict=False):
            whole[start : start + len(array)] = array
        whole.flush()
        os.replace(unfinished, path)
    return np.load(path, mmap_mode="r")
