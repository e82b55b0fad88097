"""Shell scripts for farms: names, paths and commands as Linux nodes take them."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from ..errors import JobError
from ..job.folder import JobFolder, slug
from .bundle import write_bundle
from .plan import FarmPlan
from .roots import SYSTEM, mapped


def write_scripts(to: Path, contents: Mapping[str, str]) -> None:
    """Write these files; those called ``.sh`` can be run.

    Raises:
        JobError: ``to`` is not an empty folder, or cannot be written.
    """
    write_bundle(to, contents)
    for name in contents:
        if name.endswith(".sh"):
            (to / name).chmod(0o755)


def farm_name(job: JobFolder) -> str:
    """What farms call the job: letters, digits, dash and underscore; another job's is another."""
    return f"unisync-{slug(job.name)}-{job.job.identity[:6]}"


def on_linux(path: Path, plan: FarmPlan) -> str:
    """The path as Linux nodes see it.

    Raises:
        UnmappedPathError: this machine is none, and no root of the plan says where it lies there.
    """
    path = path.absolute()
    return str(path) if SYSTEM == "linux" else mapped(path, plan.roots, "linux").as_posix()


def command_words(command: str) -> str:
    """The `unisync` command as safe shell words; empty: this installation's, by its full path,
    which nodes often see as well.

    Args:
        command: it may begin with what it runs in: ``apptainer exec --nv unisync.sif unisync``.

    Raises:
        JobError: a quotation mark is not closed.
    """
    if not command:
        program = Path(sys.executable).with_name("unisync")
        return shlex.quote(str(program)) if program.exists() else "unisync"
    try:
        return shlex.join(shlex.split(command))
    except ValueError as error:
        raise JobError(f"The command {command!r} cannot be read: {error}") from error
