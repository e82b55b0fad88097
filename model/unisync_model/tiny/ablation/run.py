"""Dub held-out scenes in every way that the rows ask for; each scene is drawn and encoded once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from ...characters.splits import Split
from ...codec import Frames
from ...training.generate import generated
from .. import clips
from ..score import Case, cases, decoded
from .measures import Dubbed, Plane, Soften, Tally, composited, measured
from .parts import Parts, open_network, open_parts
from .rows import Row, Way
from .variants import adapter_file

COPY, CEILING = "a copy of the source", "the truth through the codec"
"""What the rows lie between: nothing dubbed, and nothing left for a network to make better."""
_SEEDS = 1000

Scene = dict[str, dict[str, tuple[Tally, ...]]]
"""Row -> measure -> a tally for each seed."""


@dataclass(frozen=True)
class Bench:
    """What is measured, and how often.

    Attributes:
        model: the model's folder.
        work: where the variants lie (:mod:`.variants`), or None.
        scenes: the first so many of the split; ``seeds``: of the noise, each scene with every one.
        soften: the product's matte; a function that other processes can import.
    """

    model: Path
    work: Path | None
    rows: tuple[Row, ...]
    split: Split
    scenes: int
    seeds: int
    soften: Soften

    def adapter(self, name: str) -> Path | None:
        """The file of a variant; None for the model's own."""
        return adapter_file(self.work or Path("WORK"), name) if name else None

    @property
    def missing(self) -> dict[str, Path]:
        """Rows whose variant nobody has trained here, with the file that is not there."""
        files = {row.name: self.adapter(row.adapter) for row in self.rows}
        return {name: file for name, file in files.items() if file and not file.is_file()}

    @property
    def measurable(self) -> tuple[Row, ...]:
        """The other rows."""
        gone = self.missing
        return tuple(row for row in self.rows if row.name not in gone)


def measure(
    bench: Bench, workers: int = 1, told: Callable[[int], None] | None = None
) -> list[Scene]:
    """All rows that can be measured, scene by scene.

    Args:
        workers: processes of one thread each; 1 works in this process.
        told: called with the number of scenes done.

    Raises:
        CheckpointError: a part of the model is missing, or does not fit.
        SpeechError: no speech can be synthesised here.
    """
    open_parts(bench.model)  # refused here, not in a worker
    found = []
    chosen = clips.seeds(bench.split, bench.scenes)
    for scene in _mapped(functools.partial(dub, bench), chosen, workers):
        found.append(scene)
        if told is not None:
            told(len(found))
    return found


def dub(bench: Bench, number: int) -> Scene:
    """One scene in all ways, by all seeds."""
    parts = open_parts(bench.model)
    (case,) = cases(bench.split, [number], parts.codec, parts.ear)
    hard = case.clip.masks.astype(np.float32)
    soft = bench.soften(case.clip.masks)

    def tallied(made: Frames, alpha: Plane = soft) -> dict[str, Tally]:
        final = composited(made, case.source, alpha)
        return measured(Dubbed(case, made, final), parts.reader)

    plate = decoded(parts.codec, case, case.plate)
    truth = decoded(parts.codec, case, case.sample.x0)
    found = {
        COPY: [tallied(plate)] * bench.seeds,
        CEILING: [tallied(truth)] * bench.seeds,
    }
    ways = {row.name: row.way(parts.settings) for row in bench.measurable}
    for seed in range(bench.seeds):
        pictures = {
            way: _sampled(bench, parts, case, way, _SEEDS * number + seed)
            for way in dict.fromkeys(ways.values())
        }
        for row in bench.measurable:
            tallies = tallied(pictures[ways[row.name]], hard if row.hard else soft)
            found.setdefault(row.name, []).append(tallies)
    return {
        name: {key: tuple(tallies[key] for tallies in of_seeds) for key in of_seeds[0]}
        for name, of_seeds in found.items()
    }


def _sampled(bench: Bench, parts: Parts, case: Case, way: Way, seed: int) -> Frames:
    network = open_network(bench.model, bench.adapter(way.adapter))
    given = case.sample
    if not way.posed:
        given = replace(given, pose=torch.zeros_like(given.pose))
    z = generated(network, given, parts.prompts, way.settings, seed)
    return decoded(parts.codec, case, z)


def _mapped(work: Callable[[int], Scene], chosen: Sequence[int], workers: int) -> Iterator[Scene]:
    if workers == 1:
        yield from map(work, chosen)
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        yield from pool.map(work, chosen)
