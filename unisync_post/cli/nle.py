"""`unisync nle`: the script that imports a returned edit in somebody's NLE."""

from __future__ import annotations

from pathlib import Path

import click

from unisync_templates import read_template

from ..errors import JobError
from ..records import write_atomic

_SCRIPTS = {"resolve": "resolve_import.py", "premiere": "premiere_import.jsx"}
_HOW = {
    "resolve": """\
In Resolve: Workspace > Scripts > resolve_import, where the script lies in
  macOS    ~/Library/Application Support/Blackmagic Design/DaVinci Resolve/Fusion/Scripts/Utility
  Windows  %APPDATA%\\Blackmagic Design\\DaVinci Resolve\\Support\\Fusion\\Scripts\\Utility
  Linux    ~/.local/share/DaVinciResolve/Fusion/Scripts/Utility
Beside a running Resolve Studio: python3 resolve_import.py RETURNED_EDIT""",
    "premiere": """\
Premiere has no menu for scripts: run it from Visual Studio Code with Adobe's ExtendScript Debugger,
or from a panel of your own. Without it: File > Import the returned edit.""",
}


@click.command("nle")
@click.argument("program", type=click.Choice(sorted(_SCRIPTS)))
@click.option(
    "--to",
    "folder",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to put the script into; it is made where it is not there.",
)
def nle(program: str, folder: Path) -> None:
    """Copy out the script that imports a returned edit in PROGRAM, and say how to run it.

    It makes a new timeline under a free name, puts new media into a bin and marks the clips that
    play it. It was tested with a model of the program's API, not in the program: docs/nle.md.
    """
    target = folder / _SCRIPTS[program]
    data = read_template(f"nle/{target.name}").encode()
    if target.exists() and target.read_bytes() != data:
        raise JobError(
            "Another script of this name is there, of another version or changed by somebody",
            file=target,
            remedy="Move it away, or name another folder.",
        )
    write_atomic(target, data)
    click.echo(f"{target}\n\n{_HOW[program]}")
    click.echo("Not yet run in the application: try it on a copy of a project first.")
