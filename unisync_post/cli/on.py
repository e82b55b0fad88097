"""`--on`, for the commands that render."""

from __future__ import annotations

import click

on_option = click.option(
    "--on",
    metavar="ray[:ADDRESS]",
    help="Render on a Ray cluster: ray:HOST:6379, ray:auto for the one that this machine is a node "
    "of, ray alone for a Ray started here. Nodes must see OUT and the media.",
)
