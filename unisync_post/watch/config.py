"""What a watch folder is told: where drops come in, where results go, how they are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from unisync_adapters.document import PathMap

from ..errors import JobError
from ..plan.rules import track_rules
from .toml import read_settings, settings_text

Proof = Literal["settle", "rename", "trigger", "hash"]
"""What proves that a drop is whole; see :mod:`.ready`."""
_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_STRICT = ConfigDict(extra="forbid")
_Positive = Annotated[float, Field(gt=0)]


@dataclass(frozen=True, slots=True)
class Preset:
    """A common layout of drops.

    Attributes:
        about: one line for people.
        kind: ``file``: an edit at the top level; ``folder``: a directory that holds one.
        dub: patterns (``fnmatch``, relative to the drop, ``{edit}`` is the edit's name without its
            suffix) of files that may be the dub; the first that fits anything is taken.
        stems: several files of one language are its characters; else that is an error.
        media: folders of the drop that are searched for its media.
        ready: what proves that the drop is whole; None takes the watch folder's.
    """

    about: str
    kind: Literal["file", "folder"]
    dub: tuple[str, ...]
    stems: bool = False
    media: tuple[str, ...] = ()
    ready: Proof | None = None

    __pydantic_config__ = _STRICT


@dataclass(frozen=True, slots=True)
class Tracks:
    """Tracks of the edit, by name or number, as for `unisync dub`."""

    dub: str | None = None
    original: str | None = None

    __pydantic_config__ = _STRICT


@dataclass(frozen=True, slots=True)
class DropSettings:
    """``unisync.toml`` in a package, or ``NAME.unisync.toml`` beside an edit.

    Attributes:
        language: of dub files whose names do not say it; of several, the only one wanted.
        engine: one of the engines that the watch folder allows.
        priority: higher goes first.
        rate: frame rate of an edit that does not state it (EDL): 25, or ``"30000/1001"``.
    """

    language: str | None = None
    engine: str | None = None
    rate: float | str | None = None
    tracks: Tracks = Tracks()
    priority: Annotated[int, Field(ge=-100, le=100)] = 0

    __pydantic_config__ = _STRICT


@dataclass(frozen=True, slots=True)
class WatchConfig:
    """A watch folder.

    Attributes:
        folder: where drops come in. Nothing in it is ever moved, renamed or changed; status files
            are the only thing written there.
        out: where results go; outside ``folder``.
        media: folders searched for media that is not where the edit says.
        roots: folders that media may be in at all; ``folder`` and ``media`` always are.
        status: folder for the status files; beside the drops when not given.
        presets: layouts, by name or as files; at most one for files and one for folders.
        ready: what proves that a drop is whole, where its preset does not say.
        settle: seconds without any change that prove it; None: 10, on a network share 60.
        poll: seconds between looks. Every change is found by looking; on a local disk the system's
            own notices make a look come sooner.
        recheck: seconds between searches for missing media; twice as long after each that found
            nothing new, up to ten minutes.
        engine, engines: the engine, and others that a drop may ask for.
        language: of dub files whose names do not say it.
        handles, workers: as for `unisync dub`.
        path_map: folders as edits write them, and where they are here.
        patience: seconds without a sign of life after which another watcher's drops are taken over.
        plan_limit: seconds that reading and planning one drop may take.
        log: file for records as JSON lines, which rotates; ``metrics``: file for Prometheus figures
            (textfile collector). Neither is written when not given.
    """

    folder: Path
    out: Path
    media: tuple[Path, ...] = ()
    roots: tuple[Path, ...] = ()
    status: Path | None = None
    presets: tuple[str, ...] = ("beside", "package")
    ready: Proof = "settle"
    settle: _Positive | None = None
    poll: _Positive = 5.0
    recheck: _Positive = 60.0
    engine: str = "auto"
    engines: tuple[str, ...] = ()
    language: str | None = None
    handles: Annotated[int, Field(ge=0)] = 12
    workers: Annotated[int, Field(ge=1)] = 1
    path_map: Mapping[str, str] = field(default_factory=dict)
    patience: _Positive = 30.0
    plan_limit: _Positive = 1800.0
    log: Path | None = None
    metrics: Path | None = None

    __pydantic_config__ = _STRICT

    @property
    def allowed(self) -> tuple[Path, ...]:
        """Every folder that media may be in."""
        mapped = (Path(here) for here in self.path_map.values())
        return tuple(dict.fromkeys((self.folder, *self.media, *self.roots, *mapped)))

    @property
    def maps(self) -> PathMap:
        return PathMap(tuple(self.path_map.items()))

    @property
    def own(self) -> Path:
        """The watcher's own files: leases, the mark of the watched disk, spare status files."""
        return self.out / ".watch"


def read_config(path: Path) -> WatchConfig:
    """Read a watch folder's settings; relative paths are taken from the file's own folder.

    Raises:
        JobError: unreadable, an unknown key, or folders that would feed on themselves.
    """
    config = read_settings(WatchConfig, settings_text(path), path)
    home = path.absolute().parent
    config = replace(
        config,
        folder=home / config.folder,
        out=home / config.out,
        media=tuple(home / folder for folder in config.media),
        roots=tuple(home / folder for folder in config.roots),
        status=None if config.status is None else home / config.status,
        log=None if config.log is None else home / config.log,
        metrics=None if config.metrics is None else home / config.metrics,
    )
    check_folders(config, path)
    return config


def check_folders(config: WatchConfig, file: Path | None = None) -> None:
    """Make sure that what is written can never come back in as a drop.

    Raises:
        JobError: anything that is written lies in the watched folder, or that in ``out``; links
            are followed.
    """
    watched, out = config.folder.resolve(), config.out.resolve()
    if out == watched or watched in out.parents:
        raise JobError(
            f"out = {config.out} lies inside the watched folder {config.folder}",
            file=file,
            remedy="Choose a folder outside of it, or results would come back in as drops.",
        )
    if out in watched.parents:
        raise JobError(
            f"The watched folder {config.folder} lies inside out = {config.out}",
            file=file,
            remedy="Give results a folder of their own.",
        )
    for name, path in (("status", config.status), ("log", config.log), ("metrics", config.metrics)):
        if path is not None and watched in path.resolve().parents:
            raise JobError(
                f"{name} = {path} lies inside the watched folder",
                file=file,
                remedy="Choose another folder, or leave it out.",
            )
    _check_language(config.language, file)


def presets(config: WatchConfig) -> dict[str, Preset]:
    """The presets of a watch folder by their kind, ``file`` and ``folder``.

    Raises:
        JobError: no such preset, or two for one kind of drop.
    """
    found: dict[str, Preset] = {}
    for name in config.presets:
        preset = load_preset(name)
        if preset.kind in found:
            raise JobError(
                f"Two presets say what a {preset.kind} dropped in means: {config.presets}",
                remedy="Keep one of them.",
            )
        found[preset.kind] = preset
    return found


def load_preset(name: str) -> Preset:
    """A preset of the templates by its name, or one of your own by its path.

    Raises:
        JobError: there is no such preset, or it is damaged.
    """
    if name.endswith(".toml"):
        return read_settings(Preset, settings_text(Path(name)), Path(name))
    known = files("unisync_templates.watch") / "presets"
    names = sorted(entry.name.removesuffix(".toml") for entry in known.iterdir())
    if name not in names:
        raise JobError(
            f"There is no preset {name!r}",
            remedy=f"Choose one of: {', '.join(names)}; or name a .toml file of your own.",
        )
    return read_settings(Preset, (known / f"{name}.toml").read_text("utf-8"))


def settings_of(text: str | None, config: WatchConfig, file: Path | None = None) -> DropSettings:
    """A drop's own settings.

    Raises:
        JobError: damaged, or an engine that this watch folder does not allow: a drop may choose,
            it may not bring code of its own.
    """
    if text is None:
        return DropSettings()
    settings = read_settings(DropSettings, text, file)
    allowed = (config.engine, *config.engines)
    if settings.engine is not None and settings.engine not in allowed:
        raise JobError(
            f"engine {settings.engine!r} is not allowed in this watch folder",
            file=file,
            remedy=f"Choose one of: {', '.join(allowed)}.",
        )
    _check_language(settings.language, file)
    return settings


def _check_language(language: str | None, file: Path | None) -> None:
    if language is None or track_rules().language_tag(language) or _TAG.fullmatch(language):
        return
    raise JobError(f"{language!r} is no language", file=file, remedy="Write fr, de or pt-BR.")
