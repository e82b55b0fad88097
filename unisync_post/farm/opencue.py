"""OpenCue: a job specification, a layer for each group of shots, and its submission by pycue.

The specification follows Cuebot's ``cjsl-1.15.dtd``. OpenCue starts a process for each frame, so a
frame is a chunk of shots that one process renders. Cuebot counts a chunk on from its first frame
number; clip numbers have gaps, so frames count the lines of ``shots.txt`` instead.

What Cuebot makes of a specification, and says nowhere else than in its ``JobSpec``: names are
letters, digits and underscores, three at least; ``4`` cores are four hundredths of one, ``4.0`` are
four; gigabytes are whole numbers; root may submit nothing.
"""

from __future__ import annotations

import getpass
import os
import re
import shlex
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from xml.etree import ElementTree as ET

from ..errors import JobError
from ..job.folder import JobFolder
from .bundle import filled, plan_to_export
from .plan import FarmPlan, ShotGroup
from .scripts import command_words, farm_name, on_linux, write_scripts

SPEC = "spec.xml"
_HEAD = (
    '<?xml version="1.0"?>\n<!DOCTYPE spec PUBLIC "SPI Cue  Specification Language" '
    '"http://localhost:8080/spcue/dtd/cjsl-1.15.dtd">\n'
)
_NAME = re.compile(r"[\w.]{3,}", re.ASCII)
SILENCE = 30
"""Minutes without a line in its log after which a frame counts as hung; pilots print progress."""
PATIENCE = 4
"""A frame may take so many times what it was measured to take."""


@dataclass(frozen=True, slots=True)
class CueOptions:
    """What OpenCue is asked for.

    Attributes:
        show, shot: under which the job is listed; the show must exist.
        user: who submits; empty: whoever runs this.
        facility: empty: Cuebot's own.
        priority, retries: of the job, and of each frame.
        chunk: shots a frame.
        cores, memory: of each frame; memory such as ``64g``, empty: the service's.
        tags: hosts must have one of them; empty: the service's. They alone route to a GPU model.
        service: whose defaults hold.
        setup: shell lines before the command.
        unisync: the command as hosts call it.
    """

    show: str = "testing"
    shot: str = "dub"
    user: str = ""
    facility: str = ""
    priority: int = 1
    retries: int = 1
    chunk: int = 8
    cores: int = 4
    memory: str = ""
    tags: tuple[str, ...] = ()
    service: str = "default"
    setup: tuple[str, ...] = ()
    unisync: str = ""


def export_opencue(folder: JobFolder, to: Path, options: CueOptions | None = None) -> Path:
    """Write ``spec.xml``, and ``frame.sh`` and ``shots.txt`` that its frames use.

    Args:
        folder: the job, on storage that all hosts see.
        to: a folder on such storage, too.

    Returns:
        The specification.

    Raises:
        JobError: no farm plan, nothing left to render, ``to`` is not empty, or something that
            Cuebot would refuse.
    """
    options = options or CueOptions()
    plan = plan_to_export(folder)
    frame = filled(
        "opencue/frame.sh.j2",
        job=shlex.quote(on_linux(folder.path, plan)),
        unisync=command_words(options.unisync),
        setup=options.setup,
    )
    shots = "".join(f"{shot}\n" for shot in plan.shots)
    spec = specification(folder, plan, to, options)
    write_scripts(to, {"frame.sh": frame, "shots.txt": shots, SPEC: spec})
    return to / SPEC


def specification(folder: JobFolder, plan: FarmPlan, to: Path, options: CueOptions) -> str:
    """The job specification as XML.

    Raises:
        JobError: a name or tag that Cuebot would refuse, or root would submit.
    """
    user, uid = _submitter(options.user)
    for what, name in (("show", options.show), ("shot", options.shot)):
        _refuse_bad_name(what, name)
    root = ET.Element("spec")
    _put(root, facility=options.facility, show=options.show, shot=options.shot, user=user, uid=uid)
    name = farm_name(folder)
    job = ET.SubElement(root, "job", name=name)
    _put(
        job,
        paused="False",
        priority=str(options.priority),
        maxretries=str(options.retries),
        autoeat="False",  # true would take away the retries
    )
    layers = ET.SubElement(job, "layers")
    depends = ET.SubElement(root, "depends")
    frame = shlex.quote(on_linux(to / "frame.sh", plan))
    first = 1
    for group in plan.groups:
        layer = _shots_layer(layers, group, first, frame, plan.measured, options)
        _assemble_after(depends, name, layer)
        first += len(group.shots)
    job_path = shlex.quote(on_linux(folder.path, plan))
    assemble = f"{command_words(options.unisync)} assemble --partial {job_path}"
    _layer(layers, "assemble", "Util", assemble, "1", options, chunk="1", cores="1.0")
    ET.indent(root, " ")
    return _HEAD + ET.tostring(root, encoding="unicode") + "\n"


def submit_opencue(spec: Path, cuebot: str = "") -> str:
    """Submit a specification through pycue.

    Args:
        cuebot: ``HOST[:PORT]``; empty: as pycue is configured (``CUEBOT_HOSTS``).

    Returns:
        The job's name as Cuebot conformed it.

    Raises:
        JobError: pycue is not installed, Cuebot cannot be reached, or refused it.
    """
    try:
        import opencue
        from opencue.exception import CueException
    except ImportError as error:
        raise JobError(
            f"pycue is not installed: {error}",
            remedy="pip install 'unisync-post[farm]', or submit the specification elsewhere.",
        ) from error
    try:
        if cuebot:
            opencue.Cuebot.setHosts([cuebot])
        jobs = opencue.api.launchSpecAndWait(spec.read_text(encoding="utf-8"))
    except CueException as error:
        raise JobError(
            f"Cuebot at {cuebot or 'the configured address'} did not take the job: {error}",
            file=spec,
            remedy="Check the address (--cuebot, CUEBOT_HOSTS), and that the show exists there.",
        ) from error
    return str(jobs[0].name())


def _submitter(user: str) -> tuple[str, str]:
    """Name and number; the number is empty for somebody else, whose it is not known here.

    Raises:
        JobError: it is root.
    """
    here = getpass.getuser()
    user = user or here
    if user == "root":
        raise JobError(
            "OpenCue takes no jobs from root", remedy="Export as another user, or name one: --user."
        )
    return user, str(os.getuid()) if user == here and hasattr(os, "getuid") else ""


def _refuse_bad_name(what: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise JobError(
            f"OpenCue takes no {what} called {name!r}",
            remedy="Letters, digits, underscores and dots, three at least.",
        )


def _shots_layer(
    layers: ET.Element,
    group: ShotGroup,
    first: int,
    frame: str,
    measured: bool,
    options: CueOptions,
) -> str:
    """Adds a layer for these shots, the lines of shots.txt from ``first``; returns its name."""
    name = f"shots_{group.width}x{group.height}"
    gpu = {"gpus": "1", "gpu_memory": f"{group.gpu_memory}m"} if group.gpu_memory else {}
    longest = sum(sorted(group.minutes, reverse=True)[: options.chunk])
    _layer(
        layers,
        name,
        "Render",
        f"{frame} #IFRAME# {options.chunk}",
        f"{first}-{first + len(group.shots) - 1}",
        options,
        chunk=str(options.chunk),
        cores=f"{options.cores}.0",
        memory=options.memory,
        **gpu,
        timeout=str(ceil(PATIENCE * longest) + SILENCE) if measured else "",
        timeout_llu=str(SILENCE),
        tags=_tags(options.tags),
    )
    return name


def _tags(tags: tuple[str, ...]) -> str:
    for tag in tags:
        _refuse_bad_name("tag", tag)
    return " | ".join(tags)


def _layer(
    layers: ET.Element,
    name: str,
    kind: str,
    command: str,
    frames: str,
    options: CueOptions,
    **values: str,
) -> None:
    layer = ET.SubElement(layers, "layer", name=name, type=kind)
    _put(layer, cmd=command, range=frames, **values)
    _put(ET.SubElement(layer, "services"), service=options.service)


def _assemble_after(depends: ET.Element, job: str, layer: str) -> None:
    depend = ET.SubElement(depends, "depend", type="LAYER_ON_LAYER", anyframe="False")
    _put(depend, depjob=job, deplayer="assemble", onjob=job, onlayer=layer)


def _put(parent: ET.Element, **values: str) -> None:
    """Children in this order; empty ones are left out."""
    for name, value in values.items():
        if value:
            ET.SubElement(parent, name).text = value
