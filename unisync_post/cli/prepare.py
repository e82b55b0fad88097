"""`unisync prepare`: films and clips in, rows to train on out."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table

from ..exit_codes import ExitCode
from ..training.settings import Domain

if TYPE_CHECKING:
    from ..training.kinds import Report
    from ..training.prepare import Progress, Tell

_STEPS = {"shots": "sources cut into shots", "faces": "shots looked at", "clips": "clips encoded"}
_QUIET = 10
"""Seconds between two lines of a pass where there is no terminal."""


def _rates(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> tuple[Fraction, ...]:
    try:
        rates = tuple(Fraction(part.strip()) for part in value.split(",")) if value else ()
    except (ValueError, ZeroDivisionError) as error:
        raise click.BadParameter("write rates such as 16,24,25,30 or 24000/1001") from error
    if any(rate <= 0 for rate in rates):
        raise click.BadParameter("rates are above 0")
    return rates


@click.command("prepare")
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    metavar="DATA",
    help="Folder of the data set; what is in it stays and is added to.",
)
@click.option(
    "--model",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    metavar="FOLDER",
    help="Model folder whose autoencoder, audio encoder and words are used; its engine.toml says "
    "the size of the crop.",
)
@click.option("--domain", type=click.Choice(get_args(Domain)), default=None, help="Of the sources.")
@click.option("--licence", default="", help="Under which the sources may be trained on.")
@click.option(
    "--consent", metavar="TEXT|FILE", default="", help="Of the people in them; or the document."
)
@click.option(
    "--rates",
    metavar="FPS,FPS",
    callback=_rates,
    help="Tell every clip once more at these rates: same pictures, sound stretched alike.",
)
@click.option(
    "--relip",
    metavar="ENGINE",
    default="",
    help="Give every clip other lips as its condition: this engine, driven by another clip.",
)
@click.option(
    "--limits",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="TOML with other limits than the usual ones.",
)
@click.option(
    "--hold-out",
    type=click.IntRange(min=0),
    help="Clips kept from training to look at; default: one in twenty, at most 8.",
)
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Events as JSON lines on stdout.")
def prepare(
    sources: tuple[Path, ...],
    out: Path,
    model: Path,
    domain: str | None,
    licence: str,
    consent: str,
    rates: tuple[Fraction, ...],
    relip: str,
    limits: Path | None,
    hold_out: int | None,
    workers: int,
    as_json: bool,
) -> None:
    """Cut SOURCES (films, clips, folders of them) into training rows.

    Every stretch that is left out is listed with its reason. Run again after any interruption or
    with more sources: what is finished is not done again. Exits with 5 when nothing was kept.
    """
    from ..engines import open_engine
    from ..training.prepare import prepare as prepared
    from ..training.settings import Labels, Limits, Settings
    from ..watch.toml import read_settings, settings_text

    chosen = read_settings(Limits, settings_text(limits), limits) if limits else Limits()
    engine = open_engine(relip) if relip else None
    settings = Settings.of(model.absolute(), chosen, rates, engine)
    labels = Labels.of(domain or "", licence, consent)
    with _following(as_json) as tell:
        report = prepared(
            sources, out, settings, labels, hold_out=hold_out, workers=workers, tell=tell
        )
    if as_json:
        values = asdict(report) | {"event": "end", "manifest": str(report.manifest)}
        click.echo(json.dumps(values, ensure_ascii=False))
    else:
        _print(report)
    sys.exit(int(ExitCode.OK if report.clips else ExitCode.NONE_RENDERED))


@contextmanager
def _following(as_json: bool) -> Iterator[Tell]:
    if as_json:
        yield lambda p: click.echo(json.dumps({"event": "progress", **asdict(p)}))
    elif sys.stderr.isatty():
        with _bars() as tell:
            yield tell
    else:
        yield _Lines()


@contextmanager
def _bars() -> Iterator[Tell]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=Console(stderr=True)) as bars:
        tasks = {step: bars.add_task(text, total=None) for step, text in _STEPS.items()}

        def tell(progress: Progress) -> None:
            bars.update(tasks[progress.step], completed=progress.done, total=progress.total)

        yield tell


class _Lines:
    """A line when a pass ends, and one every ten seconds between."""

    def __init__(self) -> None:
        self.last = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.done == progress.total or now - self.last >= _QUIET:
            click.echo(f"{_STEPS[progress.step]}: {progress.done}/{progress.total}", err=True)
            self.last = now


def _print(report: Report) -> None:
    console = Console()
    table = Table("left out, and why", "stretches", "seconds", title=None)
    for line in report.reasons:
        table.add_row(line.reason, str(line.count), f"{line.seconds:.1f}")
    if report.reasons:
        console.print(table)
    domains = ", ".join(f"{name} {count}" for name, count in report.domains.items())
    click.echo(
        f"kept:      {report.clips} clips, {report.seconds:.1f} s\n"
        f"rows:      {report.rows} to train on ({domains or 'none'}), {report.held_out} held out\n"
        f"manifest:  {report.manifest}\n"
        f"left out:  {report.manifest.with_name('rejected.jsonl')}"
    )
    if report.elsewhere:
        click.echo(f"{report.elsewhere} clips made with other settings are not in it.")
    if report.unlicensed:
        click.echo(f"The licence of {report.unlicensed} rows is not stated: see --licence.")
