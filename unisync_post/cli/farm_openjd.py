"""`unisync farm export openjd`, `deadline-cloud`, `deadline10`, and what their steps run."""

from __future__ import annotations

from pathlib import Path

import click

from ..farm.deadline import export_deadline10, export_deadline_cloud
from ..farm.openjd import export_openjd, roots_of_rules, roots_toml
from ..farm.prepare import prepare
from ..farm.roots import VARIABLE
from ..job.events import Event
from ..job.folder import open_job
from .farm_lines import progress_option, told

_JOB = click.argument("job", type=click.Path(path_type=Path, exists=True, file_okay=False))
_TO = click.option(
    "--to",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="New or empty folder for the bundle.",
)


@click.command("openjd")
@_JOB
@_TO
def openjd_command(job: Path, to: Path) -> None:
    """An Open Job Description bundle: prepare, the shots in chunks, assemble."""
    made = export_openjd(open_job(job), to)
    click.echo(f"template: {made}")
    click.echo(f"try it:   openjd run {made} -p file://{to.absolute() / 'parameters.yaml'}")


@click.command("deadline-cloud")
@_JOB
@_TO
@click.option(
    "--attach-media",
    is_flag=True,
    help="Have Deadline Cloud upload the plates and dubs to S3 and bring results back. Without it "
    "nothing leaves your storage, and the workers must mount it.",
)
def deadline_cloud_command(job: Path, to: Path, attach_media: bool) -> None:
    """The same bundle with AWS Deadline Cloud's parameter and asset files."""
    made = export_deadline_cloud(open_job(job), to, attach=attach_media)
    click.echo(f"bundle:    {made}")
    click.echo(f"submit it: deadline bundle submit {made}")


@click.command("deadline10")
@_JOB
@_TO
def deadline10_command(job: Path, to: Path) -> None:
    """Job files, a plugin and a submission script for Deadline 10. Not tried on a farm."""
    made = export_deadline10(open_job(job), to)
    click.echo(f"plugin:    {made.with_name('plugin') / 'UniSync'}, for custom/plugins")
    click.echo(f"submit it: {made}")


@click.command("prepare")
@_JOB
@progress_option
def prepare_command(job: Path, progress: str) -> None:
    """Check that this machine has the job's files and its versions, before others are started."""
    with told(progress) as listen:
        found = prepare(open_job(job))
        said = f"{found.waiting} shots to render, {found.ready} finished"
        listen(Event("choice", message=said))


@click.command("openjd-paths", hidden=True)
@click.argument("rules", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--session", type=click.Path(path_type=Path, exists=True, file_okay=False))
def openjd_paths_command(rules: Path, session: Path) -> None:
    """Make a session's path mapping RULES hold for the paths inside a job.

    For the environment of a template: later actions get UNISYNC_ROOTS.
    """
    roots = roots_of_rules(rules)
    if roots:
        path = session / "unisync-roots.toml"
        path.write_text(roots_toml(roots), encoding="utf-8")
        click.echo(f"openjd_env: {VARIABLE}={path}")
