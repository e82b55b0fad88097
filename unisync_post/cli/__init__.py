"""The `unisync` command. Click lives here and nowhere else."""

from __future__ import annotations

import sys

import click

from unisync_model.errors import ModelError

from .. import __version__
from ..errors import JobCancelledError, JobError, NodeError, UniSyncError
from ..exit_codes import ExitCode
from .bench import bench
from .demo import demo
from .doctor import doctor
from .dub import dub
from .farm import farm
from .jobs import jobs
from .nle import nle
from .plan import plan
from .prepare import prepare
from .render import assemble, render, review
from .train import train
from .watch import watch
from .weights import weights


class _Unisync(click.Group):
    """A group that turns our errors into one line on stderr and a documented exit code."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except JobCancelledError as error:
            click.echo(f"unisync: {error}", err=True)
            sys.exit(int(ExitCode.INTERRUPTED))
        except (UniSyncError, ModelError) as error:
            click.echo(f"unisync: {error}", err=True)
            code = ExitCode.JOB if isinstance(error, JobError) else ExitCode.INPUT
            code = ExitCode.NODE if isinstance(error, NodeError) else code
            sys.exit(int(code))
        except KeyboardInterrupt:
            click.echo("unisync: interrupted; run the same command again to go on", err=True)
            sys.exit(int(ExitCode.INTERRUPTED))


@click.group(cls=_Unisync, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="unisync")
def main() -> None:
    """Re-sync lips to a dub: an edit in, the same edit relinked to new pictures out."""


for command in (
    plan, dub, render, assemble, review, jobs, watch, farm, nle, weights, prepare, train,
    bench, demo, doctor,
):  # fmt: skip
    main.add_command(command)
