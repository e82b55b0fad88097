"""The figures as JSON, for programs, and as Markdown, for docs/ablation.md."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from ...settings import SamplingSettings
from ...training.measure import Interval
from .. import clips
from .measures import MEASURES
from .parts import hash_of, open_parts
from .results import Figure, Figures, figures
from .rows import TABLES, WHOLE, Table, rows_of
from .run import CEILING, COPY, Bench, measure

FORMAT = "unisync-ablation/1"
SPREAD = "between two seeds"
"""The floor under every comparison: how far one seed lies from another, all else equal."""


@dataclass(frozen=True)
class Report:
    """A finished ablation.

    Attributes:
        model: hash of the model folder (:func:`.parts.hash_of`).
        settings: the model's own, which rows differ from.
    """

    bench: Bench
    model: str
    settings: SamplingSettings
    scenes: tuple[int, ...]
    figures: Figures

    @property
    def tables(self) -> tuple[Table, ...]:
        """Each with the rows that were asked for and measured; none without its own rows."""
        there = [
            Table(table.title, tuple(row for row in table.rows if row.name in self.figures))
            for table in TABLES
        ]
        return tuple(table for table in there if table.rows)

    @property
    def spread(self) -> dict[str, float]:
        """Of every measure between seeds, for the whole model or the first row there is."""
        name = WHOLE.name if WHOLE.name in self.figures else next(iter(self.figures))
        return {key: figure.spread for key, figure in self.figures[name].items()}


def ablated(bench: Bench, workers: int = 1, told: Callable[[int], None] | None = None) -> Report:
    """Measure, and set every row against its own; the errors are :func:`.run.measure`'s."""
    settings = open_parts(bench.model).settings
    scenes = measure(bench, workers, told)
    numbers = tuple(clips.seeds(bench.split, bench.scenes))
    return Report(bench, hash_of(bench.model), settings, numbers, figures(scenes, bench.rows))


def as_json(report: Report) -> dict[str, Any]:
    """``FORMAT``; numbers that are not finite become null."""
    bench, kinds = report.bench, ("what", "unit", "better", "stands_for")
    return {
        "format": FORMAT,
        "model": {"path": str(bench.model), "sha256": report.model},
        "settings": asdict(report.settings),
        "split": bench.split,
        "scenes": list(report.scenes),
        "seeds": bench.seeds,
        "measures": {
            key: {kind: getattr(measure, kind) for kind in kinds}
            for key, measure in MEASURES.items()
        },
        "tables": {table.title: [row.name for row in table.rows] for table in report.tables},
        "rows": {
            row.name: {
                "against": row.against,
                "adapter": row.adapter,
                "posed": row.posed,
                "changes": dict(row.changes),
                "hard": row.hard,
            }
            for row in rows_of(report.tables)
        },
        "figures": {
            name: {key: _figure(figure) for key, figure in of_row.items()}
            for name, of_row in report.figures.items()
        },
        "spread": {key: _number(value) for key, value in report.spread.items()},
        "missing": {name: str(file) for name, file in bench.missing.items()},
    }


def as_markdown(report: Report) -> str:
    """The tables, with everything that is needed to make them again."""
    return "\n".join(_lines(report)) + "\n"


def heads() -> list[str]:
    """Of the columns: name, unit and an arrow to where good figures lie."""
    return [
        f"{name}{f' {measure.unit}' if measure.unit else ''} "
        f"{'↑' if measure.better == 'high' else '↓'}"
        for name, measure in MEASURES.items()
    ]


def cells(row: dict[str, Figure]) -> list[tuple[str, str]]:
    """Of a row: (value, starred where it differs from the row it is set against; interval)."""
    return [
        (
            f"{_printed(key, figure.interval.value)}{'*' if figure.differs else ''}",
            f"[{_printed(key, figure.interval.low)}, {_printed(key, figure.interval.high)}]",
        )
        for key, figure in row.items()
    ]


def spread_cells(report: Report) -> list[str]:
    """The same of ``SPREAD``."""
    return [_printed(key, value) for key, value in report.spread.items()]


def missing_lines(bench: Bench) -> Iterator[str]:
    """What was not measured, and the commands that change that."""
    work = str(bench.work or "WORK")
    for name, file in bench.missing.items():
        yield f"{name}: not measured, there is no {file.as_posix()}"
    if bench.missing and bench.work is None:
        yield f"to make {work}: python -m unisync_model.tiny {work}"
    if bench.missing:
        yield f"to train them: python -m unisync_model.tiny {work} --only ablations"
        yield f"and then: unisync bench ablate {work}"


def legend(report: Report) -> str:
    """What was measured, and how to read it."""
    bench = report.bench
    return (
        f"{len(report.scenes)} scenes of the {bench.split} split, {bench.seeds} seeds, model "
        f"{report.model[:16]}. In brackets: 95 % by bootstrap over scenes. A star: the difference "
        "to the row that it is set against, over the same scenes and seeds, leaves zero out of its "
        "interval."
    )


def _lines(report: Report) -> Iterator[str]:
    yield legend(report)
    yield from _head("The scale")
    for name in (COPY, CEILING):
        yield _line(name, report.figures[name], "")
    yield f"| {SPREAD} | {' | '.join(spread_cells(report))} | |"
    for table in report.tables:
        yield from _head(table.title)
        for row in table.rows:
            against = "" if row.against == row.name else row.against
            yield _line(row.name, report.figures[row.name], against)
    yield from ("", *(f"* {line}" for line in missing_lines(report.bench)))


def _head(title: str) -> Iterator[str]:
    yield from ("", f"### {title}", "", f"| | {' | '.join(heads())} | against |")
    yield f"|---|{'---|' * (len(MEASURES) + 1)}"


def _line(name: str, row: dict[str, Figure], against: str) -> str:
    told = " | ".join(f"{value} {interval}" for value, interval in cells(row))
    return f"| {name} | {told} | {against} |"


def _figure(figure: Figure) -> dict[str, Any]:
    difference = None if figure.difference is None else _interval(figure.difference)
    return {
        **_interval(figure.interval),
        "seeds": [_number(value) for value in figure.seeds],
        "difference": difference,
        "differs": figure.differs,
    }


def _interval(interval: Interval) -> dict[str, float | None]:
    return {name: _number(value) for name, value in asdict(interval).items()}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _printed(measure: str, value: float) -> str:
    return f"{value:.{MEASURES[measure].digits}f}" if math.isfinite(value) else "–"
