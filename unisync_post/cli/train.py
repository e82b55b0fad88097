"""`unisync train`: an adapter out of what `unisync prepare` made."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from .progress import clock

if TYPE_CHECKING:
    from unisync_model.training.config import TrainConfig

    from ..training.run import Hears, Needs

_QUIET = 10
"""Seconds between two lines where there is no terminal."""


@click.command("train")
@click.argument("config", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    metavar="RUN",
    help="Folder of the run: checkpoints, TensorBoard files and, at the end, the adapter.",
)
@click.option(
    "--until", type=click.IntRange(min=1), metavar="STEP", help="Stop here, to be gone on with."
)
@click.option("--check", is_flag=True, help="Say what it needs and stop; no weight is loaded.")
@click.option("--json", "as_json", is_flag=True, help="Events as JSON lines on stdout.")
def train(config: Path, out: Path, until: int | None, check: bool, as_json: bool) -> None:
    """Train as CONFIG (TOML) says.

    Says first what memory it needs, and refuses what would not fit. The same command again goes on
    where the run was cut off, and ends with the same weights.
    """
    from unisync_model.training.config_file import load_config
    from unisync_model.training.need import refuse_unless_trainable

    from ..training.run import is_first, needs_of, run

    settings = load_config(config)
    if check:
        needs = needs_of(settings)
        click.echo(json.dumps(_numbers(needs)) if as_json else str(needs))
        refuse_unless_trainable(needs.need, needs.free)
        return
    with _following(settings, until, as_json, is_first()) as listener:
        done = run(settings, out, listener, until)
    if not is_first():
        return
    if as_json:
        result = None if done.result is None else str(done.result)
        click.echo(json.dumps({"event": "end", "step": done.step, "result": result}))
    elif done.result is None:
        click.echo(f"stopped at step {done.step} of {settings.steps}; the same command goes on")
    else:
        click.echo(_what_now(settings, done.result))


def _numbers(needs: Needs) -> dict[str, object]:
    """For programs; memory in bytes."""
    return {
        "event": "needs",
        "rows": needs.rows,
        "skipped": needs.skipped,
        "window": needs.largest,
        "trained": dict(needs.trainable.counts),
        "memory": needs.need.total,
        "free": needs.free,
        "device": needs.device,
    }


def _what_now(config: TrainConfig, result: Path) -> str:
    if config.trainable.method == "full":
        return f"network:  {result}\nPut it into a model folder as transformer/."
    base = Path(config.model.base)
    folder = base if base.is_dir() else base.parent
    place = shlex.quote(str(folder / "lora"))
    return (
        f"adapter:  {result}\n"
        f"use it:   mkdir -p {place} && cp {shlex.quote(str(result))} {place}\n"
        f"          unisync dub EDIT --dub FILE --out OUT "
        f"--engine {shlex.quote(f'unisync@{folder}')}"
    )


@contextmanager
def _following(
    config: TrainConfig, until: int | None, as_json: bool, first: bool
) -> Iterator[Hears]:
    last = min(until or config.steps, config.steps)
    if not first:
        yield _Deaf()
    elif as_json:
        yield _JsonLines(config, last)
    elif sys.stderr.isatty():
        with _bar(last) as bar:
            yield bar
    else:
        yield _PlainLines(config, last)


class _Deaf:
    """Of the processes of a run one speaks."""

    def said(self, text: str) -> None: ...
    def stepped(self, step: int, loss: float) -> None: ...
    def probed(self, step: int, values: Mapping[str, float]) -> None: ...


class _Clock:
    """Time left, by the steps of this call; the first one also warms up and does not count."""

    def __init__(self, last: int) -> None:
        self.last = last
        self.first: tuple[int, float] | None = None

    def left(self, step: int) -> float | None:
        if self.first is None:
            self.first = step, time.monotonic()
        since, begun = self.first
        if step == since:
            return None
        return (time.monotonic() - begun) * (self.last - step) / (step - since)


class _PlainLines:
    """A line every few steps, as often as the run logs."""

    def __init__(self, config: TrainConfig, last: int) -> None:
        self.every, self.clock, self.heard = config.log.every or 1, _Clock(last), 0.0

    def said(self, text: str) -> None:
        click.echo(text, err=True)

    def stepped(self, step: int, loss: float) -> None:
        left = self.clock.left(step)
        now = time.monotonic()
        if step == self.clock.last or (step % self.every == 0 and now - self.heard >= _QUIET):
            self.heard = now
            text = f", {clock(left)} left" if left else ""
            self.said(f"step {step}/{self.clock.last}: loss {loss:.4f}{text}")

    def probed(self, step: int, values: Mapping[str, float]) -> None:
        self.said(_probe_line(step, values))


class _JsonLines:
    """An object a line, as often as the run logs."""

    def __init__(self, config: TrainConfig, last: int) -> None:
        self.every, self.clock = config.log.every or 1, _Clock(last)

    def said(self, text: str) -> None:
        self._line(event="note", text=text)

    def stepped(self, step: int, loss: float) -> None:
        left = self.clock.left(step)
        if step == self.clock.last or step % self.every == 0:
            seconds = None if left is None else round(left)
            self._line(
                event="step", step=step, steps=self.clock.last, loss=loss, seconds_left=seconds
            )

    def probed(self, step: int, values: Mapping[str, float]) -> None:
        self._line(event="probe", step=step, **values)

    def _line(self, **values: object) -> None:
        click.echo(json.dumps(values, ensure_ascii=False))


@contextmanager
def _bar(last: int) -> Iterator[Hears]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TextColumn("{task.completed:.0f}/{task.total:.0f} steps"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield _LiveBar(progress, progress.add_task("training", total=last, left=""), last)


class _LiveBar:
    def __init__(self, progress: Progress, task: TaskID, last: int) -> None:
        self.progress, self.task, self.clock = progress, task, _Clock(last)

    def said(self, text: str) -> None:
        self.progress.console.print(text, markup=False, highlight=False)

    def stepped(self, step: int, loss: float) -> None:
        left = clock(self.clock.left(step))
        self.progress.update(
            self.task,
            completed=step,
            description=f"loss {loss:.4f}",
            left=f"{left} left" if left else "",
        )

    def probed(self, step: int, values: Mapping[str, float]) -> None:
        self.said(_probe_line(step, values))


def _probe_line(step: int, values: Mapping[str, float]) -> str:
    found = ", ".join(f"{name} {value:.3f}" for name, value in values.items())
    return f"probe at step {step}: {found}"
