"""From windows to figures: intervals over scenes, and what each row's one change did."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...training.measure import Curve, Interval, Statistic, bootstrap
from .measures import MEASURES, Tally
from .rows import Row
from .run import CEILING, COPY, Scene

RESAMPLES = 1000


@dataclass(frozen=True)
class Figure:
    """A measure of a row.

    Attributes:
        interval: over scenes, each drawn with all of its seeds.
        seeds: the same for each seed by itself.
        difference: to the row it is set against, over the same scenes and seeds; None where that
            is itself or was not measured.
    """

    interval: Interval
    seeds: tuple[float, ...]
    difference: Interval | None = None

    @property
    def differs(self) -> bool:
        """The difference's interval leaves zero out."""
        return self.difference is not None and not self.difference.low <= 0 <= self.difference.high

    @property
    def spread(self) -> float:
        """Standard deviation between seeds, of one seed; NaN where there was only one."""
        return float(np.std(self.seeds, ddof=1)) if len(self.seeds) > 1 else math.nan


Figures = dict[str, dict[str, Figure]]
"""Row -> measure -> figure; ``COPY`` and ``CEILING`` come first."""


Column = list[tuple[Tally, ...]]
"""Scene -> seed -> tally."""


def figures(scenes: Sequence[Scene], rows: Sequence[Row], resamples: int = RESAMPLES) -> Figures:
    """Every row that was measured."""
    against = {COPY: COPY, CEILING: CEILING} | {row.name: row.against for row in rows}
    there = {name: base for name, base in against.items() if name in scenes[0]}

    def column(row: str, measure: str) -> Column:
        return [scene[row][measure] for scene in scenes]

    return {
        name: {
            key: _figure(
                key,
                column(name, key),
                column(base, key) if base != name and base in there else None,
                resamples,
            )
            for key in MEASURES
        }
        for name, base in there.items()
    }


def _figure(measure: str, own: Column, other: Column | None, resamples: int) -> Figure:
    statistic = MEASURES[measure].statistic
    each = tuple(
        statistic([scene[k].a for scene in own], [scene[k].b for scene in own])
        for k in range(len(own[0]))
    )
    a, b = _pooled(own)
    interval = bootstrap(a, b, statistic, resamples=resamples)
    if other is None:
        return Figure(interval, each)
    beside = _pooled(other)
    a, b = _joined(a, beside[0]), _joined(b, beside[1])
    return Figure(interval, each, bootstrap(a, b, _difference(statistic), resamples=resamples))


def _pooled(column: Column) -> tuple[list[Curve], list[Curve]]:
    """Each scene's seeds one after another: what is resampled is scenes."""
    return (
        [np.concatenate([tally.a for tally in seeds]) for seeds in column],
        [np.concatenate([tally.b for tally in seeds]) for seeds in column],
    )


def _joined(mine: Sequence[Curve], theirs: Sequence[Curve]) -> list[Curve]:
    return [np.concatenate(pair) for pair in zip(mine, theirs, strict=True)]


def _difference(statistic: Statistic) -> Statistic:
    """Of the scenes' first halves to their second: both rows over the same resampled scenes."""

    def difference(a: Sequence[Curve], b: Sequence[Curve]) -> float:
        (mine_a, theirs_a), (mine_b, theirs_b) = _halves(a), _halves(b)
        return statistic(mine_a, mine_b) - statistic(theirs_a, theirs_b)

    return difference


def _halves(curves: Sequence[Curve]) -> tuple[list[Curve], list[Curve]]:
    return [x[: len(x) // 2] for x in curves], [x[len(x) // 2 :] for x in curves]
