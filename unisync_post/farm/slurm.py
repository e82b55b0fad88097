"""Slurm: an array of pilots, one for each GPU slot, and the assembly after the last of them.

Slurm starts a process for a task of an array and repeats none that failed. So the array has as many
tasks as there are GPU slots, not as there are shots: each opens the engine once and leases shots
from the job folder. ``--requeue`` covers lost nodes and preemption; a pilot that met its time limit
or was killed is requeued by its own script. The assembly comes ``afterany``: the results of the
shots decide what goes into the edit, not how Slurm's tasks ended.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from ..exit_codes import ExitCode
from ..job.folder import JobFolder
from .bundle import filled, plan_to_export
from .plan import FarmPlan
from .scripts import command_words, farm_name, on_linux, write_scripts

MOST_SLOTS = 4
"""Pilots where nobody says how many GPUs there are."""
MOST_RESTARTS = 50
"""A shot that never fits in the time limit must not be begun for ever."""


@dataclass(frozen=True, slots=True)
class SlurmOptions:
    """What the cluster is asked for. Empty values are left to its defaults.

    Attributes:
        slots: pilots at the same time; None: one for each shot, at most ``MOST_SLOTS``.
        gres: of each pilot, such as ``gpu:h100:1``; None: ``gpu:1`` where the engine needs one.
        cpus, memory, time, partition, account: of each pilot, as ``sbatch`` takes them.
        assemble_partition: where the assembly runs, which needs no GPU; else as the pilots.
        setup: shell lines before the command, such as ``module load ffmpeg``.
        unisync: the command as nodes call it, with whatever goes before it (a container runtime).
    """

    slots: int | None = None
    gres: str | None = None
    cpus: int = 8
    memory: str = ""
    time: str = "4:00:00"
    partition: str = ""
    account: str = ""
    assemble_partition: str = ""
    setup: tuple[str, ...] = ()
    unisync: str = ""


def export_slurm(folder: JobFolder, to: Path, options: SlurmOptions | None = None) -> Path:
    """Write ``shots.sh``, ``assemble.sh``, ``submit.sh`` and ``status.sh`` of a planned job.

    Args:
        folder: the job, on storage that all nodes see.
        to: a folder on such storage, too; it will hold the logs.

    Returns:
        ``submit.sh``.

    Raises:
        JobError: no farm plan, nothing left to render, ``to`` is not empty, or the job's path has
            no name on Linux.
    """
    options = options or SlurmOptions()
    plan = plan_to_export(folder)
    common = {
        "title": farm_name(folder),
        "job": shlex.quote(on_linux(folder.path, plan)),
        "unisync": command_words(options.unisync),
        "setup": options.setup,
    }
    scripts: dict[str, dict[str, object]] = {
        "shots.sh": {
            "slots": options.slots or min(MOST_SLOTS, len(plan.shots)),
            "options": _pilot(options, plan),
            "most_restarts": MOST_RESTARTS,
        },
        "assemble.sh": {"options": _assembly(options), "unfinished": int(ExitCode.JOB)},
        "submit.sh": {},
        "status.sh": {},
    }
    filled_in = {
        name: filled(f"slurm/{name}.j2", **common, **words) for name, words in scripts.items()
    }
    write_scripts(to, filled_in)
    return to / "submit.sh"


def _pilot(options: SlurmOptions, plan: FarmPlan) -> list[str]:
    needed = "gpu:1" if plan.gpu_memory else ""
    return _given(
        partition=options.partition,
        account=options.account,
        gres=needed if options.gres is None else options.gres,
        cpus_per_task=str(options.cpus),
        mem=options.memory,
        time=options.time,
    )


def _assembly(options: SlurmOptions) -> list[str]:
    return _given(
        partition=options.assemble_partition or options.partition,
        account=options.account,
        cpus_per_task="2",
        time="1:00:00",
    )


def _given(**values: str) -> list[str]:
    return [f"--{name.replace('_', '-')}={value}" for name, value in values.items() if value]
