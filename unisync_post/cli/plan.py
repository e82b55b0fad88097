"""`unisync plan`: what would be done with an edit, and why. Nothing is written."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import click
from rich.console import Console

from unisync_adapters.document import open_edit

from ..job.bundle import with_bundle_media
from ..plan.make import make_plan
from ..plan.options import PlanOptions
from ..plan.table import print_plan
from ..records import dump
from .options import edit_options


@click.command("plan")
@edit_options
@click.option("--json", "as_json", is_flag=True, help="The whole plan as JSON on stdout.")
def plan(edit: Path, options: PlanOptions, as_json: bool) -> None:
    """Say what would be done with every picture clip of EDIT, and why.

    Nothing is written. `unisync dub` with the same options does it.
    """
    with TemporaryDirectory(prefix="unisync-") as folder:
        options = with_bundle_media(edit, Path(folder), options)
        document = open_edit(
            edit, path_map=options.path_map, sequence=options.sequence, rate=options.rate
        )
        made = make_plan(document, options)
    if as_json:
        click.echo(dump(made), nl=False)
    else:
        print_plan(made, Console())
