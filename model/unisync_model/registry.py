"""The weights this project knows by name, and the only door through which any are fetched.

`weights.toml` lists them: where they lie, under which licence, what they are, and each file's
SHA-256. An empty hash means that we have not seen it published: the first pull records what came,
and every later check compares with that, saying so. Nothing is fetched unless `pull` is called.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import Enum
from fnmatch import fnmatch
from importlib.resources import files
from pathlib import Path
from typing import Any

from .checkpoints.safety import PICKLE_SUFFIXES
from .errors import CheckpointError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]

RECORD = "unisync-weights.json"
"""Written beside pulled files: what they are and their hashes."""
_CHUNK = 1 << 22


class FileState(str, Enum):
    """What is known of one file's content."""

    MATCHES = "matches"
    """It has the published hash."""
    AS_PULLED = "as first pulled"
    """It is what came with the first pull; no published hash is known to us."""
    UNVERIFIED = "unverified"
    """Nothing is known to compare it with."""
    CHANGED = "changed"
    MISSING = "missing"


@dataclass(frozen=True)
class WeightFile:
    """One file of an entry; `path` may be a pattern such as `*-of-00004.safetensors`."""

    path: str
    sha256: str = ""


@dataclass(frozen=True)
class WeightEntry:
    """Weights known by name."""

    name: str
    what: str
    licence: str
    source: str
    """A repository id on the Hugging Face Hub, or a local path."""
    files: tuple[WeightFile, ...]
    revision: str = "main"

    def sha256_of(self, path: str) -> str:
        """The published hash of one file, empty where we know none."""
        return next((file.sha256 for file in self.files if fnmatch(path, file.path)), "")


@dataclass(frozen=True)
class Record:
    """What was pulled into a folder."""

    name: str
    licence: str
    source: str
    revision: str
    published: dict[str, str]
    """File to SHA-256, as the registry states it."""
    first_pulled: dict[str, str]
    """File to SHA-256, as it came where the registry states none."""


def known(registry: Path | None = None) -> tuple[WeightEntry, ...]:
    """Every entry of our registry, or of the TOML file `registry`.

    Raises:
        CheckpointError: the file is not a registry.
    """
    text = (
        files(__package__).joinpath("data/weights.toml").read_text(encoding="utf-8")
        if registry is None
        else registry.read_text(encoding="utf-8")
    )
    try:
        return tuple(_entry(raw) for raw in tomllib.loads(text)["weights"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"this is no registry of weights: {error}", file=registry or "weights.toml"
        ) from error


def find(name: str, registry: Path | None = None) -> WeightEntry:
    """The entry called `name`.

    Raises:
        CheckpointError: there is none; the message lists the names there are.
    """
    entries = {entry.name: entry for entry in known(registry)}
    if name not in entries:
        raise CheckpointError(
            f"there are no weights named {name}", remedy=f"Known: {', '.join(sorted(entries))}."
        )
    return entries[name]


def pull(
    name: str,
    folder: Path | str,
    *,
    registry: Path | None = None,
    endpoint: str | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Path:
    """Fetches the weights called `name` into `folder`: the only thing here that uses the network.

    Args:
        endpoint: another server than the Hub's, for a mirror inside a studio.
        say: told each file's name and hash.

    Returns:
        The folder.

    Raises:
        CheckpointError: unknown name, nothing to fetch, or a file that is not what was published.
    """
    entry, folder = find(name, registry), Path(folder)
    if Path(entry.source).is_absolute():
        raise CheckpointError(
            f"{name} lies on this machine already", file=entry.source, remedy="Use it from there."
        )
    # imported here alone, so that nothing else of ours can reach the network
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        snapshot_download(
            entry.source,
            revision=entry.revision,
            allow_patterns=[file.path for file in entry.files],
            local_dir=folder,
            endpoint=endpoint,
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise CheckpointError(
            f"{entry.source} could not be fetched: {str(error).splitlines()[0]}",
            file=folder,
            remedy="Check the network, or copy the files there by hand.",
        ) from error
    _keep_record(entry, folder, say)
    return folder


def check(path: Path | str, entry: WeightEntry) -> dict[str, FileState]:
    """Each file of `entry` in the folder `path`: is it what was published, or first pulled?"""
    folder = Path(path)
    record = recorded(folder)
    states: dict[str, FileState] = {}
    for wanted in entry.files:
        found = _matching(folder, wanted.path)
        if not found:
            states[wanted.path] = FileState.MISSING
        for name in found:
            first = record.first_pulled.get(name, "") if record else ""
            states[name] = _compared(folder / name, wanted.sha256, first)
    return states


def check_record(file: Path) -> FileState:
    """`file` against the record of the pull that brought it, if there is one."""
    for folder in (file.parent, file.parent.parent):
        record = recorded(folder)
        if record is not None:
            name = file.relative_to(folder).as_posix()
            return _compared(
                file, record.published.get(name, ""), record.first_pulled.get(name, "")
            )
    return FileState.UNVERIFIED


def recorded(folder: Path) -> Record | None:
    """What was pulled into `folder`, or None."""
    file = folder / RECORD
    if not file.is_file():
        return None
    try:
        return Record(**json.loads(file.read_text(encoding="utf-8")))
    except (TypeError, ValueError) as error:
        raise CheckpointError(
            f"this record is damaged: {error}", file=file, remedy="Delete it and pull again."
        ) from error


def sha256(file: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _entry(raw: dict[str, Any]) -> WeightEntry:
    entry = WeightEntry(**{**raw, "files": tuple(WeightFile(**file) for file in raw["files"])})
    for file in entry.files:
        if Path(file.path).suffix in PICKLE_SUFFIXES:
            raise ValueError(f"{entry.name} names a pickle: {file.path}")
    return entry


def _matching(folder: Path, pattern: str) -> list[str]:
    return sorted(
        file.relative_to(folder).as_posix() for file in folder.glob(pattern) if file.is_file()
    )


def _keep_record(entry: WeightEntry, folder: Path, say: Callable[[str], None]) -> None:
    """Hashes what came, refuses what was not published so, and writes the record.

    A hash that was recorded before is kept: the first pull decides.
    """
    before = recorded(folder)
    published: dict[str, str] = {}
    first_pulled: dict[str, str] = {}
    for wanted in entry.files:
        names = _matching(folder, wanted.path)
        if not names:
            raise CheckpointError(f"{entry.source} holds no {wanted.path}", file=folder)
        for name in names:
            digest = sha256(folder / name)
            expected = wanted.sha256 or (before.first_pulled.get(name, "") if before else "")
            if expected not in ("", digest):
                raise CheckpointError(
                    f"SHA-256 is {digest}, expected {expected}",
                    file=folder / name,
                    remedy="Delete the file and pull again; do not use it.",
                )
            (published if wanted.sha256 else first_pulled)[name] = digest
            say(f"{name}  {digest}")
    record = Record(
        entry.name, entry.licence, entry.source, entry.revision, published, first_pulled
    )
    text = json.dumps(asdict(record), indent=2) + "\n"
    (folder / RECORD).write_text(text, encoding="utf-8")


def _compared(file: Path, published: str, first_pulled: str) -> FileState:
    expected = published or first_pulled
    if not expected:
        return FileState.UNVERIFIED
    if sha256(file) != expected:
        return FileState.CHANGED
    return FileState.MATCHES if published else FileState.AS_PULLED
