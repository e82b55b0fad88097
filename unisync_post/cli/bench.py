"""`unisync bench`: what the network's parts are worth, measured here.

torch is imported inside the command, so that `unisync --help` stays quick.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from ..engines.setup import Setup
from ..faces.matte import MatteConfig, feathered
from ..records import write_atomic
from .progress import clock

if TYPE_CHECKING:
    from unisync_model.characters.splits import Split
    from unisync_model.tiny.ablation.report import Report

_WIDTH = 160
"""Columns of the tables where there is no terminal."""


@click.group("bench")
def bench() -> None:
    """Measure what this product promises."""


@bench.command("ablate")
@click.argument(
    "work", type=click.Path(path_type=Path, exists=True, file_okay=False), required=False
)
@click.option("--split", type=click.Choice(["val", "test"]), default="test", show_default=True)
@click.option(
    "--scenes", type=click.IntRange(min=2), default=32, show_default=True, help="Held-out ones."
)
@click.option(
    "--seeds", type=click.IntRange(min=1), default=3, show_default=True, help="Of each scene."
)
@click.option(
    "--workers", type=click.IntRange(min=1), default=os.cpu_count() or 1, help="Processes."
)
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write all here."
)
@click.option("--markdown", is_flag=True, help="The tables as Markdown.")
def ablate(
    work: Path | None,
    split: str,
    scenes: int,
    seeds: int,
    workers: int,
    json_file: Path | None,
    markdown: bool,
) -> None:
    """Run the paper's tables 3 and 4 again, with the tiny model, on characters it never met.

    WORK is the folder of `python -m unisync_model.tiny WORK`; its `--only ablations` trains the
    variants. Without WORK the shipped model is measured, and what needs a variant is named.
    """
    from unisync_model.folder import TINY
    from unisync_model.tiny.ablation import report as reports
    from unisync_model.tiny.ablation.rows import TABLES, rows_of
    from unisync_model.tiny.ablation.run import Bench

    model = work / "model" if work else TINY
    soften = functools.partial(soft_mattes, reach=feather(Setup.of(model)))
    asked = Bench(model, work, rows_of(TABLES), cast("Split", split), scenes, seeds, soften)
    for line in reports.missing_lines(asked):
        click.echo(line, err=True)
    report = reports.ablated(asked, workers, _Lines(scenes))
    if json_file:
        text = json.dumps(reports.as_json(report), ensure_ascii=False, indent=2)
        write_atomic(json_file, f"{text}\n".encode())
    if markdown:
        click.echo(reports.as_markdown(report), nl=False)
    else:
        _show(report)


def feather(setup: Setup) -> int:
    """Pixels of the product's matte's feather in the engine's crop."""
    return max(1, round(MatteConfig().feather * setup.size / setup.side))


def soft_mattes(masks: NDArray[np.bool_], reach: int) -> NDArray[np.float32]:
    """The product's soft edge (eq. 12) in masks that are known.

    Args:
        masks: (F, S, S) with room around what lips can change.
        reach: half the width of the edge, pixels.

    Returns:
        (F, S, S) 0..1, exactly 0 outside the masks.
    """
    return np.stack([feathered(mask.astype(np.uint8) * 255, reach) for mask in masks])


class _Lines:
    """A line a scene, with the time left."""

    def __init__(self, scenes: int) -> None:
        self.scenes, self.begun = scenes, time.monotonic()

    def __call__(self, done: int) -> None:
        left = (time.monotonic() - self.begun) / done * (self.scenes - done)
        text = f", {clock(left)} left" if done < self.scenes else ""
        click.echo(f"scene {done} of {self.scenes}{text}", err=True)


def _show(report: Report) -> None:
    """The tables as a terminal shows them, each figure above its interval."""
    from unisync_model.tiny.ablation import report as reports
    from unisync_model.tiny.ablation.run import CEILING, COPY

    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else _WIDTH)
    scale = _table("The scale")
    for name in (COPY, CEILING):
        _add(scale, name, "", report)
    scale.add_row(reports.SPREAD, *reports.spread_cells(report))
    console.print(scale)
    for table in report.tables:
        shown = _table(table.title)
        for row in table.rows:
            _add(shown, row.name, "" if row.against == row.name else row.against, report)
        console.print(shown)
    click.echo(reports.legend(report))


def _table(title: str) -> Table:
    from unisync_model.tiny.ablation.report import heads

    return Table("", *heads(), title=title, title_justify="left", title_style="bold")


def _add(table: Table, name: str, against: str, report: Report) -> None:
    from unisync_model.tiny.ablation.report import cells

    head = f"{name}\n[dim]against {against}[/dim]" if against else name
    figures = (f"{value}\n[dim]{_plain(at)}[/dim]" for value, at in cells(report.figures[name]))
    table.add_row(head, *figures)


def _plain(interval: str) -> str:
    """As rich prints it: a bracket would be its markup."""
    return interval.replace("[", "\\[")
