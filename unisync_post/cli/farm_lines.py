"""What a farm's task prints, in the form that its farm reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from ..errors import UniSyncError
from ..farm.progress import FORMS, FarmLines
from ..job.events import Listener

progress_option = click.option(
    "--progress",
    type=click.Choice(FORMS),
    default="plain",
    show_default=True,
    help="Form of the progress lines: whose farm reads them.",
)


@contextmanager
def told(form: str) -> Iterator[Listener]:
    """A listener that prints in this form; an error that ends the block is told in it, too."""
    lines = FarmLines(form, click.echo)
    try:
        yield lines
    except UniSyncError as error:
        lines.fail(str(error))
        raise
