"""`unisync demo`: a dubbed edit of drawn people, through the very same path as real work."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..demo import DemoEdit, make_demo_edit
from ..exit_codes import ExitCode
from ..job.dub import Dubbed, dub_edit
from ..plan.options import DubFile, PlanOptions
from .dub import report
from .progress import following


@click.command("demo")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--language",
    type=click.Choice(["fr", "de"]),
    default="fr",
    show_default=True,
    help="Language of the dub.",
)
@click.option("--engine", default="unisync-tiny", show_default=True, help="As for `unisync dub`.")
@click.option("--workers", type=click.IntRange(1), default=1, help="As for `unisync dub`.")
def demo(folder: Path, language: str, engine: str, workers: int | None) -> None:
    """Make a small edit in FOLDER, dub it, and say where to look.

    The people are drawn and the voices synthetic, all made by code on this machine. What follows
    is what `unisync dub` does with any edit. Run again, it keeps what is finished.
    """
    edit = make_demo_edit(folder, tell=lambda name: click.echo(f"made {name}", err=True))
    made = run_demo(edit, language, engine=engine, workers=workers)
    click.echo(f"{report(made)}\n{_where(edit, language)}")
    sys.exit(int(ExitCode.OK if made.counts["rendered"] else ExitCode.NONE_RENDERED))


def run_demo(edit: DemoEdit, language: str, *, engine: str, workers: int | None) -> Dubbed:
    """The demo's one call of the product: the same function as `unisync dub`."""
    options = PlanOptions(dub=(DubFile(edit.dubs[language], language),))
    with following(as_json=False) as listen:
        return dub_edit(edit.edit, edit.out, options, engine=engine, workers=workers, listen=listen)


def _where(edit: DemoEdit, language: str) -> str:
    again = f"unisync dub {edit.edit} --dub {edit.dubs[language]}@{language} --out OUT"
    return (
        f"media:    {edit.media} (the originals, untouched)\n"
        f"dub:      {edit.dubs[language]}\n"
        "The valley has a voice but no face: it keeps its picture, as the page says.\n"
        f"The same by hand: {again}"
    )
