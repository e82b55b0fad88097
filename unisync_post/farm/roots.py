"""One storage, three names: where a path written on one system lies on another.

A root is one folder as Linux, macOS and Windows machines mount it. They are written in a TOML file,
and go into the farm plan::

    [[root]]
    linux = "/mnt/projects"
    macos = "/Volumes/projects"
    windows = 'P:\\'

``UNISYNC_ROOTS`` names such a file on a machine that mounts things differently; it is then used
instead of the plan's.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ConfigDict

from unisync_adapters.document import PathMap
from unisync_adapters.errors import UrlError
from unisync_adapters.urls import MediaUrl, map_to_local

from ..errors import NodeError
from ..plan.options import DubFile, PlanOptions
from ..plan.plan import Plan
from ..plan.shots import DubClip, Shot
from ..records import load
from ..watch.toml import read_settings, settings_text

if TYPE_CHECKING:
    from ..job.folder import JobFolder

PLAN = "farm.json"
"""Name of the farm plan in a job folder."""
VARIABLE = "UNISYNC_ROOTS"
SYSTEM = {"darwin": "macos", "win32": "windows"}.get(sys.platform, "linux")
"""This machine's column."""


class UnmappedPathError(NodeError):
    """A path of another system that no root leads here from."""


@dataclass(frozen=True, slots=True)
class Root:
    """One folder of shared storage, as each system mounts it; empty where it does not."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    linux: str = ""
    macos: str = ""
    windows: str = ""

    def on(self, system: str) -> str:
        return {"linux": self.linux, "macos": self.macos, "windows": self.windows}[system]


@dataclass(frozen=True, slots=True)
class Roots:
    """All of them; the longest that fits a path decides."""

    root: tuple[Root, ...] = ()

    __pydantic_config__ = ConfigDict(extra="forbid")

    def __bool__(self) -> bool:
        return bool(self.root)

    def pairs(self, system: str = SYSTEM) -> tuple[tuple[str, str], ...]:
        """(theirs, here) for every other name that a folder of this system has."""
        return tuple(
            (theirs, root.on(system))
            for root in self.root
            if root.on(system)
            for theirs in (root.linux, root.macos, root.windows)
            if theirs
        )


def read_roots(path: Path) -> Roots:
    """Read a roots file.

    Raises:
        JobError: it cannot be read, or says something else.
    """
    return read_settings(Roots, settings_text(path), path)


def roots_for(job: Path) -> Roots:
    """The roots that hold here for a job: what ``UNISYNC_ROOTS`` names, else its farm plan's.

    Raises:
        JobError: they cannot be read.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return read_roots(Path(named))
    plan = job / PLAN
    return load(_Planned, plan.read_bytes(), file=plan).roots if plan.exists() else Roots()


@dataclass(frozen=True, slots=True)
class _Planned:
    """What of a farm plan is wanted here."""

    roots: Roots = Roots()


def mapped(path: Path | str, roots: Roots, system: str = SYSTEM) -> Path:
    """Where this machine finds ``path``, which may have been written on another system.

    Args:
        path: absolute, in any system's form.
        system: this machine's column of the roots.

    Raises:
        UnmappedPathError: it has another system's form, and no root leads here from it.
    """
    found = _found(path, roots, system)
    if _is_foreign(str(path)) and found == Path(_slashed(str(path))):
        raise UnmappedPathError(
            f"{path} is a path of another system, and no root says where it lies on {system}",
            remedy=f"Add a [[root]] with its {system} folder to the roots file ({VARIABLE}, or "
            "`unisync farm plan --roots`).",
        )
    return found


def brought_here(folder: JobFolder, roots: Roots) -> JobFolder:
    """The job with every path as this machine sees it. What no root maps stays as it is.

    The path map of its options leads back, too: an edit assembled here names its new media as the
    machine that planned it would.
    """
    if not roots:
        return folder
    return replace(
        folder,
        plan=_plan(folder.plan, roots),
        job=replace(folder.job, options=_options(folder.job.options, roots)),
    )


def _plan(plan: Plan, roots: Roots) -> Plan:
    clips = tuple(
        replace(clip, shot=_shot(clip.shot, roots)) if clip.shot is not None else clip
        for clip in plan.clips
    )
    dub = replace(plan.dub, clips=_pieces(plan.dub.clips, roots))
    return replace(plan, edit=str(_found(plan.edit, roots)), dub=dub, clips=clips)


def _shot(shot: Shot, roots: Roots) -> Shot:
    return replace(
        shot,
        media=_found(shot.media, roots),
        dub=_pieces(shot.dub, roots),
        original=_pieces(shot.original, roots),
    )


def _pieces(pieces: tuple[DubClip, ...], roots: Roots) -> tuple[DubClip, ...]:
    return tuple(replace(piece, path=_found(piece.path, roots)) for piece in pieces)


def _options(options: PlanOptions, roots: Roots) -> PlanOptions:
    known = tuple((theirs, str(_found(ours, roots))) for theirs, ours in options.path_map.pairs)
    foreign = tuple(pair for pair in roots.pairs() if pair[0] != pair[1])
    return replace(
        options,
        dub=tuple(DubFile(_found(dub.path, roots), dub.language) for dub in options.dub),
        media=tuple(_found(path, roots) for path in options.media),
        media_roots=tuple(_found(path, roots) for path in options.media_roots),
        path_map=PathMap((*known, *foreign)),
    )


def _found(path: Path | str, roots: Roots, system: str = SYSTEM) -> Path:
    try:
        return map_to_local(str(path), PathMap(roots.pairs(system)), Path())
    except UrlError:
        return Path(path)


def _is_foreign(text: str) -> bool:
    windows = MediaUrl.parse(text).is_windows
    return windows != (os.name == "nt")


def _slashed(text: str) -> str:
    return text.replace("\\", "/") if MediaUrl.parse(text).is_windows else text
